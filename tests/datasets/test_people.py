"""Pictures of people in an archive: what comes back is what is in it, and damage is told."""

import csv
import io
import zipfile

import numpy as np
import pytest
from picture_files import decode, encode, make_picture

from tinyml_labs.datasets import LabelledImages, bundled_path, load_people, load_photographs
from tinyml_labs.features import to_grey

COLUMNS = [
    "file",
    "part",
    "label",
    "backdrop",
    "indoors",
    "subject",
    "people",
    "body",
    "age",
    "build",
    "skin",
    "clothes",
    "pose",
    "view",
    "distance_m",
    "height_fraction",
    "visible_fraction",
    "crop",
    "light",
    "contrast",
]
PARTS = ("train", "train", "train", "train", "validation", "validation", "test", "test")


def make_rows():
    rows = []
    for k, part in enumerate(PARTS):
        row = dict.fromkeys(COLUMNS, "") | {"file": f"{part}/{k + 1:06d}.jpg", "part": part, "light": f"0.{k + 1}"}
        if k % 2:
            row |= {
                "label": "person",
                "body": f"{part}_{k // 4:04d}",
                "skin": "0.25",
                "people": "1",
                "pose": "sitting",
            }
        else:
            row |= {"label": "no_person", "subject": "chair", "people": "0"}
        rows.append(row | {"backdrop": "office", "indoors": "1"})
    return rows


def make_files():
    return {row["file"]: encode(make_picture(k, 96, 96, colours=False), "JPEG") for k, row in enumerate(make_rows())}


def write(path, rows, files, columns=COLUMNS):
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("people.csv", table.getvalue())
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def archive(tmp_path):
    return write(tmp_path / "people.zip", make_rows(), make_files())


def test_what_comes_back_is_what_is_in_it(archive):
    data = load_people(archive)
    assert data.images.shape == (8, 96, 96, 1)
    for found, content in zip(data.images, make_files().values(), strict=True):
        assert np.array_equal(found[..., 0], decode(content))  # by Pillow alone
    assert data.names == ("no_person", "person")
    assert data.labels.tolist() == [0, 1] * 4
    assert data.table["light"].dtype == np.float64
    assert data.table["light"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    assert np.isnan(data.table["skin"]).tolist() == [True, False] * 4
    assert data.table["pose"].tolist() == ["", "sitting"] * 4
    assert tuple(data.table) == tuple(COLUMNS)
    assert data.groups[1] == "train_0000"
    assert repr(data) == (
        "<LabelledImages: 8 of 96 x 96: 4 no_person, 4 person; 6 groups; train 4, validation 2, test 2>"
    )


def test_nothing_of_it_can_be_written_to(archive):
    data = load_people(archive)
    for array in (data.images, data.labels, data.groups, data.table["light"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]
    with pytest.raises(TypeError):
        data.table["light"] = data.labels


def test_a_part_is_the_same_whether_asked_for_early_or_late(archive):
    early, late = load_people(archive, part="validation"), load_people(archive).part("validation")
    assert np.array_equal(early.images, late.images)
    assert early.table["file"].tolist() == late.table["file"].tolist() == list(make_files())[4:6]
    with pytest.raises(ValueError, match=r"no part 'testing' in .*people.zip; there are train, validation, test\."):
        load_people(archive, part="testing")
    with pytest.raises(ValueError, match=r"no part 'x'; there are test, train, validation\."):
        load_people(archive).part("x")


def test_no_group_is_in_two_parts(archive):
    data = load_people(archive)
    home = {}
    for group, part in zip(data.groups, data.table["part"], strict=True):
        assert home.setdefault(group, part) == part


def test_an_archive_of_other_pictures_needs_three_columns(tmp_path):
    rows = [row | {"part": "photographs"} for row in make_rows()]
    data = load_people(
        write(tmp_path / "other.zip", rows, make_files(), ["file", "part", "label"]), part="photographs"
    )
    assert len(data) == 8
    assert data.groups.tolist() == list(make_files())  # each picture by itself
    assert tuple(data.table) == ("file", "part", "label")


def test_an_archive_in_colour_becomes_grey_as_on_the_board(tmp_path):
    files = {name: encode(make_picture(k, 96, 96), "JPEG") for k, name in enumerate(make_files())}
    data = load_people(write(tmp_path / "colour.zip", make_rows(), files))
    for found, content in zip(data.images, files.values(), strict=True):
        assert np.array_equal(found[..., 0], to_grey(decode(content)))


def test_pictures_are_chosen_by_a_mask_or_by_places(archive):
    data = load_people(archive)
    chosen = data.select(data.table["light"] > 0.45)
    assert len(chosen) == 4
    assert np.array_equal(chosen.images, data.images[4:])
    assert data.select([5, 0]).labels.tolist() == [1, 0]
    assert len(data.select([])) == 0
    with pytest.raises(ValueError, match=r"mask has shape \(2,\), expected \(8,\)"):
        data.select([True, False])
    with pytest.raises(ValueError, match="places in whole numbers; got float64"):
        data.select([0.5])
    with pytest.raises(IndexError):
        data.select([8])


def without(columns):
    return [column for column in COLUMNS if column not in columns]


def changed(**values):
    rows = make_rows()
    rows[2] |= values
    return rows


@pytest.mark.parametrize(
    ("rows", "columns", "problem"),
    [
        (make_rows(), without(["part", "label"]), "lacks the columns part, label; it has file, backdrop"),
        (changed(label="dog"), COLUMNS, "Row 4 of people.csv .* the label 'dog', expected no_person or person"),
        (changed(light="bright"), COLUMNS, "column light of people.csv .* holds no numbers: .*'bright'"),
        (changed(file="train/9.jpg"), COLUMNS, r"incomplete: people.csv names train/9.jpg, .*\(1 such files\)"),
        ([], COLUMNS, "lists no picture"),
    ],
)
def test_a_table_that_is_wrong(tmp_path, rows, columns, problem):
    path = write(tmp_path / "people.zip", rows, make_files(), columns)
    with pytest.raises(ValueError, match=problem):
        load_people(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no picture that can be read. It is empty"),
        (b"no picture", "train/000003.jpg in .*people.zip is no picture that can be read. Expected a JPEG"),
        (encode(make_picture(0, 96, 96), "JPEG")[:900], "train/000003.jpg in .* is damaged or cut short"),
        (encode(make_picture(0, 97, 96), "JPEG"), "is of 97 x 96 pixels, expected 96 x 96"),
    ],
)
def test_a_picture_that_is_wrong_is_named(tmp_path, content, problem):
    path = write(tmp_path / "people.zip", make_rows(), make_files() | {"train/000003.jpg": content})
    with pytest.raises(ValueError, match=problem):
        load_people(path)


def test_an_archive_that_is_damaged_or_another(tmp_path, archive):
    content = archive.read_bytes()
    for name, wrong, problem in (
        ("empty.zip", b"", "empty.zip is damaged, or no zip archive"),
        ("cut.zip", content[:-30], "cut.zip is damaged, or no zip archive"),
    ):
        (tmp_path / name).write_bytes(wrong)
        with pytest.raises(ValueError, match=problem):
            load_people(tmp_path / name)
    at = content.index(make_files()["test/000007.jpg"]) + 300
    (tmp_path / "bit.zip").write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
    with pytest.raises(ValueError, match=r"test/000007.jpg in .*bit.zip is damaged \(Bad CRC-32"):
        load_people(tmp_path / "bit.zip")
    assert len(load_people(tmp_path / "bit.zip", part="train")) == 4  # what is whole can be read
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("clips.csv", "")
    with pytest.raises(ValueError, match="is no archive of people: expected people.csv in it"):
        load_people(tmp_path / "other.zip")
    with pytest.raises(FileNotFoundError):
        load_people(tmp_path / "nothing.zip")


def test_what_does_not_belong_together_is_refused():
    images = np.zeros((2, 4, 4, 1), np.uint8)
    right = {"images": images, "labels": np.array([0, 1]), "names": ("a", "b"), "groups": np.array(["x", "y"])}
    assert len(LabelledImages(**right)) == 2
    for change, error, problem in (
        ({"images": images / 255}, TypeError, "images are of dtype float64"),
        ({"images": images[..., 0]}, ValueError, r"images have shape \(2, 4, 4\), expected \(N, H, W, 1\)"),
        ({"labels": np.array([0.0, 1.0])}, TypeError, "labels are of dtype float64"),
        ({"labels": np.array([0, 2])}, ValueError, "A label is 2; expected 0 to 1: a, b"),
        ({"labels": np.array([-1, 1])}, ValueError, "A label is -1; expected 0 to 1"),
        ({"groups": np.array(["x"])}, ValueError, r"groups has shape \(1,\), expected \(2,\)"),
        ({"table": {"light": np.zeros(3)}}, ValueError, r"light has shape \(3,\), expected \(2,\)"),
    ):
        with pytest.raises(error, match=problem):
            LabelledImages(**right | change)
    with pytest.raises(ValueError, match="have no parts"):
        LabelledImages(**right).part("train")


@pytest.mark.slow
def test_the_bundled_pictures():
    data = load_people()
    assert bundled_path("people", "people.zip").stat().st_size < 16_000_000
    assert {part: len(data.part(part)) for part in ("train", "validation", "test")} == {
        "train": 6400,
        "validation": 900,
        "test": 1200,
    }
    home = {}
    for part in ("train", "validation", "test"):
        labels = data.part(part).labels
        assert labels.mean() == 0.5
    for body, part in zip(data.table["body"], data.table["part"], strict=True):
        assert not body or home.setdefault(body, part) == part
    person = data.labels == 1
    assert np.isnan(data.table["distance_m"][~person]).all()
    assert data.table["skin"][person].min() < 0.2 < 0.5 < data.table["skin"][person].max()
    assert 30 < data.images.mean() < 200


def test_the_bundled_photographs_are_real_and_each_its_own_group():
    data = load_photographs()
    assert 100 <= len(data) == len(set(data.groups.tolist()))
    assert data.images.shape[1:] == (96, 96, 1)
    assert 0.4 < data.labels.mean() < 0.5
    assert data.table["package"].tolist().count("tabler-ui") > 10
    assert len(np.unique(data.images.reshape(len(data), -1), axis=0)) == len(data), "a picture is there twice"
