"""From light to a picture as a small camera takes it: exposure, vignetting, blur, noise and a tone curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

PIXELS = 96
GREY_OF_BOARDS = (77, 150, 29)  # over 256, as the board does


def to_grey(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn RGB (rows, columns, 3) into grey as the board does, (77 R + 150 G + 29 B + 128) >> 8."""
    wide = colour.astype(np.int32)
    return ((wide @ np.array(GREY_OF_BOARDS) + 128) >> 8).astype(np.uint8)


def box_mean(values: NDArray[Any], radius: int) -> NDArray[np.float64]:
    """Average a picture (rows, columns) over squares of 2 `radius` + 1 pixels; edges are repeated."""
    size = 2 * radius + 1
    padded = np.pad(values.astype(float), radius + 1, mode="edge")[:-1, :-1]
    sums = padded.cumsum(0).cumsum(1)
    return np.asarray(sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]) / size**2


def _blur(picture: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    planes = [Image.fromarray(np.ascontiguousarray(picture[..., k]), "F") for k in range(3)]
    top = max(1e-6, float(picture.max()))
    done = []
    for plane in planes:  # Pillow blurs whole numbers only
        whole = Image.fromarray((np.sqrt(np.clip(np.asarray(plane) / top, 0, 1)) * 255).astype(np.uint8))
        done.append((np.asarray(whole.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255) ** 2 * top)
    return np.stack(done, axis=-1)


def defocus(
    picture: NDArray[np.float32], nearness: NDArray[np.float32], focus: float, radius: float
) -> NDArray[np.float32]:
    """Blur what is much farther off than the focus, given as 1 / metres."""
    far = np.clip((focus - nearness) / focus * 3 - 0.3, 0, 1)
    share = np.asarray(
        Image.fromarray((far * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.5)), np.float32
    )
    return picture + (share / 255)[..., None] * (_blur(picture, radius) - picture)


def take(picture: NDArray[Any], random: np.random.Generator) -> NDArray[np.uint8]:
    """Take a picture of light (192, 192, 3): gives RGB (96, 96, 3) uint8."""
    u = random.uniform
    size = picture.shape[0]
    if random.random() < 0.2:
        picture = _blur(picture, u(0.5, 1.8))
    if random.random() < 0.06:  # motion
        steps, along, down = int(random.integers(2, 6)), u(-1.5, 1.5), u(-0.6, 0.6)
        picture = np.asarray(
            np.mean(
                [np.roll(picture, (round(k * down), round(k * along)), (0, 1)) for k in range(steps)],
                axis=0,
                dtype=np.float32,
            )
        )
    picture = picture.reshape(size // 2, 2, size // 2, 2, 3).mean(axis=(1, 3))
    y, x = np.mgrid[-1 : 1 : PIXELS * 1j, -1 : 1 : PIXELS * 1j]
    picture = picture * (1 - u(0, 0.3) * (x**2 + y**2) / 2)[..., None]
    light = picture.mean(axis=-1)
    metered = 0.6 * light.mean() + 0.4 * light[24:72, 24:72].mean()
    picture = picture * (np.exp(random.normal(np.log(0.22), 0.35)) / (metered + 1e-4))
    picture = picture * (1 + 0.05 * random.normal(0, 1, 3))  # white balance
    grain = u(0, 0.012) if random.random() < 0.75 else u(0.012, 0.035)
    picture = picture + random.normal(0, 1, picture.shape) * grain * np.sqrt(np.maximum(picture, 0) + 0.02)
    picture = np.maximum(picture, 0)
    picture = picture * (1 + picture / 9) / (1 + 0.75 * picture) if random.random() < 0.7 else picture
    shown = np.clip(picture, 0, 1) ** (1 / u(1.9, 2.4))
    dark, bright = np.quantile(shown, [u(0.002, 0.03), u(0.95, 0.997)])
    black, white = max(0.0, random.normal(0.03, 0.06)), min(1.0, random.normal(0.92, 0.1))
    gain = min(3.0, (white - black) / (bright - dark + 1e-3))  # cameras and software use the range that there is
    stretched = (shown - dark) * gain + black
    shown += u(0.6, 1.0) * (stretched - shown)
    return np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)


def measure_contrast(grey: NDArray[np.uint8], covered: NDArray[Any]) -> float:
    """Say how much a silhouette differs from what is around it: mean over its outline, 0 to 1."""
    inside = covered > 0.5
    share = box_mean(inside, 2)
    outline = (share > 0.25) & (share < 0.75)
    if not outline.any():
        return 0.0
    values = grey / 255
    near = np.maximum(box_mean(inside, 2), 1e-3)
    within = box_mean(values * inside, 2) / near
    without = box_mean(values * ~inside, 2) / np.maximum(1 - near, 1e-3)
    return float(np.abs(within - without)[outline].mean())
