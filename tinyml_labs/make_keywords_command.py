"""``tinyml-labs make-keywords``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_make_keywords_command(commands: Any) -> None:
    """Add the command to the parser."""
    make = commands.add_parser(
        "make-keywords", help="let synthesisers say your own words, into an archive to train a keyword spotter with"
    )
    make.add_argument(
        "phrases", nargs="+", metavar="PHRASE", help='English words, or short phrases such as "lights on"'
    )
    make.add_argument("-o", "--out", type=Path, required=True, metavar="FILE.zip", help="the archive to write")
    make.add_argument("--clips", type=int, default=40, help="how many of each phrase (default: 40)")
    make.add_argument(
        "--other-words",
        nargs="*",
        metavar="WORD",
        help="what shall not be taken for a phrase (default: words that sound nearly alike, and common ones)",
    )
    make.add_argument("--seed", type=int, default=0, help="another seed, other voices (default: 0)")
    make.add_argument(
        "--kokoro", type=Path, metavar="FOLDER", help="a folder with kokoro.onnx or its parts, and voices/"
    )
    make.add_argument("--json", action="store_true", help="print JSON")
    make.set_defaults(run=_make)


def _make(chosen: argparse.Namespace) -> int:
    from tinyml_labs.datasets.keywords import write_keywords
    from tinyml_labs.voices.making import describe_lengths, make_clips

    if chosen.out.suffix.lower() != ".zip" or not chosen.out.absolute().parent.is_dir():
        raise ValueError(f"--out is {chosen.out}, expected a .zip file in a folder that exists.")
    clips = make_clips(
        chosen.phrases,
        clips=chosen.clips,
        other_words=chosen.other_words,
        seed=chosen.seed,
        kokoro=chosen.kokoro,
        progress=sys.stderr.isatty(),
    )
    write_keywords(chosen.out, clips)
    phrases = [" ".join(phrase.split()) for phrase in chosen.phrases]
    longer = describe_lengths(clips, phrases)
    for phrase, (count, of, longest) in longer.items():
        print(
            f"{phrase!r}: {count} of {of} clips are longer than 1 s, the longest {longest:.2f} s. A window of 1 s "
            "cuts them: choose a shorter phrase, or a longer window.",
            file=sys.stderr,
        )
    if chosen.json:
        record = {
            "path": str(chosen.out),
            "clips": len(clips),
            "seconds": round(clips.seconds, 3),
            "bytes": chosen.out.stat().st_size,
            "phrases": phrases,
            "other_words": sorted(set(clips.words) - set(phrases)),
            "synthesisers": sorted(set(clips.synthesisers)),
            "voices": len(set(clips.voices)),
            "longer_than_1_s": {phrase: count for phrase, (count, _, _) in longer.items()},
        }
        print(json.dumps(record, indent=2))
    else:
        print(f"{chosen.out}: {clips}, {chosen.out.stat().st_size / 1000:,.0f} kB")
        print(
            f"said by {', '.join(sorted(set(clips.synthesisers)))}; load it with load_keywords({str(chosen.out)!r})"
        )
    return 0
