"""Make people.zip of colour pictures: the same ones, grey as on the board, in an archive that is small enough.

    python datasets/people/make_people.py --colour --quality 90 ... --out colour.zip
    python datasets/people/make_grey.py colour.zip --train 6400

Pictures are rendered once: the colour ones serve to learn from a network that sees colours, the grey ones are
bundled.
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from make_people import HERE, PARTS, choose_quality, write_archive
from PIL import Image

from tinyml_labs.features import to_grey


def read_colours(paths: list[Path], counts: dict[str, int]) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Read the first pictures of each part, in their order, as grey pixels, and their rows."""
    pictures, rows = {}, {}
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            for row in csv.DictReader(io.StringIO(archive.read("people.csv").decode())):
                number = int(Path(row["file"]).stem)
                if number > counts[row["part"]]:
                    continue
                colours = np.asarray(Image.open(io.BytesIO(archive.read(row["file"]))).convert("RGB"))
                place = (PARTS.index(row["part"]), number)
                pictures[place], rows[place] = to_grey(colours).tobytes(), row
    return [pictures[place] for place in sorted(pictures)], [rows[place] for place in sorted(rows)]


def main() -> None:
    """Make the archive, and say what is in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("colour", type=Path, nargs="+", help="archives of make_people.py --colour, of one seed")
    for part, count in zip(PARTS, (6400, 900, 1200), strict=True):
        parser.add_argument(f"--{part}", type=int, default=count, help=f"how many ({count})")
    parser.add_argument("--out", type=Path, default=HERE / "people.zip")
    parser.add_argument("--quality", type=int, help="of JPEG (default: the best that keeps the archive small)")
    given = parser.parse_args()
    pictures, rows = read_colours(given.colour, {part: getattr(given, part) for part in PARTS})
    quality = given.quality or choose_quality(pictures)
    write_archive(given.out, pictures, rows, quality)
    print(f"{given.out}: {len(rows)} pictures, {given.out.stat().st_size / 1e6:.2f} MB, quality {quality}")


if __name__ == "__main__":
    main()
