"""Picture files to pixels: the same for every data set of pictures."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""Of the files that are read, in small letters."""

_HEIC = (".heic", ".heif")
_AT_ONCE = 256
_LARGEST = 1 << 24  # what the board's resizing can add up
_once = threading.Lock()
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def decode_picture(content: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a picture, upright.

    Parameters
    ----------
    content : bytes
        A JPEG, PNG, BMP or WebP file. If it says how the camera was held (EXIF), the picture is turned.
    name : str
        What messages call it.

    Returns
    -------
    uint8 array, (H, W) of a grey picture, else (H, W, 3): red, green, blue
        Transparency is left out. One of more than 16 million pixels, as some phones take, is halved.

    Raises
    ------
    ValueError
        It is damaged or cut short, is no picture of these kinds, or has more than 8 bits a colour.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    with _once:  # its first call imports; another thread meanwhile would not know all formats
        Image.init()
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "BMP", "WEBP")) as opened:
            if opened.mode.startswith(("I", "F")):
                raise ValueError(
                    f"{name} has more than 8 bits a pixel (Pillow's mode {opened.mode}). Save it as a JPEG."
                )
            upright = ImageOps.exif_transpose(opened)
            pixels = np.asarray(upright if upright.mode == "L" else upright.convert("RGB"))
    except UnidentifiedImageError:
        raise ValueError(f"{name} is no picture that can be read. {_advise(name, content)}") from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} is too large: {error}. Make it smaller first.") from None
    except (OSError, SyntaxError, EOFError, IndexError) as error:  # what Pillow raises on damage
        raise ValueError(f"{name} is damaged or cut short ({error}). Copy it again.") from None
    while pixels.shape[0] * pixels.shape[1] > _LARGEST:
        pixels = _halve(pixels)
    return pixels


def _halve(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average blocks of 2 x 2 pixels, rounded half up; an odd last row or column is left out."""
    rows, columns = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
    sums = np.full((rows // 2, columns // 2, *pixels.shape[2:]), 2, np.uint16)
    for row in (0, 1):
        for column in (0, 1):
            sums += pixels[row:rows:2, column:columns:2]
    return (sums >> 2).astype(np.uint8)


def _advise(name: str, content: bytes) -> str:
    if name.lower().endswith(_HEIC) or content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return (
            "It is in an iPhone's format, HEIC. Convert it to JPEG: on macOS, `sips -s format jpeg FILE --out "
            "FILE.jpg`; elsewhere, ImageMagick's `magick FILE FILE.jpg`; or set the phone to Camera, Formats, Most "
            "Compatible."
        )
    if not content:
        return "It is empty. Copy it again."
    return "Expected a JPEG, PNG, BMP or WebP file: is it whole, and named as what it is?"


def is_picture_name(name: str) -> bool:
    """Say whether a file's name is that of a picture, be it one that cannot be read here: HEIC."""
    return name.lower().endswith((*ENDINGS, *_HEIC))


def map_in_threads(
    function: Callable[[_Item], _Result], items: Iterable[_Item], *, total: int | None = None, progress: bool = False
) -> list[_Result]:
    """Call a function with each item, several at a time and in order; Pillow decodes beside Python.

    So many items at most are under way that a stream of large files does not fill the memory.
    """
    from tqdm.auto import tqdm

    results: list[_Result] = []
    waiting: list[_Item] = []
    with (
        ThreadPoolExecutor() as threads,
        tqdm(total=total, desc="pictures", unit="", disable=not progress, delay=1) as bar,
    ):
        for item in items:
            waiting.append(item)
            if len(waiting) == _AT_ONCE:
                results += threads.map(function, waiting)
                bar.update(len(waiting))
                waiting.clear()
        results += threads.map(function, waiting)
        bar.update(len(waiting))
    return results
