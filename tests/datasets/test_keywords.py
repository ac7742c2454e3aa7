"""Archives of spoken words: what comes back is what went in, the bytes are always the same, and damage is told."""

import csv
import io
import itertools
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tinyml_labs.datasets.keywords import RATE_HZ, TABLE, SpokenClips, load_keywords, write_keywords
from tinyml_labs.datasets.opus import encode_opus


def tone(hertz: float, samples: int) -> NDArray[np.int16]:
    """A tone that swells and fades, as a syllable does."""
    time = np.arange(samples) / RATE_HZ
    shape = np.sin(np.pi * np.arange(samples) / samples) ** 0.5
    return (12000 * shape * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def make_clips(count: int = 12) -> SpokenClips:
    lengths = np.random.default_rng(3).integers(3000, 14000, count)
    return SpokenClips(
        samples=tuple(tone(300 + 100 * k, int(n)) for k, n in enumerate(lengths)),
        words=tuple(("yes", "no", 'lights, "on"')[k % 3] for k in range(count)),
        voices=tuple(f"en+f{k % 4}" for k in range(count)),
        synthesisers=tuple(("espeak", "flite")[k % 2] for k in range(count)),
        splits=tuple(("train", "validation", "test", "train")[k % 4] for k in range(count)),
    )


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keywords") / "words.zip"
    write_keywords(path, make_clips())
    return path


def test_what_comes_back_is_what_went_in(archive: Path) -> None:
    clips, found = make_clips(), load_keywords(archive)
    assert found.words == clips.words
    assert found.voices == clips.voices
    assert found.synthesisers == clips.synthesisers
    assert found.splits == clips.splits
    for mine, theirs in zip(clips.samples, found.samples, strict=True):
        assert theirs.dtype == np.int16
        assert len(theirs) == len(mine)
        assert not theirs.flags.writeable
        noise = theirs.astype(float) - mine
        assert 10 * np.log10((mine.astype(float) ** 2).mean() / (noise**2).mean()) > 18
        shifts = [np.dot(mine[50:-50].astype(float), theirs[50 + k : len(theirs) - 50 + k]) for k in range(-40, 41)]
        assert int(np.argmax(shifts)) == 40, "the sound begins elsewhere"


@pytest.mark.slow
def test_long_files_do_not_drift() -> None:
    """An impulse each second is still at its place after three minutes."""
    samples = np.zeros(180 * RATE_HZ, np.int16)
    places = np.arange(200, len(samples), RATE_HZ)
    samples[places] = 30000
    found, rate_hz = soundfile.read(io.BytesIO(encode_opus(samples, RATE_HZ)), dtype="int16")
    assert rate_hz == RATE_HZ
    assert len(found) == len(samples)
    peaks = [place - 100 + int(np.argmax(found[place - 100 : place + 100])) for place in places]
    np.testing.assert_array_equal(peaks, places)


def test_the_same_clips_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    write_keywords(tmp_path / "again.zip", make_clips())
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.zip"]


def test_the_archive_is_plain(archive: Path) -> None:
    """Any unzip, spreadsheet and player can open it."""
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        names = file.namelist()
        rows = list(csv.DictReader(io.StringIO(file.read(TABLE).decode())))
        for name in names[1:]:
            sound = soundfile.info(io.BytesIO(file.read(name)))
            assert (sound.samplerate, sound.channels, sound.subtype) == (RATE_HZ, 1, "OPUS")
    assert names[0] == TABLE
    assert set(names[1:]) == {f"{row['synthesiser']}_{row['split']}_0.ogg" for row in rows}
    assert list(rows[0]) == ["word", "voice", "synthesiser", "split", "file", "start", "length"]
    for name in names[1:]:
        mine = [row for row in rows if row["file"] == name]
        for before, after in itertools.pairwise(mine):
            assert int(after["start"]) == int(before["start"]) + int(before["length"]) + RATE_HZ // 10


@pytest.mark.slow
def test_many_clips_go_into_several_files(tmp_path: Path) -> None:
    count = 301
    clips = SpokenClips(
        samples=tuple(tone(200 + 10 * k, 400) for k in range(count)),
        words=("yes",) * count,
        voices=("a",) * count,
        synthesisers=("espeak",) * count,
        splits=("train",) * count,
    )
    write_keywords(tmp_path / "many.zip", clips)
    with zipfile.ZipFile(tmp_path / "many.zip") as file:
        assert file.namelist() == [TABLE, "espeak_train_0.ogg", "espeak_train_1.ogg"]
    found = load_keywords(tmp_path / "many.zip")
    last = np.fft.rfft(found.samples[-1] * np.hanning(400))
    assert np.argmax(abs(last)) * RATE_HZ / 400 == pytest.approx(200 + 10 * 300, abs=40)


def test_it_is_small(archive: Path) -> None:
    """About 30 kbit a second; in three thousand clips of 0.6 s the table and the files' heads weigh little."""
    seconds = load_keywords(archive).seconds + 1.2
    assert archive.stat().st_size < seconds * 5000 + 3000


def test_select() -> None:
    clips = make_clips()
    train = clips.select(split="train")
    assert len(train) == 6
    assert set(train.splits) == {"train"}
    assert set(clips.select(words="yes").words) == {"yes"}
    few = clips.select(split="train", words=["yes", "no"], synthesiser="espeak")
    expected = [
        k
        for k in range(len(clips))
        if clips.splits[k] == "train" and clips.words[k] in ("yes", "no") and clips.synthesisers[k] == "espeak"
    ]
    assert [id(samples) for samples in few.samples] == [id(clips.samples[k]) for k in expected]
    with pytest.raises(ValueError, match="no word 'maybe'; there are "):
        clips.select(words=["yes", "maybe"])
    with pytest.raises(ValueError, match="no split 'validate'; there are test, train, validation"):
        clips.select(split="validate")
    with pytest.raises(ValueError, match="no synthesiser 'kokoro'; there are espeak, flite"):
        clips.select(synthesiser="kokoro")
    assert len(train.select(words=[])) == 0


def test_the_table_and_the_line() -> None:
    clips = make_clips()
    table = clips.table()
    assert list(table.columns) == ["word", "voice", "synthesiser", "split", "seconds"]
    assert len(table) == len(clips)
    assert table.seconds.sum() == pytest.approx(clips.seconds)
    assert str(clips).startswith("12 clips, 0.1 minutes at 16 kHz: 3 words by 4 voices")


def test_clips_that_do_not_fit_together() -> None:
    one = {"words": ("yes",), "voices": ("a",), "synthesisers": ("espeak",), "splits": ("train",)}
    with pytest.raises(ValueError, match="lengths 0, 1, 1, 1, 1, expected one length"):
        SpokenClips(samples=(), **one)
    with pytest.raises(ValueError, match=r"Clip 0, 'yes', is float64 of shape \(5,\), expected int16"):
        SpokenClips(samples=(np.zeros(5),), **one)
    with pytest.raises(ValueError, match="expected int16"):
        SpokenClips(samples=(np.zeros(0, np.int16),), **one)
    with pytest.raises(ValueError, match="no split 'val'; there are train, validation, test"):
        SpokenClips(samples=(tone(440, 50),), **one | {"splits": ("val",)})


def test_a_voice_in_two_splits_is_refused(tmp_path: Path) -> None:
    clips = SpokenClips(
        samples=(tone(440, 500),) * 2,
        words=("yes", "no"),
        voices=("slt", "slt"),
        synthesisers=("flite", "flite"),
        splits=("train", "test"),
    )
    with pytest.raises(ValueError, match="voice slt of flite is in two splits, train and test"):
        write_keywords(tmp_path / "x.zip", clips)
    with pytest.raises(ValueError, match="no clips to write"):
        write_keywords(tmp_path / "x.zip", clips.select(words=[]))
    assert not list(tmp_path.iterdir())


def edit(archive: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(archive) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return target


def replace_in_table(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        assert old.encode() in members[TABLE]
        members[TABLE] = members[TABLE].replace(old.encode(), new.encode(), 1)

    return change


def first_sound(members: dict[str, bytes]) -> str:
    return next(name for name in members if name.endswith(".ogg"))


def set_sound(content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({first_sound(members): content})


def wave(rate_hz: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(440, 500), rate_hz, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda members: members.pop(TABLE), r"is no archive of spoken words: expected clips\.csv .*make-keywords"),
        (
            lambda members: members.pop(first_sound(members)),
            r"is incomplete: clips\.csv names espeak_test_0\.ogg, which is not in it",
        ),
        (replace_in_table("voice,synth", "who,synth"), "lacks the columns voice; it has word, who, synthesiser"),
        (replace_in_table(",train,", ",training,"), r"Row 2 .* has the split 'training', expected train, val"),
        (replace_in_table(".ogg,0,", ".ogg,-1,"), r"Row 2 .* begins at '-1'"),
        (replace_in_table(".ogg,0,", ".ogg,9999999,"), r"'yes' by en\+f0 ends at sample 10,\d+,\d+ of .* incomplete"),
        (lambda members: members.update({TABLE: b"\xff\xfe"}), "is no table of clips"),
        (lambda members: members.update({TABLE: members[TABLE] + b"yes,a\n"}), "Row 14 .* is short"),
        (set_sound(b"OggS and no more"), "is no sound file that can be read"),
        (set_sound(encode_opus(tone(440, 48000), 48000)), "is at 48,000 Hz, expected 16,000 Hz"),
        (set_sound(wave(16000)), "is WAV/PCM_16 with 1 channels, expected OGG/OPUS with 1 channel"),
    ],
)
def test_archives_that_are_none(
    archive: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        load_keywords(edit(archive, tmp_path / "other.zip", change))


def test_damage_is_found_wherever_it_is(archive: Path, tmp_path: Path) -> None:
    """A byte changed, or the end lost: an error, or (in a zip's fields that nobody reads) the same clips."""
    content = archive.read_bytes()
    expected = load_keywords(archive)
    random = np.random.default_rng(0)
    messages = []
    for place in random.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[place] ^= int(random.integers(1, 256))
        (tmp_path / "damaged.zip").write_bytes(damaged)
        try:
            found = load_keywords(tmp_path / "damaged.zip")
        except ValueError as error:
            messages.append(str(error))
        else:
            assert all(np.array_equal(a, b) for a, b in zip(found.samples, expected.samples, strict=True))
    assert len(messages) > 50
    assert all("damaged.zip" in message for message in messages)
    for end in (0, 1, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "short.zip").write_bytes(content[:end])
        with pytest.raises(ValueError, match="is damaged, or no zip archive"):
            load_keywords(tmp_path / "short.zip")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_keywords(tmp_path / "none.zip")
