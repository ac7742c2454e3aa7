"""Google's Speech Commands: 105,829 utterances of 35 words by 2,618 people, fetched when you ask for it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from tinyml_labs.datasets.archives import unpack_tar
from tinyml_labs.datasets.downloads import FOLDER_VARIABLE, check_disk_space, download_folder, fetch
from tinyml_labs.datasets.speech_files import NOISE_FOLDER, SpeechFiles

URL = "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
"""Version 0.02, at its publisher's."""

SHA256 = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
"""Of that archive; TensorFlow Datasets and torchaudio expect the same."""

SIZE_BYTES = 2_428_923_189
"""Of that archive."""

LICENCE = (
    "Speech Commands v0.02 by Google (Pete Warden, 2018, https://arxiv.org/abs/1804.03209), licence CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/): use and change it as you like, and name the source."
)
"""What is shown before it is downloaded."""

SPLITS = ("train", "validation", "test")

_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
_NOISE_PARTS = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}
_UNPACKED = 1.4
_CLIP_NAME = re.compile(r"(?P<speaker>.+)_nohash_\d+\.wav")


def load_speech_commands(
    folder: str | Path | None = None,
    *,
    words: Collection[str] | None = None,
    split: str = "train",
    url: str = URL,
    sha256: str | None = SHA256,
    size_bytes: int | None = SIZE_BYTES,
    download: bool = True,
    say: Callable[[str], object] = print,
) -> SpeechFiles:
    """Find one split of Speech Commands, and download all of it if it is not there: 2.4 GB, 3.4 GB unpacked.

    Parameters
    ----------
    folder : str or Path or None
        Where the data lie or shall lie: the unpacked archive itself, or the folder that holds it or the .tar.gz. None
        is :func:`~tinyml_labs.datasets.downloads.download_folder`.
    words : collection of str or None
        Which words, such as ["yes", "no"]; None takes all.
    split : str
        "train", "validation" or "test", as the publisher's lists say: nobody speaks in two of them.
    url, sha256, size_bytes
        Where to fetch it from, and what is expected there. A mirror has the same checksum; None expects nothing.
    download : bool
        False never uses the network.
    say : callable
        Gets the licence before a download, and what is going on.

    Returns
    -------
    SpeechFiles
        In the order of words and file names. The label of a clip is its word; the speaker is the publisher's number
        of a person. The recordings of noise have no split of their own: by time, 80 % of each are for training, 10 %
        for validation, 10 % for the test.

    Raises
    ------
    FileNotFoundError
        The data are not there, and ``download`` is False.
    DownloadError
        They cannot be fetched; the next call continues.
    ValueError
        The archive or the folder is damaged, or there is no such split or word.

    Notes
    -----
    Pete Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209, says how
    the words were collected and split.
    """
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; there are {', '.join(SPLITS)}.")
    if isinstance(words, str):
        raise ValueError(f"words is {words!r}; expected a list of them, such as [{words!r}].")
    place = fetch_speech_commands(folder, url=url, sha256=sha256, size_bytes=size_bytes, download=download, say=say)
    clips = _find_clips(place)
    listed = {name: _read_list(place, name, clips) for name in _LISTS}
    if missing := sorted(set(words or ()) - {word for word, _ in clips}):
        there = ", ".join(sorted({word for word, _ in clips}))
        raise ValueError(f"There is no word {missing[0]!r} in {place}; there are {there}.")
    wanted = set(clips).difference(*listed.values()) if split == "train" else listed[split]
    chosen = [clip for clip in clips if clip in wanted and (words is None or clip[0] in words)]
    folders = {word: place / word for word, _ in clips}
    return SpeechFiles(
        folder=place,
        paths=tuple(folders[word] / name for word, name in chosen),
        labels=tuple(word for word, _ in chosen),
        words=tuple(word for word, _ in chosen),
        speakers=tuple(clips[clip] for clip in chosen),
        noise_paths=tuple(sorted((place / NOISE_FOLDER).glob("[!.]*.wav"))),
        noise_part=_NOISE_PARTS[split],
    )


def fetch_speech_commands(
    folder: str | Path | None = None,
    *,
    url: str = URL,
    sha256: str | None = SHA256,
    size_bytes: int | None = SIZE_BYTES,
    download: bool = True,
    say: Callable[[str], object] = print,
) -> Path:
    """Find the unpacked data, or download and unpack them: see :func:`load_speech_commands`.

    An archive that lay in the folder is kept; one that was downloaded is deleted when it is unpacked.

    Returns
    -------
    Path
        The folder with the folders of words.
    """
    root = download_folder() if folder is None else Path(folder).expanduser()
    name = url.rsplit("/", 1)[-1].removesuffix(".tar.gz")
    places = (root, root / name, root / "SpeechCommands" / name)  # the last one is torchaudio's
    for place in places:
        if all((place / listing).is_file() for listing in _LISTS.values()):
            return place
    if (root / name).exists():
        raise ValueError(
            f"{root / name} is not whole: it lacks {' or '.join(_LISTS.values())}. Delete the folder, and load again."
        )
    archive = root / f"{name}.tar.gz"
    brought = archive.exists()
    if not brought and not download:
        raise FileNotFoundError(
            f"No Speech Commands in {root}: looked for {archive.name}, and for {' and '.join(_LISTS.values())} there "
            f"and in {name}. Run `tinyml-labs fetch speech-commands` (2.4 GB), load it with download=True, or set "
            f"{FOLDER_VARIABLE} to the folder that has it."
        )
    root.mkdir(parents=True, exist_ok=True)
    if brought:
        say(f"Checking and unpacking {archive}")
    else:
        say(LICENCE)
        if size_bytes is not None:
            check_disk_space(root, int(size_bytes * (1 + _UNPACKED)), "Speech Commands, archive and unpacked,")
            say(f"Downloading {size_bytes / 1e9:.1f} GB to {root}. If it is interrupted, call again: it continues.")
    fetch(url, archive, sha256=sha256, size_bytes=size_bytes)
    check_disk_space(root, int(archive.stat().st_size * _UNPACKED), f"What is in {archive.name}")
    place = unpack_tar(archive, root / name)
    if missing := [listing for listing in _LISTS.values() if not (place / listing).is_file()]:
        shutil.rmtree(place)
        raise ValueError(
            f"{archive} has no {missing[0]}; expected the archive of Speech Commands. Delete it; is {url} right?"
        )
    if not brought:
        archive.unlink()
    return place


def _find_clips(place: Path) -> dict[tuple[str, str], str]:
    """List every clip, as word and file name, with its speaker, in order."""
    clips = {}
    for folder in sorted(place.iterdir()):
        if not folder.is_dir() or folder.name.startswith((".", "_")):
            continue
        with os.scandir(folder) as entries:  # faster than a Path for each of a hundred thousand
            names = sorted(entry.name for entry in entries)
        for name in names:
            if name.startswith(".") or not name.endswith(".wav"):
                continue
            found = _CLIP_NAME.fullmatch(name)
            if not found:
                raise ValueError(
                    f"{folder / name} is not named as Speech Commands names clips, SPEAKER_nohash_NUMBER.wav, so "
                    "that nobody knows whose voice it is. Rename it, or move it elsewhere."
                )
            clips[folder.name, name] = found["speaker"]
    return clips


def _read_list(place: Path, split: str, clips: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Read the publisher's list of a split, and check that each of its files is there."""
    lines = (place / _LISTS[split]).read_text("utf-8").split()
    names = {(word, name) for word, _, name in (line.partition("/") for line in lines)}
    if missing := sorted(names.difference(clips)):
        raise ValueError(
            f"{place} is not whole: {_LISTS[split]} names {len(names):,} files, and {len(missing):,} of them are not "
            f"there, such as {'/'.join(missing[0])}. Delete the folder, and load again."
        )
    return names
