"""Pictures with and without a person: rendered, of people who never existed, in an archive of a few megabytes."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets.bundled import read_checked
from tinyml_labs.datasets.labelled_images import LabelledImages
from tinyml_labs.datasets.pictures import decode_picture, map_in_threads
from tinyml_labs.features.image import to_grey

NAMES = ("no_person", "person")
"""The classes, in the order of their labels."""

SIDE = 96
"""Width and height of each picture, in pixels."""

TABLE = "people.csv"
"""The archive's list: a row a picture."""

NUMBERS = (
    "indoors",
    "people",
    "skin",
    "clothes",
    "distance_m",
    "height_fraction",
    "visible_fraction",
    "light",
    "contrast",
)
"""Columns of numbers; all others are texts."""

_NEEDED = ("file", "part", "label")
_DAMAGE = (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, OverflowError, NotImplementedError, zlib.error)
_RESTORE = "Copy it again, or make it with `datasets/people/make_people.py`."


def load_people(path: str | Path | None = None, part: str | None = None) -> LabelledImages:
    """Load an archive of pictures with and without a person.

    Parameters
    ----------
    path : path, optional
        What `datasets/people/make_people.py` made, or another archive with 96 x 96 pictures and a ``people.csv`` of
        the columns ``file``, ``part`` and ``label``. By default the bundled pictures: `datasets/people/README.md`
        says what is in them. Colours become grey, as on the board.
    part : str, optional
        "train", "validation" or "test" alone, or another part that the table has.

    Returns
    -------
    LabelledImages
        uint8 (N, 96, 96, 1), and labels: 0 ``no_person``, 1 ``person``. A group is a body, or where there is none the
        place and the thing in it, or the picture alone if neither is known. The table has the archive's columns:
        numbers such as ``skin`` and ``distance_m`` as float64, NaN where no person is; texts such as ``backdrop`` and
        ``pose`` as str.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The archive is damaged or is another kind of file, or there is no such part.

    Notes
    -----
    Introduced in `notebooks/04_person_detection.ipynb`.
    """
    content = read_checked("people", "people.zip") if path is None else Path(path).read_bytes()
    return _load(content, "people.zip" if path is None else str(path), part)


def load_photographs() -> LabelledImages:
    """Load the bundled real photographs, to test on: 96 by 96 grey pixels, some with people and some without.

    Returns
    -------
    LabelledImages
        About 120 of them, as the board would see them: the middle, grey. Each is a group of its own. The table has
        ``package`` and ``source``: where it is from.

    Raises
    ------
    FileNotFoundError, ValueError
        The archive is missing, or was changed.

    Notes
    -----
    Taken from the demonstration pages of web designers, and labelled by eye: mostly portraits, and mostly landscapes
    and things on tables. That is easier than everyday scenes; `datasets/people/README.md` says more. Introduced in
    `notebooks/04_person_detection.ipynb`.
    """
    return _load(read_checked("people", "photographs.zip"), "photographs.zip")


def _load(content: bytes, name: str, part: str | None = None) -> LabelledImages:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            listing = archive.read(TABLE) if TABLE in archive.namelist() else None
    except _DAMAGE as error:
        raise ValueError(f"{name} is damaged, or no zip archive ({error}). {_RESTORE}") from None
    if listing is None:
        raise ValueError(f"{name} is no archive of people: expected {TABLE} in it. {_RESTORE}")
    rows = _read_table(listing, name)
    if part is not None:
        there = dict.fromkeys(row["part"] for row in rows)
        if part not in there:
            raise ValueError(f"There is no part {part!r} in {name}; there are {', '.join(there)}.")
        rows = [row for row in rows if row["part"] == part]
    images = np.array(_read_pictures(content, rows, name), np.uint8).reshape(-1, SIDE, SIDE, 1)
    return LabelledImages(
        images=images,
        labels=np.array([NAMES.index(row["label"]) for row in rows], np.int64),
        names=NAMES,
        groups=np.array([_find_group(row) for row in rows], str),
        table={column: _make_column(column, rows, name) for column in rows[0]},
    )


def _read_table(content: bytes, name: str) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        rows: list[dict[Any, Any]] = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{TABLE} in {name} is no table of pictures: {error}. {_RESTORE}") from None
    columns = list(reader.fieldnames or ())
    if missing := [column for column in _NEEDED if column not in columns]:
        raise ValueError(f"{TABLE} in {name} lacks the columns {', '.join(missing)}; it has {', '.join(columns)}.")
    if not rows:
        raise ValueError(f"{TABLE} in {name} lists no picture: expected a row for each.")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(
                f"Row {number} of {TABLE} in {name} has another number of values than there are columns: expected "
                f"{len(columns)}."
            )
        if row["label"] not in NAMES:
            raise ValueError(
                f"Row {number} of {TABLE} in {name} has the label {row['label']!r}, expected {' or '.join(NAMES)}."
            )
    return rows


def _find_group(row: dict[str, str]) -> str:
    if "backdrop" in row and "subject" in row:
        return row.get("body") or f"{row['part']}/{row['backdrop']}/{row['subject']}"
    return row.get("body") or row["file"]


def _read_pictures(content: bytes, rows: list[dict[str, str]], name: str) -> list[NDArray[np.uint8]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = set(archive.namelist())
        if absent := [row["file"] for row in rows if row["file"] not in members]:
            raise ValueError(
                f"{name} is incomplete: {TABLE} names {absent[0]}, which is not in it ({len(absent):,} such files). "
                f"{_RESTORE}"
            )

        def decode(file: str) -> NDArray[np.uint8]:
            where = f"{file} in {name}"
            try:
                found = archive.read(file)  # zipfile locks what threads share
            except _DAMAGE as error:
                raise ValueError(f"{where} is damaged ({error}). {_RESTORE}") from None
            picture = decode_picture(found, where)
            if picture.shape[:2] != (SIDE, SIDE):
                height, width = picture.shape[:2]
                raise ValueError(f"{where} is of {width} x {height} pixels, expected {SIDE} x {SIDE}. {_RESTORE}")
            return picture if picture.ndim == 2 else to_grey(picture)

        return map_in_threads(decode, (row["file"] for row in rows))


def _make_column(column: str, rows: list[dict[str, str]], name: str) -> NDArray[Any]:
    texts = [row[column] for row in rows]
    if column not in NUMBERS:
        return np.array(texts, str)
    try:
        return np.array([float(text) if text.strip() else np.nan for text in texts], np.float64)
    except ValueError as error:
        raise ValueError(f"The column {column} of {TABLE} in {name} holds no numbers: {error}.") from None
