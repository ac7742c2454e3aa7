"""The C++ framing against the Python one: golden frames, thousands of random ones, damage and noise."""

import json
import random
from pathlib import Path

import pytest
from cpp_programs import run_lines, run_program

from tinyml_labs.link import Frame, FrameDecoder, encode_frame

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[2] / "golden" / "frames"
INDEX = json.loads((GOLDEN / "frames.json").read_text())
LENGTHS = (0, 0, 1, 5, 20, 241, 242, 243, 244, 495, 496, 497, 700, 4095, 4096)


def decode(data: bytes, program: str = "decode") -> tuple[list[Frame], dict[str, int]]:
    *lines, last = run_lines("frames", program, given=data)
    frames = []
    for line in lines:
        _, kind, sequence, micros, payload = line.split()
        frames.append(Frame(int(kind), int(sequence), int(micros), bytes.fromhex(payload.strip("-"))))
    names = ("bytes", "frames", "crc_errors", "malformed", "oversized", "other_version", "text_bytes", "version")
    return frames, dict(zip(names, map(int, last.split()[1:]), strict=True))


def assert_same_as_python(data: bytes) -> list[Frame]:
    frames, counts = decode(data)
    decoder = FrameDecoder()
    expected = decoder.feed(data)
    assert frames == expected
    version = counts.pop("version")
    assert counts == {name: getattr(decoder.counts, name) for name in counts}
    assert version == (decoder.other_version or 0)
    return frames


def random_payload(chance: random.Random) -> bytes:
    size = chance.choice(LENGTHS) if chance.random() < 0.5 else chance.randrange(600)
    kind = chance.randrange(4)
    if kind == 0:
        return bytes(size)
    if kind == 1:
        return bytes(chance.randrange(1, 256) for _ in range(size))  # no zero: the longest blocks
    if kind == 2:
        return bytes(chance.choice((0, 1, 255)) for _ in range(size))
    return chance.randbytes(size)


def random_frame(chance: random.Random, number: int) -> Frame:
    return Frame(chance.randrange(256), number % 65536, chance.randrange(2**32), random_payload(chance))


@pytest.mark.parametrize("name", INDEX)
def test_decodes_the_golden_frames(name: str) -> None:
    data = (GOLDEN / f"{name}.bin").read_bytes()
    expected = [
        Frame(f["type"], f["sequence"], f["micros"], bytes.fromhex(f["payload"])) for f in INDEX[name]["frames"]
    ]
    assert assert_same_as_python(data) == expected
    _, counts = decode(data)
    assert counts["crc_errors"] + counts["malformed"] + counts["oversized"] == INDEX[name]["damaged"]
    assert counts["text_bytes"] == INDEX[name]["text_bytes"]


def test_decodes_what_python_encodes() -> None:
    chance = random.Random(1)
    sent = [random_frame(chance, number) for number in range(3000)]
    assert decode(b"".join(map(encode_frame, sent)))[0] == sent


@pytest.mark.parametrize("largest_write", [0, 1, 7])
def test_encodes_the_bytes_that_python_encodes(largest_write: int) -> None:
    """Sequence numbers count up from 0; a port that takes a part at a time gets all."""
    chance = random.Random(2)
    frames = [random_frame(chance, number) for number in range(2000 if largest_write == 0 else 200)]
    lines = "".join(f"{frame.type} {frame.micros} {frame.payload.hex() or '-'}\n" for frame in frames)
    assert run_program("frames", "encode", largest_write, given=lines) == b"".join(map(encode_frame, frames))


def test_sequence_numbers_wrap() -> None:
    data = run_program("frames", "encode", 0, given="1 0 -\n" * 65540)
    assert [frame.sequence for frame in FrameDecoder().feed(data)] == [n % 65536 for n in range(65540)]


@pytest.mark.parametrize("seed", range(4))
def test_damaged_frames_are_seen_as_python_sees_them(seed: int) -> None:
    """Bytes flipped, lost, inserted and repeated: no wrong frame, and the good one behind the damage is found."""
    chance = random.Random(seed)
    sent = [random_frame(chance, number) for number in range(800)]
    stream = bytearray(b"".join(map(encode_frame, sent)))
    for _ in range(1000):
        at = chance.randrange(len(stream))
        fault = chance.randrange(4)
        if fault == 0:
            stream[at] ^= 1 << chance.randrange(8)
        elif fault == 1:
            del stream[at : at + chance.randrange(20)]
        elif fault == 2:
            stream[at:at] = chance.randbytes(chance.randrange(20))
        else:
            stream[at:at] = stream[at : at + chance.randrange(20)]
    last = Frame(0x81, 12345, 67890, b"after the damage")
    found = assert_same_as_python(bytes(stream) + encode_frame(last))
    assert found[-1] == last
    assert set(found[:-1]) <= set(sent)
    assert len(found) > 100


@pytest.mark.parametrize("kind", ["random", "many zeros", "few zeros", "no zeros", "text"])
def test_noise_makes_no_frame_and_hides_none(kind: str) -> None:
    chance = random.Random(kind)
    size = 1_000_000
    alphabet = {
        "random": bytes(range(256)),
        "many zeros": bytes(range(8)) * 32,
        "few zeros": (bytes(range(1, 256)) + b"\xff") * 40,
        "no zeros": bytes(range(1, 256)) + b"\xff",
        "text": b" abcdefghijklmno\r\n\x00\x80" * 100,
    }[kind]
    noise = bytes(chance.choices(alphabet, k=size))
    last = Frame(1, 2, 3, b"next")
    frames, counts = decode(noise + encode_frame(last))
    assert frames == [last]
    assert counts["bytes"] == size + len(encode_frame(last))
    # Python counts a text longer than a frame by the piece in which it is fed: only shorter ones are compared.
    if kind != "text":
        assert_same_as_python(noise + encode_frame(last))


def test_a_small_decoder_names_the_frame_that_is_too_long_for_it() -> None:
    """A board of 64 bytes: what is longer is told by its header, and the next frame is found."""
    chance = random.Random(3)
    sent = [random_frame(chance, number) for number in range(500)]
    *lines, counts = run_lines("frames", "decode64", given=b"".join(map(encode_frame, sent)))
    for frame, line in zip(sent, lines, strict=True):
        short = len(frame.payload) <= 64
        payload = frame.payload.hex() or "-" if short else str(len(frame.payload))
        assert line == f"{'frame' if short else 'too_long'} {frame.type} {frame.sequence} {frame.micros} {payload}"
    assert int(counts.split()[5]) == sum(len(frame.payload) > 64 for frame in sent)


def test_a_small_decoder_survives_noise() -> None:
    chance = random.Random(4)
    noise = chance.randbytes(300_000) + bytes([255]) * 10_000
    lines = run_lines("frames", "decode64", given=noise + encode_frame(Frame(1, 2, 3, b"next")))
    assert lines[:-1] == [f"frame 1 2 3 {b'next'.hex()}"]
