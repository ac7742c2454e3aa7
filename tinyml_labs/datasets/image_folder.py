"""Your own photographs: a folder for each class."""

from __future__ import annotations

import csv
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets.labelled_images import LabelledImages
from tinyml_labs.datasets.pictures import ENDINGS, decode_picture, is_picture_name, map_in_threads
from tinyml_labs.features.image import ImageSettings, image_input

GROUPS = "groups.csv"
"""A table in the folder, if you like: which photographs show the same scene."""

_DEFAULT = ImageSettings()


def load_image_folder(path: str | Path, size: ImageSettings = _DEFAULT) -> LabelledImages:
    """Load your own photographs, as the board would see them.

    A subfolder is a class, by its name, such as ``person`` and ``no_person``. Photographs of one scene, or of one
    person on one day, belong together: put them into a folder of their own in the class's (``person/kitchen/1.jpg``),
    or into a table ``groups.csv`` beside the classes (columns ``path``, such as ``person/1.jpg``, and ``group``), or
    name them alike up to the last ``_`` and a number (``person/kitchen_1.jpg``, ``person/kitchen_2.jpg``; a camera's
    own ``IMG_1.jpg``, capitals alone, says nothing). What is none of these is a group of its own. If pictures of one
    group are both trained on and tested, the test tells you how well the network remembers.

    Parameters
    ----------
    path : str or Path
        The folder. Files and folders whose names begin with a dot are left alone, and so are files that lie beside
        the classes.
    size : ImageSettings
        What the model gets.

    Returns
    -------
    LabelledImages
        uint8 (N, height, width, 1), in the order of classes and names. Classes are in the order of the alphabet. The
        table has ``file``, the path below the folder. A group of one name in two classes is one group: a scene
        with and without a person.

    Raises
    ------
    FileNotFoundError
        There is no such folder, or the table lists a file that is not there.
    ValueError
        There is no picture; a file is no picture that can be read (all are JPEG, PNG, BMP or WebP: the message says
        how to convert an iPhone's HEIC); or the table lacks a column.

    Notes
    -----
    Each picture goes through `features.image_input`, in whole numbers, as a camera's on the board. Introduced in
    `notebooks/04_person_detection.ipynb`.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder {folder}. Expected one with a subfolder for each class, such as person.")
    files = _find_pictures(folder)
    told = _read_groups(folder, {file for _, file in files})
    names = tuple(dict.fromkeys(name for name, _ in files))

    def read(file: str) -> NDArray[np.uint8]:
        place = folder / file
        return image_input(decode_picture(place.read_bytes(), str(place)), size)[0]

    images = map_in_threads(read, (file for _, file in files), total=len(files), progress=True)
    return LabelledImages(
        images=np.array(images, np.uint8),
        labels=np.array([names.index(name) for name, _ in files], np.int64),
        names=names,
        groups=np.array([told.get(file) or _guess_group(file) for _, file in files]),
        table={"file": np.array([file for _, file in files])},
    )


def save_image_folder(path: str | Path, data: LabelledImages) -> Path:
    """Write pictures as PNG files, a folder for each class: what :func:`load_image_folder` reads.

    Parameters
    ----------
    path : str or Path
        The folder; it is made if it does not exist.
    data : LabelledImages
        Their groups are kept, in ``groups.csv``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        There is something in the folder: pictures of two sets would be mixed.
    ValueError
        There are no pictures.
    """
    folder = Path(path).expanduser()
    if not len(data):
        raise ValueError("There are no pictures to save, expected one at least.")
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty. Expected an empty folder or a new name.")
    folder.mkdir(parents=True, exist_ok=True)
    pillow = import_module("PIL.Image")
    digits = len(str(len(data)))
    files = [f"{data.names[label]}/{number:0{digits}}.png" for number, label in enumerate(data.labels, start=1)]
    for file, image in zip(files, data.images, strict=True):
        target = folder / file
        target.parent.mkdir(exist_ok=True)
        pillow.fromarray(image[..., 0]).save(target)
    with (folder / GROUPS).open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerows([("path", "group"), *zip(files, data.groups, strict=True)])
    return folder


def _find_pictures(folder: Path) -> list[tuple[str, str]]:
    """List class and path of each picture; refuse what is no picture."""
    found: list[tuple[str, str]] = []
    loose: list[Path] = []
    for place in sorted(folder.iterdir()):
        if place.name.startswith("."):
            continue
        if not place.is_dir():
            loose.append(place)
            continue
        for file in sorted(place.rglob("*")):
            below = file.relative_to(folder)
            if file.is_dir() or any(name.startswith(".") for name in below.parts):
                continue
            if not is_picture_name(file.name):
                raise ValueError(
                    f"{file} is no picture, by its name: expected {', '.join(ENDINGS)}. Move it out of {place}."
                )
            found.append((place.name, below.as_posix()))
    if not found:
        pictures = [file.name for file in loose if is_picture_name(file.name)]
        beside = f"; it has {len(pictures)} pictures outside of any, such as {pictures[0]}" if pictures else ""
        raise ValueError(
            f"No pictures in subfolders of {folder}{beside}. Put those with a person into {folder / 'person'}, the "
            f"others into {folder / 'no_person'}."
        )
    return found


def _guess_group(file: str) -> str:
    _, *between, last = file.split("/")
    if between:
        return "/".join(between)
    stem = last.rsplit(".", 1)[0]
    prefix, _, number = stem.rpartition("_")
    named = number.isdecimal() and prefix and not (prefix.isalpha() and prefix.isupper())
    return prefix if named else file


def _read_groups(folder: Path, files: set[str]) -> dict[str, str]:
    table = folder / GROUPS
    if not table.is_file():
        return {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as opened:  # a spreadsheet begins it with a byte order mark
            reader = csv.DictReader(opened, skipinitialspace=True)
            if missing := [name for name in ("path", "group") if name not in (reader.fieldnames or ())]:
                raise ValueError(
                    f"{table} has no column {missing[0]}; it has {', '.join(reader.fieldnames or ()) or 'none'}. Its "
                    "first line is path,group."
                )
            rows = {(row["path"] or "").strip().replace("\\", "/"): (row["group"] or "").strip() for row in reader}
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table} is no table that can be read: {error}. Save it as CSV, in UTF-8.") from None
    if missing := sorted(set(rows) - files):
        raise FileNotFoundError(
            f"{table} lists {len(missing):,} files that are not there, such as {missing[0]!r}. Paths are those below "
            f"{folder}, with /."
        )
    return {file: group for file, group in rows.items() if group}
