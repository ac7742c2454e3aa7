"""A sketch's folder that compiles by itself: the sketch, its model, and the kit's libraries in ``src/``.

Arduino's tools compile ``src/`` of a sketch with all below it (the IDE since 1.6.10, arduino-cli, the older builder),
and so nothing has to be installed, cloned or copied. What it costs is that ``#include <TinyMLLabs.h>`` finds nothing
there: such lines are rewritten to the file's place, ``#include "src/TinyMLLabs/TinyMLLabs.h"``.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from tinyml_labs.deploy.sketches import LIBRARIES_FOLDER, Sketch
from tinyml_labs.export import write_source

MANIFEST = "deployed.json"

_SOURCES = (".ino", ".h", ".c", ".cpp", ".inc")
_INCLUDE = re.compile(r"^(\s*#\s*include\s*)<([^>]+)>", re.MULTILINE)
_LEGAL = ("LICENSE", "LICENSE.txt", "NOTICE.txt")


def sketch_files(sketch: Sketch) -> dict[str, str]:
    """Give the sketch's own sources, without the model that it comes with.

    Raises
    ------
    FileNotFoundError
        If the package was installed without the course.
    """
    if not sketch.folder.is_dir():
        raise FileNotFoundError(
            f"The kit's sketches are not in {sketch.folder.parent}. They come with the course: clone the repository, "
            "and install from there (make lab, or pip install -e .)."
        )
    own = {}
    for path in sorted(sketch.folder.iterdir()):
        is_model = path.stem == sketch.file_name or path.stem.startswith(f"{sketch.file_name}_")
        if path.suffix in _SOURCES and not is_model and path.name != f"{sketch.takes[:-1]}_settings.h":
            own[path.name] = path.read_text(encoding="utf-8")
    return own


def library_files(sketch: Sketch) -> dict[str, str]:
    """Give the sources of the kit's libraries that a sketch needs, by their place below the sketch's folder.

    Raises
    ------
    FileNotFoundError
        If a library has not been made yet, with how to make it.
    """
    files = {}
    for name in sketch.kit_libraries:
        library = LIBRARIES_FOLDER / name
        if not (library / "src").is_dir():
            raise FileNotFoundError(
                f"The library {name} is not in {LIBRARIES_FOLDER}. `python -m tinyml_labs.front_end_source` makes it."
            )
        for path in sorted((library / "src").rglob("*")):
            if path.suffix in _SOURCES:
                place = path.relative_to(library / "src").as_posix()
                files[f"src/{name}/{place}"] = path.read_text(encoding="utf-8")
        for legal in _LEGAL:
            if (library / legal).is_file():
                files[f"src/{name}/{legal}"] = (library / legal).read_text(encoding="utf-8")
    return files


def with_local_includes(files: Mapping[str, str]) -> dict[str, str]:
    """Let each file include those of the libraries in ``src/`` by their place."""
    places: dict[str, str] = {}
    for name in files:
        if name.startswith("src/"):
            places["/".join(name.split("/")[2:])] = name

    def rewrite(name: str, text: str) -> str:
        folder = posixpath.dirname(name)

        def local(found: re.Match[str]) -> str:
            place = places.get(found[2])
            if place is None:
                return found[0]
            return f'{found[1]}"{posixpath.relpath(place, folder or ".")}"'

        return _INCLUDE.sub(local, text)

    return {name: rewrite(name, text) for name, text in files.items()}


def check_target(folder: Path, files: Mapping[str, str]) -> None:
    """Refuse to write over what is not ours.

    Parameters
    ----------
    folder : Path
    files : mapping of str to str
        What is going to be written.

    Raises
    ------
    FileExistsError
        If the folder holds files of these names that somebody has changed since, or that were never ours.
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; expected the folder to write, or a name that is free.")
    known = read_manifest(folder)
    changed = []
    for name in sorted({*files, *known}):
        path = folder / name
        if not path.is_file():
            continue
        content = path.read_bytes()
        if content != files.get(name, "").encode() and hashlib.sha256(content).hexdigest() != known.get(name):
            changed.append(name)
    if changed:
        some = ", ".join(changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "")
        raise FileExistsError(
            f"{folder} has files that you made or changed: {some}. Choose another folder, or let them be replaced: "
            "overwrite=True, or --overwrite."
        )


def read_manifest(folder: Path) -> dict[str, str]:
    """Give the files that were written here before, each with its SHA-256; nothing if there is no such list."""
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(name): str(digest) for name, digest in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_folder(folder: Path, files: Mapping[str, str], facts: Mapping[str, str]) -> list[Path]:
    """Write the files, each at once, remove those of an earlier deployment, and list what there is.

    Parameters
    ----------
    folder : Path
    files : mapping of str to str
    facts : mapping of str to str
        What the list says besides: sketch, board, engine, the model's hash.

    Returns
    -------
    list of Path
    """
    old = read_manifest(folder)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(files.items())}
    listed = json.dumps({**facts, "files": digests}, indent=1) + "\n"
    written = []
    for name, text in (*files.items(), (MANIFEST, listed)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        written.append(write_source(path, text))
    for name in set(old) - set(files):
        (folder / name).unlink(missing_ok=True)
        _remove_if_empty((folder / name).parent, folder)
    return written


def _remove_if_empty(folder: Path, top: Path) -> None:
    while folder != top and folder.is_dir() and not os.listdir(folder):  # noqa: PTH208 - the names are not needed
        folder.rmdir()
        folder = folder.parent
