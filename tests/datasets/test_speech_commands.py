"""Speech Commands, from a small archive in the same layout that a real server offers, to int16 samples."""

import functools
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import wave

import numpy as np
import pytest
from range_server import Offer, serve

from tinyml_labs.datasets import download_attempt, downloads, load_speech_commands
from tinyml_labs.datasets.archives import unpack_tar
from tinyml_labs.datasets.downloads import DownloadError
from tinyml_labs.datasets.speech_commands import LICENCE, SHA256
from tinyml_labs.datasets.speech_files import fit_second, read_wav

NAME = "speech_commands_v0.02"
# Two people, and what is in which list. The samples of a clip all have the value of its place in this table.
CLIPS = [
    ("no/0a7c2a8d_nohash_0.wav", 16000, "train"),
    ("no/b06c19b0_nohash_0.wav", 16000, "test"),
    ("yes/0a7c2a8d_nohash_0.wav", 12001, "train"),
    ("yes/0a7c2a8d_nohash_1.wav", 16000, "train"),
    ("yes/37dca74f_nohash_0.wav", 16000, "validation"),
    ("yes/b06c19b0_nohash_3.wav", 16000, "test"),
]
NOISE = np.arange(16000 * 10 + 500).astype(np.int16)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def wav(samples, rate=16000, channels=1, width=2):
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()


def make_files():
    """The real archive's members: `./`, folders of words, lists, a licence, a README beside the noise."""
    files = {
        f"./{name}": wav(np.full(length, index, np.int16)) for index, (name, length, _) in enumerate(CLIPS, start=1)
    }
    for split, listing in (("validation", "validation_list.txt"), ("test", "testing_list.txt")):
        files[f"./{listing}"] = "".join(f"{name}\n" for name, _, where in CLIPS if where == split).encode()
    files["./_background_noise_/white_noise.wav"] = wav(NOISE)
    files["./_background_noise_/README.md"] = files["./LICENSE"] = files["./README.md"] = b"Some words.\n"
    files["./yes/._0a7c2a8d_nohash_0.wav"] = b"what a Mac writes beside a file"
    return files


def pack(files, *, extra=()):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for folder in (".", "./yes", "./no", "./_background_noise_"):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for member, data in extra:
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


ARCHIVE = pack(make_files())


@pytest.fixture
def server():
    with serve(Offer(ARCHIVE), f"{NAME}.tar.gz") as offer:
        yield offer


def loader(offer, **changes):
    expected = {"sha256": hashlib.sha256(ARCHIVE).hexdigest(), "size_bytes": len(ARCHIVE), "say": lambda _: None}
    return functools.partial(load_speech_commands, url=offer.url, **{**expected, **changes})


@pytest.fixture
def unpacked(tmp_path):
    for name, data in make_files().items():
        path = tmp_path / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / NAME


def test_it_is_fetched_once_and_split_as_its_publisher_says(server, tmp_path):
    said = []
    load = loader(server, say=said.append)
    for split in ("train", "validation", "test"):
        data = load(tmp_path, split=split)
        expected = [(name, length, at) for at, (name, length, where) in enumerate(CLIPS, start=1) if where == split]
        assert [path.relative_to(data.folder).as_posix() for path in data.paths] == [name for name, *_ in expected]
        assert data.labels == data.words == tuple(name.split("/")[0] for name, *_ in expected)
        assert data.speakers == tuple(re.split("[/_]", name)[1] for name, *_ in expected)
        samples = data.read_all()
        assert samples.dtype == np.int16
        assert samples.shape == (len(expected), 16000)
        for clip, (_, length, value) in zip(samples, expected, strict=True):
            assert (clip == value).sum() == length
    assert len(server.requests) == 1
    assert said[0] == LICENCE
    assert "CC BY 4.0" in said[0]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]  # the archive that was downloaded is gone
    assert data.folder == tmp_path / NAME


def test_words_are_chosen_and_unknown_ones_refused(unpacked):
    data = load_speech_commands(unpacked, words=["yes"])
    assert [path.name for path in data.paths] == ["0a7c2a8d_nohash_0.wav", "0a7c2a8d_nohash_1.wav"]
    with pytest.raises(ValueError, match=r"no word 'jes' in .*; there are no, yes\."):
        load_speech_commands(unpacked, words=["jes", "no"])
    with pytest.raises(ValueError, match=r"words is 'yes'; expected a list of them, such as \['yes'\]"):
        load_speech_commands(unpacked, words="yes")
    with pytest.raises(ValueError, match="no split 'testing'; there are train, validation, test"):
        load_speech_commands(unpacked, split="testing")


def test_a_short_clip_stays_in_the_middle(unpacked):
    clip = load_speech_commands(unpacked, words=["yes"]).read(0)
    assert (np.flatnonzero(clip)[[0, -1]] == (1999, 13999)).all()  # 12,001 samples: 1,999 before them, 2,000 after
    long = np.arange(16005).astype(np.int16)
    assert np.array_equal(fit_second(long), long[2:16002])
    assert np.array_equal(fit_second(long[:16000]), long[:16000])
    assert not fit_second(long[:0]).any()


def test_noise_is_cut_into_seconds_that_no_two_splits_share(unpacked):
    seconds = {
        split: load_speech_commands(unpacked, split=split).silences() for split in ("train", "validation", "test")
    }
    assert {split: found.shape for split, found in seconds.items()} == {
        "train": (8, 16000),
        "validation": (1, 16000),
        "test": (1, 16000),
    }
    assert np.array_equal(seconds["train"].ravel(), NOISE[: 8 * 16000])
    assert np.array_equal(seconds["validation"][0], NOISE[128400:144400])
    assert np.array_equal(seconds["test"][0], NOISE[144450:160450])
    assert np.array_equal(load_speech_commands(unpacked).read_noise(0), NOISE)


def test_batches_are_the_same_clips_a_few_at_a_time(unpacked):
    data = load_speech_commands(unpacked)
    batches = list(data.batches(2))
    assert [samples.shape for samples, _ in batches] == [(2, 16000), (1, 16000)]
    assert np.array_equal(np.concatenate([samples for samples, _ in batches]), data.read_all())
    assert sum((labels for _, labels in batches), ()) == data.labels
    with pytest.raises(ValueError, match="one at least"):
        next(data.batches(0))


def test_selected_clips_keep_what_belongs_to_them(unpacked):
    data = load_speech_commands(unpacked, split="test")
    assert data.select(words=["yes"], speakers=["b06c19b0"]).paths == data.paths[1:]
    assert len(data.select(labels=[])) == 0
    assert len(data.select(labels=[]).read_all()) == 0
    with pytest.raises(ValueError, match=r"no speaker 'me'; there are b06c19b0\."):
        data.select(speakers=["me"])
    with pytest.raises(ValueError, match="expected a list"):
        data.select(words="yes")
    assert str(data).startswith("2 clips of 2 words, 1 speakers, 1 recordings of noise in ")


@pytest.mark.parametrize("below", ["", NAME, f"SpeechCommands/{NAME}"])
def test_data_that_are_there_are_found_without_the_network(unpacked, tmp_path, below, monkeypatch):
    place = tmp_path / "other" / below
    place.parent.mkdir(parents=True, exist_ok=True)
    unpacked.rename(place)
    assert len(load_speech_commands(tmp_path / "other", download=False)) == 3
    monkeypatch.setenv("TINYML_LABS_DOWNLOADS", str(tmp_path / "other"))
    assert load_speech_commands(download=False).folder == place


def test_an_archive_that_was_brought_is_checked_unpacked_and_kept(server, tmp_path):
    archive = tmp_path / f"{NAME}.tar.gz"
    archive.write_bytes(ARCHIVE)
    assert len(loader(server)(tmp_path, download=False)) == 3
    assert archive.exists()
    assert server.requests == []


def test_without_data_and_without_leave_to_download(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"No Speech Commands in .*tinyml-labs fetch speech-commands.*TINYML_LABS_D"
    ):
        load_speech_commands(tmp_path / "nothing", download=False)
    assert not (tmp_path / "nothing").exists()


def test_a_download_that_breaks_off_continues_in_the_next_call(server, tmp_path):
    server.breaks = [1000]
    with pytest.raises(DownloadError, match="call again to continue"):
        downloads.fetch(server.url, tmp_path / f"{NAME}.tar.gz", attempts=1, progress=False)
    assert len(loader(server)(tmp_path)) == 3
    assert server.requests[-1]["Range"] == "bytes=1000-"


def test_another_file_at_the_address_is_refused(server, tmp_path):
    with pytest.raises(ValueError, match=r"offers [\d,]+ bytes; expected 2,428,923,189"):
        load_speech_commands(tmp_path, url=server.url, say=lambda _: None)
    with pytest.raises(ValueError, match=f"expected {SHA256[:16]}"):
        load_speech_commands(tmp_path, url=server.url, size_bytes=None, say=lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_archive_that_was_brought(server, tmp_path):
    archive = tmp_path / f"{NAME}.tar.gz"
    archive.write_bytes(ARCHIVE[:-1] + bytes([ARCHIVE[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"is there, but its SHA-256 is .* Delete it, and call again to download it"):
        loader(server)(tmp_path)


def test_the_room_for_archive_and_clips_is_checked_first(server, tmp_path, monkeypatch):
    usage = download_attempt.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download_attempt.shutil, "disk_usage", lambda _: usage._replace(free=3_000_000_000))
    with pytest.raises(DownloadError, match=r"archive and unpacked, needs 5\.83 GB in .*, where 3\.00 GB are free"):
        load_speech_commands(tmp_path, say=lambda _: None)


@pytest.mark.parametrize("cut", [1, 100, 5000, len(ARCHIVE) - 5])
def test_a_cut_archive_is_damaged_and_leaves_nothing(tmp_path, cut):
    archive = tmp_path / "cut.tar.gz"
    archive.write_bytes(ARCHIVE[:-cut])
    with pytest.raises(ValueError, match="is damaged, or no .tar.gz"):
        unpack_tar(archive, tmp_path / "there", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["cut.tar.gz"]


@pytest.mark.parametrize("at", [2, 20, 300, len(ARCHIVE) // 2, len(ARCHIVE) - 6])
def test_a_flipped_byte_is_never_unpacked(tmp_path, at):
    archive = tmp_path / "flipped.tar.gz"
    archive.write_bytes(ARCHIVE[:at] + bytes([ARCHIVE[at] ^ 0x5A]) + ARCHIVE[at + 1 :])
    with pytest.raises(ValueError):
        unpack_tar(archive, tmp_path / "there", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["flipped.tar.gz"]


def linked(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../escaped.txt"),
        tarfile.TarInfo("yes/../../escaped.txt"),
        tarfile.TarInfo("/tmp/escaped.txt"),
        tarfile.TarInfo("C:/escaped.txt"),
        tarfile.TarInfo("..\\escaped.txt"),
        linked("yes/link", "../.."),
        linked("yes/link", "/etc/passwd", tarfile.LNKTYPE),
        linked("pipe", "", tarfile.FIFOTYPE),
        linked("disk", "", tarfile.BLKTYPE),
    ],
    ids=lambda member: f"{member.name} {member.linkname}",
)
def test_an_archive_that_leads_elsewhere_is_refused(tmp_path, member):
    archive = tmp_path / "folder" / "evil.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(pack(make_files(), extra=[(member, b"")]))
    with pytest.raises(ValueError, match="expected files with paths inside the archive. Nothing was unpacked"):
        unpack_tar(archive, tmp_path / "folder" / "there", progress=False)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["evil.tar.gz"]


def test_unpacking_never_writes_into_what_is_there(tmp_path):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(ARCHIVE)
    (tmp_path / "there").mkdir()
    with pytest.raises(FileExistsError, match="is there already"):
        unpack_tar(archive, tmp_path / "there")
    (tmp_path / "new.part").mkdir()
    (tmp_path / "new.part" / "left by a killed process").touch()
    unpack_tar(archive, tmp_path / "new", progress=False)
    names = {
        path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*") if path.is_file()
    }
    assert names == {name.removeprefix("./") for name in make_files()}
    if os.name == "posix":  # as Python's own unpacking, PEP 706
        with tarfile.open(archive) as tar:
            tar.extractall(tmp_path / "by Python", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        for name in names:
            assert (tmp_path / "new" / name).read_bytes() == (tmp_path / "by Python" / name).read_bytes()


def test_an_archive_of_something_else(server, tmp_path):
    server.content = pack({"./README.md": b"Other data."})
    with pytest.raises(ValueError, match=r"has no validation_list.txt; expected the archive of Speech Commands"):
        loader(server, sha256=None, size_bytes=None)(tmp_path)
    assert not (tmp_path / NAME).exists()


def test_a_folder_that_lacks_files(unpacked):
    (unpacked / "yes" / "37dca74f_nohash_0.wav").unlink()
    with pytest.raises(
        ValueError, match=r"validation_list.txt names 1 files, and 1 .*such as yes/37dca74f_nohash_0.wav"
    ):
        load_speech_commands(unpacked)
    (unpacked / "testing_list.txt").unlink()
    with pytest.raises(
        ValueError, match="is not whole: it lacks validation_list.txt or testing_list.txt. Delete the f"
    ):
        load_speech_commands(unpacked.parent, download=False)


def test_a_clip_without_a_speaker_is_refused(unpacked):
    (unpacked / "yes" / "me.wav").write_bytes(b"")
    with pytest.raises(ValueError, match=r"me.wav is not named as .*SPEAKER_nohash_NUMBER.wav"):
        load_speech_commands(unpacked)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no WAV file that can be read: it is cut short"),
        (b"RIFF, or rather not", "is no WAV file that can be read"),
        (wav(np.ones(50, np.int16))[:-20], "is cut short: it has 40 of 50 samples"),
        (
            wav(np.ones(50, np.int16), rate=44100),
            "has 1 channels of 16 bits at 44100 Hz; expected 1 of 16 bits at 16000 Hz. Convert it: ffmpeg",
        ),
        (wav(np.ones(50, np.int16), channels=2), "has 2 channels of 16 bits"),
        (wav(np.ones(50, np.int16), width=1), "has 1 channels of 8 bits"),
    ],
)
def test_a_wav_file_that_cannot_be_read_names_itself(tmp_path, content, problem):
    (tmp_path / "clip.wav").write_bytes(content)
    with pytest.raises(ValueError, match=f"clip.wav {problem}"):
        read_wav(tmp_path / "clip.wav")


@pytest.mark.slow
def test_the_command_finds_data_and_says_what_there_is(unpacked, tmp_path, server):
    command = [sys.executable, "-m", "tinyml_labs.cli", "fetch", "speech-commands", "--folder"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"{unpacked}\n"
    assert "train: 3 clips of 2 words, 1 speakers" in done.stderr
    done = subprocess.run(
        [*command, tmp_path / "new", "--url", server.url], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert LICENCE in done.stderr
    assert re.search(r"tinyml-labs fetch: http://127.0.0.1:\d+/.* offers [\d,]+ bytes; expected", done.stderr)
