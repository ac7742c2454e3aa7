"""Fetch a big file of somebody else's: continued where it broke off, and checked before it gets its name."""

from __future__ import annotations

import hashlib
import os
import re
import time
from pathlib import Path
from typing import Any

from tinyml_labs.datasets.download_attempt import (
    BLOCK,
    FOLDER_VARIABLE,
    BrokenOffError,
    DownloadError,
    Order,
    check_disk_space,
    in_words,
    receive,
)

__all__ = ["FOLDER_VARIABLE", "DownloadError", "check_disk_space", "download_folder", "fetch"]

_WORTHWHILE = 1 << 20
_LONGEST_PAUSE_S = 60.0


def download_folder() -> Path:
    """Say where downloaded data lies: where `TINYML_LABS_DOWNLOADS` says, or in the user's cache folder.

    Returns
    -------
    Path
        On Linux `~/.cache/tinyml-labs`, on macOS `~/Library/Caches/tinyml-labs`, on Windows
        `%LOCALAPPDATA%\\tinyml-labs\\Cache`. It may not exist yet.
    """
    told = os.environ.get(FOLDER_VARIABLE)
    if told:
        return Path(told).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("tinyml-labs", appauthor=False)


def fetch(
    url: str,
    path: str | Path,
    *,
    sha256: str | None = None,
    size_bytes: int | None = None,
    timeout_s: float = 30.0,
    attempts: int = 5,
    pause_s: float = 1.0,
    progress: bool = True,
) -> Path:
    """Download a file, unless it is there already, and check it.

    The bytes go to ``path`` + ".part", beside a note of the version that they are of. A download that broke off, in
    this call or in an earlier one, continues there (HTTP's Range), unless the server has another version by now
    (If-Range) or cannot continue: then it begins anew. The file gets its name when it is complete and its checksum
    fits.

    Parameters
    ----------
    url : str
        With http or https.
    path : str or Path
        Where the file shall lie. Its folder is made.
    sha256 : str or None
        Its SHA-256, in hexadecimal digits.
    size_bytes : int or None
        Its size.
    timeout_s : float
        How long the server may be silent, in seconds.
    attempts : int
        How many failures in a row are too many. One after at least 1 MiB has arrived counts as the first.
    pause_s : float
        Seconds before the second attempt; twice as long before each further one, up to a minute.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    DownloadError
        The server cannot be reached, does not have the file, breaks off again and again, or the disk is too small.
    ValueError
        The file, there already or just fetched, is not the expected one. One that was fetched is deleted.

    Notes
    -----
    Requests for ranges are those of RFC 9110, sections 13.1.5 and 14.
    """
    if not re.match(r"https?://", url, re.IGNORECASE):
        raise ValueError(f"{url!r} is no address to download from: it begins with http:// or https://.")
    if attempts < 1:
        raise ValueError(f"attempts is {attempts}; one at least.")
    order = Order(
        url=url,
        path=Path(path),
        sha256=sha256.lower() if sha256 else None,
        size_bytes=size_bytes,
        timeout_s=timeout_s,
    )
    if order.path.exists():
        if problem := _find_problem(order.path, order):
            raise ValueError(f"{order.path} is there, but {problem} Delete it, and call again to download it.")
        return order.path
    order.path.parent.mkdir(parents=True, exist_ok=True)
    from tqdm.auto import tqdm

    with tqdm(total=size_bytes, desc=order.path.name, unit="B", unit_scale=True, disable=not progress) as bar:
        continued = _receive_all(order, attempts, pause_s, bar)
        problem = _find_problem(order.part, order)
        if problem and continued:  # of two versions of the file, perhaps: once more, from its beginning
            order.discard()
            _receive_all(order, attempts, pause_s, bar)
            problem = _find_problem(order.part, order)
    if problem:
        order.discard()
        raise ValueError(
            f"{url} has arrived, but {problem} It was deleted. Call again; if that does not help, the server has "
            "another version of the file, or something between changes it (a proxy, a log-in page)."
        )
    order.part.replace(order.path)
    order.note.unlink(missing_ok=True)
    return order.path


def _find_problem(path: Path, order: Order) -> str:
    """Compare size and checksum: a sentence, or nothing if both fit or are unknown."""
    size = path.stat().st_size
    if order.size_bytes is not None and size != order.size_bytes:
        return f"it has {size:,} bytes; expected {order.size_bytes:,}."
    if order.sha256 is not None:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        if digest.hexdigest() != order.sha256:
            return f"its SHA-256 is {digest.hexdigest()[:16]}...; expected {order.sha256[:16]}...."
    return ""


def _receive_all(order: Order, attempts: int, pause_s: float, bar: Any) -> bool:
    """Fetch until the part is complete; say whether it was continued from what was there."""
    continued = False
    failures = 0
    while True:
        before = order.arrived()
        try:
            return receive(order, bar) or continued
        except BrokenOffError as error:
            arrived = order.arrived()
            continued |= arrived > 0
            failures = 1 if arrived - before >= _WORTHWHILE else failures + 1
            if failures >= attempts:
                kept = f" {in_words(arrived)} have arrived and are kept: call again to continue." if arrived else ""
                raise DownloadError(
                    f"{order.url} could not be downloaded in {failures} attempts: {error}.{kept} Is the network up?"
                ) from None
            pause = min(max(error.pause_s, pause_s * 2 ** (failures - 1)), _LONGEST_PAUSE_S)
            bar.set_postfix_str(f"{error}; again in {pause:.0f} s")
            time.sleep(pause)
            bar.set_postfix_str("")
