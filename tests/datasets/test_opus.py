"""Ogg pages with a serial number of our own: held against the CRC of RFC 3533, bit by bit."""

import struct

import numpy as np
import pytest

from tinyml_labs.datasets.opus import decode_opus, encode_opus, set_serial


def crc_by_the_book(page: bytes) -> int:
    """Polynomial 0x04c11db7, the highest bit first, from 0, nothing inverted."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
            crc &= 0xFFFFFFFF
    return crc


def cut_pages(content: bytes) -> list[bytes]:
    starts = [k for k in range(len(content)) if content[k : k + 5] == b"OggS\0"]
    return [content[a:b] for a, b in zip(starts, [*starts[1:], len(content)], strict=True)]


def sound() -> np.ndarray:
    return (8000 * np.sin(np.arange(20000) / 7)).astype(np.int16)


def test_serial_and_checksums() -> None:
    pages = cut_pages(encode_opus(sound(), 16000))
    assert len(pages) >= 3
    for page in pages:
        serial, _, crc = struct.unpack_from("<III", page, 14)
        assert serial == 1
        assert crc == crc_by_the_book(page[:22] + bytes(4) + page[26:])


def test_any_serial_number_decodes_alike() -> None:
    content = encode_opus(sound(), 16000)
    other = set_serial(content, 0xDEADBEEF)
    assert other != content
    np.testing.assert_array_equal(decode_opus(other)[0], decode_opus(content)[0])
    assert set_serial(other, 1) == content


@pytest.mark.parametrize("end", [1, 26, 40, -1])
def test_half_a_page_is_refused(end: int) -> None:
    content = encode_opus(sound(), 16000)
    with pytest.raises(ValueError, match="is not the beginning of a whole Ogg page"):
        set_serial(content[:end], 5)
    with pytest.raises(ValueError, match="Byte 0 of "):
        set_serial(b"RIFF" + content[4:], 5)
