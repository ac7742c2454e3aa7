"""``tinyml-labs fetch``: public data that is too large to come with the kit."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_fetch_command(commands: Any) -> None:
    """Add the command to the parser."""
    fetch = commands.add_parser("fetch", help="download public data; no lab needs it")
    fetch.add_argument("data", choices=("speech-commands",), help="Google's Speech Commands v0.02, 2.4 GB, CC BY 4.0")
    fetch.add_argument(
        "--folder", type=Path, help="where it shall lie (default: TINYML_LABS_DOWNLOADS, or your cache folder)"
    )
    fetch.add_argument("--url", help="a mirror of the same file")
    fetch.set_defaults(run=_fetch)


def _fetch(chosen: argparse.Namespace) -> int:
    from tinyml_labs.datasets import load_speech_commands
    from tinyml_labs.datasets.speech_commands import SPLITS, URL

    for split in SPLITS:
        found = load_speech_commands(chosen.folder, split=split, url=chosen.url or URL, say=_say)
        _say(f"{split}: {found}")
    print(found.folder)
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
