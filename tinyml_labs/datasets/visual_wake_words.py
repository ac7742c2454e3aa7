"""Visual Wake Words: photographs with and without a person, fetched when you ask for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets import coco
from tinyml_labs.datasets.downloads import download_folder
from tinyml_labs.datasets.labelled_images import LabelledImages
from tinyml_labs.datasets.people import NAMES
from tinyml_labs.datasets.pictures import decode_picture, map_in_threads
from tinyml_labs.datasets.remote_files import RemoteFile, RemoteFolder, walk_tar
from tinyml_labs.features.image import ImageSettings, image_input

ARCHIVE = "vw_coco2014_96.tar.gz"
"""MLPerf Tiny's edition: COCO 2014, each photograph squeezed to 96 x 96 pixels."""

MINIVAL = "mscoco_minival_ids.txt"
"""Numbers of the photographs to validate on, as published."""

FILES = {
    ARCHIVE: RemoteFile(
        url=f"https://www.silabs.com/public/files/github/machine_learning/benchmarks/datasets/{ARCHIVE}",
        size_bytes=234_810_765,
        sha256="f8746b9e44f8a7a4293f73be9ba6e8da9239fe69798d42364aae62b915cfab58",
    ),
    # Its publisher gives no checksum: the address names the version, and the size is checked.
    MINIVAL: RemoteFile(
        url="https://raw.githubusercontent.com/tensorflow/models/245f66dd6304869c082840dedce2f45c6af4e78f/"
        f"research/object_detection/data/{MINIVAL}",
        size_bytes=54_864,
    ),
    **coco.FILES,
}
"""What there is to fetch."""

EDITIONS = ("96x96", "coco2014", "coco2017")
SPLITS = ("train", "validation")

LICENCE = (
    "Visual Wake Words (Chowdhery and others, 2019, https://arxiv.org/abs/1906.05721) are photographs of Microsoft "
    "COCO. COCO's annotations are CC BY 4.0; the photographs belong to the people who put them on Flickr, each under "
    "the licence they chose (https://cocodataset.org/#termsofuse): learn and measure with them, and do not publish "
    "any without looking up its licence."
)
"""What is shown before a download."""

_FOLDERS = {"person": 1, "non_person": 0}
_NAME = re.compile(r"(?:.*/)?(?P<label>person|non_person)/(?P<file>[^/]*?(?P<number>\d+)\.jpe?g)", re.IGNORECASE)
_WHOLE = ImageSettings(crop="whole")


def load_visual_wake_words(
    folder: str | Path | None = None,
    *,
    split: str = "train",
    edition: str = "96x96",
    limit: int | None = None,
    size: ImageSettings = _WHOLE,
    files: Mapping[str, RemoteFile] = FILES,
    download: bool = True,
    say: Callable[[str], object] = print,
) -> LabelledImages:
    """Find Visual Wake Words, and download what is needed of it.

    Parameters
    ----------
    folder : str or Path or None
        Where the archives, or the folders that are in COCO's (``annotations``, ``val2014``, ...), lie or shall lie.
        None is ``visual_wake_words`` in :func:`~tinyml_labs.datasets.downloads.download_folder`.
    split : str
        "train" or "validation": the published list of numbers of photographs is for validation ("minival"), all
        others are to train on.
    edition : str
        "96x96" is MLPerf Tiny's archive of 0.23 GB: photographs of COCO 2014 that Silicon Labs squeezed to 96 x 96
        pixels and labelled by a rule of its own (a person's box is 2.5 % of the picture at least). "coco2014" and
        "coco2017" are COCO's own archives, labelled here by the published rule
        (:func:`~tinyml_labs.datasets.coco.label_pictures`): 0.25 GB of annotations; then 6.6 GB (0.8 GB in 2017) for
        what needs no more than COCO's validation pictures, and 13.5 GB (19.3 GB) more for the rest. To validate with
        "coco2014" the smaller archive is enough, and so it is to train on some 10,000 a class.
    limit : int or None
        So many pictures of each class at most, drawn at random, the same ones each time. None takes all: 9 kB each.
    size : ImageSettings
        What the model gets. By default the whole picture is squeezed, so that its label stays true: in the square in
        its middle (``crop="square"``) the person may be missing.
    files : mapping of str to RemoteFile
        Where to fetch from, and what is expected there.
    download : bool
        False never uses the network.
    say : callable
        Gets the licence before a download, and what is going on.

    Returns
    -------
    LabelledImages
        uint8 (N, 96, 96, 1); labels: 0 ``no_person``, 1 ``person``. A group is a photograph. The table has ``file``
        and, of COCO's archives, ``person_share``: the part of the picture that the largest person covers.

    Raises
    ------
    FileNotFoundError
        Something is not there, and ``download`` is False.
    DownloadError
        It cannot be fetched; the next call continues.
    ValueError
        An archive is damaged or is not the published one, or there is no such split or edition.

    Notes
    -----
    Aakanksha Chowdhery and others, "Visual Wake Words Dataset", arXiv:1906.05721. The checksum of the small archive
    is what other projects expect: its publisher gives none. The list for validation is checked by its size alone.
    MLPerf Tiny splits its archive at random instead: its public network has seen most of this validation split.
    """
    for name, value, known in (("split", split, SPLITS), ("edition", edition, EDITIONS)):
        if value not in known:
            raise ValueError(f"There is no {name} {value!r}; there are {', '.join(known)}.")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; expected 1 at least, or None for all.")
    place = Path(folder).expanduser() if folder is not None else download_folder() / "visual_wake_words"
    store = RemoteFolder(
        folder=place, files=files, title="Visual Wake Words", licence=LICENCE, download=download, say=say
    )
    minival = _read_minival(store)
    if edition == "96x96":
        return _load_small(store, minival, split, limit, size)
    return _load_coco(store, minival, split, edition[-4:], limit, size)


def _read_minival(store: RemoteFolder) -> set[int]:
    path = store.get(MINIVAL)
    lines = path.read_text("ascii", errors="replace").split()
    if not lines or not all(line.isdecimal() for line in lines):
        raise ValueError(f"{path} is no list of numbers, one a line. Delete it, and load again.")
    return {int(line) for line in lines}


def draw(labels: NDArray[np.integer], label: int, limit: int | None) -> NDArray[np.intp]:
    """Choose at most ``limit`` pictures of a class at random, the same ones each time: their places, in order."""
    places = np.flatnonzero(labels == label)
    return np.sort(np.random.default_rng(label).permutation(places)[:limit])


def _decode(size: ImageSettings) -> Callable[[tuple[str, bytes]], NDArray[np.uint8]]:
    return lambda found: image_input(decode_picture(found[1], found[0]), size)[0]


def _load_small(
    store: RemoteFolder, minival: set[int], split: str, limit: int | None, size: ImageSettings
) -> LabelledImages:
    archive = store.get(ARCHIVE)
    members: list[tuple[str, re.Match[str]]] = []
    for name, _ in walk_tar(archive):
        found = _NAME.fullmatch(name)
        if found and not found["file"].startswith("."):
            members.append((name, found))
    if not members:
        raise ValueError(
            f"{archive} has no folders person and non_person with JPEGs named by COCO. Is it the right one?"
        )
    mine = [entry for entry in members if (int(entry[1]["number"]) in minival) == (split == "validation")]
    mine.sort(key=lambda entry: entry[0])
    labels = np.array([_FOLDERS[found["label"].lower()] for _, found in mine], np.int64)
    wanted = {mine[k][0]: int(k) for label in (0, 1) for k in draw(labels, label, limit)}
    order: list[int] = []

    def contents() -> Iterator[tuple[str, bytes]]:
        for name, read in walk_tar(archive):
            if name in wanted:
                order.append(wanted[name])
                yield f"{name} in {archive.name}", read()

    images = map_in_threads(_decode(size), contents(), total=len(wanted), progress=True)
    data = LabelledImages(
        images=np.array(images, np.uint8).reshape(-1, size.height, size.width, 1),
        labels=labels[order],
        names=NAMES,
        groups=np.array([mine[k][1]["number"] for k in order], str),
        table={"file": np.array([f"{mine[k][1]['label']}/{mine[k][1]['file']}" for k in order], str)},
    )
    return data.select(np.argsort(order))


def _load_coco(
    store: RemoteFolder, minival: set[int], split: str, year: str, limit: int | None, size: ImageSettings
) -> LabelledImages:
    found: list[coco.CocoPicture] = []
    images: list[NDArray[np.uint8]] = []
    missing = set(minival)  # whatever is to validate on and has not been seen yet
    for part in (f"val{year}", f"train{year}"):  # the smaller one first: with a limit it may be enough
        if split == "validation" and not missing:
            break
        still = [None if limit is None else limit - sum(p.person == label for p in found) for label in (False, True)]
        if all(count == 0 for count in still):
            break
        pictures = coco.read_annotations(store, part)
        missing -= {picture.number for picture in pictures}
        mine = [p for p in pictures if (p.number in minival) == (split == "validation")]
        labels = np.array([p.person for p in mine], np.int64)
        chosen = [mine[k] for label in (0, 1) for k in draw(labels, label, still[label])]
        chosen.sort(key=lambda picture: picture.number)
        read = coco.picture_reader(store, part)
        contents = read([picture.file for picture in chosen]) if chosen else iter(())
        images += map_in_threads(_decode(size), contents, total=len(chosen), progress=True)
        found += chosen
    return LabelledImages(
        images=np.array(images, np.uint8).reshape(-1, size.height, size.width, 1),
        labels=np.array([picture.person for picture in found], np.int64),
        names=NAMES,
        groups=np.array([f"{picture.number:012d}" for picture in found], str),
        table={
            "file": np.array([picture.file for picture in found], str),
            "person_share": np.array([picture.person_share for picture in found], np.float64),
        },
    )
