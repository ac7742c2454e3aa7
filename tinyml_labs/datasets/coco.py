"""COCO's photographs with the labels of Visual Wake Words: is there a person that is large enough to be seen?"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml_labs.datasets.remote_files import RemoteFile, RemoteFolder

SMALLEST_SHARE = 0.005
"""A person has to cover more than this part of the picture."""

_AT = "http://images.cocodataset.org"
FILES = {
    "annotations_trainval2014.zip": RemoteFile(
        url=f"{_AT}/annotations/annotations_trainval2014.zip",
        size_bytes=252_872_794,
        sha256="031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009",
    ),
    "val2014.zip": RemoteFile(
        url=f"{_AT}/zips/val2014.zip",
        size_bytes=6_645_013_297,
        sha256="fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0",
    ),
    "train2014.zip": RemoteFile(
        url=f"{_AT}/zips/train2014.zip",
        size_bytes=13_510_573_713,
        sha256="ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
    ),
    "annotations_trainval2017.zip": RemoteFile(
        url=f"{_AT}/annotations/annotations_trainval2017.zip",
        size_bytes=252_907_541,
        sha256="113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
    ),
    "val2017.zip": RemoteFile(
        url=f"{_AT}/zips/val2017.zip",
        size_bytes=815_585_330,
        sha256="4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
    ),
    "train2017.zip": RemoteFile(
        url=f"{_AT}/zips/train2017.zip",
        size_bytes=19_336_861_798,
        sha256="69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
    ),
}
"""COCO's own archives, with the checksums that TensorFlow Datasets expects."""

_DAMAGE = (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, OverflowError, NotImplementedError, zlib.error)


@dataclass(frozen=True, kw_only=True)
class CocoPicture:
    """What the annotations say of a photograph.

    ``person_share`` is the part of the picture that its largest person covers, 0 to 1, 0 if there is none.
    """

    number: int
    file: str
    person_share: float

    @property
    def person(self) -> bool:
        """Whether it is labelled as one with a person."""
        return self.person_share > SMALLEST_SHARE


def label_pictures(annotations: Mapping[str, Any]) -> list[CocoPicture]:
    """Label photographs by the rule of Visual Wake Words.

    Parameters
    ----------
    annotations : mapping
        What an `instances_....json` of COCO holds: ``images``, ``annotations`` and ``categories``.

    Returns
    -------
    list of CocoPicture
        In the order of their numbers.

    Raises
    ------
    ValueError
        It is not of that kind.

    Notes
    -----
    The published scripts take COCO's ``area``, which is that of the person's outline and not of the box, and they
    count crowds as persons: pyvww's `create_visualwakewords_annotations.py`, which this follows to the sign, and
    `build_visualwakewords_data_lib.py` of TensorFlow's models, for which 0.5 % itself is enough. A photograph with
    smaller persons alone is one without a person.
    """
    try:
        person = {category["id"] for category in annotations["categories"] if category["name"] == "person"}
        images = {image["id"]: image for image in annotations["images"]}
        largest = dict.fromkeys(images, 0.0)
        for found in annotations["annotations"]:
            if found["category_id"] in person and found["image_id"] in largest:
                image = images[found["image_id"]]
                share = found["area"] / (image["width"] * image["height"])
                largest[image["id"]] = max(largest[image["id"]], share)
        if not person:
            raise ValueError("These annotations have no category person; expected COCO's instances_....json.")
        return [
            CocoPicture(number=number, file=images[number]["file_name"], person_share=largest[number])
            for number in sorted(images)
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"These are no annotations of COCO's kind, instances_....json: {error!r}.") from None


def read_annotations(store: RemoteFolder, part: str) -> list[CocoPicture]:
    """Label a part, such as "val2014": from `annotations/instances_val2014.json`, or from the archive that has it."""
    import orjson

    name = f"instances_{part}.json"
    for place in (store.folder / "annotations" / name, store.folder / name):
        if place.is_file():
            where, content = str(place), place.read_bytes()
            break
    else:
        archive = store.get(f"annotations_trainval{part[-4:]}.zip")
        where = f"{name} in {archive}"
        try:
            with zipfile.ZipFile(archive) as opened:
                content = opened.read(f"annotations/{name}")
        except KeyError:
            raise ValueError(
                f"{archive} has no annotations/{name}. Is it COCO's? Delete it, and load again."
            ) from None
        except _DAMAGE as error:
            raise ValueError(f"{archive} is damaged ({error}). Delete it, and load again.") from None
    try:
        return label_pictures(orjson.loads(content))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def picture_reader(store: RemoteFolder, part: str) -> Callable[[Collection[str]], Iterator[tuple[str, bytes]]]:
    """Give what reads photographs of a part by their file names: from a folder `val2014`, or from its archive.

    Threads may read what comes out; the archive is read file by file, and nothing is unpacked.
    """

    def from_folder(files: Collection[str]) -> Iterator[tuple[str, bytes]]:
        for file in files:
            place = store.folder / part / file
            if not place.is_file():
                raise ValueError(
                    f"{store.folder / part} is not whole: the annotations name {file}, which is not there."
                )
            yield str(place), place.read_bytes()

    def from_archive(files: Collection[str]) -> Iterator[tuple[str, bytes]]:
        path: Path = store.get(f"{part}.zip")
        try:
            with zipfile.ZipFile(path) as archive:
                for file in files:
                    yield f"{file} in {path.name}", archive.read(f"{part}/{file}")
        except KeyError as error:
            raise ValueError(f"{path} is not whole: {error}. Delete it, and load again.") from None
        except _DAMAGE as error:
            raise ValueError(f"{path} is damaged ({error}). Delete it, and load again.") from None

    return from_folder if (store.folder / part).is_dir() else from_archive
