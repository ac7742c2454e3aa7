"""Make the golden messages that Python and C++ both write and read: python tests/golden/make_messages.py

messages.json is a list of {name, kind, type, fields, payload}. The layouts are written here a second time, field by
field, so that the golden messages owe the package nothing. Texts and numbers stand in ``fields`` as they are, bytes
in hexadecimal; "nan" is a float that is not known.
"""

import json
import math
import struct
from pathlib import Path

PATH = Path(__file__).parent / "messages.json"
DTYPES = {"int8": 1, "uint8": 2, "int16": 3, "uint16": 4, "int32": 5, "float32": 6, "int64": 7, "bool": 8}
SHA256 = bytes(range(7, 39)).hex()


def u8(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}B", *values)


def u16(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def i32(value: int) -> bytes:
    return struct.pack("<i", value)


def f32(value: float | str) -> bytes:
    return struct.pack("<f", math.nan if value == "nan" else value)


def text(value: str) -> bytes:
    data = value.encode()[:255]
    return u8(len(data)) + data


def sensor(f: dict) -> bytes:
    numbers = u8(f["id"], f["kind"], DTYPES[f["dtype"]]) + u16(f["channels"], f["rows"])
    floats = f32(f["rate_hz"]) + f32(f["low"]) + f32(f["high"])
    return numbers + floats + text(f["name"]) + text(f["unit"]) + text(f["channel_names"])


def board(f: dict) -> bytes:
    start = u16(f["request"], f["max_payload"]) + u32(f["receive_buffer"]) + bytes.fromhex(f["model_sha256"])
    names = text(f["board"]) + text(f["firmware"]) + text(f["firmware_version"]) + text(f["board_id"])
    return start + names + u8(len(f["sensors"])) + b"".join(map(sensor, f["sensors"]))


def tensor(f: dict) -> bytes:
    return u8(DTYPES[f["dtype"]]) + f32(f["scale"]) + i32(f["zero_point"]) + u8(len(f["shape"])) + u32(*f["shape"])


def model(f: dict) -> bytes:
    start = u16(f["request"]) + bytes.fromhex(f["sha256"]) + u32(f["arena_bytes"])
    counts = u8(len(f["inputs"]), len(f["outputs"]))
    return start + counts + b"".join(map(tensor, f["inputs"] + f["outputs"]))


LAYOUTS = {
    "stream_start": (0x06, lambda f: u8(f["sensor"]) + u32(f["samples"])),
    "load_begin": (0x02, lambda f: u32(f["size"], f["crc32"]) + bytes.fromhex(f["sha256"])),
    "load_data": (0x03, lambda f: u32(f["offset"]) + bytes.fromhex(f["data"])),
    "infer": (0x05, lambda f: u32(f["offset"], f["total"]) + bytes.fromhex(f["data"])),
    "board": (0x81, board),
    "done": (0x82, lambda f: u16(f["request"])),
    "model": (0x83, model),
    "result": (
        0x85,
        lambda f: u16(f["request"]) + u32(f["microseconds"], f["offset"], f["total"]) + bytes.fromhex(f["data"]),
    ),
    "samples": (0x86, lambda f: u8(f["sensor"]) + u32(f["first"], f["overruns"]) + bytes.fromhex(f["data"])),
    "trace": (0x08, lambda f: u16(f["first"], f["count"])),
    "layer": (
        0x88,
        lambda f: u16(f["request"], f["layer"]) + u32(f["offset"], f["total"]) + bytes.fromhex(f["data"]),
    ),
    "stream_end": (0x87, lambda f: u8(f["sensor"]) + u32(f["samples"], f["overruns"])),
    "log": (0x8E, lambda f: f["text"].encode()),
    "refusal": (0x8F, lambda f: u16(f["request"]) + u8(f["code"]) + f["text"].encode()),
}

ANALOG = {
    "id": 0,
    "kind": 0,
    "dtype": "uint16",
    "channels": 1,
    "rows": 0,
    "rate_hz": 100.0,
    "low": 0.0,
    "high": 1023.0,
    "name": "analog",
    "unit": "counts",
    "channel_names": "",
}
IMU = {
    "id": 1,
    "kind": 0,
    "dtype": "float32",
    "channels": 6,
    "rows": 0,
    "rate_hz": 119.0,
    "low": "nan",
    "high": "nan",
    "name": "imu",
    "unit": "g,g,g,deg/s,deg/s,deg/s",
    "channel_names": "accX,accY,accZ,gyrX,gyrY,gyrZ",
}
MICROPHONE = {
    "id": 2,
    "kind": 1,
    "dtype": "int16",
    "channels": 1,
    "rows": 0,
    "rate_hz": 16000.0,
    "low": -32768.0,
    "high": 32767.0,
    "name": "microphone",
    "unit": "counts",
    "channel_names": "",
}
CAMERA = {
    "id": 255,
    "kind": 2,
    "dtype": "uint8",
    "channels": 65535,
    "rows": 96,
    "rate_hz": 0.1,
    "low": 0.0,
    "high": 255.0,
    "name": "camera",
    "unit": "grey",
    "channel_names": "",
}
BOARD = {
    "request": 513,
    "max_payload": 64,
    "receive_buffer": 64,
    "model_sha256": bytes(32).hex(),
    "board": "Arduino Uno",
    "firmware": "capture_analog",
    "firmware_version": "0.1.0",
    "board_id": "",
}
INT8 = {"dtype": "int8", "scale": 0.024574, "zero_point": -128, "shape": [1, 1]}
IMAGE = {"dtype": "int8", "scale": 0.003921569, "zero_point": 2**31 - 1, "shape": [1, 96, 96, 1]}
FLOAT = {"dtype": "float32", "scale": 0.0, "zero_point": -(2**31), "shape": []}

MESSAGES = [
    ("stream_start", "until_stopped", {"sensor": 0, "samples": 0}),
    ("stream_start", "most", {"sensor": 255, "samples": 2**32 - 1}),
    ("load_begin", "a_model", {"size": 2704, "crc32": 0xDEADBEEF, "sha256": SHA256}),
    ("load_data", "a_piece", {"offset": 65536, "data": bytes(range(200)).hex()}),
    ("load_data", "nothing", {"offset": 0, "data": ""}),
    ("infer", "a_piece", {"offset": 56, "total": 300, "data": bytes(56).hex()}),
    ("board", "uno", dict(**BOARD, sensors=[ANALOG])),
    (
        "board",
        "every_kind",
        dict(
            BOARD,
            request=65535,
            max_payload=4096,
            receive_buffer=2**32 - 1,
            model_sha256=SHA256,
            board="Nano 33 BLE Sense",
            board_id="0123456789abcdef",
            sensors=[ANALOG, IMU, MICROPHONE, CAMERA],
        ),
    ),
    ("board", "no_sensor", dict(BOARD, board="", firmware="", firmware_version="", sensors=[])),
    (
        "board",
        "long_texts",
        dict(BOARD, board="n" * 300, firmware="новое слово µ°", sensors=[dict(ANALOG, unit="V" * 255)]),
    ),
    ("done", "a_request", {"request": 258}),
    ("model", "sine", {"request": 1, "sha256": SHA256, "arena_bytes": 2048, "inputs": [INT8], "outputs": [INT8]}),
    (
        "model",
        "two_outputs",
        {"request": 9, "sha256": SHA256, "arena_bytes": 0, "inputs": [IMAGE], "outputs": [FLOAT, INT8]},
    ),
    (
        "result",
        "a_piece",
        {"request": 3, "microseconds": 2**32 - 1, "offset": 4082, "total": 5000, "data": bytes(range(256)).hex()},
    ),
    ("result", "nothing", {"request": 3, "microseconds": 0, "offset": 0, "total": 0, "data": ""}),
    (
        "samples",
        "analog",
        {"sensor": 0, "first": 2**32 - 2, "overruns": 17, "data": struct.pack("<4H", 0, 1, 1022, 65535).hex()},
    ),
    (
        "samples",
        "imu",
        {"sensor": 1, "first": 0, "overruns": 0, "data": struct.pack("<6f", 0, 0, 1, -2000, 0.5, math.inf).hex()},
    ),
    ("trace", "two_layers", {"first": 258, "count": 2}),
    ("trace", "every_layer", {"first": 0, "count": 65535}),
    (
        "layer",
        "a_piece",
        {"request": 772, "layer": 30, "offset": 4084, "total": 55296, "data": bytes(range(99)).hex()},
    ),
    ("stream_end", "whole", {"sensor": 2, "samples": 16000, "overruns": 3}),
    ("log", "text", {"text": "no IMU found: is it the µ-board?"}),
    ("refusal", "busy", {"request": 77, "code": 8, "text": "a stream is running; stop it first."}),
]


def main() -> None:
    rows = []
    for kind, name, fields in MESSAGES:
        number, layout = LAYOUTS[kind]
        row = {"name": f"{kind}_{name}", "kind": kind, "type": number}
        rows.append({**row, "fields": fields, "payload": layout(fields).hex()})
    PATH.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
