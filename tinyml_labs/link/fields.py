"""The fields that messages are made of: numbers, texts and dtypes, little endian."""

from __future__ import annotations

import struct

import numpy as np

from tinyml_labs.link.errors import BoardError


class MessageError(BoardError, ValueError):
    """A frame with a good CRC whose payload is not the message that its type says: two versions of the kit?"""


DTYPES = {1: "int8", 2: "uint8", 3: "int16", 4: "uint16", 5: "int32", 6: "float32", 7: "int64", 8: "bool"}
_DTYPE_CODES = {name: code for code, name in DTYPES.items()}


def dtype_code(dtype: np.dtype) -> int:
    """Give the number that stands for a dtype on the wire."""
    try:
        return _DTYPE_CODES[np.dtype(dtype).name]
    except KeyError:
        raise MessageError(f"The protocol has no {dtype}; it has {', '.join(_DTYPE_CODES)}.") from None


class Reader:
    """Reads fields off a payload; a short payload is a MessageError."""

    def __init__(self, payload: bytes, what: str) -> None:
        self._payload, self._position, self._what = payload, 0, what

    def take(self, layout: str) -> tuple:
        """Read the next fields; ``layout`` is one of :mod:`struct`."""
        fields = struct.Struct("<" + layout)
        if self._position + fields.size > len(self._payload):
            raise MessageError(f"{self._what} is cut short: {len(self._payload)} bytes.")
        values = fields.unpack_from(self._payload, self._position)
        self._position += fields.size
        return values

    def text(self) -> str:
        """Read a text: its length in a byte, and its UTF-8."""
        (size,) = self.take("B")
        return self.take(f"{size}s")[0].decode("utf-8", errors="replace")

    def rest(self) -> bytes:
        """Read all that is left."""
        rest = self._payload[self._position :]
        self._position = len(self._payload)
        return rest


def pack_text(value: str) -> bytes:
    """Give the bytes that :meth:`Reader.text` reads; a text is cut at 255 bytes."""
    encoded = value.encode()[:255]
    return bytes([len(encoded)]) + encoded
