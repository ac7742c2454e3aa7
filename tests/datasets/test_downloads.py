"""Downloads from a real server on this machine: broken off, continued, changed, refused."""

import functools
import hashlib
import http.server
import json
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from range_server import Offer, serve

from tinyml_labs.datasets import download_attempt, downloads
from tinyml_labs.datasets.downloads import DownloadError, download_folder

CONTENT = np.random.default_rng(1).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
fetch = functools.partial(downloads.fetch, pause_s=0.01, timeout_s=20, progress=False)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server():
    with serve(Offer(CONTENT)) as offer:
        yield offer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder that is made" / "data.bin"


def ranges(offer):
    return [request.get("Range") for request in offer.requests]


def check_nothing_is_left_beside(path):
    assert [found.name for found in path.parent.iterdir()] == ["data.bin"]


def test_it_arrives_and_is_not_fetched_twice(server, path):
    for _ in range(2):
        assert fetch(server.url, path, sha256=SHA256.upper(), size_bytes=len(CONTENT)) == path
    assert path.read_bytes() == CONTENT
    assert ranges(server) == [None]
    check_nothing_is_left_beside(path)


def test_pythons_own_server_which_has_no_ranges_will_do(tmp_path, path):
    (tmp_path / "data.bin").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}/data.bin"
        fetch(url, path)
        assert path.read_bytes() == CONTENT
        path.rename(path.with_name("data.bin.part"))
        (path.parent / "data.bin.part").write_bytes(CONTENT[:1000])
        fetch(url, path, sha256=SHA256)
        other.shutdown()
    assert path.read_bytes() == CONTENT


def test_it_continues_where_it_broke_off(server, path):
    server.breaks = [1_200_000, 1_000_000]
    fetch(server.url, path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=1200000-", "bytes=2200000-"]
    assert [request.get("If-Range") for request in server.requests] == [None, server.tag, server.tag]
    check_nothing_is_left_beside(path)


def test_a_later_call_continues_too(server, path):
    server.breaks = [1_000_000]
    with pytest.raises(DownloadError, match=r"1 attempts: the connection ended after 1,000,000 of 3,000,000 bytes\."):
        fetch(server.url, path, sha256=SHA256, attempts=1)
    assert not path.exists()
    fetch(server.url, path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert ranges(server)[1:] == ["bytes=1000000-"]


@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_was_written(server, path):
    server.breaks = [1_500_000]
    program = (
        "import sys, os\nfrom tinyml_labs.datasets import download_attempt, downloads\n"
        "real = download_attempt._blocks\n"
        "def blocks(response):\n"
        "    for count, block in enumerate(real(response)):\n"
        "        yield block\n"
        "        if count == 3: os.kill(os.getpid(), 9)\n"
        "download_attempt._blocks = blocks\n"
        f"downloads.fetch({server.url!r}, {str(path)!r})\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == -9
    assert 0 < path.with_name("data.bin.part").stat().st_size < 1_500_000
    server.breaks = []
    fetch(server.url, path)
    assert path.read_bytes() == CONTENT
    assert server.requests[1]["If-Range"] == server.tag


def test_a_server_that_ignores_ranges_sends_it_from_the_beginning(server, path):
    server.breaks, server.ranges = [1_200_000], False
    fetch(server.url, path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=1200000-"]


@pytest.mark.parametrize("heeds_if_range", [True, False])
@pytest.mark.parametrize("length", [3_000_000, 2_500_000])
def test_a_file_that_changed_meanwhile_is_never_mixed(server, path, heeds_if_range, length):
    server.breaks, server.heeds_if_range = [1_000_000], heeds_if_range
    with pytest.raises(DownloadError):
        fetch(server.url, path, attempts=1)
    server.content = np.random.default_rng(2).bytes(length)
    fetch(server.url, path)
    assert path.read_bytes() == server.content


def test_a_file_that_became_shorter_than_what_has_arrived(server, path):
    server.breaks, server.heeds_if_range = [1_000_000], False
    with pytest.raises(DownloadError):
        fetch(server.url, path, attempts=1)
    server.content = CONTENT[:500_000]
    fetch(server.url, path)
    assert path.read_bytes() == server.content
    assert ranges(server) == [None, "bytes=1000000-", None]


def test_without_etag_the_date_is_the_proof(server, path):
    server.breaks, server.etag, server.last_modified = [1_000_000], "weak", "Wed, 11 Apr 2018 19:41:55 GMT"
    fetch(server.url, path)
    assert path.read_bytes() == CONTENT
    assert server.requests[1]["If-Range"] == server.last_modified


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_without_any_proof_it_continues_only_if_a_checksum_decides(server, path, sha256):
    server.breaks, server.etag = [1_000_000], None
    fetch(server.url, path, sha256=sha256)
    assert path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=1000000-" if sha256 else None]


def test_a_mixture_is_found_by_its_checksum_and_fetched_once_more(server, path):
    server.etag, server.breaks = None, [1_000_000]
    real, server.content = server.content, bytes(len(CONTENT))
    with pytest.raises(DownloadError):
        fetch(server.url, path, sha256=SHA256, attempts=1)
    server.content = real
    fetch(server.url, path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=1000000-", None]


def test_bytes_without_a_note_are_not_trusted(server, path):
    path.parent.mkdir()
    path.with_name("data.bin.part").write_bytes(b"of something else")
    path.with_name("data.bin.part.json").write_text("[cut of")
    fetch(server.url, path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("says_length", [True, False])
def test_complete_but_not_renamed_when_the_power_failed(server, path, says_length):
    server.says_length = says_length
    path.parent.mkdir()
    path.with_name("data.bin.part").write_bytes(CONTENT)
    note = {"url": server.url, "etag": server.tag, "size": len(CONTENT) if says_length else None}
    path.with_name("data.bin.part.json").write_text(json.dumps(note))
    fetch(server.url, path, sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert ranges(server) == ([] if says_length else ["bytes=3000000-"])
    check_nothing_is_left_beside(path)


def test_a_server_that_says_no_length(server, path):
    server.says_length = False
    fetch(server.url, path, sha256=SHA256)
    assert path.read_bytes() == CONTENT


def test_a_wrong_checksum_is_an_error_and_leaves_nothing(server, path):
    with pytest.raises(ValueError, match=rf"its SHA-256 is {SHA256[:16]}\.\.\.; expected 0{{16}}.*It was deleted"):
        fetch(server.url, path, sha256="0" * 64)
    assert list(path.parent.iterdir()) == []
    assert len(server.requests) == 1


def test_a_wrong_size_is_refused_before_it_is_loaded(server, path):
    with pytest.raises(ValueError, match=r"offers 3,000,000 bytes; expected 2,428,923,189.*asks you to log in"):
        fetch(server.url, path, size_bytes=2_428_923_189)
    assert list(path.parent.iterdir()) == []


def test_a_file_that_is_there_but_is_another_one(server, path):
    path.parent.mkdir()
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"is there, but it has 4 bytes; expected 3,000,000\. Delete it"):
        fetch(server.url, path, size_bytes=len(CONTENT))
    assert path.read_bytes() == b"mine"
    assert server.requests == []


def test_passing_errors_are_waited_for(server, path):
    server.statuses = [503, 429, 500]
    fetch(server.url, path)
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == 4


def test_a_missing_file_is_not_asked_for_again(server, path):
    server.statuses = [404]
    with pytest.raises(DownloadError, match=r"HTTP status 404, Not Found.*put it where it shall lie: .*data\.bin\."):
        fetch(server.url, path)
    assert len(server.requests) == 1


def test_failures_are_counted_until_enough_arrives(server, path):
    server.breaks = [10] * 9
    with pytest.raises(DownloadError, match=r"in 3 attempts: .* 30 bytes have arrived and are kept: call again"):
        fetch(server.url, path, attempts=3)
    server.breaks = [10, 1_100_000, 10, 1_100_000, 10]  # never two failures in a row
    fetch(server.url, path, attempts=2 + 1)
    assert path.read_bytes() == CONTENT


def test_nobody_answers(path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(DownloadError, match=r"in 2 attempts: no answer \(.*refused.*\)\. Is the network up"):
        fetch(f"http://127.0.0.1:{port}/x", path, attempts=2)


@pytest.mark.parametrize("accepts", [True, False])
def test_a_server_that_falls_silent(path, accepts):
    """Before its answer, or in the middle of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            connection.recv(4096)
            if accepts:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc")
            done.wait(20)
            connection.close()

        done = threading.Event()
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            with pytest.raises(DownloadError, match="the server was silent for too long"):
                fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/x", path, attempts=1, timeout_s=0.2)
        finally:
            done.set()
            thread.join()
    part = path.with_name("data.bin.part")
    assert (part.read_bytes() if part.exists() else b"") == (b"abc" if accepts else b"")


def test_a_certificate_that_nobody_vouches_for_is_not_tried_again():
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate"
    order = download_attempt.Order(url="https://x/y", path=Path("y"), sha256=None, size_bytes=None, timeout_s=1)
    found = download_attempt._explain_connection(order, urllib.error.URLError(cause))
    assert isinstance(found, DownloadError)
    assert "(self-signed certificate). Is the computer's clock right?" in str(found)


def test_a_disk_without_room_is_found_before_anything_is_written(server, path, monkeypatch):
    usage = download_attempt.shutil.disk_usage(path.parent.parent)
    monkeypatch.setattr(download_attempt.shutil, "disk_usage", lambda _: usage._replace(free=2_999_999))
    with pytest.raises(
        DownloadError, match=r"needs 3,000,000 bytes in .*, where 2,999,999 bytes are free\. Make room"
    ):
        fetch(server.url, path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full, a disk without room")
def test_a_disk_that_fills_up_meanwhile(server, path):
    path.parent.mkdir()
    path.with_name("data.bin.part").symlink_to("/dev/full")
    order = download_attempt.Order(url=server.url, path=path, sha256=None, size_bytes=None, timeout_s=5)
    with (
        urllib.request.urlopen(server.url) as response,
        pytest.raises(DownloadError, match=r"cannot be written: No space left on device\. What has arrived is kept"),
    ):
        download_attempt._store(order, response, 0, None, _NoBar())


class _NoBar:
    def update(self, count):
        pass


@pytest.mark.parametrize("url", ["ftp://example.org/x", "data.bin", "file:///etc/passwd"])
def test_other_addresses_are_refused(url, path):
    with pytest.raises(ValueError, match="begins with http:// or https://"):
        fetch(url, path)


def test_the_folder_of_downloads(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYML_LABS_DOWNLOADS", "~/somewhere")
    assert download_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("TINYML_LABS_DOWNLOADS")
    assert "tinyml-labs" in download_folder().parts
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert download_folder() == tmp_path / "tinyml-labs"


def test_the_progress_bar_counts_what_was_there(server, path, capsys):
    server.breaks = [1_000_000]
    fetch(server.url, path, progress=True)
    shown = capsys.readouterr().err
    assert "data.bin" in shown
    assert "3.00M/3.00M" in shown
