"""Pictures as files, for tests that read them back."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def make_picture(seed: int, width: int = 120, height: int = 90, colours: bool = True) -> NDArray[np.uint8]:
    """Smooth blobs: a picture that survives JPEG."""
    generator = np.random.default_rng(seed)
    shape = (6, 8, 3) if colours else (6, 8)
    small = Image.fromarray(generator.integers(0, 256, shape, np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def encode(pixels: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind, **options)
    return content.getvalue()


def decode(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)))


def pack_tar(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()
