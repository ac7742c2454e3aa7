"""Files of a published data set: which there are, where, and how each is brought when it is first needed."""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tinyml_labs.datasets.downloads import check_disk_space, fetch

_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file as it was published.

    Parameters
    ----------
    url : str
    size_bytes : int or None
        None expects nothing.
    sha256 : str or None
        In hexadecimal digits. None where nobody has published one: then the size alone is checked.
    """

    url: str
    size_bytes: int | None = None
    sha256: str | None = None


def mirror(files: Mapping[str, RemoteFile], url: str | None) -> dict[str, RemoteFile]:
    """Give the same files at another address: a folder that has them by their names; None changes nothing."""
    if url is None:
        return dict(files)
    return {name: replace(remote, url=f"{url.rstrip('/')}/{name}") for name, remote in files.items()}


@dataclass(frozen=True, kw_only=True)
class RemoteFolder:
    """A folder for the files of a data set; each is downloaded when it is first asked for.

    Parameters
    ----------
    folder : Path
        Where the files lie or shall lie.
    files : mapping of str to RemoteFile
        By the names that they have there.
    title : str
        What messages call the data set.
    licence : str
        Said before the first download.
    download : bool
        False never uses the network.
    say : callable
    """

    folder: Path
    files: Mapping[str, RemoteFile]
    title: str
    licence: str
    download: bool
    say: Callable[[str], object]
    _told: set[str] = field(default_factory=set, init=False, repr=False)

    def get(self, name: str) -> Path:
        """Give a file, which is downloaded if it is not there.

        Checksums are compared after a download. Of a file that is there, be it brought by hand, the size is.

        Raises
        ------
        FileNotFoundError
            It is not there, and may not be downloaded.
        DownloadError
            It cannot be fetched; the next call continues.
        ValueError
            It is not the one that was published.
        """
        path, remote = self.folder / name, self.files[name]
        if path.exists():
            size = path.stat().st_size
            if remote.size_bytes not in (None, size):
                raise ValueError(
                    f"{path} is there, but it has {size:,} bytes; expected {remote.size_bytes:,}. Delete it, and "
                    "call again to download it."
                )
            return path
        if not self.download:
            raise FileNotFoundError(
                f"No {name} in {self.folder}, where {self.title} should lie. Load it with download=True, or fetch it "
                f"yourself from {remote.url}"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.licence not in self._told:
            self.say(self.licence)
            self._told.add(self.licence)
        if remote.size_bytes is not None:
            check_disk_space(self.folder, remote.size_bytes, name)
            amount = (
                f"{remote.size_bytes / 1e9:.2f} GB" if remote.size_bytes >= 1e8 else f"{remote.size_bytes:,} bytes"
            )
            self.say(
                f"Downloading {name}, {amount}, to {self.folder}. If it is interrupted, call again: it continues."
            )
        return fetch(remote.url, path, sha256=remote.sha256, size_bytes=remote.size_bytes)


def walk_tar(archive: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Go through the files of a .tar.gz, from its beginning to its end, and unpack nothing.

    Yields
    ------
    name, read : str, callable
        The path in the archive, and what gives the file's content; it may be called until the next file.

    Raises
    ------
    ValueError
        The archive is damaged, or is no .tar.gz.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # else a hundred thousand of them stay in memory
                if member.isfile():
                    yield re.sub(r"^(\./)+", "", member.name), partial(_read_member, tar, member)
            assert tar.fileobj is not None
            while tar.fileobj.read(_BLOCK):  # gzip's checksum stands at the end
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{archive} is damaged, or no .tar.gz ({error}); it has {archive.stat().st_size:,} bytes. Delete it, and "
            "download it again."
        ) from None


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    with file:
        return file.read()
