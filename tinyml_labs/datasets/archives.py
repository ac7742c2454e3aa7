"""Unpack an archive that came from the network: whole or not at all, and never outside its folder."""

from __future__ import annotations

import gzip
import re
import shutil
import tarfile
import zlib
from pathlib import Path

_BLOCK = 1 << 20


def unpack_tar(archive: str | Path, folder: str | Path, *, progress: bool = True) -> Path:
    """Unpack the files of a .tar.gz into a new folder.

    Folders and regular files alone are taken; their owners, modes and times are not. The files go to ``folder`` +
    ".part", which is renamed when the last one is written; what an interrupted call has left there is deleted.

    Parameters
    ----------
    archive : str or Path
        The file.
    folder : str or Path
        It does not exist yet.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Path
        ``folder``.

    Raises
    ------
    FileExistsError
        The folder is there already.
    ValueError
        The archive is damaged, is no .tar.gz, or holds a link, a device or a path that leads elsewhere. Nothing of it
        is left on the disk.
    OSError
        The disk is full.

    Notes
    -----
    Python's own filter for such archives (PEP 706) is missing in early releases of 3.10 and 3.11.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} is there already. Delete it, or unpack {archive.name} elsewhere.")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _unpack(archive, part, progress=progress)
        part.replace(folder)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{archive} is damaged, or no .tar.gz ({error}); it has {archive.stat().st_size:,} bytes. Delete it, and "
            "download it again."
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _unpack(archive: Path, part: Path, *, progress: bool) -> None:
    from tqdm.auto import tqdm

    size = archive.stat().st_size
    with (
        archive.open("rb") as raw,
        tarfile.open(fileobj=raw, mode="r:gz") as tar,
        tqdm(total=size, desc="unpacking", unit="B", unit_scale=True, disable=not progress, delay=1) as bar,
    ):
        while (member := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # else a hundred thousand of them stay in memory
            target = _find_place(part, member, archive)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(tar, member, target)
            bar.update(raw.tell() - bar.n)
        assert tar.fileobj is not None
        while tar.fileobj.read(_BLOCK):  # gzip's checksum stands at the end
            pass


def _find_place(part: Path, member: tarfile.TarInfo, archive: Path) -> Path:
    names = [name for name in member.name.split("/") if name not in ("", ".")]
    leads_out = member.name.startswith("/") or ".." in names or re.search(r"[\\:\0]", member.name)
    if leads_out or not (member.isfile() or member.isdir()) or (member.isfile() and not names):
        kind = "a file" if member.isfile() else "a folder" if member.isdir() else "a link or device"
        raise ValueError(
            f"{archive} holds {kind} {member.name!r}; expected files with paths inside the archive. Nothing was "
            "unpacked: do not trust this archive, and download it from its publisher."
        )
    return part.joinpath(*names)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file, _BLOCK)
