"""Spoken words: short clips of people who never existed, in an archive of a few megabytes."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets.bundled import read_checked
from tinyml_labs.datasets.opus import decode_opus, encode_opus
from tinyml_labs.datasets.spoken_clips import RATE_HZ, SPLITS, SpokenClips

__all__ = ["RATE_HZ", "SPLITS", "TABLE", "SpokenClips", "load_keywords", "write_keywords"]

TABLE = "clips.csv"
"""The archive's list: which part of which sound file is which word."""

_COLUMNS = ("word", "voice", "synthesiser", "split", "file", "start", "length")
_PAUSE = RATE_HZ // 10  # between two clips of a file, so that none is heard in the next
_CLIPS_A_FILE = 300  # files are encoded and decoded side by side
_DAMAGE = (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, OverflowError, zlib.error, struct.error)
_MAKE = "`tinyml-labs make-keywords`"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


def load_keywords(path: str | Path | None = None) -> SpokenClips:
    """Load an archive of spoken words.

    Parameters
    ----------
    path : path, optional
        What ``tinyml-labs make-keywords`` or :func:`write_keywords` made. By default the bundled words, made by
        synthesisers; `datasets/keywords/README.md` says how.

    Returns
    -------
    SpokenClips
        The samples are read-only. The sound is compressed: from one kind of processor to another a sample may differ
        by a few units.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The archive is damaged, or is another kind of file.

    Notes
    -----
    Introduced in `notebooks/03_keyword_spotting.ipynb`.
    """
    content = read_checked("keywords", "keywords.zip") if path is None else Path(path).read_bytes()
    name = "keywords.zip" if path is None else str(path)
    members = _read_members(content, name)
    rows = _read_table(members.pop(TABLE), name)
    if absent := sorted({row["file"] for row in rows} - set(members)):
        raise ValueError(
            f"{name} is incomplete: {TABLE} names {absent[0]}, which is not in it. Make it anew with {_MAKE}."
        )
    files = {file: members[file] for file in dict.fromkeys(row["file"] for row in rows)}
    with ThreadPoolExecutor() as threads:
        decoded = threads.map(lambda file: _decode(files[file], f"{file} in {name}"), files)
        sounds = dict(zip(files, decoded, strict=True))
    return SpokenClips(
        samples=tuple(_cut(sounds[row["file"]], row, name) for row in rows),
        words=tuple(row["word"] for row in rows),
        voices=tuple(row["voice"] for row in rows),
        synthesisers=tuple(row["synthesiser"] for row in rows),
        splits=tuple(row["split"] for row in rows),
    )


def _read_members(content: bytes, name: str) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            members = {member: archive.read(member) for member in names} if TABLE in names else {}
    except _DAMAGE as error:
        raise ValueError(
            f"{name} is damaged, or no zip archive ({error}). Copy it again, or make it with {_MAKE}."
        ) from None
    if not members:
        raise ValueError(f"{name} is no archive of spoken words: expected {TABLE} in it. Make one with {_MAKE}.")
    return members


def _read_table(content: bytes, name: str) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8")), strict=True)
        rows: list[dict[str, Any]] = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{TABLE} in {name} is no table of clips: {error}.") from None
    if missing := [column for column in _COLUMNS if column not in (reader.fieldnames or ())]:
        raise ValueError(
            f"{TABLE} in {name} lacks the columns {', '.join(missing)}; it has {', '.join(reader.fieldnames or ())}."
        )
    for number, row in enumerate(rows, start=2):
        if any(row[column] is None for column in _COLUMNS):
            raise ValueError(f"Row {number} of {TABLE} in {name} is short: expected {len(_COLUMNS)} values.")
        if not (row["start"].isdecimal() and row["length"].isdecimal() and int(row["length"])):
            raise ValueError(
                f"Row {number} of {TABLE} in {name} begins at {row['start']!r} and is {row['length']!r} long, "
                "expected whole numbers of samples, and a length of 1 at least."
            )
        if row["split"] not in SPLITS:
            raise ValueError(
                f"Row {number} of {TABLE} in {name} has the split {row['split']!r}, expected {', '.join(SPLITS)}."
            )
    return rows


def _decode(content: bytes, name: str) -> NDArray[np.int16]:
    samples, rate_hz = decode_opus(content, name)
    if rate_hz != RATE_HZ:
        raise ValueError(
            f"{name} is at {rate_hz:,} Hz, expected {RATE_HZ:,} Hz: resample its clips, and write it anew."
        )
    samples.flags.writeable = False
    return samples


def _cut(sound: NDArray[np.int16], row: dict[str, str], name: str) -> NDArray[np.int16]:
    start, length = int(row["start"]), int(row["length"])
    if start + length > len(sound):
        raise ValueError(
            f"{row['word']!r} by {row['voice']} ends at sample {start + length:,} of {row['file']} in {name}, which "
            f"has {len(sound):,}: the archive is incomplete. Make it anew with {_MAKE}."
        )
    return sound[start : start + length]


def write_keywords(path: str | Path, clips: SpokenClips) -> None:
    """Write clips into an archive: a table, and the sound as Ogg Opus, which is an eighth of its size.

    The same clips give the same bytes, on the same kind of machine.

    Parameters
    ----------
    path : path
        The zip to write; written beside it first, and renamed when it is complete.
    clips : SpokenClips
        One at least.

    Raises
    ------
    ValueError
        There are no clips, or one voice of a synthesiser is in two splits: a test on voices that the network has
        heard would promise too much.

    Notes
    -----
    The zip holds ``clips.csv`` (word, voice, synthesiser, split, file, and start and length in samples at 16,000 Hz)
    and for each synthesiser and split files of up to 300 clips, one after the other with 0.1 s of silence between.
    Any player plays them.
    """
    path = Path(path)
    _check_voices(clips)
    groups: dict[tuple[str, str], list[int]] = {}
    for number in range(len(clips)):
        groups.setdefault((clips.synthesisers[number], clips.splits[number]), []).append(number)
    places: dict[int, tuple[str, int]] = {}
    sounds: dict[str, NDArray[np.int16]] = {}
    pause = np.zeros(_PAUSE, np.int16)
    for (synthesiser, split), numbers in sorted(groups.items()):
        for part, begin in enumerate(range(0, len(numbers), _CLIPS_A_FILE)):
            file = f"{synthesiser}_{split}_{part}.ogg"
            pieces: list[NDArray[np.int16]] = []
            at = 0
            for number in numbers[begin : begin + _CLIPS_A_FILE]:
                places[number] = (file, at)
                pieces += [clips.samples[number], pause]
                at += len(clips.samples[number]) + _PAUSE
            sounds[file] = np.concatenate(pieces)
    with ThreadPoolExecutor() as threads:
        encoded = list(threads.map(lambda sound: encode_opus(sound, RATE_HZ), sounds.values()))
    unfinished = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
        for file, content in ((TABLE, _make_table(clips, places)), *zip(sounds, encoded, strict=True)):
            entry = zipfile.ZipInfo(file, _DATE)
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    unfinished.replace(path)


def _check_voices(clips: SpokenClips) -> None:
    if not len(clips):
        raise ValueError("There are no clips to write, expected one at least.")
    home: dict[tuple[str, str], str] = {}
    for synthesiser, voice, split in zip(clips.synthesisers, clips.voices, clips.splits, strict=True):
        other = home.setdefault((synthesiser, voice), split)
        if other != split:
            raise ValueError(
                f"The voice {voice} of {synthesiser} is in two splits, {other} and {split}. Give each voice to one."
            )


def _make_table(clips: SpokenClips, places: dict[int, tuple[str, int]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for number in range(len(clips)):
        file, start = places[number]
        about = (clips.words[number], clips.voices[number], clips.synthesisers[number], clips.splits[number])
        writer.writerow((*about, file, start, len(clips.samples[number])))
    return text.getvalue().encode("utf-8")
