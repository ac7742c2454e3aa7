"""Pictures that a virtual camera plays: the files of a folder, or of a zip archive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets.pictures import decode_picture, is_picture_name, map_in_threads

_Made = TypeVar("_Made")


def holds_files(path: Path) -> bool:
    """Say whether a path is a folder or a zip archive, or a folder within one: ``people.zip/test``."""
    return path.is_dir() or _find_archive(path) is not None


def read_pictures(path: Path, make: Callable[[NDArray[np.uint8]], _Made]) -> dict[str, _Made]:
    """Read all pictures, several at a time.

    Parameters
    ----------
    path : Path
        A folder or a zip archive, or a folder within one; pictures in folders of it count too.
    make : callable
        What to make of each: it is given uint8, (H, W) or (H, W, 3), upright.

    Returns
    -------
    dict
        By the file's name below the path, in the order of names.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such folder, none of its files is a picture, or one cannot be read.
    """

    def read(file: tuple[str, bytes]) -> tuple[str, _Made]:
        name, content = file
        return name, make(decode_picture(content, name))

    found = dict(map_in_threads(read, _files(path)))
    if not found:
        raise ValueError(
            f"{path} holds no picture (.jpg, .png and others), and no recording.json: there is nothing to play."
        )
    return found


def _find_archive(path: Path) -> tuple[Path, str] | None:
    """Give the zip archive, and the folder within it."""
    for place in (path, *path.parents):
        if place.suffix.lower() == ".zip" and place.is_file():
            inside = path.relative_to(place).as_posix()
            return place, "" if inside == "." else f"{inside}/"
    return None


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    archive = _find_archive(path)
    if path.is_dir() or archive is None:
        if not path.is_dir():
            raise FileNotFoundError(f"There is no folder and no zip archive {path} to play.")
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        for name in sorted(filter(_is_picture, names)):
            yield name, (path / name).read_bytes()
        return
    place, prefix = archive
    try:
        with zipfile.ZipFile(place) as opened:
            names = [name for name in opened.namelist() if name.startswith(prefix)]
            for name in sorted(filter(_is_picture, names)):
                yield name.removeprefix(prefix), opened.read(name)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{place} is no zip archive, or damaged ({error}). Copy it again.") from None


def _is_picture(name: str) -> bool:
    return is_picture_name(name) and not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
