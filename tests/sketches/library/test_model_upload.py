"""Models that arrive in RAM: lost, repeated, wrong and too large pieces; what runs before, meanwhile and after."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field

import numpy as np
import pytest
from cpp_programs import run_lines

from tinyml_labs.link import Frame, FrameDecoder, encode_frame
from tinyml_labs.link.descriptions import ModelInfo
from tinyml_labs.link.messages import ErrorCode, LoadBegin, Piece, Refusal, Result, Type

MEMORY, OWN = 8192, 2048
OWN_HASH = bytes([9]) + bytes(31)


def make_model(weights: int, *, arena: int = 2000, ops: str = "ab", seed: int = 0) -> bytes:
    """A file as ``upload_memory.cpp`` knows it."""
    values = np.random.default_rng(seed).integers(0, 256, weights, np.uint8).tobytes()
    return b"M" + ops.encode() + b"|" + values + arena.to_bytes(2, "little")


def begin(model: bytes, **other: object) -> tuple[Type, bytes]:
    said = {"size": len(model), "crc32": zlib.crc32(model), "sha256": hashlib.sha256(model).digest(), **other}
    return Type.LOAD_BEGIN, LoadBegin(**said).pack()


def pieces(model: bytes, step: int = 248) -> list[tuple[Type, bytes]]:
    return [piece(at, model[at : at + step]) for at in range(0, len(model), step)]


def piece(offset: int, data: bytes) -> tuple[Type, bytes]:
    return Type.LOAD_DATA, Piece(offset=offset, data=data).pack_load()


def infer(value: int) -> tuple[Type, bytes]:
    return Type.INFER, Piece(offset=0, total=1, data=bytes([value])).pack_infer()


INFO = (Type.MODEL_INFO, b"")


@dataclass
class Outcome:
    frames: list[Frame] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> list[Type]:
        return [Type(frame.type) for frame in self.frames]

    @property
    def refusals(self) -> list[Refusal]:
        return [Refusal.unpack(frame.payload) for frame in self.frames if frame.type == Type.REFUSAL]

    @property
    def results(self) -> list[int]:
        return [Result.unpack(frame.payload).data[0] for frame in self.frames if frame.type == Type.RESULT]

    @property
    def models(self) -> list[ModelInfo]:
        return [ModelInfo.unpack(frame.payload) for frame in self.frames if frame.type == Type.MODEL]


def run(*requests: tuple[int, bytes] | str, memory: int = MEMORY, own: int = OWN) -> Outcome:
    """Send requests one by one, each answered by one frame; a text is a line of the program's own."""
    script = [f"memory {memory} {own}"]
    for number, request in enumerate(requests):
        if isinstance(request, str):
            script.append(request)
            continue
        script.append(f"rx {encode_frame(Frame(request[0], number, 0, request[1])).hex()}")
        script += ["poll", "poll"]
    outcome, decoder = Outcome(), FrameDecoder()
    for line in run_lines("upload_memory", given="\n".join(script)):
        word, _, rest = line.partition(" ")
        if word == "at":
            outcome.frames += decoder.feed(bytes.fromhex(rest.split()[1]))
        elif word == "calls":
            outcome.calls.append(rest.strip())
    assert decoder.counts.damaged == 0
    assert len(outcome.frames) == sum(not isinstance(request, str) for request in requests)
    return outcome


def answer_of(model: bytes, value: int) -> int:
    return (sum(model) + value + 7) % 256


def test_a_model_arrives_and_runs() -> None:
    model = make_model(1000)
    found = run(INFO, infer(1), begin(model), *pieces(model), INFO, infer(1), infer(200))
    assert found.kinds == [Type.MODEL, Type.RESULT, *[Type.DONE] * 5, *[Type.MODEL] * 2, *[Type.RESULT] * 2]
    own, loaded, asked = found.models
    assert own.sha256 == OWN_HASH and loaded == asked
    assert loaded.sha256 == hashlib.sha256(model).digest()
    assert (loaded.arena_bytes, loaded.inputs[0].scale, loaded.inputs[0].zero_point) == (2000, 0.5, len(model))
    assert found.results == [1 + 7, answer_of(model, 1), answer_of(model, 200)]


@pytest.mark.parametrize("size", [5, 6, 15, 16, 17, 247, 248, 249, 4095, 6192])
def test_models_of_any_length(size: int) -> None:
    model = make_model(size - 6 if size > 6 else 0, arena=1024, ops="ab" if size > 5 else "a")[-size:]
    found = run(begin(model), *pieces(model), infer(3))
    assert found.kinds[-2:] == [Type.MODEL, Type.RESULT]
    assert found.results == [answer_of(model, 3)]


@pytest.mark.parametrize("step", [1, 7, 100, 252])
def test_pieces_of_any_size(step: int) -> None:
    model = make_model(300)
    found = run(begin(model), *pieces(model, step), infer(3))
    assert found.results == [answer_of(model, 3)]


def test_the_model_before_runs_until_the_new_one_is_there() -> None:
    """The sketch's own, and then one that was loaded, with another beside it."""
    first, second = make_model(900, seed=1), make_model(1500, seed=2)
    parts = pieces(first), pieces(second)
    found = run(
        *(begin(first), parts[0][0], infer(1), *parts[0][1:], infer(1)),
        *(begin(second), parts[1][0], infer(1), INFO, *parts[1][1:], infer(1), INFO),
    )
    assert found.refusals == []
    assert found.results == [1 + 7, answer_of(first, 1), answer_of(first, 1), answer_of(second, 1)]
    assert [info.sha256 for info in found.models[1:]] == [
        hashlib.sha256(model).digest() for model in (first, second, second)
    ]


def test_a_model_beside_which_the_old_one_has_no_room() -> None:
    first, second = make_model(900, seed=1), make_model(6000, seed=2)
    parts = pieces(second)
    found = run(begin(first), *pieces(first), begin(second), parts[0], infer(1), INFO, *parts[1:], infer(1))
    assert [refusal.code for refusal in found.refusals] == [ErrorCode.NO_MODEL] * 2
    said = {refusal.text for refusal in found.refusals}
    assert said == {"no model is loaded: of the one on its way I have 248 of 6006 bytes."}
    assert found.results == [answer_of(second, 1)]


def test_a_hello_says_which_model_there_is() -> None:
    model, hello = make_model(6500, arena=1700), (Type.HELLO, b"")
    found = run(hello, begin(model), hello, *pieces(model)[:-1], hello, pieces(model)[-1], hello)
    hashes = [frame.payload[8:40] for frame in found.frames if frame.type == Type.BOARD]
    assert hashes == [OWN_HASH, *[bytes(32)] * 2, OWN_HASH]
    assert found.refusals[0].text == (
        "the arena is too small: the model's 6506 bytes leave it 1680 of 8192 bytes. "
        "The sketch's own model runs again."
    )


def test_what_is_too_large_is_refused_at_once_and_what_ran_runs() -> None:
    model = make_model(100)
    loaded = run(begin(model), *pieces(model), begin(model, size=2**32 - 1), INFO, infer(1), *pieces(model)[:1])
    assert loaded.refusals[0].code == ErrorCode.OUT_OF_MEMORY
    assert loaded.refusals[0].text == (
        "the model has 4294967295 bytes, and this board 8192 bytes of RAM for model and arena. "
        "The model before it still runs."
    )
    assert loaded.results == [answer_of(model, 1)]
    assert run(begin(b"", size=0)).refusals[0].text == "the model has 0 bytes."


@pytest.mark.parametrize("before", ["own", "loaded", "nothing"])
@pytest.mark.parametrize(
    ("bad", "code", "text"),
    [
        ("crc32", ErrorCode.MODEL_DAMAGED, "the model's CRC-32 is wrong: it arrived damaged."),
        ("sha256", ErrorCode.MODEL_DAMAGED, "the model's SHA-256 is not the one that was announced"),
        ("garbage", ErrorCode.MODEL_FAILED, "this is no model."),
        ("op", ErrorCode.MODEL_FAILED, "there is no kernel for Z."),
        ("prepare", ErrorCode.MODEL_FAILED, "Y fails when it is made ready."),
        ("arena", ErrorCode.OUT_OF_MEMORY, "arena is too small: the model's 1006 bytes leave it 7184 of 8192 bytes."),
        ("known", ErrorCode.OUT_OF_MEMORY, "leave it 7184 of 8192 bytes. It needs at least 9000."),
    ],
)  # fmt: skip
def test_a_model_that_cannot_run(bad: str, code: ErrorCode, text: str, before: str) -> None:
    first = make_model(900 if before == "loaded" else 7000 - 7, arena=1000, seed=1)
    bytes_of = {
        "garbage": bytes(1006),
        "op": make_model(1000, ops="bz"),
        "prepare": make_model(1000, ops="yb"),
        "arena": make_model(1000, arena=7185),
        "known": make_model(1000, arena=9000),
    }
    model = bytes_of.get(bad, make_model(1000))
    wrong = {"crc32": {"crc32": 1}, "sha256": {"sha256": bytes(32)}}.get(bad, {})
    prelude = [] if before == "own" else [begin(first), *pieces(first)]
    if before == "nothing":  # an upload that had to make room and was given up
        prelude = prelude[:-1]
    found = run(*prelude, begin(model, **wrong), *pieces(model), infer(1), INFO)
    assert found.refusals[0].code == code and text in found.refusals[0].text
    stays = {"own": bad not in ("prepare", "arena", "known"), "loaded": bad not in ("prepare", "arena", "known")}
    if stays.get(before, False):
        assert found.refusals[0].text.endswith(" The model before it still runs.")
    else:
        assert found.refusals[0].text.endswith(" The sketch's own model runs again.")
    if before == "loaded" and stays["loaded"]:
        assert found.results == [answer_of(first, 1)]
        assert found.models[-1].sha256 == hashlib.sha256(first).digest()
    else:
        assert found.results == [1 + 7]
        assert found.models[-1].sha256 == OWN_HASH


def test_pieces_that_are_lost_repeated_swapped_or_beyond_the_end() -> None:
    model = make_model(1000)
    parts = pieces(model)
    found = run(
        *(begin(model), parts[1], parts[0], parts[2], parts[0], parts[0], parts[1], parts[4]),
        *(piece(800, model[800:1000]), piece(2**32 - 1, b"x" * 200), piece(1006, b""), piece(1007, b"x")),
        piece(496, b""),
        *(piece(0, b"other bytes"), piece(490, model[490:510]), *parts[2:], infer(1)),
    )  # fmt: skip
    said = [refusal.text for refusal in found.refusals]
    assert {refusal.code for refusal in found.refusals} == {ErrorCode.BAD_REQUEST}
    assert said == [
        "this piece begins at 248, and I have 0 of 1006 bytes.",
        "this piece begins at 496, and I have 248 of 1006 bytes.",
        "this piece begins at 992, and I have 496 of 1006 bytes.",
        "this piece begins at 800, and I have 496 of 1006 bytes.",
        "this piece has 200 bytes from 4294967295 on, and the model 1006 bytes.",
        "this piece has 0 bytes from 1006 on, and the model 1006 bytes.",
        "this piece has 1 bytes from 1007 on, and the model 1006 bytes.",
        "this piece has 0 bytes from 496 on, and the model 1006 bytes.",
        "this piece begins at 0, and I have 496 of 1006 bytes.",
        "this piece begins at 490, and I have 496 of 1006 bytes.",
    ]
    assert found.results == [answer_of(model, 1)]


def test_the_last_piece_may_be_sent_again() -> None:
    model = make_model(1000)
    last = pieces(model)[-1]
    found = run(begin(model), *pieces(model), last, last, pieces(model)[0], piece(992, b"other"), infer(1))
    assert len(found.models) == 3 and found.models[0] == found.models[2]
    assert [refusal.text for refusal in found.refusals] == ["no load has begun."] * 2
    assert found.results == [answer_of(model, 1)]


def test_an_upload_that_is_begun_anew_forgets_the_one_before() -> None:
    first, second = make_model(1000, seed=1), make_model(700, seed=2)
    found = run(begin(first), *pieces(first)[:3], begin(second), infer(1), *pieces(second), infer(1))
    assert found.refusals == [] and found.results == [8, answer_of(second, 1)]


def test_requests_that_are_cut_short() -> None:
    found = run((Type.LOAD_BEGIN, bytes(39)), (Type.LOAD_DATA, bytes(3)), piece(0, b"x"), (Type.LOAD_BEGIN, b""))
    assert [refusal.text for refusal in found.refusals] == [
        "LOAD_BEGIN is cut short: 39 bytes.", "LOAD_DATA is cut short: 3 bytes.", "no load has begun.",
        "LOAD_BEGIN is cut short: 0 bytes.",
    ]  # fmt: skip


def test_an_input_that_was_for_the_model_before_is_forgotten() -> None:
    """Half an input of the old model never becomes half an input of the new one."""
    model = make_model(100)
    half = (Type.INFER, Piece(offset=0, total=1, data=b"").pack_infer())
    found = run(half, begin(model), *pieces(model), (Type.INFER, Piece(offset=1, total=1, data=b"").pack_infer()))
    assert found.kinds[-1] == Type.REFUSAL


def test_the_arena_is_made_as_small_as_it_may_be() -> None:
    """So that the next model finds room; where the rest is small, it is left as it is."""
    model = make_model(1000, arena=2000)
    assert run(begin(model), *pieces(model), "calls").calls == ["check forget prepare(7184) prepare(2512)"]
    large = make_model(1000, arena=7000)
    assert run(begin(large), *pieces(large), "calls").calls == ["check forget prepare(7184)"]


def random_requests(random: np.random.Generator) -> list[tuple[int, bytes]]:
    models = [make_model(int(size), arena=int(arena), seed=k) for k, (size, arena) in enumerate(
        zip(random.integers(1, 5000, 3), random.integers(1, 6000, 3), strict=True)
    )]  # fmt: skip
    models.append(make_model(500, ops="z"))
    requests: list[tuple[int, bytes]] = []
    for _ in range(12):
        model = models[random.integers(len(models))]
        parts = [begin(model, **({"crc32": 5} if random.random() < 0.2 else {})), *pieces(model)]
        while random.random() < 0.4 and len(parts) > 1:
            k, fault = int(random.integers(len(parts))), random.integers(4)
            if fault == 0:
                del parts[k]
            elif fault == 1:
                parts.insert(k, parts[k])
            elif fault == 2:
                parts[k], parts[-1] = parts[-1], parts[k]
            else:
                del parts[k:]
        requests += [*parts, infer(int(random.integers(256)))]
    return requests


@pytest.mark.parametrize("seed", range(6))
def test_whatever_comes_the_answers_are_those_of_the_model_that_is_announced(seed: int) -> None:
    """Random uploads with random faults, and the same state machine in a few lines of Python."""
    requests = random_requests(np.random.default_rng(seed))
    script: list[tuple[int, bytes]] = []
    for request in requests:
        script += [request, INFO] if request[0] == Type.INFER else [request]
    frames = run(*script).frames
    known = {}  # by its hash
    coming: tuple[LoadBegin, bytearray] | None = None
    inferences = 0
    for number, (request, frame) in enumerate(zip(script, frames, strict=True)):
        if request[0] == Type.LOAD_BEGIN:
            coming = (LoadBegin.unpack(request[1]), bytearray()) if frame.type == Type.DONE else None
        elif request[0] == Type.LOAD_DATA and coming is not None:
            part, (announced, data) = Piece.unpack_load(request[1]), coming
            repeated = data[part.offset : part.offset + len(part.data)] == part.data
            fits = part.offset == len(data) and len(data) + len(part.data) <= announced.size
            if repeated or not fits:
                assert frame.type == (Type.DONE if repeated else Type.REFUSAL)
                continue
            data += part.data
            if len(data) < announced.size:
                assert frame.type == Type.DONE
                continue
            coming = None
            if zlib.crc32(data) != announced.crc32:
                assert Refusal.unpack(frame.payload).code == ErrorCode.MODEL_DAMAGED
            elif frame.type == Type.MODEL:
                known[ModelInfo.unpack(frame.payload).sha256] = bytes(data)
        elif request[0] == Type.INFER and frame.type == Type.REFUSAL:
            assert coming is not None and Refusal.unpack(frame.payload).code == ErrorCode.NO_MODEL
        elif request[0] == Type.INFER:
            inferences += 1
            value, sha256 = request[1][-1], ModelInfo.unpack(frames[number + 1].payload).sha256
            expected = (value + 7) % 256 if sha256 == OWN_HASH else answer_of(known[sha256], value)
            assert Result.unpack(frame.payload).data[0] == expected
    assert known and inferences > 5


@pytest.mark.parametrize("size", [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1000])
def test_sha256_is_pythons(size: int) -> None:
    data = bytes(k * 31 % 256 for k in range(size))
    (line,) = run_lines("upload_memory", given=f"sha256 {data.hex() or '-'}")
    assert line == f"sha256 {hashlib.sha256(data).hexdigest()}"
