"""One attempt at a download: asks for what is missing, and for the same version of the file."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "TINYML_LABS_DOWNLOADS"
"""Name of the environment variable that says where downloaded data lies, if not in the user's cache folder."""

BLOCK = 1 << 18
"""Bytes that are read at once."""

_PASSING_STATUSES = (408, 425, 429, 500, 502, 503, 504)


class DownloadError(OSError):
    """A file could not be fetched. What has arrived is kept, and the next call continues from there."""


class BrokenOffError(Exception):
    """One attempt failed in a way that another may not; `pause_s` is what the server asks for."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to fetch, and the two files in which it arrives: the bytes, and which version of the file they are of."""

    url: str
    path: Path
    sha256: str | None
    size_bytes: int | None
    timeout_s: float

    @property
    def part(self) -> Path:
        """The bytes that have arrived."""
        return self.path.with_name(self.path.name + ".part")

    @property
    def note(self) -> Path:
        """Of which version of the file they are: ETag, Last-Modified, size."""
        return self.path.with_name(self.path.name + ".part.json")

    def arrived(self) -> int:
        """Count the bytes that have arrived."""
        return self.part.stat().st_size if self.part.exists() else 0

    def discard(self) -> None:
        """Delete what has arrived."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def receive(order: Order, bar: Any) -> bool:
    """Make one attempt; return when the part is complete, and say whether it was continued."""
    offset, headers, facts = _plan(order)
    if offset and offset == facts.get("size"):
        return True
    request = urllib.request.Request(order.url, headers={"User-Agent": "tinyml-labs", **headers})
    try:
        response = urllib.request.urlopen(request, timeout=order.timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and error.headers.get("Content-Range", "").strip() == f"bytes */{offset}":
                return True
            raise _explain_status(order, error) from None
    except (OSError, http.client.HTTPException) as error:
        raise _explain_connection(order, error) from None
    with response:
        start, total = _where_it_begins(order, response, offset, facts)
        _check_offer(order, start, total)
        if not start:
            order.discard()
            order.note.write_text(json.dumps(_facts_of(order.url, response, total)), "utf-8")
        bar.reset(total)
        bar.initial = bar.n = bar.last_print_n = start
        _store(order, response, start, total, bar)
    return start > 0


def _plan(order: Order) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Say where to continue, with which headers, and which version of the file the part is of."""
    offset = order.arrived()
    try:
        facts = json.loads(order.note.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        facts = None
    if not offset or not isinstance(facts, dict) or facts.get("url") != order.url:
        return 0, {}, {}
    etag = facts.get("etag") or ""
    # RFC 9110, 8.8.1: equal weak ETags, W/"...", do not mean equal bytes.
    version = etag if etag.startswith('"') else facts.get("last_modified")
    if not version and order.sha256 is None:
        return 0, {}, {}
    headers = {"Range": f"bytes={offset}-"}
    return offset, headers | ({"If-Range": version} if version else {}), facts


def _facts_of(url: str, response: http.client.HTTPResponse, total: int | None) -> dict[str, Any]:
    headers = response.headers
    return {"url": url, "etag": headers.get("ETag"), "last_modified": headers.get("Last-Modified"), "size": total}


def _where_it_begins(
    order: Order, response: http.client.HTTPResponse, offset: int, facts: dict[str, Any]
) -> tuple[int, int | None]:
    """Read from the answer at which byte it begins, and how large the whole file is."""
    if response.status == 200:  # the whole file: the server does not continue, or has another version
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if response.status != 206 or not offset or not found:
        raise DownloadError(f"{order.url} answered with HTTP status {response.status}; expected 200 and the file.")
    total = int(found[2]) if found[2] != "*" else None
    etag = response.headers.get("ETag")
    other = bool(etag and facts.get("etag") and etag != facts["etag"])
    if other or int(found[1]) != offset or (total and facts.get("size") and total != facts["size"]):
        order.discard()
        raise BrokenOffError("the server continued another version of the file")
    return offset, total


def _check_offer(order: Order, start: int, total: int | None) -> None:
    """Refuse what is too large for the disk, or is not the file, before anything is written."""
    if total is None:
        return
    if order.size_bytes is not None and total != order.size_bytes:
        raise ValueError(
            f"{order.url} offers {total:,} bytes; expected {order.size_bytes:,}. It is another version of the file, "
            "or a page that asks you to log in to the network: open the address in a browser."
        )
    check_disk_space(order.path.parent, total - start, f"The download of {order.path.name}")


def _store(order: Order, response: http.client.HTTPResponse, start: int, total: int | None, bar: Any) -> None:
    position = start
    try:
        with order.part.open("ab" if start else "wb") as file:
            for block in _blocks(response):
                file.write(block)
                position += len(block)
                bar.update(len(block))
    except OSError as error:
        raise DownloadError(
            f"{order.part} cannot be written: {error.strerror or error}. What has arrived is kept: call again to "
            "continue."
        ) from None
    if total is not None and position < total:  # read1 does not say that bytes are missing
        raise BrokenOffError(f"the connection ended after {position:,} of {total:,} bytes")


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            block = response.read1(BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise BrokenOffError(f"it broke off ({_name_cause(error)})") from None
        if not block:
            return
        yield block


def _explain_status(order: Order, error: urllib.error.HTTPError) -> Exception:
    if error.code == 416:
        order.discard()
        return BrokenOffError("the file on the server is shorter than what has arrived")
    if error.code in _PASSING_STATUSES:
        asked = error.headers.get("Retry-After", "")
        return BrokenOffError(
            f"HTTP status {error.code}, {error.reason}", pause_s=float(asked) if asked.isdigit() else 0.0
        )
    return DownloadError(
        f"{order.url} answered with HTTP status {error.code}, {error.reason}. Open the address in a browser: was the "
        f"file moved? Fetch it elsewhere and put it where it shall lie: {order.path}."
    )


def _explain_connection(order: Order, error: Exception) -> Exception:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return DownloadError(
            f"The certificate of {order.url} cannot be verified ({cause.verify_message}). Is the computer's clock "
            "right? Does your network ask you to log in? On macOS, run Python's `Install Certificates.command`."
        )
    return BrokenOffError(f"no answer ({_name_cause(cause)})")


def _name_cause(cause: object) -> str:
    if isinstance(cause, TimeoutError):
        return "the server was silent for too long"
    return str(cause) or type(cause).__name__


def check_disk_space(folder: Path, needed_bytes: int, what: str) -> None:
    """Raise DownloadError if ``folder``, which exists, has less room than ``needed_bytes``."""
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise DownloadError(
            f"{what} needs {in_words(needed_bytes)} in {folder}, where {in_words(free)} are free. Make room, or "
            f"choose a folder on another disk (the environment variable {FOLDER_VARIABLE} sets it)."
        )


def in_words(count: int) -> str:
    """Write a number of bytes as a sentence has it."""
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count:,} bytes"
