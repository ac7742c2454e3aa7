"""Make people.zip: pictures with and without a person, of people and places that never existed.

    python datasets/people/make_people.py --furniture FOLDER --train 6400 --validation 900 --test 1200 --seed 1

Needs `pip install -r datasets/people/requirements.txt`, bodies.npz (made by bodies.py), and in FOLDER the models of
Debian's sweethome3d-furniture: `apt-get download sweethome3d-furniture`, then
`dpkg-deb -x sweethome3d-furniture_*.deb FOLDER`. Nothing is downloaded. The same arguments give the same archive
whatever the number of processes; other versions of NumPy, Numba or Pillow may change a few pixels.

Train, validation and test share no body, no outfit, no model of a thing; each of the latter two has places, and test
has poses, that train never shows.
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from camera import to_grey
from figures import load_bodies
from furniture import load_models, part_of, write_attributions
from PIL import Image
from scenes import Assets, make_picture

PARTS = ("train", "validation", "test")
COLUMNS = (
    "file", "part", "label", "backdrop", "indoors", "subject", "people", "body", "age", "build", "skin", "clothes",
    "pose", "view", "distance_m", "height_fraction", "visible_fraction", "crop", "light", "contrast",
)  # fmt: skip
MOST_BYTES = 15_500_000
DATE = (2026, 1, 1, 0, 0, 0)
HERE = Path(__file__).resolve().parent
_assets: Assets | None = None


def load_assets(bodies: Path, furniture: Path, cache: Path) -> Assets:
    """Read bodies and models, and deal the models out to the parts."""
    models, textures = load_models(furniture, cache)
    dealt: dict[str, list[Any]] = {part: [] for part in PARTS}
    groups: dict[str, int] = {}
    for model in sorted(models, key=lambda model: (model.category, model.name)):  # alike things go to several parts
        dealt[part_of(groups.get(model.category, 0))].append(model)
        groups[model.category] = groups.get(model.category, 0) + 1
    return Assets(load_bodies(bodies), dealt, textures)


def _start(bodies: Path, furniture: Path, cache: Path) -> None:
    global _assets
    _assets = load_assets(bodies, furniture, cache)


def _make(task: tuple[str, int, int, bool]) -> tuple[bytes, dict[str, Any]]:
    part, number, seed, colour = task
    assert _assets is not None
    made = make_picture(_assets, part, number, seed)
    picture = made.colour if colour else to_grey(made.colour)
    file = f"{part}/{number:06d}.jpg"
    label = "person" if made.row["people"] else "no_person"
    return picture.tobytes(), {"file": file, "part": part, "label": label, **made.row}


def make_all(
    counts: dict[str, int], seed: int, colour: bool, processes: int, where: tuple[Path, Path, Path]
) -> Iterator[Any]:
    """Make all pictures, in order: raw bytes and rows."""
    tasks = [(part, number, seed, colour) for part in PARTS for number in range(1, counts[part] + 1)]
    with ProcessPoolExecutor(processes, get_context("spawn"), _start, where) as pool:
        yield from pool.map(_make, tasks, chunksize=20)


def encode(raw: bytes, quality: int) -> bytes:
    """Write a picture as a JPEG file; grey or RGB follows from the number of bytes."""
    shape = (96, 96) if len(raw) == 96 * 96 else (96, 96, 3)
    file = io.BytesIO()
    Image.fromarray(np.frombuffer(raw, np.uint8).reshape(shape)).save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def choose_quality(pictures: list[bytes]) -> int:
    """Find the best JPEG quality whose archive is small enough, from a sample of the pictures."""
    sample = pictures[:: max(1, len(pictures) // 300)]
    for quality in range(92, 40, -2):
        mean = sum(len(encode(raw, quality)) for raw in sample) / len(sample)
        if (mean + 240) * len(pictures) < 0.985 * MOST_BYTES:
            return quality
    return 40


def write_archive(path: Path, pictures: list[bytes], rows: list[dict[str, Any]], quality: int) -> None:
    """Write the archive: stored, sorted, with one date."""
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files = {"people.csv": table.getvalue().encode()}
    files |= {row["file"]: encode(raw, quality) for raw, row in zip(pictures, rows, strict=True)}
    unfinished = path.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, DATE), files[name])
    unfinished.replace(path)


def main() -> None:
    """Make the archive, and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=6400)
    parser.add_argument("--validation", type=int, default=900)
    parser.add_argument("--test", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "people.zip")
    parser.add_argument("--colour", action="store_true", help="RGB pictures instead of grey ones")
    parser.add_argument("--quality", type=int, help="of JPEG (default: the best that keeps the archive small)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--bodies", type=Path, default=HERE / "bodies.npz")
    parser.add_argument("--furniture", type=Path, default=HERE / "furniture", metavar="FOLDER")
    parser.add_argument("--furniture-cache", type=Path, default=HERE / "furniture.npz", help="made at the first call")
    given = parser.parse_args()
    counts = {part: getattr(given, part) for part in PARTS}
    if any(count % 2 for count in counts.values()):
        parser.error(f"found {counts}; each part needs an even number, half with and half without a person.")
    models, _ = load_models(given.furniture, given.furniture_cache)
    write_attributions(models, HERE / "ATTRIBUTIONS.md")
    pictures, rows = [], []
    where = (given.bodies, given.furniture, given.furniture_cache)
    for raw, row in make_all(counts, given.seed, given.colour, given.processes, where):
        pictures.append(raw)
        rows.append(row)
        if len(rows) % 500 == 0:
            print(f"{len(rows)} of {sum(counts.values())} pictures", flush=True)
    quality = given.quality or choose_quality(pictures)
    write_archive(given.out, pictures, rows, quality)
    print(f"{given.out}: {len(rows)} pictures, {given.out.stat().st_size / 1e6:.2f} MB, quality {quality}")


if __name__ == "__main__":
    main()
