"""Every message survives its bytes; every short payload is an error that says which message was cut."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyml_labs.link import messages as m
from tinyml_labs.link.descriptions import NO_MODEL, SMALLEST_PAYLOAD, BoardInfo, ModelInfo, Sensor, TensorLayout
from tinyml_labs.link.fields import DTYPES, MessageError, dtype_code

u8, u16, u32 = st.integers(0, 255), st.integers(0, 65535), st.integers(0, 2**32 - 1)
names = st.text(max_size=60)  # up to 240 bytes
sha = st.binary(min_size=32, max_size=32)
floats = st.floats(width=32, allow_nan=False)
dtypes = st.sampled_from(sorted(DTYPES.values()))
sensors = st.builds(
    Sensor,
    id=u8,
    name=names,
    unit=names,
    channels=st.integers(1, 255),
    dtype=dtypes,
    rate_hz=st.floats(2.0**-10, 2.0**20, width=32),
    low=floats,
    high=floats,
)
boards = st.builds(
    BoardInfo,
    board=names,
    firmware=names,
    firmware_version=names,
    max_payload=st.integers(SMALLEST_PAYLOAD, 4096),
    receive_buffer=u32,
    model_sha256=sha,
    sensors=st.lists(sensors, max_size=4).map(tuple),
)
layouts = st.builds(
    TensorLayout,
    dtype=dtypes,
    shape=st.lists(st.integers(0, 30), max_size=5).map(tuple),
    scale=floats,
    zero_point=st.integers(-(2**31), 2**31 - 1),
)
models = st.builds(
    ModelInfo,
    sha256=sha,
    arena_bytes=u32,
    inputs=st.lists(layouts, max_size=3).map(tuple),
    outputs=st.lists(layouts, max_size=3).map(tuple),
)


@given(boards, u16)
def test_board_info(info: BoardInfo, request_number: int) -> None:
    payload = info.pack(request_number)
    assert BoardInfo.unpack(payload) == info
    assert m.answered_request(m.Type.BOARD, payload) == request_number


@given(models, u16)
def test_model_info(info: ModelInfo, request_number: int) -> None:
    payload = info.pack(request_number)
    assert ModelInfo.unpack(payload) == info
    assert m.answered_request(m.Type.MODEL, payload) == request_number


@pytest.mark.parametrize(
    "message",
    [
        m.LoadBegin(size=3_000_000, crc32=0xDEADBEEF, sha256=bytes(range(32))),
        m.Result(request=9, microseconds=1, offset=4082, total=5000, data=b"\x80\x7f\0"),
        m.StreamStart(sensor=3, samples=0),
        m.Samples(sensor=3, first=2**31, overruns=5, data=b"\0\1\2\3"),
        m.Trace(first=3, count=m.EVERY_LAYER),
        m.Layer(request=9, layer=30, offset=4084, total=55296, data=b"\x80\x7f\0"),
        m.StreamEnd(sensor=1, samples=100, overruns=0),
        m.Refusal(request=65535, code=4, text="the arena is too small: 1 KiB fehlt – für"),
    ],
)
def test_other_messages(message: object) -> None:
    payload = message.pack()
    assert type(message).unpack(payload) == message
    fixed = len(payload) - len(getattr(message, "data", getattr(message, "text", "").encode()))
    for size in range(fixed):
        with pytest.raises(MessageError, match="cut short"):
            type(message).unpack(payload[:size])


def test_pieces() -> None:
    piece = m.Piece(offset=70_000, total=90_000, data=b"abc")
    assert m.Piece.unpack_infer(piece.pack_infer()) == piece
    assert m.Piece.unpack_load(piece.pack_load()) == m.Piece(offset=70_000, data=b"abc")


def test_constants_say_the_sizes_of_their_messages() -> None:
    assert len(m.Result(request=0, microseconds=0, offset=0, total=0, data=b"").pack()) == m.RESULT_OVERHEAD
    assert len(m.Layer(request=0, layer=0, offset=0, total=0, data=b"").pack()) == m.LAYER_OVERHEAD
    assert len(m.Samples(sensor=0, first=0, overruns=0, data=b"").pack()) == m.SAMPLES_OVERHEAD


HELLO = {
    "board": "b",
    "firmware": "f",
    "firmware_version": "1",
    "max_payload": 64,
    "receive_buffer": 64,
    "model_sha256": NO_MODEL,
}


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"rate_hz": 0.0}, {"rate_hz": math.nan}, {"rate_hz": math.inf}])
def test_sensors_that_cannot_be_are_refused(wrong: dict) -> None:
    sensor = Sensor(**{"id": 1, "name": "a", "unit": "g", "channels": 3, "dtype": "int16", "rate_hz": 1.0, **wrong})
    with pytest.raises(MessageError, match="sensor 'a' has"):
        BoardInfo.unpack(BoardInfo(**HELLO, sensors=(sensor,)).pack(0))


def test_absurd_sizes_are_refused_before_any_memory_is_taken() -> None:
    with pytest.raises(MessageError, match="8 bytes a frame"):
        BoardInfo.unpack(BoardInfo(**{**HELLO, "max_payload": 8}, sensors=()).pack(0))
    roomy = BoardInfo(**{**HELLO, "max_payload": 65535}, sensors=())
    assert BoardInfo.unpack(roomy.pack(0)).max_payload == 4096
    for shape in ((2**20, 2**20), (2**31, 2**31, 2), (1,) * 200):
        layout = TensorLayout(dtype="int8", shape=shape, scale=1.0, zero_point=0)
        info = ModelInfo(sha256=NO_MODEL, arena_bytes=1, inputs=(layout,), outputs=())
        with pytest.raises(MessageError, match="tensor of shape"):
            ModelInfo.unpack(info.pack(0))


def test_unknown_range_of_a_sensor_is_nan() -> None:
    sensor = Sensor(id=1, name="a", unit="g", channels=3, dtype="int16", rate_hz=119.0)
    info = BoardInfo(**HELLO, sensors=(sensor,))
    assert math.isnan(BoardInfo.unpack(info.pack(0)).sensors[0].low)


@given(boards, st.data())
def test_a_cut_hello_is_a_message_error(info: BoardInfo, data: st.DataObject) -> None:
    payload = info.pack(0)
    with pytest.raises(MessageError):
        BoardInfo.unpack(payload[: data.draw(st.integers(0, len(payload) - 1))])


def test_refuses_a_dtype_that_the_protocol_lacks() -> None:
    with pytest.raises(MessageError, match="no complex64"):
        dtype_code("complex64")
