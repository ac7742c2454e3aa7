"""Bytes of a camera, in the formats that the kit's has, to pictures in grey; on the board, `camera_formats.h`."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from tinyml_labs.features.image import Grey, require_size, require_uint8, to_grey

CameraFormat = Literal["GRAYSCALE", "YUV422", "RGB565", "RGB444"]


def decode_camera(raw: Any, width: int, height: int, camera_format: CameraFormat) -> Grey:
    """Unpack a picture of an OV7675 or OV7670, the bytes that `Camera.readFrame` of Arduino_OV767X stores, to grey.

    Parameters
    ----------
    raw : bytes, or uint8 array
        A byte a pixel in "GRAYSCALE", two in the other formats.
    width, height : int
        Of the picture, in pixels: 640 x 480 (VGA), 352 x 240 (CIF), 320 x 240 (QVGA), 176 x 144 (QCIF), 160 x 120
        (QQVGA), or another camera's.
    camera_format : {"GRAYSCALE", "YUV422", "RGB565", "RGB444"}
        The word that the sketch gave to `Camera.begin`.

    Returns
    -------
    uint8 array, (height, width)
        Of YUV422 the Y. Of colours, 4, 5 or 6 bits become 8 by repeating the high ones, so that the largest value
        becomes 255; then `to_grey`.

    Raises
    ------
    TypeError
        Raw values that are neither bytes nor uint8.
    ValueError
        Another number of bytes than such a picture has, an unknown format, or a width or height that is no whole
        number from 1 to 4096.

    Notes
    -----
    In the order in which the bytes come, after the source of the library (github.com/arduino-libraries/
    Arduino_OV767X, commit d6f80e6):

    - YUV422 is Y U Y V: the even bytes are Y. "GRAYSCALE" is the same with the odd bytes left out by `readFrame`
      (OV767X.cpp). That it is a byte a pixel then is not what `Camera.bytesPerPixel()` says: 2.
    - RGB565 is RRRRRGGG GGGBBBBB, high byte first, as the library's own viewer takes it (CameraVisualizerRawBytes;
      its issue 11 says the same). In an array of uint16 on the board, the bytes of each pixel are therefore swapped.
    - RGB444 is xxxxRRRR GGGGBBBB (utility/ov7670.c). What x is does not matter.

    By the registers that it writes, YUV422 ranges from 0 to 255, RGB444 from 1 to 254, and RGB565 from 16 to 240:
    black is then not quite black. Nothing here stretches it; train with the format that the board will use.

    Examples
    --------
    >>> decode_camera(bytes([10, 128, 20, 128]), 2, 1, "YUV422").tolist()
    [[10, 20]]
    >>> decode_camera(bytes([0xF8, 0x00, 0xFF, 0xFF]), 2, 1, "RGB565").tolist()  # red and white
    [[77, 255]]
    """
    if camera_format not in get_args(CameraFormat):
        known = ", ".join(map(repr, get_args(CameraFormat)))
        raise ValueError(f"camera_format is {camera_format!r}, expected one of {known}.")
    for name, value in (("width", width), ("height", height)):
        require_size(name, value)
    is_bytes = isinstance(raw, bytes | bytearray | memoryview)
    values = np.frombuffer(raw, np.uint8) if is_bytes else require_uint8(raw, "raw").reshape(-1)
    expected = width * height * (1 if camera_format == "GRAYSCALE" else 2)
    if len(values) != expected:
        raise ValueError(_wrong_bytes(len(values), expected, f"{width} x {height}", camera_format))
    if camera_format == "GRAYSCALE":
        return values.reshape(height, width).copy()
    first, second = values.reshape(height, width, 2).transpose(2, 0, 1)
    if camera_format == "YUV422":
        return first.copy()
    if camera_format == "RGB565":
        red, green, blue = first >> 3, (first & 7) << 3 | second >> 5, second & 31
        return to_grey(np.stack([red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2], axis=-1))
    return to_grey(np.stack([first & 15, second >> 4, second & 15], axis=-1) * np.uint8(17))


def _wrong_bytes(found: int, expected: int, size: str, camera_format: str) -> str:
    said = f"raw has {found:,} bytes, expected {expected:,} for {size} pixels in {camera_format}."
    if camera_format == "GRAYSCALE" and found == 2 * expected:
        return f"{said} Twice as many: it is another format, or Camera.readFrame has filled only raw[:{expected}]."
    if camera_format != "GRAYSCALE" and 2 * found == expected:
        return f"{said} Half of them: a byte a pixel is 'GRAYSCALE'."
    return f"{said} Is it the size that the sketch gave to Camera.begin, and one whole picture?"
