"""Make recordings.npz and recordings.json: 38 people who do not exist, a sitting each.

    python datasets/gestures/make_recordings.py

Seeded. NumPy's random numbers are the same everywhere, sines may differ in their last bit: another machine may give
a few counts that differ by one.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np

from tinyml_labs import simulation
from tinyml_labs.datasets.bundled import write_with_checksum
from tinyml_labs.datasets.gestures import pack_counts
from tinyml_labs.features import MOTION_CHANNELS, MOTION_UNITS

PEOPLE = range(100, 138)


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent)
    folder = parser.parse_args().folder
    sessions = list(simulation.simulate_collection(PEOPLE))
    entries = []
    for session in sessions:
        entries.append(
            {
                "name": session.subject,
                "subject": session.subject,
                "sensor": session.sensor,
                "lsb": session.lsb.tolist(),
                "samples": len(session.counts),
                "parts": [[part.start, part.end, part.label] for part in session.intervals],
            }
        )
    facts = {
        "rate_hz": simulation.RATE_HZ,
        "labels": simulation.GESTURES,
        "background": simulation.BACKGROUND,
        "channel_names": MOTION_CHANNELS,
        "units": MOTION_UNITS,
        "recordings": entries,
    }
    low, high = pack_counts(np.concatenate([session.counts for session in sessions]))
    packed = io.BytesIO()
    np.savez_compressed(packed, low_bytes=low, high_bytes=high)
    write_with_checksum(folder / "recordings.npz", packed.getvalue())
    write_with_checksum(folder / "recordings.json", (json.dumps(facts, separators=(",", ":")) + "\n").encode())
    seconds = sum(len(session.counts) for session in sessions) / simulation.RATE_HZ
    print(f"{len(sessions)} recordings, {seconds:.0f} s, {len(packed.getvalue()):,} bytes")


if __name__ == "__main__":
    main()
