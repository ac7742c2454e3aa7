"""Your own photographs: upright, as the board sees them, and nothing left out without a word."""

import shutil

import numpy as np
import pytest
from picture_files import decode, encode, make_picture
from PIL import Image

from tinyml_labs.datasets import LabelledImages, load_image_folder, save_image_folder
from tinyml_labs.datasets.pictures import decode_picture, map_in_threads
from tinyml_labs.features import ImageSettings, image_input


def put(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def folder(tmp_path):
    put(tmp_path, "person/kitchen_1.jpg", encode(make_picture(0), "JPEG"))
    put(tmp_path, "person/kitchen_2.JPEG", encode(make_picture(1), "JPEG"))
    put(tmp_path, "person/hall/a.png", encode(make_picture(2), "PNG"))
    put(tmp_path, "person/hall/b.bmp", encode(make_picture(3), "BMP"))
    put(tmp_path, "no_person/kitchen_7.webp", encode(make_picture(4), "WEBP", lossless=True))
    put(tmp_path, "no_person/IMG_0001.jpg", encode(make_picture(5, colours=False), "JPEG"))
    put(tmp_path, "no_person/IMG_0002.jpg", encode(make_picture(6), "JPEG"))
    put(tmp_path, "no_person/.DS_Store", b"what a Mac writes")
    put(tmp_path, ".git/x.jpg", b"")
    put(tmp_path, "notes.txt", b"mine")
    return tmp_path


def test_pictures_come_as_the_board_sees_them(folder):
    data = load_image_folder(folder)
    assert data.names == ("no_person", "person")
    files = data.table["file"].tolist()
    assert files == [
        "no_person/IMG_0001.jpg",
        "no_person/IMG_0002.jpg",
        "no_person/kitchen_7.webp",
        "person/hall/a.png",
        "person/hall/b.bmp",
        "person/kitchen_1.jpg",
        "person/kitchen_2.JPEG",
    ]
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    for found, file in zip(data.images, files, strict=True):
        assert np.array_equal(found, image_input(decode((folder / file).read_bytes()))[0])


def test_settings_are_kept(folder):
    settings = ImageSettings(width=48, height=32, crop="whole")
    data = load_image_folder(folder, settings)
    assert data.images.shape == (7, 32, 48, 1)
    assert np.array_equal(data.images[3:4], image_input(make_picture(2), settings))


def test_scenes_stay_together(folder):
    groups = load_image_folder(folder).groups.tolist()
    assert groups == [
        "no_person/IMG_0001.jpg",  # a camera's name says nothing of the scene
        "no_person/IMG_0002.jpg",
        "kitchen",
        "hall",
        "hall",
        "kitchen",
        "kitchen",
    ]
    put(folder, "groups.csv", "\ufeffpath, group\nperson/hall/b.bmp,stairs\nperson\\kitchen_1.jpg,\n".encode())
    assert load_image_folder(folder).groups.tolist()[3:6] == ["hall", "stairs", "kitchen"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_the_camera_was_held(tmp_path, orientation):
    """What EXIF 2.3 says of its tag 274: where the first row and the first column belong."""
    upright = make_picture(8)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright.swapaxes(0, 1)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    put(tmp_path, "person/1.png", encode(np.ascontiguousarray(stored), "PNG", exif=exif))
    assert np.array_equal(load_image_folder(tmp_path).images, image_input(upright))


def test_palettes_and_transparency_are_decoded(tmp_path):
    pixels = make_picture(9)
    alpha = np.dstack([pixels, np.full(pixels.shape[:2], 128, np.uint8)])
    assert np.array_equal(decode_picture(encode(alpha), "a.png"), pixels)
    few = Image.fromarray(pixels).quantize(16)
    few.save(tmp_path / "palette.png")
    found = decode_picture((tmp_path / "palette.png").read_bytes(), "palette.png")
    assert np.array_equal(found, np.asarray(few.convert("RGB")))


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("person/x.jpg", b"", "x.jpg is no picture that can be read. It is empty"),
        ("person/x.jpg", b"<html>", "x.jpg is no picture that can be read. Expected a JPEG, PNG, BMP or WebP"),
        ("person/x.png", encode(make_picture(1))[:-400], "x.png is damaged or cut short"),
        ("person/x.jpg", encode(make_picture(1), "JPEG")[:700], "x.jpg is damaged or cut short"),
        ("person/x.gif", encode(make_picture(1), "GIF"), "x.gif is no picture, by its name: expected .jpg"),
        ("person/x.jpg", encode(make_picture(1), "GIF"), "x.jpg is no picture that can be read"),
        ("person/x.HEIC", b"\0\0\0\x18ftypheic", "HEIC. Convert it to JPEG: on macOS, `sips"),
        ("person/x.jpg", b"\0\0\0\x18ftypheic", "HEIC. Convert it to JPEG"),
        ("person/x.txt", b"mine", "x.txt is no picture, by its name"),
        ("groups.csv", b"file,group\n", "has no column path; it has file, group"),
        ("groups.csv", b"path,group\nperson/9.jpg,a\n", "lists 1 files that are not there, such as 'person/9.jpg'"),
        ("groups.csv", b"path,group\n\xff\n", "is no table that can be read"),
    ],
)
def test_nothing_is_left_out_without_a_word(folder, name, content, problem):
    put(folder, name, content)
    with pytest.raises((ValueError, FileNotFoundError), match=problem):
        load_image_folder(folder)


def test_sixteen_bits_are_not_cut_to_eight(folder):
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(folder / "person" / "deep.png")
    with pytest.raises(ValueError, match="deep.png has more than 8 bits a pixel"):
        load_image_folder(folder)


def test_a_folder_without_classes(tmp_path):
    with pytest.raises(FileNotFoundError, match="No folder .*nowhere"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="No pictures in subfolders of"):
        load_image_folder(tmp_path)
    put(tmp_path, "1.jpg", encode(make_picture(1), "JPEG"))
    with pytest.raises(ValueError, match="it has 1 pictures outside of any, such as 1.jpg. Put those with a person"):
        load_image_folder(tmp_path)


def test_threads_keep_the_order():
    assert map_in_threads(lambda k: k * k, range(1000)) == [k * k for k in range(1000)]


def test_what_is_copied_elsewhere_is_the_same(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "photos"
    shutil.copytree(folder, other)
    assert np.array_equal(load_image_folder(other).images, load_image_folder(folder).images)
    assert load_image_folder(str(other)).groups.tolist() == load_image_folder(folder).groups.tolist()


@pytest.mark.slow
def test_a_phone_s_largest_pictures_are_halved_first(tmp_path):
    """Of more than 16 million pixels: the mean of each four, rounded half up."""
    pixels = np.random.default_rng(0).integers(0, 256, (4100, 4101), np.uint8)
    found = decode_picture(encode(pixels, "BMP"), "large.bmp")
    assert np.array_equal(
        found, (pixels[:, :4100].reshape(2050, 2, 2050, 2).mean(axis=(1, 3)) + 0.5).astype(np.uint8)
    )
    colours = np.broadcast_to(np.array([10, 100, 200], np.uint8), (4100, 4101, 3))
    put(tmp_path, "person/large.bmp", encode(np.ascontiguousarray(colours), "BMP"))
    assert (load_image_folder(tmp_path).images == (77 * 10 + 150 * 100 + 29 * 200 + 128) >> 8).all()


def test_saved_pictures_come_back_with_their_classes_and_groups(tmp_path):
    images = np.stack([make_picture(k, 96, 96, colours=False) for k in range(12)])[..., np.newaxis]
    labels, groups = np.arange(12) % 2, np.array([f"scene {k // 4}" for k in range(12)])
    data = LabelledImages(images=images, labels=labels, names=("mug", "other"), groups=groups)
    back = load_image_folder(save_image_folder(tmp_path / "mine", data))
    order = np.argsort(labels, kind="stable")  # the classes come one after the other
    assert back.names == data.names
    assert np.array_equal(back.images, images[order])
    assert np.array_equal(back.labels, labels[order])
    assert np.array_equal(back.groups, groups[order])
    with pytest.raises(FileExistsError, match="is not empty"):
        save_image_folder(tmp_path / "mine", data)
    with pytest.raises(ValueError, match="no pictures"):
        save_image_folder(tmp_path / "none", data.select(np.zeros(12, bool)))
