"""``tinyml-labs fetch``: public data that is too large to come with the kit."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

_ABOUT = {
    "speech-commands": "Google's Speech Commands v0.02, 2.4 GB, CC BY 4.0",
    "visual-wake-words": "photographs of COCO with and without a person, 0.23 GB at 96 x 96 pixels",
    "wake-vision": "photographs of Open Images with and without a person, 1.2 GB to validate on, 0.6 GB to train on",
}


def add_fetch_command(commands: Any) -> None:
    """Add the command to the parser."""
    fetch = commands.add_parser("fetch", help="download public data; no lab needs it")
    fetch.add_argument(
        "data", choices=tuple(_ABOUT), help="; ".join(f"{name}: {text}" for name, text in _ABOUT.items())
    )
    fetch.add_argument(
        "--folder", type=Path, help="where it shall lie (default: TINYML_LABS_DOWNLOADS, or your cache folder)"
    )
    fetch.add_argument(
        "--url", help="a mirror: of the same file (speech-commands), or of the folder that has the files"
    )
    fetch.add_argument(
        "--edition",
        choices=("96x96", "coco2014", "coco2017"),
        default="96x96",
        help="of visual-wake-words: COCO's own archives are 7 GB or 1 GB to begin with, 20 GB all (default: 96x96)",
    )
    fetch.set_defaults(run=_fetch)


def _fetch(chosen: argparse.Namespace) -> int:
    if chosen.data == "speech-commands":
        print(_fetch_speech(chosen))
    elif chosen.data == "visual-wake-words":
        print(_fetch_visual_wake_words(chosen))
    else:
        print(_fetch_wake_vision(chosen))
    return 0


def _fetch_speech(chosen: argparse.Namespace) -> Path:
    from tinyml_labs.datasets.speech_commands import SPLITS, URL, load_speech_commands

    for split in SPLITS:
        found = load_speech_commands(chosen.folder, split=split, url=chosen.url or URL, say=_say)
        _say(f"{split}: {found}")
    return found.folder


def _fetch_visual_wake_words(chosen: argparse.Namespace) -> Path:
    from tinyml_labs.datasets import visual_wake_words as vww
    from tinyml_labs.datasets.downloads import download_folder
    from tinyml_labs.datasets.remote_files import mirror

    folder = chosen.folder or download_folder() / "visual_wake_words"
    files = mirror(vww.FILES, chosen.url)
    for split in vww.SPLITS:
        found = vww.load_visual_wake_words(
            folder, split=split, edition=chosen.edition, limit=100, files=files, say=_say
        )
        _say(f"{split}, a sample: {found}")
    return folder


def _fetch_wake_vision(chosen: argparse.Namespace) -> Path:
    from tinyml_labs.datasets import wake_vision
    from tinyml_labs.datasets.downloads import download_folder
    from tinyml_labs.datasets.remote_files import mirror

    folder = chosen.folder or download_folder() / "wake_vision"
    files = mirror(wake_vision.FILES, chosen.url)
    for split in ("validation", "train_quality"):
        found = wake_vision.load_wake_vision(folder, split=split, limit=100, files=files, say=_say)
        _say(f"{split}, a sample: {found}")
    return folder


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
