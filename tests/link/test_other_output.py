"""Guessing what a board sends that is not the kit's protocol: text, numbers, or a UART's noise at a wrong rate.

The noise comes from the virtual board's model of a UART, which knows nothing of the guessing.
"""

import random

import pytest

from tinyml_labs.link.other_output import (
    RATES,
    explain_text,
    level_changes,
    likely_rates,
    looks_like_numbers,
    looks_like_text,
    printable_share,
)
from tinyml_labs.virtual.uart import receive_at_other_rate

NUMBERS = b"".join(b"%.2f,%.2f,%.2f\r\n" % (i / 7, -i / 3, 0.98) for i in range(40))
WORDS = b"Setup done. Starting the sensor; press a key to begin.\r\n" * 12


def noise() -> bytes:
    return random.Random(4).randbytes(1000)


@pytest.mark.parametrize(
    "lines",
    ["1\r\n2\r\n3\r\n", "1,2\n3,4\n", "x:0.1,y:-2e-3\nx:0.2,y:nan\n", "1.0 2.0 3.0\n" * 3, "12;13\n", "0.5,\n" * 3],
)
def test_numbers_are_told(lines: str) -> None:
    assert looks_like_numbers(lines)
    assert "decoder=" in explain_text(lines)


@pytest.mark.parametrize("lines", ["", "ok\nready\n", "temperature 21 degrees\n" * 3, "1,2,\nError: no sensor\n" * 4])
def test_words_are_no_numbers(lines: str) -> None:
    assert not looks_like_numbers(lines)


def test_text_in_other_languages_is_text() -> None:
    text = "Température: 21.5 °C, Feuchte: 40 %\r\n".encode() * 5
    assert looks_like_text(text)
    assert printable_share(text) == 1.0
    assert not looks_like_text(bytes(range(256)))


@pytest.mark.parametrize("sent", [NUMBERS, WORDS, noise()], ids=["numbers", "words", "noise"])
@pytest.mark.parametrize(
    ("sender", "reader"),
    [(s, r) for r in (38400, 57600, 115200, 230400) for s in (9600, 19200, 38400, 57600, 115200) if s < r],
)
def test_a_sender_that_is_slower_is_among_the_first_two_rates(sent: bytes, sender: int, reader: int) -> None:
    came = receive_at_other_rate(sent, sender, reader)[-512:]
    assert not looks_like_text(came)
    assert sender in likely_rates(came, reader)[:2]


@pytest.mark.parametrize("sent", [NUMBERS, WORDS], ids=["numbers", "words"])
@pytest.mark.parametrize(("sender", "reader"), [(115200, 9600), (115200, 57600), (230400, 115200)])
def test_a_sender_that_is_faster_is_among_the_first_three_rates(sent: bytes, sender: int, reader: int) -> None:
    came = receive_at_other_rate(sent, sender, reader)
    assert not looks_like_text(came)
    assert sender in likely_rates(came, reader)[:3]


def test_every_other_rate_is_in_the_list_once() -> None:
    for reader in RATES:
        for data in (b"", b"\0" * 100, b"\xff" * 100, noise()):
            assert sorted(likely_rates(data, reader)) == sorted(set(RATES) - {reader})


def test_level_changes_of_known_bytes() -> None:
    assert level_changes(b"\x55") == 7
    assert level_changes(b"\xf0") == 1
    assert level_changes(b"\xf0\x55\0\0") == 4
    assert level_changes(b"\0\0") == 0
