"""The sketch model_runner with TensorFlow Lite Micro, whole, on a Cortex-M4 in QEMU: models come by its serial port.

TensorFlow Lite Micro is a stand-in there, which reads the files and gives back the inputs.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_models

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE / "sketches"))

import toolchains  # noqa: E402
from cortex_m4 import NANO, TFLM_STAND_IN, Program, compile_folder  # noqa: E402
from simulated_boards import qemu  # noqa: E402

from tinyml_labs.boards import BOARDS, find_board  # noqa: E402
from tinyml_labs.compiler.lowering import supported_ops  # noqa: E402
from tinyml_labs.datasets import load_reference_model  # noqa: E402
from tinyml_labs.deploy import deploy  # noqa: E402
from tinyml_labs.deploy.board_memory import plan_memory  # noqa: E402
from tinyml_labs.link import Board, BoardRefused, BoardTimeout, Frame, encode_frame  # noqa: E402
from tinyml_labs.link.messages import ErrorCode, LoadBegin, Piece, Result, Type  # noqa: E402
from tinyml_labs.model_file import read_model  # noqa: E402
from tinyml_labs.sketch_model import LOADABLE_OPS  # noqa: E402

OWN = load_reference_model("sine")
MEMORY = 160 * 1024

Start = Callable[..., Board]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Program]:
    """Give a function that deploys and compiles the sketch, with further defines, once."""
    toolchains.need_cortex_m4()
    made: dict[tuple[str, ...], Program] = {}

    def program(*defines: str) -> Program:
        if defines not in made:
            folder = tmp_path_factory.mktemp("loading")
            deployed = deploy(OWN, engine="tflm", directory=folder)
            made[defines] = compile_folder(deployed.folder, folder / "build", defines=(*NANO, *defines))
        return made[defines]

    return program


@pytest.fixture
def start(programs: Callable[..., Program]) -> Iterator[Start]:
    """Give a function that opens a board that has just been switched on."""
    running = []

    def open_board(*defines: str) -> Board:
        machine = qemu(programs(*defines).elf, shift=4)
        board = Board(machine.__enter__(), timeout_s=20)
        running.append((machine, board))
        return board

    yield open_board
    for machine, board in running:
        board.close()
        machine.__exit__(None, None, None)


def answer_of(model: bytes, inputs: np.ndarray) -> np.ndarray:
    """What the stand-in makes of it: the inputs' bytes, again and again."""
    result = read_model(model).outputs[0]
    raw = inputs.reshape(len(inputs), -1).view(np.uint8)
    dtype = np.dtype({"INT8": np.int8, "FLOAT32": np.float32}[result.type_name])
    wanted = np.ascontiguousarray(raw[:, np.arange(result.nbytes) % raw.shape[1]])
    return wanted.view(dtype).reshape(len(inputs), *result.shape[1:])


def some_inputs(model: bytes, count: int = 3) -> np.ndarray:
    tensor = read_model(model).inputs[0]
    values = np.random.default_rng(1).integers(-128, 128, (count, *tensor.shape[1:]))
    return values.astype({"INT8": np.int8, "FLOAT32": np.float32}[tensor.type_name])


def assert_runs(board: Board, model: bytes) -> None:
    inputs = some_inputs(model)
    board.require_model(model)
    np.testing.assert_array_equal(board.infer(inputs, progress=False).outputs, answer_of(model, inputs))


def begin(board: Board, model: bytes, **other: object) -> None:
    said = {"size": len(model), "crc32": zlib.crc32(model), "sha256": hashlib.sha256(model).digest(), **other}
    board._connection.request(Type.LOAD_BEGIN, LoadBegin(**said).pack())


def send(board: Board, model: bytes, first: int, end: int) -> Frame:
    return board._connection.request(Type.LOAD_DATA, Piece(offset=first, data=model[first:end]).pack_load())


def same_size(elements: int, op: str = "RELU") -> bytes:
    """One layer that needs no constants, of so many bytes."""
    tensors = [tiny_models.TensorSpec(name=name, shape=(1, elements), scale=1.0) for name in ("input", "output")]
    layer = tiny_models.OperatorSpec(name=op, inputs=(0,), outputs=(1,))
    return tiny_models.build_model(tensors, [layer], inputs=(0,), outputs=(1,))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gestures", "keywords"])
def test_a_model_of_a_lab_is_loaded_and_runs(start: Start, name: str) -> None:
    model, board = load_reference_model(name), start()
    assert_runs(board, OWN)
    info = board.load(model, progress=False)
    assert info == board.model_info() and board.info.model_sha256 == hashlib.sha256(model).digest()
    parsed = read_model(model)
    for layout, tensor in ((info.inputs[0], parsed.inputs[0]), (info.outputs[0], parsed.outputs[0])):
        assert (layout.dtype, layout.shape) == (tensor.type_name.lower(), tensor.shape)
        assert (np.float32(layout.scale), layout.zero_point) == (np.float32(tensor.scale), tensor.zero_point)
    assert_runs(board, model)
    assert board.damaged_frames == board.lost_frames == 0


@pytest.mark.slow
def test_one_model_after_the_other(start: Start) -> None:
    """What runs goes on until the next one is whole; larger ones make it go first, and the board says so."""
    board, models = start(), [load_reference_model("keywords"), tiny_models.window_classifier(19, 2), OWN]
    for before, model in zip([OWN, *models], models, strict=False):
        begin(board, model)
        send(board, model, 0, 1000)
        board.hello()
        assert_runs(board, before)
        board.load(model, progress=False)
        assert_runs(board, model)
    large = same_size(20_000) + bytes(161_000)
    begin(board, large)
    send(board, large, 0, 4000)
    assert board.hello().model_sha256 == bytes(32) and board.model_info() is None
    with pytest.raises(BoardRefused, match=r"no model is loaded: of the one on its way I have 4000 of 16\d{4} bytes"):
        board._connection.request(Type.MODEL_INFO)
    with pytest.raises(BoardRefused, match="too small: .* It needs at least 20000. The sketch's own model"):
        board.load(large, progress=False)
    assert_runs(board, OWN)


@pytest.mark.slow
def test_a_piece_that_is_damaged_on_the_way(start: Start) -> None:
    model, board = load_reference_model("gestures"), start()
    begin(board, model)
    frame = bytearray(encode_frame(Frame(Type.LOAD_DATA, 7777, 0, Piece(offset=0, data=model[:2000]).pack_load())))
    frame[500] ^= 1
    board._connection._write(bytes(frame))  # nobody answers that
    with pytest.raises(BoardRefused, match="this piece begins at 2000, and I have 0 of"):
        send(board, model, 2000, 4000)
    with pytest.raises(BoardTimeout):
        board._connection._answer_to({7777}, 1.0)
    assert_runs(board, OWN)
    board.load(model, progress=False)
    assert_runs(board, model)
    wrong = bytearray(model)
    wrong[len(model) // 2] ^= 1
    begin(board, model)
    for at in range(0, len(model), 4000):
        if at + 4000 < len(model):
            send(board, bytes(wrong), at, at + 4000)
    with pytest.raises(BoardRefused, match="it arrived damaged. The model before it still runs") as no:
        send(board, bytes(wrong), len(model) // 4000 * 4000, len(model))
    assert no.value.code == ErrorCode.MODEL_DAMAGED
    assert_runs(board, model)


@pytest.mark.slow
def test_an_upload_that_is_cut_off_and_the_next_host(start: Start) -> None:
    model, board = load_reference_model("keywords"), start()
    begin(board, model)
    send(board, model, 0, 4000)
    data = encode_frame(Frame(Type.LOAD_DATA, 9, 0, Piece(offset=4000, data=model[4000:8000]).pack_load()))
    board._connection._write(data[:1500])  # and here the cable is pulled
    port = board.port
    board.close()
    with Board(port, timeout_s=20) as other:
        assert_runs(other, OWN)
        other.load(model, progress=False)
        assert_runs(other, model)


@pytest.mark.slow
def test_what_cannot_run_is_refused_with_the_reason(start: Start) -> None:
    board, gestures = start(), load_reference_model("gestures")
    cases: list[tuple[bytes, ErrorCode, str]] = [
        (bytes(300_000), ErrorCode.OUT_OF_MEMORY, f"300000 bytes, and this board {MEMORY} bytes of RAM for"),
        (bytes(163_000), ErrorCode.OUT_OF_MEMORY, "163000 bytes, and this board"),
        (same_size(200_000), ErrorCode.OUT_OF_MEMORY, r"leave it 16\d{4} of 163840 bytes. It needs at least 200000."),
        (same_size(90_000), ErrorCode.OUT_OF_MEMORY, "Most likely the arena is too small.* It needs at least 90000."),
        (b"no model at all, but long enough", ErrorCode.MODEL_FAILED, "this is no whole .tflite file"),
        (np.random.default_rng(0).bytes(5000), ErrorCode.MODEL_FAILED, "this is no whole .tflite file"),
        (gestures[: len(gestures) // 2], ErrorCode.MODEL_FAILED, "this is no whole .tflite file"),
        (tiny_models.builtin_op("SIN"), ErrorCode.MODEL_FAILED, "no kernel for SIN. Deploy the sketch with"),
        (tiny_models.custom_op("MyOwnLayer"), ErrorCode.MODEL_FAILED, "no kernel for MyOwnLayer."),
    ]  # fmt: skip
    for model, code, text in cases:
        with pytest.raises(BoardRefused, match=text) as refused:
            board.load(model, progress=False)
        assert refused.value.code == code
        assert refused.match(r"(The model before it still runs|The sketch's own model runs again)\.$")
        assert_runs(board, OWN)
    board.load(gestures, progress=False)
    for model, _, text in cases[4:]:
        with pytest.raises(BoardRefused, match=f"{text}.* The model before it still runs"):
            board.load(model, progress=False)
        assert_runs(board, gestures)


@pytest.mark.slow
def test_several_inputs_and_outputs_and_floats(start: Start) -> None:
    board = start()
    floats = tiny_models.quantize_dequantize(0.1, 3)
    board.load(floats, progress=False)
    assert_runs(board, floats)
    sizes = (5, 33, 100)
    tensors = [tiny_models.TensorSpec(name=f"in{n}", shape=(1, n), scale=0.5, zero_point=-n) for n in sizes]
    tensors += [tiny_models.TensorSpec(name=f"out{n}", shape=(1, n), scale=0.25, zero_point=n) for n in sizes[:2]]
    layers = [tiny_models.OperatorSpec(name="RELU", inputs=(k,), outputs=(3 + k,)) for k in range(2)]
    model = tiny_models.build_model(tensors, layers, inputs=(0, 1, 2), outputs=(3, 4))
    info = board.load(model, progress=False)
    assert [layout.shape for layout in (*info.inputs, *info.outputs)] == [(1, n) for n in (*sizes, *sizes[:2])]
    assert [(layout.scale, layout.zero_point) for layout in info.outputs] == [(0.25, 5), (0.25, 33)]
    raw = np.random.default_rng(0).integers(-128, 128, 138).astype(np.int8)
    piece = Piece(offset=0, total=raw.size, data=raw.tobytes()).pack_infer()  # Board.infer sends one input alone
    answer = board._connection.request(Type.INFER, piece, answer=Type.RESULT)
    assert Result.unpack(answer.payload).data == raw[:38].tobytes()


@pytest.mark.slow
def test_small_requests_and_a_small_memory(start: Start) -> None:
    """As on a board with little RAM and a port with a chip of its own."""
    model = tiny_models.window_classifier(19, 2)
    board = start("REQUEST_BYTES=64", "LOADABLE_BYTES=16384")
    assert board.info.max_payload == 64
    board.load(model, progress=False)
    assert_runs(board, model)
    with pytest.raises(BoardRefused, match="and this board 16384 bytes of RAM"):
        board.load(load_reference_model("keywords"), progress=False)
    assert_runs(board, model)


@pytest.mark.slow
def test_the_compiled_model_stays_and_says_why(tmp_path: Path) -> None:
    toolchains.need_cortex_m4()
    made = deploy(OWN, directory=tmp_path)
    program = compile_folder(made.folder, tmp_path / "build")
    with qemu(program.elf, shift=4) as port, Board(port, timeout_s=20) as board:
        with pytest.raises(BoardRefused, match="compiled in. Upload the sketch"):
            board.load(load_reference_model("gestures"), progress=False)
        board.require_model(OWN)
        assert board.info.max_payload == 4096
    names = program.elf.read_bytes()
    assert b"RAM for model and arena" not in names  # nothing of loading is in its flash


@pytest.mark.slow
@pytest.mark.parametrize(("piece", "trips"), [(64, 247), (4096, 7)])
def test_round_trips_of_a_large_input(start: Start, piece: int, trips: int) -> None:
    """27,648 bytes, as a picture of 96 × 96 in colour: 494 requests of 64 bytes, two at a time, or 7 of 4,096."""
    model, board = same_size(27_648), start(f"REQUEST_BYTES={piece}")
    board.load(model, progress=False)
    board.model_info()
    sent: list[bytes] = []
    write = board._connection._write
    board._connection._write = lambda data: (sent.append(data), write(data))
    inputs = some_inputs(model, 1)
    np.testing.assert_array_equal(board.infer(inputs, progress=False).outputs, inputs)
    assert sum(data.count(0) for data in sent) // 2 == -(-27_648 // (piece - 8))
    assert len(sent) == trips


def test_every_board_has_a_plan_that_fits() -> None:
    for board in BOARDS.values():
        plan = plan_memory(board, loadable=True)
        ram = board.sketch_ram_bytes or board.ram_bytes
        assert plan.model_bytes % 1024 == 0 and 64 <= plan.request_bytes <= 4096
        assert ram is None or plan.model_bytes <= 0.63 * ram
        assert ram is None or plan.request_bytes <= ram / 8
        if not board.native_usb:
            assert plan.request_bytes + 15 <= plan.receive_buffer_bytes or plan.request_bytes == 64
    assert plan_memory(find_board("nano33ble"), loadable=True).model_bytes == MEMORY
    assert plan_memory(find_board("nano33ble")).model_bytes == 0
    assert plan_memory(find_board("uno_r3"), loadable=True).request_bytes == 64


def test_the_ops_are_those_that_the_compiler_knows() -> None:
    assert set(LOADABLE_OPS) == set(supported_ops())


def test_the_stand_in_has_the_schemas_numbers() -> None:
    import re

    import tflite

    text = (TFLM_STAND_IN / "stand_in_schema.h").read_text()
    for name, number in re.findall(r"OP\((\w+), \w+, (\d+)\)", text):
        assert getattr(tflite.BuiltinOperator, name) == int(number)
    for name, number in re.findall(r"TensorType_(\w+) = (\d+)", text):
        assert getattr(tflite.TensorType, name) == int(number)
