"""Wake Vision, from small files in the layout of the real ones, served on this machine."""

import contextlib
import functools
import hashlib
import subprocess
import sys

import numpy as np
import pytest
from picture_files import decode, encode, make_picture, pack_tar
from range_server import Offer, serve

from tinyml_labs.datasets import load_wake_vision
from tinyml_labs.datasets.downloads import DownloadError
from tinyml_labs.datasets.remote_files import RemoteFile
from tinyml_labs.datasets.wake_vision import FILES, LICENCE
from tinyml_labs.features import ImageSettings, image_input

WHOLE = ImageSettings(crop="whole")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def name(number):
    return f"{number}_7e2adb7c1f_o.jpg"


def picture(number):
    return encode(make_picture(number, 64 + number % 7, 48), "JPEG")


def archive(numbers):
    return pack_tar({f"./{name(number)}": picture(number) for number in numbers} | {"./README": b"Words."})


FIRST, SECOND, BROUGHT = "wake_vision_train_9270344.tar.gz", "wake_vision_train_9270359.tar.gz", (61, 62)
CONTENTS = {
    "wake_vision_validation.csv": (
        "filename,person,depiction,near,dark\n"
        f"{name(1)},1,0,1,0\n{name(2)},0,0,0,1\n{name(3)},1,0,0,0\n{name(4)},0,1,0,-1\n{name(5)},-1,-1,-1,-1\n"
        f"{name(6)},0,0,0,0\n{name(999)},1,0,1,0\n"
    ).encode(),
    "wake_vision_validation.tar.gz": archive([4, 3, 7, 1, 5, 2, 6]),  # 7 is not listed, 999 is not there
    "wake_vision_train_quality.csv": "".join(
        ["filename,person\n", *(f"{name(k)},{k % 2}\n" for k in (40, 41, 50, 51, 52, *BROUGHT))]
    ).encode(),
    FIRST: archive([41, 40, 44]),
    SECOND: archive([50, 51, 52]),
}


@pytest.fixture
def servers():
    with contextlib.ExitStack() as stack:
        yield {file: stack.enter_context(serve(Offer(content), file)) for file, content in CONTENTS.items()}


def loader(servers, say=lambda _: None, **changes):
    files = {
        file: RemoteFile(
            url=offer.url, size_bytes=len(offer.content), sha256=hashlib.sha256(offer.content).hexdigest()
        )
        for file, offer in servers.items()
    }
    return functools.partial(load_wake_vision, files=files | changes, say=say)


def test_a_split_is_fetched_once(servers, tmp_path):
    said = []
    load = loader(servers, said.append)
    data = load(tmp_path)
    assert data.table["filename"].tolist() == [name(k) for k in (1, 2, 3, 4, 6)]
    assert data.labels.tolist() == [1, 0, 1, 0, 0]
    assert data.names == ("no_person", "person")
    assert data.table["near"].tolist() == [1, 0, 0, 0, 0]
    assert np.isnan(data.table["dark"]).tolist() == [False, False, False, True, False]
    assert len(set(data.groups)) == 5
    for image, number in zip(data.images, (1, 2, 3, 4, 6), strict=True):
        assert np.array_equal(image, image_input(decode(picture(number)), WHOLE)[0])
    assert np.array_equal(load(tmp_path, limit=None).images, data.images)
    assert sum(len(offer.requests) for offer in servers.values()) == 2
    assert said[0] == LICENCE
    assert "CC BY 4.0" in said[0]
    assert "1 photographs have no label, and are left out." in said


def test_a_limit_takes_the_same_few_of_each_class(servers, tmp_path):
    load = loader(servers)
    few = load(tmp_path, limit=1)
    assert sorted(few.labels.tolist()) == [0, 1]
    assert load(tmp_path, limit=1).groups.tolist() == few.groups.tolist()
    assert load(tmp_path, limit=2).labels.sum() == 2


def test_to_train_a_few_archives_are_enough(servers, tmp_path):
    load = functools.partial(loader(servers), split="train_quality")
    assert load(tmp_path).groups.tolist() == [name(40), name(41)]
    assert not servers[SECOND].requests
    data = load(tmp_path, archives=2)
    assert data.groups.tolist() == [name(k) for k in (40, 41, 50, 51, 52)]
    assert data.labels.tolist() == [0, 1, 0, 1, 0]
    assert "near" not in data.table
    (tmp_path / "wake_vision_train_123.tar.gz").write_bytes(archive(BROUGHT))
    assert load(tmp_path).groups.tolist() == [name(k) for k in BROUGHT]
    assert len(load(tmp_path, archives=3)) == 7
    with pytest.raises(ValueError, match=r"archives is 4; 2 are known here, and 1 more lie in .*1HOPXC"):
        load(tmp_path, archives=4)


def test_settings_are_kept(servers, tmp_path):
    square = ImageSettings(width=32, height=24)
    data = loader(servers)(tmp_path, size=square)
    assert np.array_equal(data.images[0], image_input(decode(picture(1)), square)[0])


def test_a_download_that_breaks_off_continues_in_the_next_call(servers, tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    archive_offer = servers["wake_vision_validation.tar.gz"]
    archive_offer.breaks = [700] + [0] * 8
    with pytest.raises(DownloadError, match="call again to continue"):
        loader(servers)(tmp_path)
    archive_offer.breaks = []
    assert len(loader(servers)(tmp_path)) == 5
    assert archive_offer.requests[-1]["Range"] == "bytes=700-"


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("wake_vision_validation.csv", b"name,person\n", "has no column filename, but name, person"),
        (
            "wake_vision_validation.csv",
            f"filename,person\n{name(1)},yes\n".encode(),
            "no table of Wake Vision's: 'yes'",
        ),
        ("wake_vision_validation.csv", f"filename,person\n{name(1)}\n".encode(), "is no table of Wake Vision's"),
        ("wake_vision_validation.csv", f"filename,person\n{name(77)},1\n".encode(), "lists no photograph of"),
        ("wake_vision_validation.tar.gz", b"", "is damaged, or no .tar.gz"),
        (
            "wake_vision_validation.tar.gz",
            CONTENTS["wake_vision_validation.tar.gz"][:-30],
            "is damaged, or no .tar.gz",
        ),
        ("wake_vision_validation.tar.gz", pack_tar({name(1): b"no picture"}), f"{name(1)} in .* is no picture"),
    ],
)
def test_damage_is_told(servers, tmp_path, file, content, problem):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=problem):
        loader(servers, **{file: RemoteFile(url="http://127.0.0.1/")})(tmp_path)


def test_what_is_not_the_published_file_is_refused(servers, tmp_path):
    for file in ("wake_vision_validation.csv", "wake_vision_validation.tar.gz"):
        real = FILES[file]
        with pytest.raises(ValueError, match=f"expected {real.size_bytes:,}"):
            loader(servers, **{file: RemoteFile(url=servers[file].url, size_bytes=real.size_bytes)})(tmp_path)
        with pytest.raises(ValueError, match=f"expected {real.sha256[:16]}"):
            loader(servers, **{file: RemoteFile(url=servers[file].url, sha256=real.sha256)})(tmp_path)


def test_names_that_there_are_not(tmp_path):
    with pytest.raises(ValueError, match="no split 'train'; there are train_quality, train_large, validation, test"):
        load_wake_vision(tmp_path, split="train")
    with pytest.raises(ValueError, match="limit is 0; expected 1 at least"):
        load_wake_vision(tmp_path, limit=0)
    with pytest.raises(FileNotFoundError, match=r"No wake_vision_test.csv in .*dataverse.harvard.edu"):
        load_wake_vision(tmp_path / "nothing", split="test", download=False)


def test_every_file_that_is_known_has_its_checksum():
    for file, remote in FILES.items():
        assert remote.size_bytes > 1_000_000
        assert len(bytes.fromhex(remote.sha256)) == 32
        number = remote.url.removeprefix("https://dataverse.harvard.edu/api/access/datafile/").partition("?")[0]
        assert number.isdecimal()
        assert "train_9" not in file or number in file
    assert len({remote.url for remote in FILES.values()}) == len({remote.sha256 for remote in FILES.values()}) == 12


@pytest.mark.slow
def test_the_command_shows_the_licence_and_refuses_other_files(servers, tmp_path):
    mirror = servers["wake_vision_validation.csv"].url.rpartition("/")[0]
    command = [sys.executable, "-m", "tinyml_labs.cli", "fetch", "wake-vision", "--folder", tmp_path, "--url", mirror]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert LICENCE in done.stderr
    assert "expected 1,246,387" in done.stderr
