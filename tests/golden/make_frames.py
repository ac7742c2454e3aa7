"""Make the golden frames that the Python and the C++ decoder both read: python tests/golden/make_frames.py

Each .bin is a stream of bytes; frames.json says which frames are in it and how many pieces are damaged.
"""

import json
import struct
import zlib
from pathlib import Path

FOLDER = Path(__file__).parent / "frames"


def cobs(data: bytes) -> bytes:
    """Byte stuffing as in the paper, written here a second time so that the golden frames owe the package nothing."""
    out, block = bytearray(), bytearray()
    for byte in data:
        if byte:
            block.append(byte)
            if len(block) == 254:
                out += b"\xff" + block
                block.clear()
        else:
            out += bytes([len(block) + 1]) + block
            block.clear()
    # A stuffed block of 254 that ends the data needs no empty block behind it.
    if block or not data or data[-1] == 0 or not out or out[-255:-254] != b"\xff":
        out += bytes([len(block) + 1]) + block
    return bytes(out)


def frame(kind: int, sequence: int, micros: int, payload: bytes, *, version: int = 1, crc_xor: int = 0) -> bytes:
    body = struct.pack("<BBHI", version, kind, sequence, micros) + payload
    return b"\0" + cobs(body + struct.pack("<I", zlib.crc32(body) ^ crc_xor)) + b"\0"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    ramp = bytes(range(256))
    plain = (0x01, 7, 0, b"")
    numbers = (0x86, 65535, 2**32 - 1, ramp)
    zeros = (0x05, 0, 1, bytes(300))
    long = (0x85, 513, 70_000_000, (ramp * 16)[:4096])
    no_zero = (0x03, 0x0101, 0x01010101, bytes([1]) * 254 * 3)
    damaged = bytearray(frame(*numbers))
    damaged[20] ^= 0x10
    files = {
        "hello": (frame(*plain), [plain], 0, 0),
        "every_byte": (frame(*numbers), [numbers], 0, 0),
        "zeros": (frame(*zeros), [zeros], 0, 0),
        "longest": (frame(*long), [long], 0, 0),
        "no_zero_at_block_edges": (frame(*no_zero), [no_zero], 0, 0),
        "merged": (frame(*plain) + frame(*zeros) + frame(*numbers), [plain, zeros, numbers], 0, 0),
        "shared_zeros": (frame(*plain)[:-1] + frame(*zeros) + bytes(5) + frame(*plain), [plain, zeros, plain], 0, 0),
        "boot_text": (b"Nano 33 BLE, 1.2\r\n" + frame(*plain) + b"ready\n" + frame(*zeros), [plain, zeros], 0, 24),
        "one_bit_wrong": (frame(*plain) + bytes(damaged) + frame(*zeros), [plain, zeros], 1, 0),
        "wrong_crc": (frame(*plain, crc_xor=1) + frame(*plain), [plain], 1, 0),
        "cut": (frame(*long)[:2000] + frame(*plain), [plain], 1, 0),
        "too_long": (b"\0" + bytes([0xFF]) * 6000 + frame(*plain), [plain], 1, 0),
        "too_short": (b"\0\x03\x01\x02\0" + frame(*plain), [plain], 1, 0),
        "other_version": (frame(*plain, version=9) + frame(*plain), [plain], 0, 0),
    }
    index = {}
    for name, (data, frames, wrong, text_bytes) in files.items():
        (FOLDER / f"{name}.bin").write_bytes(data)
        index[name] = {
            "frames": [
                {"type": kind, "sequence": sequence, "micros": micros, "payload": payload.hex()}
                for kind, sequence, micros, payload in frames
            ],
            "damaged": wrong,
            "text_bytes": text_bytes,
        }
    (FOLDER / "frames.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
