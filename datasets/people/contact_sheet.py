"""Make contact_sheet.png: 96 pictures of train and 96 of test, with their labels under them.

python datasets/people/contact_sheet.py --archive datasets/people/people.zip
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from pathlib import Path

from PIL import Image, ImageDraw

COLUMNS, ROWS, SIDE, TEXT = 12, 8, 96, 11
HERE = Path(__file__).resolve().parent


def make_sheet(archive: Path, parts: tuple[str, ...] = ("train", "test")) -> Image.Image:
    """Lay out the first pictures of some parts, one block under the other."""
    step_x, step_y = SIDE + 3, SIDE + TEXT + 2
    sheet = Image.new("L", (COLUMNS * step_x, len(parts) * (ROWS * step_y + 16)), 255)
    pen = ImageDraw.Draw(sheet)
    with zipfile.ZipFile(archive) as file:
        rows = list(csv.DictReader(io.StringIO(file.read("people.csv").decode())))
        for block, part in enumerate(parts):
            top = block * (ROWS * step_y + 16)
            pen.text((2, top + 2), part, 0)
            for index, row in enumerate([row for row in rows if row["part"] == part][: COLUMNS * ROWS]):
                x, y = index % COLUMNS * step_x, top + 16 + index // COLUMNS * step_y
                with Image.open(io.BytesIO(file.read(row["file"]))) as picture:
                    sheet.paste(picture.convert("L"), (x, y))
                said = f"person: {row['pose']}" if row["label"] == "person" else row["subject"] or row["backdrop"]
                pen.text((x, y + SIDE), said[:17], 0 if row["label"] == "person" else 110, font_size=9)
    return sheet


def main() -> None:
    """Make the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, default=HERE / "people.zip")
    parser.add_argument("--out", type=Path, default=HERE / "contact_sheet.png")
    given = parser.parse_args()
    unfinished = given.out.with_suffix(".part")
    make_sheet(given.archive).quantize(16, dither=Image.Dither.NONE).save(unfinished, "PNG", optimize=True)
    unfinished.replace(given.out)
    print(f"{given.out}: {given.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
