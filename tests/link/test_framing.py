"""The frame decoder: golden frames, every cut, random damage, random bytes."""

import json
import random
import tracemalloc
from pathlib import Path

import pytest
from cobs import cobs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinyml_labs.link import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.framing import MAX_ENCODED, MAX_PAYLOAD, _stuff, _unstuff

GOLDEN = Path(__file__).parents[1] / "golden" / "frames"
INDEX = json.loads((GOLDEN / "frames.json").read_text())

frames = st.builds(
    Frame,
    type=st.integers(0, 255),
    sequence=st.integers(0, 65535),
    micros=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=700) | st.binary(max_size=40).map(lambda b: (b + b"\0") * 9),
)


def expected_frames(name: str) -> list[Frame]:
    return [Frame(f["type"], f["sequence"], f["micros"], bytes.fromhex(f["payload"])) for f in INDEX[name]["frames"]]


@pytest.mark.parametrize("name", INDEX)
def test_decodes_golden_frames_however_they_are_cut(name: str) -> None:
    data = (GOLDEN / f"{name}.bin").read_bytes()
    for size in (1, 2, 3, 7, 64, 1000, len(data)):
        decoder = FrameDecoder()
        found = [frame for at in range(0, len(data), size) for frame in decoder.feed(data[at : at + size])]
        assert found == expected_frames(name)
        assert decoder.counts.damaged == INDEX[name]["damaged"]
        assert decoder.counts.text_bytes == INDEX[name]["text_bytes"]
        assert decoder.counts.bytes == len(data)


def test_encoder_gives_the_golden_bytes() -> None:
    """The golden frames were made with a byte stuffing of their own."""
    for name in ("hello", "every_byte", "zeros", "longest", "no_zero_at_block_edges"):
        assert encode_frame(expected_frames(name)[0]) == (GOLDEN / f"{name}.bin").read_bytes()


def test_a_frame_of_another_version_is_named() -> None:
    decoder = FrameDecoder()
    decoder.feed((GOLDEN / "other_version.bin").read_bytes())
    assert (decoder.counts.other_version, decoder.other_version) == (1, 9)


def test_text_between_frames_is_kept_and_bounded() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"".join(b"line %d\r\n\0" % number for number in range(10_000)))
    assert decoder.text.endswith("line 9999\r\n")
    assert len(decoder.text) == 2048
    assert decoder.counts.damaged == 0


@pytest.mark.parametrize("field", [{"type": 256}, {"sequence": 65536}, {"micros": -1}])
def test_refuses_fields_that_do_not_fit(field: dict) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode_frame(Frame(**{"type": 1, "sequence": 0, "micros": 0, "payload": b"", **field}))


def test_refuses_a_payload_that_is_too_long() -> None:
    encode_frame(Frame(1, 0, 0, bytes(MAX_PAYLOAD)))
    with pytest.raises(ValueError, match="4097 bytes.*pieces"):
        encode_frame(Frame(1, 0, 0, bytes(MAX_PAYLOAD + 1)))


@settings(max_examples=500)
@given(
    st.binary(max_size=1200)
    | st.binary(max_size=30).map(lambda b: (b + b"\0") * 20 + b * 30)
    | st.binary().map(lambda b: b.replace(b"\0", b"x") * 40)
    | st.binary(min_size=200, max_size=900).map(lambda b: b"\0".join(b[k : k + 1] for k in range(len(b))))
)
@example(b"")
@example(b"x" * 254)
@example(b"x" * 254 + b"\0")
@example(b"x" * 508)
@example(b"\0" * 300)
@example(b"\0" * 4100)
@example(b"\0" * 60 + b"x" * 254 + b"\0" + b"x" * 254)
@example(b"\0" * 60 + b"x" * 255 + b"\0\0")
def test_byte_stuffing_equals_the_cobs_package(data: bytes) -> None:
    assert _stuff(data) == cobs.encode(data)
    assert _unstuff(cobs.encode(data)) == data


@pytest.mark.slow
@settings(max_examples=150)
@given(
    st.binary(min_size=1, max_size=600).map(lambda b: b.replace(b"\0", b"\1"))
    | st.lists(st.integers(1, 6), min_size=100, max_size=500).map(bytes)
    | st.lists(st.sampled_from([1, 2, 3, 40, 255]), min_size=100, max_size=900).map(bytes)
)
def test_damaged_byte_stuffing_is_as_the_cobs_package_sees_it(piece: bytes) -> None:
    try:
        expected = cobs.decode(piece)
    except cobs.DecodeError:
        expected = b""
    assert _unstuff(piece) == expected


@given(st.lists(frames, max_size=8), st.randoms(use_true_random=False))
@example([Frame(0, 0, 0, b"\0" * 254)], random.Random(0))
def test_frames_survive_any_cutting(sent: list[Frame], chance: random.Random) -> None:
    data = b"".join(encode_frame(frame) for frame in sent)
    decoder, found = FrameDecoder(), []
    while data:
        size = chance.randint(1, 300)
        found += decoder.feed(data[:size])
        data = data[size:]
    assert found == sent
    assert decoder.counts.damaged == 0


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(frames, min_size=1, max_size=6), st.data())
def test_damage_never_makes_a_frame_and_never_hides_the_next(sent: list[Frame], data: st.DataObject) -> None:
    """Flip, drop, insert and repeat bytes; every frame found was sent, and one sent after the damage is found."""
    stream = bytearray(b"".join(encode_frame(frame) for frame in sent))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(stream) - 1)) if stream else 0
        fault = data.draw(st.sampled_from(["flip", "drop", "insert", "repeat"]))
        if fault == "flip" and stream:
            stream[at] ^= 1 << data.draw(st.integers(0, 7))
        elif fault == "drop":
            del stream[at : at + data.draw(st.integers(1, 20))]
        elif fault == "insert":
            stream[at:at] = data.draw(st.binary(min_size=1, max_size=20))
        else:
            stream[at:at] = stream[at : at + data.draw(st.integers(1, 20))]
    last = Frame(0x81, 12345, 67890, b"after the damage")
    decoder = FrameDecoder()
    found = decoder.feed(bytes(stream) + encode_frame(last))
    assert found[-1] == last
    assert all(frame in sent for frame in found[:-1])


@settings(max_examples=200)
@given(st.binary(max_size=20_000))
def test_random_bytes_never_raise(noise: bytes) -> None:
    decoder = FrameDecoder()
    decoder.feed(noise)
    assert decoder.pending_bytes <= MAX_ENCODED
    assert decoder.counts.bytes == len(noise)
    assert decoder.feed(encode_frame(Frame(1, 2, 3, b"next"))) == [Frame(1, 2, 3, b"next")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["random bytes", "damaged frames", "no zeros at all"])
def test_a_hundred_megabytes_of_damage(kind: str) -> None:
    """100 MB: no exception, no wrong frame, bounded memory, the next good frame found each time."""
    chance = random.Random(kind)
    sent = [
        Frame(chance.randrange(256), n, chance.randrange(2**32), chance.randbytes(chance.choice((0, 9, 300, 4096))))
        for n in range(60)
    ]
    encoded = [encode_frame(frame) for frame in sent]
    allowed = set(sent)
    marker = Frame(0x42, 4242, 4242, b"marker")
    marker_bytes = encode_frame(marker)
    decoder = FrameDecoder()
    tracemalloc.start()
    fed = rounds = found_markers = good = 0
    noise = chance.randbytes(2_000_000) if kind == "random bytes" else b""
    while fed < 100_000_000:
        if kind == "random bytes":
            at = chance.randrange(len(noise) // 2)
            block = noise[at : at + 1_000_000].translate(bytes(chance.sample(range(256), 256)))
        elif kind == "damaged frames":
            block = bytearray(b"".join(chance.choice(encoded) for _ in range(300)))
            for _ in range(200):
                block[chance.randrange(len(block))] = chance.randrange(256)
            del block[chance.randrange(len(block)) :][: chance.randrange(50)]
            block = bytes(block)
        else:
            block = bytes([chance.randrange(128, 256)]) * 1_000_000
        found = []
        for at in range(0, len(block), 65_536):
            found += decoder.feed(block[at : at + 65_536])
            assert decoder.pending_bytes <= MAX_ENCODED
        found += decoder.feed(marker_bytes)
        fed += len(block) + len(marker_bytes)
        rounds += 1
        assert found[-1] == marker
        found_markers += 1
        good += len(found) - 1
        assert all(frame in allowed for frame in found[:-1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found_markers == rounds > 10
    assert (good > 10_000) == (kind == "damaged frames")
    assert peak < 30_000_000  # the blocks themselves; the decoder keeps one frame at most
