"""Where the data that comes with the kit lies, and whether it is still what was published."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

FOLDER_VARIABLE = "TINYML_LABS_DATASETS"
"""Name of the environment variable that says where the bundled data lies, if not in the clone."""

CHECKSUMS = "SHA256SUMS"
"""A file in each data set's folder, in the format of `sha256sum`: `sha256sum -c SHA256SUMS` checks it too."""


def bundled_path(*parts: str) -> Path:
    """Find one file of the bundled data.

    Parameters
    ----------
    *parts
        Path below the `datasets` folder, for example `"sine", "potentiometer_sweep.csv"`.

    Returns
    -------
    Path
        The file, which exists.

    Raises
    ------
    FileNotFoundError
        The file is missing: the message says where it was looked for and how to point to another folder.
    """
    told = os.environ.get(FOLDER_VARIABLE)
    folder = Path(told) if told else Path(__file__).resolve().parents[2] / "datasets"
    path = folder.joinpath(*parts)
    if path.is_file():
        return path
    because = (
        f"The environment variable {FOLDER_VARIABLE} points to {folder}: correct it or unset it."
        if told
        else f"Run from a clone of the course, or set {FOLDER_VARIABLE} to the clone's `datasets` folder."
    )
    raise FileNotFoundError(f"No bundled file {'/'.join(parts)} in {folder}. {because}")


def read_checked(*parts: str) -> bytes:
    """Read a bundled file and compare it with the SHA-256 in its folder's `SHA256SUMS`.

    Parameters
    ----------
    *parts
        Path below the `datasets` folder.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    FileNotFoundError
        The file, or the folder's `SHA256SUMS`, is missing.
    ValueError
        The content is not what was published, or no checksum is on record.
    """
    path = bundled_path(*parts)
    content = path.read_bytes()
    sums = bundled_path(*parts[:-1], CHECKSUMS)
    lines = [line.split(maxsplit=1) for line in sums.read_text("ascii").splitlines()]
    expected = {name: checksum for checksum, name in lines}
    if path.name not in expected:
        raise ValueError(f"{sums} has no line for {path.name}; it lists {', '.join(sorted(expected))}.")
    found = hashlib.sha256(content).hexdigest()
    if found != expected[path.name]:
        raise ValueError(
            f"{path} has changed: its SHA-256 is {found[:16]}..., expected {expected[path.name][:16]}.... "
            f"Restore it with `git checkout {'/'.join(('datasets', *parts))}`."
        )
    return content


def write_with_checksum(path: Path, content: bytes) -> None:
    """Write a file of a data set and its line in the folder's `SHA256SUMS`; each is renamed into place when complete.

    Parameters
    ----------
    path
        The file; its folder exists.
    content
        All of it.

    Notes
    -----
    For the scripts in `datasets/` that make the bundled data.
    """
    sums = path.with_name(CHECKSUMS)
    lines = sums.read_text("ascii").splitlines() if sums.exists() else []
    kept = [line for line in lines if line.split(maxsplit=1)[1] != path.name]
    kept.append(f"{hashlib.sha256(content).hexdigest()}  {path.name}")
    listing = "".join(f"{line}\n" for line in sorted(kept, key=lambda line: line.split()[1]))
    for target, data in ((path, content), (sums, listing.encode("ascii"))):
        unfinished = target.with_name(f".{target.name}.part")
        unfinished.write_bytes(data)
        unfinished.replace(target)


def load_reference_model(name: str = "sine") -> bytes:
    """Load the small trained int8 model that comes with a lab, so that a board can run before you train.

    Parameters
    ----------
    name
        The lab's data set: `"sine"`.

    Returns
    -------
    bytes
        A .tflite model. `datasets/<name>/README.md` says how it was trained.

    Raises
    ------
    FileNotFoundError
        There is no such reference model.
    ValueError
        The file's SHA-256 is not the one on record.

    Notes
    -----
    Introduced in `notebooks/00_start_here.ipynb`.
    """
    return read_checked(name, f"{name}_int8.tflite")
