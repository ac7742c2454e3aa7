"""Wake Vision: six million photographs with and without a person, fetched when you ask for a part of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.datasets.downloads import download_folder
from tinyml_labs.datasets.labelled_images import LabelledImages
from tinyml_labs.datasets.people import NAMES
from tinyml_labs.datasets.pictures import decode_picture, map_in_threads
from tinyml_labs.datasets.remote_files import RemoteFile, RemoteFolder, walk_tar
from tinyml_labs.datasets.visual_wake_words import draw
from tinyml_labs.features.image import ImageSettings, image_input


def _remote(number: int, size_bytes: int, sha256: str) -> RemoteFile:
    url = f"https://dataverse.harvard.edu/api/access/datafile/{number}?format=original"
    return RemoteFile(url=url, size_bytes=size_bytes, sha256=sha256)


# Numbers, sizes and checksums are those that TensorFlow Datasets expects (wake_vision 1.0.0).
FILES = {
    "wake_vision_train_quality.csv": _remote(
        9844934, 43_855_015, "041c571ed076b782aa71e992bdf7144c2e81e6b3507b5187410af80b903b44a8"
    ),
    "wake_vision_train_large.csv": _remote(
        9844933, 179_321_468, "fd8bad9e4740dd203e7c201b85767c7f4c8ef54733d5a3fede69e6036ce217f1"
    ),
    "wake_vision_validation.csv": _remote(
        10243658, 1_246_387, "82ca230c100a92fcbbbeb5c7f10444111a8c55a10a9c468320f8ecb20f0dd447"
    ),
    "wake_vision_test.csv": _remote(
        10243659, 3_740_410, "4b2cccd59ed45714f9c549d15efcc052032cf42ee865f6bcb97976eb7c2be8af"
    ),
    "wake_vision_validation.tar.gz": _remote(
        9270355, 1_247_070_668, "9aa4e9aa8bec5b23a7df8869dca40aa9d4a3c22541f6b05b2c126ccce5291214"
    ),
    "wake_vision_test.tar.gz": _remote(
        9270389, 3_738_848_222, "ffd1f10ed9718be63b364f1aa7949911908f67ce7ce5c70c2dc41bc2bef69183"
    ),
    "wake_vision_train_9270344.tar.gz": _remote(
        9270344, 598_069_159, "cc36f3eb5ecddd8c9e4da62aaccfc19907db5b39c5707d638d7eb25592dc79e5"
    ),
    "wake_vision_train_9270359.tar.gz": _remote(
        9270359, 665_270_448, "603c6d6d148920100b4c376729ce3fbddaebf1bc2ca964450d21399993bae0f6"
    ),
    "wake_vision_train_9270395.tar.gz": _remote(
        9270395, 933_571_369, "17d429f84a47f742e5e2828cdede76df6bfe4fbe2745f6521fdcd2a778353cde"
    ),
    "wake_vision_train_9270354.tar.gz": _remote(
        9270354, 1_098_846_153, "d1a9188a0666fafa20bad31c7688eba8af3ea8cc75647aba83f4c26383cafb4c"
    ),
    "wake_vision_train_9270333.tar.gz": _remote(
        9270333, 1_150_508_353, "ac132e30c59dc6cdd48eb606125564b1d0845074a51c4fc5bf6cbc24c71e19b4"
    ),
    "wake_vision_train_9270324.tar.gz": _remote(
        9270324, 1_247_894_093, "d69087c212b28e17999240e2005ac61532b27c899dfbe81f8336f6b1dadb888c"
    ),
}
"""What there is to fetch: of the 90 archives to train on, hundreds of gigabytes, the six smallest."""

SPLITS = ("train_quality", "train_large", "validation", "test")

LICENCE = (
    "Wake Vision by Harvard's Edge Computing Lab (Banbury and others, 2024, https://arxiv.org/abs/2405.00892): "
    "labels CC BY 4.0, name the source. The photographs are of Open Images, listed there as CC BY 2.0, each by its "
    "own author; Open Images makes no promise that this is right for each: look it up before you publish one."
)
"""What is shown before a download."""

_WHOLE = ImageSettings(crop="whole")


def load_wake_vision(
    folder: str | Path | None = None,
    *,
    split: str = "validation",
    archives: int = 1,
    limit: int | None = 2500,
    size: ImageSettings = _WHOLE,
    files: Mapping[str, RemoteFile] = FILES,
    download: bool = True,
    say: Callable[[str], object] = print,
) -> LabelledImages:
    """Find a part of Wake Vision, and download what is needed of it.

    Parameters
    ----------
    folder : str or Path or None
        Where the files lie or shall lie. None is ``wake_vision`` in
        :func:`~tinyml_labs.datasets.downloads.download_folder`.
    split : str
        "validation" (18,582 photographs, 1.2 GB), "test" (three times as many, 3.7 GB), "train_quality" (labelled by
        boxes that people have drawn) or "train_large" (more, and more of them wrong).
    archives : int
        To train: how many of the archives of photographs to fetch, the smallest first; six are known here, of 0.6 to
        1.2 GB. The others of the 90 count too, if they lie in the folder as ``wake_vision_train_NUMBER.tar.gz``.
    limit : int or None
        So many pictures of each class at most, drawn at random, the same ones each time. None takes all: 9 kB each,
        and some milliseconds to decode.
    size : ImageSettings
        What the model gets. By default the whole picture is squeezed, so that its label stays true: in the square in
        its middle (``crop="square"``) the person may be missing.
    files : mapping of str to RemoteFile
        Where to fetch from, and what is expected there.
    download : bool
        False never uses the network.
    say : callable
        Gets the licence before a download, and what is going on.

    Returns
    -------
    LabelledImages
        uint8 (N, 96, 96, 1); labels: 0 ``no_person``, 1 ``person``. A group is a photograph. The table has
        ``filename`` and the publisher's other columns as float64, 1 or 0, NaN where nobody knows: ``near``, ``far``,
        ``dark``, ``young``, ``predominantly_female``, ``depiction`` and more, for the splits that have them. Rows
        without a label are left out, and said.

    Raises
    ------
    FileNotFoundError
        Something is not there, and ``download`` is False.
    DownloadError
        It cannot be fetched; the next call continues.
    ValueError
        A file is damaged or is not the published one, or there is no such split.

    Notes
    -----
    Colby Banbury and others, "Wake Vision: A Tailored Dataset and Benchmark Suite for TinyML Computer Vision
    Applications", arXiv:2405.00892. At Harvard Dataverse, doi:10.7910/DVN/1HOPXC.
    """
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; there are {', '.join(SPLITS)}.")
    for name, value in (("limit", limit), ("archives", archives)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}; expected 1 at least.")
    place = Path(folder).expanduser() if folder is not None else download_folder() / "wake_vision"
    store = RemoteFolder(folder=place, files=files, title="Wake Vision", licence=LICENCE, download=download, say=say)
    table = store.get(f"wake_vision_{split}.csv")
    paths = _get_archives(store, split, archives)
    known = _read_table(table, {name.rpartition("/")[2] for path in paths for name, _ in walk_tar(path)})
    names = sorted(known)
    if not names:
        raise ValueError(
            f"{table} lists no photograph of {', '.join(str(path) for path in paths)}. Do they belong together?"
        )
    labels = np.array([known[name]["person"] for name in names])
    if unlabelled := int((~np.isin(labels, (0, 1))).sum()):
        say(f"{unlabelled:,} photographs have no label, and are left out.")
    chosen = {names[k] for label in (0, 1) for k in draw(labels, label, limit)}
    order, images = _read_pictures(paths, chosen, size)
    columns = known[names[0]]
    data = LabelledImages(
        images=np.array(images, np.uint8).reshape(-1, size.height, size.width, 1),
        labels=np.array([known[name]["person"] for name in order], np.int64),
        names=NAMES,
        groups=np.array(order, str),
        table={
            "filename": np.array(order, str),
            **{column: np.array([known[name][column] for name in order], np.float64) for column in columns},
        },
    )
    return data.select(np.argsort(data.groups))


def _get_archives(store: RemoteFolder, split: str, count: int) -> list[Path]:
    if not split.startswith("train"):
        return [store.get(f"wake_vision_{split}.tar.gz")]
    brought = sorted(path for path in store.folder.glob("wake_vision_train_*.tar.gz") if path.name not in store.files)
    ours = [name for name in store.files if name.startswith("wake_vision_train_") and name.endswith(".tar.gz")]
    if count > len(ours) + len(brought):
        raise ValueError(
            f"archives is {count}; {len(ours)} are known here, and {len(brought)} more lie in {store.folder}. Fetch "
            "others from doi:10.7910/DVN/1HOPXC, as wake_vision_train_NUMBER.tar.gz."
        )
    return [*brought, *(store.get(name) for name in ours[: max(0, count - len(brought))])][:count]


def _read_table(path: Path, listed: Collection[str]) -> dict[str, dict[str, float]]:
    """Read the rows of some photographs: there are millions of them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if missing := [column for column in ("filename", "person") if column not in header]:
                raise ValueError(f"it has no column {missing[0]}, but {', '.join(header) or 'none'}")
            at = header.index("filename")
            numbers = [(k, column) for k, column in enumerate(header) if k != at]
            values = {"1": 1.0, "0": 0.0, "-1": np.nan, "": np.nan, "1.0": 1.0, "0.0": 0.0, "-1.0": np.nan}
            return {
                row[at]: {column: values[row[k].strip()] for k, column in numbers}
                for row in reader
                if row and row[at] in listed
            }
    except (UnicodeDecodeError, csv.Error, IndexError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is no table of Wake Vision's: {error}. Delete it, and load again.") from None


def _read_pictures(
    paths: Collection[Path], chosen: Collection[str], size: ImageSettings
) -> tuple[list[str], list[NDArray[np.uint8]]]:
    order: list[str] = []
    seen: set[str] = set()

    def contents() -> Iterator[tuple[str, bytes]]:
        for path in paths:
            for name, read in walk_tar(path):
                last = name.rpartition("/")[2]
                if last in chosen and last not in seen:
                    seen.add(last)
                    order.append(last)
                    yield f"{name} in {path.name}", read()

    def decode(found: tuple[str, bytes]) -> NDArray[np.uint8]:
        return image_input(decode_picture(found[1], found[0]), size)[0]

    return order, map_in_threads(decode, contents(), total=len(chosen), progress=True)
