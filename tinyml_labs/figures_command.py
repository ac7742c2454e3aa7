"""``tinyml-labs figures``: what models need on boards, before one is bought."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_figures_command(commands: Any) -> None:
    """Add the command to the parser."""
    figures = commands.add_parser("figures", help="flash, RAM and milliseconds of .tflite models on boards")
    figures.add_argument("models", type=Path, nargs="+", metavar="MODEL.tflite")
    figures.add_argument(
        "--board", action="append", metavar="NAME", help="such as nano33ble; as often as you like (default: all)"
    )
    figures.add_argument(
        "--engine", default="compiled", help="compiled (to C) or tflm, TensorFlow Lite Micro (default: compiled)"
    )
    figures.add_argument(
        "--method", default="auto", help="count (on an emulated core), formula, or auto, which counts if it can"
    )
    figures.add_argument(
        "--layers", action="store_true", help="also where the cycles go on each board, layer by layer"
    )
    figures.add_argument("--plot", type=Path, metavar="FILE.png", help="draw what fits where")
    figures.add_argument("--json", action="store_true", help="print JSON")
    figures.set_defaults(run=_figures)


def _figures(chosen: argparse.Namespace) -> int:
    from tinyml_labs.board_figures import estimate
    from tinyml_labs.board_figures_views import plot_what_fits
    from tinyml_labs.layer_profiles import profile

    if chosen.layers and not chosen.board:
        raise ValueError("--layers is for boards that are named: --board nano33ble.")
    found = [estimate(path, chosen.board, engine=chosen.engine, method=chosen.method) for path in chosen.models]
    boards = chosen.board if chosen.layers else []
    profiles = [[profile(path, board) for board in boards] for path in chosen.models]
    if chosen.json:
        records = [
            {**each.to_dict(), "layers": [one.to_dict() for one in ones]}
            for each, ones in zip(found, profiles, strict=True)
        ]
        print(json.dumps(records if len(records) > 1 else records[0], indent=2))
    else:
        texts = [str(part) for each, ones in zip(found, profiles, strict=True) for part in (each, *ones)]
        print("\n\n".join(texts))
    if chosen.plot:
        plot_what_fits(found).savefig(chosen.plot, dpi=150)
        print(f"What fits where is drawn in {chosen.plot}", file=sys.stderr)
    return 0
