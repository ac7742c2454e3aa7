"""A folder of clips with a labels.csv, as anybody may bring it."""

import wave

import numpy as np
import pytest

from tinyml_labs.datasets import load_labelled_speech

HEADER = "path,label,word,speaker,source,rate_hz,samples,pcm_md5,licence"
ROWS = [
    "yes/a_1.wav,yes,yes,ann,mine,16000,16000,,CC0",
    "_unknown_/a_2.wav,_unknown_,bed,ann,mine,16000,9000,,CC0",
    "_silence_/1.wav,_silence_,pink_noise,,mine,16000,16000,,CC0",
    '"no/b, 1.wav",no,no,bob,mine,16000,20000,,"CC BY 4.0, by Bob"',
    "_background_noise_/tap.wav,_background_noise_,tap,,mine,16000,40000,,CC0",
]
LENGTHS = {"yes/a_1.wav": 16000, "_unknown_/a_2.wav": 9000, "_silence_/1.wav": 16000, "no/b, 1.wav": 20000,
           "_background_noise_/tap.wav": 40000}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name, length in LENGTHS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(np.arange(1, length + 1).astype("<i2").tobytes())
    write(tmp_path, [HEADER, *ROWS])
    return tmp_path


def write(folder, lines, encoding="utf-8", end="\n"):
    (folder / "labels.csv").write_bytes("".join(line + end for line in lines).encode(encoding))


def test_clips_are_in_the_tables_order_and_a_second_long(folder):
    data = load_labelled_speech(folder)
    assert data.paths == tuple(folder / name for name in list(LENGTHS)[:4])
    assert data.labels == ("yes", "_unknown_", "_silence_", "no")
    assert data.words == ("yes", "bed", "pink_noise", "no")
    assert data.speakers == ("ann", "ann", "", "bob")
    clips = data.read_all()
    assert clips.dtype == np.int16
    assert clips.shape == (4, 16000)
    ramp = np.arange(1, 20001).astype(np.int16)
    assert np.array_equal(clips[0], ramp[:16000])
    assert np.array_equal(clips[1], np.concatenate([np.zeros(3500), ramp[:9000], np.zeros(3500)]))
    assert np.array_equal(clips[3], ramp[2000:18000])
    assert np.array_equal(data.read(1), clips[1])


def test_noise_is_whole_and_no_clip(folder):
    data = load_labelled_speech(folder)
    assert data.noise_paths == (folder / "_background_noise_" / "tap.wav",)
    assert np.array_equal(data.read_noise(0), np.arange(1, 40001).astype(np.int16))
    assert data.silences().shape == (2, 16000)


def test_other_columns_another_order_and_a_spreadsheets_habits_do_not_matter(folder):
    lines = ["label, path ,mood", "yes, yes\\a_1.wav,glad", "no,_unknown_/a_2.wav,glad"]
    write(folder, lines, encoding="utf-8-sig", end="\r\n")
    data = load_labelled_speech(str(folder))
    assert data.paths == (folder / "yes" / "a_1.wav", folder / "_unknown_" / "a_2.wav")
    assert data.words == data.labels == ("yes", "no")
    assert data.speakers == ("", "")
    assert data.silences().shape == (0, 16000)


def test_without_a_table(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"No labels.csv in .* table with the columns path, label, word and sp"
    ):
        load_labelled_speech(tmp_path)


def test_files_that_are_missing_are_counted_and_the_first_is_named(folder):
    (folder / "yes" / "a_1.wav").unlink()
    (folder / "no" / "b, 1.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"lists 5 files, and 2 of them are not there, such as yes/a_1.wav\."):
        load_labelled_speech(folder)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], r"has no column path; it has none\."),
        (["path;label", "a;b"], r"has no column path; it has path;label\."),
        (["file,label", "a,b"], r"has no column path; it has file, label\."),
        (["path,word", "a,b"], r"has no column label; it has path, word\."),
        (["path,label"], "lists no file"),
        (["path,label", "yes/a_1.wav,yes", "yes/a_1.wav,"], "labels.csv, line 3 has no label"),
        (["path,label", ",yes"], "labels.csv, line 2 has no path"),
        (["path,label", "yes/a_1.wav"], "labels.csv, line 2 has no label"),
    ],
)
def test_tables_that_cannot_be_read(folder, lines, problem):
    write(folder, lines)
    with pytest.raises(ValueError, match=problem):
        load_labelled_speech(folder)


def test_a_table_in_another_encoding(folder):
    write(folder, [HEADER, "yes/grün.wav,yes,yes,Jürgen"], encoding="latin-1")
    with pytest.raises(ValueError, match="no table that can be read: .* Save it as CSV, in UTF-8"):
        load_labelled_speech(folder)


def test_a_file_of_another_format_says_so_when_it_is_read(folder):
    (folder / "yes" / "a_1.wav").write_bytes(b"ID3, an MP3")
    data = load_labelled_speech(folder)
    assert data.read(1).any()
    with pytest.raises(ValueError, match=r"a_1\.wav is no WAV file that can be read"):
        data.read(0)


@pytest.mark.slow
def test_the_real_folder_is_read_whole(real_data):
    data = load_labelled_speech(real_data / "speech")
    assert len(data) > 1000
    assert {"yes", "no", "_silence_", "_unknown_"} <= set(data.labels)
    assert sum(len(samples) for samples, _ in data.batches()) == len(data)
    assert len(data.silences()) > 60
