"""Visual Wake Words, from small archives in the layouts of the real ones, served on this machine."""

import contextlib
import functools
import hashlib
import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from picture_files import decode, encode, make_picture, pack_tar
from range_server import Offer, serve

from tinyml_labs.datasets import load_visual_wake_words
from tinyml_labs.datasets.coco import label_pictures
from tinyml_labs.datasets.downloads import DownloadError
from tinyml_labs.datasets.remote_files import RemoteFile
from tinyml_labs.datasets.visual_wake_words import ARCHIVE, FILES, LICENCE, MINIVAL
from tinyml_labs.features import ImageSettings, image_input

WHOLE = ImageSettings(crop="whole")
MINIVAL_IDS = (42, 73, 900)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


# The small edition: number, label, part. Names are COCO's of 2014.
SMALL = [(9, 1, "train"), (30, 0, "train"), (42, 1, "val"), (73, 0, "val"), (74, 0, "val"), (900, 1, "val")]


def small_name(number, label, part):
    folder = "person" if label else "non_person"
    return f"vw_coco2014_96/{folder}/COCO_{part}2014_{number:012d}.jpg"


def make_small():
    files = {small_name(*entry): encode(make_picture(entry[0], 96, 96), "JPEG") for entry in reversed(SMALL)}
    return {"vw_coco2014_96/person/._x1.jpg": b"what a Mac writes", "./vw_coco2014_96/README": b"Words."} | files


# COCO's own: images of each part, and annotations that the rule has to judge. Pictures are of 100 x 80: 8,000 pixels.
IMAGES = {"val": (42, 73, 74, 900), "train": (9, 30, 31)}
PERSON, DOG = 1, 18
BOXES = [  # image, category, area, crowd
    (42, PERSON, 41.0, 0),  # more than 40 pixels, 0.5 %
    (73, PERSON, 40.0, 0),  # 0.5 % is not more than that
    (74, DOG, 4000.0, 0),
    (900, PERSON, 39.0, 0),
    (900, PERSON, 2000.0, 1),  # a crowd counts
    (9, PERSON, 30.0, 0),
    (9, PERSON, 30.0, 0),  # two small ones do not add up
    (30, PERSON, 800.0, 0),
]
TRUTH = {42: 1, 73: 0, 74: 0, 900: 1, 9: 0, 30: 1, 31: 0}


def file_name(part, year, number):
    return f"COCO_{part}{year}_{number:012d}.jpg" if year == 2014 else f"{number:012d}.jpg"


def make_annotations(part, year):
    images = [
        {"id": number, "file_name": file_name(part, year, number), "width": 100, "height": 80}
        for number in IMAGES[part]
    ]
    found = [
        {"id": k, "image_id": image, "category_id": kind, "area": area, "iscrowd": crowd, "bbox": [0, 0, 90, 70]}
        for k, (image, kind, area, crowd) in enumerate(BOXES)
        if image in IMAGES[part]
    ]
    categories = [{"id": PERSON, "name": "person"}, {"id": DOG, "name": "dog"}]
    return {"images": images, "annotations": found, "categories": categories}


def pack_zip(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def picture(number):
    return encode(make_picture(number, 100, 80), "JPEG")


def make_archives(year):
    archives = {
        f"{part}{year}.zip": pack_zip(
            {f"{part}{year}/": b""} | {f"{part}{year}/{file_name(part, year, k)}": picture(k) for k in numbers}
        )
        for part, numbers in IMAGES.items()
    }
    archives[f"annotations_trainval{year}.zip"] = pack_zip(
        {f"annotations/instances_{part}{year}.json": json.dumps(make_annotations(part, year)) for part in IMAGES}
    )
    return archives


CONTENTS = {
    ARCHIVE: pack_tar(make_small()),
    MINIVAL: "".join(f"{number}\n" for number in MINIVAL_IDS).encode(),
    **make_archives(2014),
    **make_archives(2017),
}


@pytest.fixture
def servers():
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(serve(Offer(content), name)) for name, content in CONTENTS.items()}


def remote(servers, **changes):
    files = {
        name: RemoteFile(
            url=offer.url, size_bytes=len(offer.content), sha256=hashlib.sha256(offer.content).hexdigest()
        )
        for name, offer in servers.items()
    }
    return files | changes


def loader(servers, say=lambda _: None, **changes):
    return functools.partial(load_visual_wake_words, files=remote(servers, **changes), say=say)


def test_the_small_edition_is_fetched_once_and_split_as_published(servers, tmp_path):
    said = []
    load = loader(servers, said.append)
    for split in ("train", "validation"):
        data = load(tmp_path, split=split)
        mine = [entry for entry in SMALL if (entry[0] in MINIVAL_IDS) == (split == "validation")]
        names = sorted(small_name(*entry) for entry in mine)
        assert [f"vw_coco2014_96/{file}" for file in data.table["file"]] == names
        assert data.labels.tolist() == ["/person/" in name for name in names]
        assert [int(group) for group in data.groups] == [int(name[-16:-4]) for name in names]
        for found, name in zip(data.images, names, strict=True):
            assert np.array_equal(found, image_input(decode(make_small()[name]))[0])
    assert len(servers[ARCHIVE].requests) == len(servers[MINIVAL].requests) == 1
    assert {len(offer.requests) for name, offer in servers.items() if "20" in name and name != ARCHIVE} == {0}
    assert said[0] == LICENCE
    assert "Flickr" in LICENCE
    assert sorted(path.name for path in tmp_path.iterdir()) == [MINIVAL, ARCHIVE]


@pytest.mark.parametrize("year", [2014, 2017])
@pytest.mark.parametrize("unpacked", [False, True])
def test_coco_is_labelled_by_the_published_rule(servers, tmp_path, year, unpacked):
    load = loader(servers)
    if unpacked:
        for content in make_archives(year).values():
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                archive.extractall(tmp_path)
    found = {}
    for split in ("train", "validation"):
        data = load(tmp_path, split=split, edition=f"coco{year}")
        assert all((int(group) in MINIVAL_IDS) == (split == "validation") for group in data.groups)
        for image, group, file, label in zip(data.images, data.groups, data.table["file"], data.labels, strict=True):
            number = int(group)
            assert file == file_name("val" if number in IMAGES["val"] else "train", year, number)
            assert np.array_equal(image, image_input(decode(picture(number)), WHOLE)[0])
            found[number] = int(label)
    assert found == TRUTH
    if unpacked:
        assert {len(offer.requests) for name, offer in servers.items() if name != MINIVAL} == {0}


def test_no_more_is_fetched_than_is_needed(servers, tmp_path):
    load = loader(servers)
    assert len(load(tmp_path, split="validation", edition="coco2014")) == 3
    assert servers["val2014.zip"].requests
    assert not servers["train2014.zip"].requests  # all that is validated on is in the other archive
    assert load(tmp_path, split="train", edition="coco2017", limit=1).labels.tolist() == [0, 1]
    assert servers["train2017.zip"].requests  # val2017 has nobody to train on
    with pytest.raises(FileNotFoundError, match=r"No train2014.zip in .*http"):
        load(tmp_path, split="train", edition="coco2014", download=False)


@pytest.mark.parametrize("edition", ["96x96", "coco2014"])
def test_a_limit_takes_the_same_few_of_each_class(servers, tmp_path, edition):
    load = loader(servers)
    every = load(tmp_path, split="train", edition=edition)
    few = load(tmp_path, split="train", edition=edition, limit=1)
    assert sorted(few.labels.tolist()) == [0, 1]
    assert few.groups.tolist() == load(tmp_path, split="train", edition=edition, limit=1).groups.tolist()
    for image, group in zip(few.images, few.groups, strict=True):
        assert np.array_equal(image, every.images[every.groups == group][0])
    assert len(load(tmp_path, split="train", edition=edition, limit=100)) == len(every)
    with pytest.raises(ValueError, match="limit is 0; expected 1 at least"):
        load(tmp_path, limit=0)


def test_settings_are_kept(servers, tmp_path):
    square = ImageSettings(width=32, height=24)
    data = loader(servers)(tmp_path, split="validation", edition="coco2017", size=square)
    for image, group in zip(data.images, data.groups, strict=True):
        assert np.array_equal(image, image_input(decode(picture(int(group))), square)[0])


def test_a_download_that_breaks_off_continues_in_the_next_call(servers, tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    servers[ARCHIVE].breaks = [1000] + [0] * 8
    with pytest.raises(DownloadError, match="call again to continue"):
        loader(servers)(tmp_path)
    servers[ARCHIVE].breaks = []
    assert len(loader(servers)(tmp_path)) == 3
    assert servers[ARCHIVE].requests[-1]["Range"] == "bytes=1000-"


def test_what_is_not_the_published_file_is_refused(servers, tmp_path):
    url = servers[ARCHIVE].url
    with pytest.raises(ValueError, match=r"offers [\d,]+ bytes; expected 234,810,765"):
        loader(servers, **{ARCHIVE: RemoteFile(url=url, size_bytes=FILES[ARCHIVE].size_bytes)})(tmp_path)
    with pytest.raises(ValueError, match="expected f8746b9e44f8a7a4"):
        loader(servers, **{ARCHIVE: RemoteFile(url=url, sha256=FILES[ARCHIVE].sha256)})(tmp_path)
    (tmp_path / ARCHIVE).write_bytes(b"brought, but cut")
    with pytest.raises(ValueError, match=r"is there, but it has 16 bytes; expected [\d,]+\. Delete it"):
        loader(servers)(tmp_path)


def test_damage_is_told(servers, tmp_path):
    for name, content, edition, problem in (
        (ARCHIVE, CONTENTS[ARCHIVE][:-20], "96x96", "is damaged, or no .tar.gz"),
        (ARCHIVE, pack_tar({"README": b"Other data."}), "96x96", "has no folders person and non_person"),
        (
            ARCHIVE,
            pack_tar({small_name(9, 1, "train"): b"no picture"}),
            "96x96",
            "_000000000009.jpg in .* no picture",
        ),
        (MINIVAL, b"<html>", "96x96", "is no list of numbers"),
        ("val2014.zip", CONTENTS["val2014.zip"][:-40], "coco2014", "is damaged"),
        ("val2014.zip", pack_zip({"README": b""}), "coco2014", "val2014.zip is not whole: .*val2014/COCO_val2014_"),
        ("annotations_trainval2014.zip", pack_zip({"README": b""}), "coco2014", "no annotations/instances_val2014"),
        (
            "annotations_trainval2014.zip",
            pack_zip({"annotations/instances_val2014.json": "{}"}),
            "coco2014",
            "instances_val2014.json in .*: These are no annotations of COCO's kind",
        ),
    ):
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=problem):
            loader(servers, **{name: RemoteFile(url="http://127.0.0.1/")})(tmp_path, edition=edition)
        (tmp_path / name).unlink()


def test_names_that_there_are_not(tmp_path):
    with pytest.raises(ValueError, match="no split 'test'; there are train, validation"):
        load_visual_wake_words(tmp_path, split="test")
    with pytest.raises(ValueError, match="no edition 'coco2015'; there are 96x96, coco2014, coco2017"):
        load_visual_wake_words(tmp_path, edition="coco2015")
    with pytest.raises(
        FileNotFoundError, match=r"No mscoco_minival_ids.txt in .*, where Visual Wake Words should lie"
    ):
        load_visual_wake_words(tmp_path / "nothing", download=False)
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(ValueError, match="no category person"):
        label_pictures({"images": [], "annotations": [], "categories": []})


@pytest.mark.slow
def test_the_command_says_what_there_is(servers, tmp_path):
    command = [sys.executable, "-m", "tinyml_labs.cli", "fetch", "visual-wake-words", "--folder", tmp_path]
    size = FILES[MINIVAL].size_bytes
    (tmp_path / MINIVAL).write_bytes(CONTENTS[MINIVAL].ljust(size))  # as large as the real one
    for content in make_archives(2017).values():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(tmp_path)
    done = subprocess.run([*command, "--edition", "coco2017"], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{tmp_path}\n", done.stderr
    assert "validation, a sample: <LabelledImages: 3 of 96 x 96: 1 no_person, 2 person; 3 groups>" in done.stderr
    mirror = servers[ARCHIVE].url.rpartition("/")[0]
    done = subprocess.run([*command, "--url", mirror], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert LICENCE in done.stderr
    assert "offers" in done.stderr
    assert "expected 234,810,765" in done.stderr
