"""Rows to images: a camera sends rows, a recording holds whole images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.capture.assembler import Block, Gap
from tinyml_labs.link.descriptions import Sensor


class ImageCollector:
    """Collect a camera's rows into images; an image of which a row is missing is left out, and is a gap.

    Parameters
    ----------
    sensor : Sensor
        Of the kind IMAGE: ``channels`` is the width and ``rows`` the height.
    """

    def __init__(self, sensor: Sensor) -> None:
        self._rows = sensor.rows
        self._image = np.zeros((sensor.rows, sensor.channels), sensor.dtype)
        self._filled = 0  # rows of the image under way that are there, from the top
        self._next = 0  # the image that is due
        self._stored = 0
        self._gap: Gap | None = None  # why images are missing since the last whole one

    def feed(self, block: Block) -> list[Block]:
        """Take rows; give an image a block, (1, rows, width), numbered as images.

        Rows count from a whole image on: row ``n`` is row ``n % rows`` of image ``n // rows``.
        """
        if block.gap is not None:
            self._filled = 0
            if self._gap is None:
                self._gap = block.gap
            else:
                overruns = self._gap.overruns + block.gap.overruns
                cause = self._gap.cause if self._gap.cause == block.gap.cause else "overrun and damaged"
                self._gap = replace(self._gap, overruns=overruns, cause=cause)
        images: list[Block] = []
        at, rows = block.first, block.samples
        while len(rows):
            number, row = divmod(at, self._rows)
            count = min(len(rows), self._rows - row)
            if row == self._filled:
                self._image[row : row + count] = rows[:count]
                self._filled += count
                if self._filled == self._rows:
                    images.append(self._whole(number))
            if row + count == self._rows:
                self._filled = 0
            at, rows = at + count, rows[count:]
        return images

    def _whole(self, number: int) -> Block:
        gap = None
        if number > self._next:
            cause = self._gap.cause if self._gap is not None else "damaged"
            estimated = self._gap is not None and self._gap.estimated
            gap = Gap(
                at=self._stored, first=self._next, missing=number - self._next, cause=cause, estimated=estimated
            )
        self._gap = None
        self._next = number + 1
        self._stored += 1
        image: NDArray[Any] = self._image.copy()
        return Block(number, image[None], gap)


def to_rgb(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Unpack RGB565 into 8 bits a colour, (…, 3); the low bits repeat the high ones, so that white is 255.

    Parameters
    ----------
    pixels : uint16 array, any shape
    """
    red, green, blue = pixels >> 11, (pixels >> 5) & 0x3F, pixels & 0x1F
    return np.stack((red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2), -1).astype(np.uint8)


def from_rgb(colours: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Pack 8 bits a colour into RGB565: what :func:`to_rgb` gave comes back exactly."""
    red, green, blue = np.moveaxis(colours.astype(np.uint16), -1, 0)
    return (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
