"""The messages of C++ and of Python against golden ones that were laid out by a third hand."""

import json
import math
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cpp_programs import run_lines

from tinyml_labs.link import FrameDecoder
from tinyml_labs.link import messages as m
from tinyml_labs.link.descriptions import BoardInfo, ModelInfo, Sensor, SensorKind, TensorLayout
from tinyml_labs.link.fields import DTYPES

GOLDEN = Path(__file__).parents[2] / "golden"
MESSAGES = {row["name"]: row for row in json.loads((GOLDEN / "messages.json").read_text(encoding="utf-8"))}
REQUESTS = {name: row for name, row in MESSAGES.items() if row["type"] < 0x80}
ANSWERS = {name: row for name, row in MESSAGES.items() if row["type"] >= 0x80}
CODES = {name: code for code, name in DTYPES.items()}
TENSOR = ("dtype", "scale", "zero_point", "shape")
ORDER = {
    "board": ("request", "max_payload", "receive_buffer", "model_sha256", "board", "firmware", "firmware_version",
              "board_id", "sensors"),
    "sensor": ("id", "kind", "dtype", "channels", "rows", "rate_hz", "low", "high", "name", "unit", "channel_names"),
}  # fmt: skip
BYTES = ("model_sha256", "sha256", "data")


def token(name: str, value: Any) -> str:
    """One field as the C++ program reads it."""
    if name == "dtype":
        return str(CODES[value])
    if name in ("rate_hz", "low", "high", "scale"):
        return str(struct.unpack("<I", struct.pack("<f", math.nan if value == "nan" else value))[0])
    if name == "sensors":
        return " ".join([str(len(value)), *(token(n, sensor[n]) for sensor in value for n in ORDER["sensor"])])
    if name == "shape":
        return " ".join(map(str, [len(value), *value]))
    if isinstance(value, str):
        return (value if name in BYTES else value.encode().hex()) or "-"
    return str(value % 2**32)


def command(row: dict[str, Any]) -> str:
    fields = row["fields"]
    if row["kind"] == "model":
        tensors = [token(n, tensor[n]) for tensor in fields["inputs"] + fields["outputs"] for n in TENSOR]
        counts = [str(len(fields["inputs"])), str(len(fields["outputs"]))]
        start = [token(name, fields[name]) for name in ("request", "sha256", "arena_bytes")]
        return " ".join(["model", *start, *counts, *tensors])
    order = ORDER.get(row["kind"], tuple(fields))
    return " ".join([row["kind"], *(token(name, fields[name]) for name in order)])


def number_of(value: Any) -> Any:
    return math.nan if value == "nan" else value


def message_of(row: dict[str, Any]) -> bytes:
    """Pack the fields with the package."""
    fields = dict(row["fields"])
    request = fields.get("request", 0)
    for name in BYTES:
        if name in fields:
            fields[name] = bytes.fromhex(fields[name])
    if row["kind"] == "board":
        del fields["request"]
        sensors = [dict(s, kind=SensorKind(s["kind"]), low=number_of(s["low"]), high=number_of(s["high"]))
                   for s in fields.pop("sensors")]  # fmt: skip
        return BoardInfo(**fields, sensors=tuple(Sensor(**sensor) for sensor in sensors)).pack(request)
    if row["kind"] == "model":
        del fields["request"]
        inputs, outputs = (
            tuple(TensorLayout(**dict(t, shape=tuple(t["shape"]))) for t in fields.pop(name))
            for name in ("inputs", "outputs")
        )
        return ModelInfo(**fields, inputs=inputs, outputs=outputs).pack(request)
    if row["kind"] == "done":
        return m.pack_done(request)
    if row["kind"] == "log":
        return fields["text"].encode()
    if row["kind"] == "load_data":
        return m.Piece(**fields).pack_load()
    if row["kind"] == "infer":
        return m.Piece(**fields).pack_infer()
    classes = {
        "stream_start": m.StreamStart, "load_begin": m.LoadBegin, "result": m.Result, "samples": m.Samples,
        "stream_end": m.StreamEnd, "refusal": m.Refusal, "trace": m.Trace, "layer": m.Layer,
    }  # fmt: skip
    return classes[row["kind"]](**fields).pack()


def test_the_golden_messages_are_what_their_script_makes(tmp_path: Path) -> None:
    """Into a copy, so that the script is run as it is."""
    (tmp_path / "make_messages.py").write_bytes((GOLDEN / "make_messages.py").read_bytes())
    subprocess.run([sys.executable, str(tmp_path / "make_messages.py")], check=True)
    assert (tmp_path / "messages.json").read_bytes() == (GOLDEN / "messages.json").read_bytes()


@pytest.mark.parametrize("name", MESSAGES)
def test_python_packs_the_golden_message(name: str) -> None:
    assert message_of(MESSAGES[name]).hex() == MESSAGES[name]["payload"]


def test_cpp_writes_the_golden_answers() -> None:
    lines = run_lines("messages", given="\n".join(map(command, ANSWERS.values())))
    for row, line in zip(ANSWERS.values(), lines, strict=True):
        (frame,) = FrameDecoder().feed(bytes.fromhex(line))
        assert (row["name"], frame.type, frame.payload.hex()) == (row["name"], row["type"], row["payload"])
        assert (frame.sequence, frame.micros) == (0, 5)


def test_cpp_reads_the_golden_requests() -> None:
    lines = run_lines("messages", given="\n".join(f"{r['kind']} {r['payload']}" for r in REQUESTS.values()))
    for row, line in zip(REQUESTS.values(), lines, strict=True):
        assert line.split() == [str(value) or "-" for value in row["fields"].values()], row["name"]


def test_cpp_refuses_every_request_that_is_cut_short() -> None:
    """To any length below the fixed fields; the sanitizer sees a look beyond the end."""
    fixed = {"stream_start": 5, "load_begin": 40, "load_data": 4, "infer": 8, "trace": 4}
    lines, expected = [], []
    for row in REQUESTS.values():
        payload = bytes.fromhex(row["payload"])
        for size in range(len(payload)):
            lines.append(f"{row['kind']} {payload[:size].hex() or '-'}")
            expected.append(size < fixed[row["kind"]])
    found = run_lines("messages", given="\n".join(lines))
    assert [line == "short" for line in found] == expected
