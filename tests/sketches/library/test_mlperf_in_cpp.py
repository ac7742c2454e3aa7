"""The MLPerf Tiny commands in C++: whole conversations, line by line as the public firmware has them."""

import random

import pytest
from cpp_programs import run_program

BOOT = ["m-timestamp-mode-performance", "m-lap-us-7", "m-init-done", "m-ready"]


def converse(commands: str, *arguments: str) -> list[str]:
    """Give the lines behind those of the boot."""
    output = run_program("mlperf", *arguments, given=commands).decode()
    assert output.endswith("m-ready\r\n")
    lines = output.removesuffix("\r\n").split("\r\n")
    assert lines[:4] == BOOT
    return lines[4:]


@pytest.mark.parametrize(
    ("command", "replies"),
    [
        ("name", ["m-name-dut-[host]"]),
        ("profile", ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[kws01]"]),
        ("timestamp", ["m-lap-us-14"]),
        ("db load 12", ["m-[Expecting 12 bytes]"]),
        ("db load 21", ["Supplied buffer size 21 exceeds maximum of 20\nm-ready"]),
        ("db", ["e-[Command 'db' requires a subcommand]"]),
        ("db load", ["e-[Command 'db load' requires the # of bytes]"]),
        ("db load 0", ["e-[Command 'db load' must be >0 bytes]"]),
        ("db load x", ["e-[Command 'db load' must be >0 bytes]"]),
        ("db abc", ["e-[Insufficent number of hex digits]"]),
        ("db 0xab", ["e-[Invalid hex digit '0x']"]),
        ("db print", []),
        ("infer 0", ["e-[Inference iterations must be >0]"]),
        ("infer -1", ["e-[Inference iterations must be >0]"]),
        ("infer 1 -1", ["e-[Inference warmup must be >=0]"]),
        ("results", ["m-results-[0.500,0.500,0.500]"]),
        ("hello there", ["e-[Unknown command: hello]"]),
        ("", ["e-[Unknown command: ]"]),
        ("\r\n  name ", ["m-name-dut-[host]"]),
        ("x" * 100, [f"e-[Unknown command: {'x' * 80}]"]),
    ],
)
def test_replies(command: str, replies: list[str]) -> None:
    expected = replies if replies and replies[-1].endswith("m-ready") else [*replies, "m-ready"]
    assert converse(command + "%") == expected


def test_load_print_and_infer() -> None:
    lines = converse("db load 10%db 0102030405%db 06070809FF%db print%infer 3 2%results%")
    assert lines == [
        "m-[Expecting 10 bytes]", "m-ready", "m-ready", "m-load-done", "m-ready",
        "m-buffer-01-02-03-04-05-06-07-08", "m-buffer-09-ff", "", "m-ready",
        "m-warmup-start-2", "m-warmup-done", "m-infer-start-3", "m-lap-us-14", "m-lap-us-21", "m-infer-done",
        "m-results-[0.520,0.523,0.520]", "m-ready", "m-results-[0.520,0.523,0.520]", "m-ready",
    ]  # fmt: skip


def test_an_inference_is_one_after_ten_by_itself() -> None:
    lines = converse("db load 4%db 00000000%infer%")
    assert lines[4] == "m-warmup-start-10"
    assert lines[6] == "m-infer-start-1"
    assert lines[10] == f"m-results-[0.500,0.500,{0.5 + 11 / 256:.3f}]"


def test_bytes_of_images_lose_128() -> None:
    lines = converse("db load 4%db 80818280%infer 1 0%", "images")
    assert lines[-2] == f"m-results-[0.500,{0.5 + 1 / 256:.3f},{0.5 + 1 / 256:.3f}]"


def test_an_input_of_another_size_leaves_the_last_one() -> None:
    lines = converse("db load 4%db 01020300%infer 1 0%db load 3%db 070707%infer 1 0%")
    assert lines[-9] == "Input db has 3 bytes, expected 4"
    assert lines[-2].startswith("m-results-[0.504,0.508,")


def test_what_comes_behind_the_last_byte_is_disregarded() -> None:
    assert converse("db load 2%db 010203%db print%") == [
        "m-[Expecting 2 bytes]", "m-ready", "m-load-done", "m-ready", "m-buffer-01-02", "", "m-ready",
    ]  # fmt: skip


def test_a_model_that_fails_is_an_error_line() -> None:
    assert converse("db load 4%db 42000000%infer%")[4:] == [
        "m-warmup-start-10", "e-[Inference failed: out of order]", "m-ready",
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_survived(seed: int) -> None:
    chance = random.Random(seed)
    words = b"db |load |20|4|%| |infer |ff|0|print|-1|\x80|\0|99999999999".split(b"|")
    noise = b"".join(chance.choice(words) for _ in range(5000)) + chance.randbytes(5000)
    noise = noise.replace(b"infer ", b"infer 1 1%")  # a million warm-ups are no fault, but slow
    output = run_program("mlperf", given=noise + b"%name%")
    assert output.endswith(b"m-name-dut-[host]\r\nm-ready\r\n")
