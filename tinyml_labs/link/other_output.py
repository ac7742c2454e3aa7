"""Guess what a board sends that does not speak the kit's protocol: text, numbers, or a wrong baud rate's noise."""

from __future__ import annotations

import re
from collections.abc import Sequence

RATES = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1_000_000)
"""The baud rates that sketches use."""

_CONTROLS = frozenset("\t\r\n\x1b")
_TEXT_FROM = 0.9  # of the bytes; at a wrong rate 0.65 at most, from 50 bytes on

# How often the level changes between the 8 bits of a byte, zeros left out, by the sender's rate over the reader's:
# of text, numbers and noise through a model of a UART, with framing errors read as they are and as zeros.
_CHANGES = ((0.1, 0.0), (0.167, 1.0), (0.25, 1.25), (0.333, 1.5), (0.5, 2.25), (0.667, 2.45), (1.0, 3.6))
_SLOWER_BELOW = 2.8  # 2.6 at most at two thirds of the rate, 3.2 at least from the same rate up
_FEW = 16

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf|-inf"
_FIELD = rf"(?:[A-Za-z_]\w*\s*[:=]\s*)?(?:{_NUMBER})"
_NUMBERS = re.compile(rf"\s*{_FIELD}(?:(?:\s*[,;]\s*|\s+){_FIELD})*\s*[,;]?\s*", re.IGNORECASE)

# What a board prints, what that means, and what to do.
_TELL_TALES: tuple[tuple[str, str, str], ...] = (
    (
        r"\bm-(?:ready|init-done|timestamp|name-|lap-us|results)",
        "an MLPerf Tiny benchmark's firmware, which waits for the benchmark's runner",
        "Upload a sketch of this kit.",
    ),
    (
        r"Adafruit CircuitPython|code\.py output",
        "CircuitPython",
        "Upload a sketch of this kit: it takes CircuitPython's place.",
    ),
    (
        r"MicroPython v\d|^>>> ",
        "MicroPython's prompt",
        "Upload a sketch of this kit: it takes MicroPython's place.",
    ),
    (
        r"Edge Impulse|AT\+HELP|Predictions \(DSP|Starting inferencing",
        "Edge Impulse's firmware or library",
        "Upload a sketch of this kit.",
    ),
    (
        r"waiting for download|DOWNLOAD\(USB/UART0|DOWNLOAD_BOOT",
        "an ESP32 that waits for an upload",
        "Press EN or reset once: then the sketch starts.",
    ),
    (
        r"Brownout detector",
        "an ESP32 with too little power",
        "Try another cable, or a socket of the computer itself.",
    ),
    (
        r"Guru Meditation|MbedOS (?:Error|Fault)|Hard ?Fault|abort\(\) was called",
        "a sketch that has crashed",
        "Press reset; if it crashes again, the sketch or its memory is at fault.",
    ),
)


def looks_like_text(data: bytes) -> bool:
    """Say whether bytes are text: printable, but for a damaged one here and there."""
    return bool(data) and printable_share(data) >= _TEXT_FROM


def printable_share(data: bytes) -> float:
    """Give the share of bytes that are printable, as ASCII or UTF-8, 0 to 1."""
    text = data.decode("utf-8", errors="replace")
    printable = sum(len(letter.encode()) for letter in text if letter in _CONTROLS or _is_printable(letter))
    return printable / len(data) if data else 0.0


def _is_printable(letter: str) -> bool:
    return letter.isprintable() and letter != "\N{REPLACEMENT CHARACTER}"


def looks_like_numbers(text: str) -> bool:
    """Say whether lines are numbers, as the Arduino plotter takes them: ``0.1,-0.98`` or ``x:0.1 y:-0.98``."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 2:
        lines = lines[1:-1]  # the first and the last may be cut
    numeric = sum(bool(_NUMBERS.fullmatch(line)) for line in lines)
    return bool(lines) and numeric >= 0.6 * len(lines)


def explain_text(text: str) -> str:
    """Say what a board that prints text is running, and what to do about it."""
    shown = repr(_last_lines(text))
    for pattern, meaning, mend in _TELL_TALES:
        if re.search(pattern, text, re.MULTILINE):
            return f"The board prints text: {shown}. That is {meaning}. {mend}"
    if looks_like_numbers(text):
        return (
            f"The board prints text: {shown}. It prints numbers, and is another sketch: record them as they are, "
            'with decoder="csv", or upload a sketch of this kit.'
        )
    return f"The board prints text: {shown}. Is it another sketch? Upload one of this kit."


def level_changes(data: bytes) -> float:
    """Give how often the level changes between the 8 bits of a byte, on average over those that are not 0: 0 to 7.

    Zeros are left out because a framing error, of which a wrong rate makes many, may or may not be read as one.
    """
    changes = [((byte ^ (byte >> 1)) & 0x7F).bit_count() for byte in data if byte]
    return sum(changes) / len(changes) if changes else 0.0


def likely_rates(data: bytes, baud: int, *, rates: Sequence[int] = RATES) -> list[int]:
    """Order the other baud rates by how well they explain bytes that were read at a wrong one.

    Read too fast, each bit of the sender is seen several times, so that the level changes less often, and far too
    fast, every byte is 0: the changes tell how many times too fast. Read too slowly, bits are skipped, and nothing of
    that is left: then each faster rate is as likely, and the usual ones come first.

    Parameters
    ----------
    data : bytes, some 50 at least
    baud : int
        The rate that they were read with.

    Returns
    -------
    list of int, most likely first
    """
    others = [rate for rate in rates if rate != baud]
    usual = {9600: 0, 115200: 1}
    by_use = sorted(others, key=lambda rate: (usual.get(rate, 2), rate))
    speaking = sum(byte != 0 for byte in data)
    silent = len(data) >= _FEW and speaking < 0.02 * len(data)
    changes = 0.0 if silent else level_changes(data)
    slower = [rate for rate in by_use if rate < baud]
    faster = [rate for rate in by_use if rate > baud]
    if slower and (silent or (speaking >= _FEW and changes < _SLOWER_BELOW)):
        return sorted(slower, key=lambda rate: abs(changes - _expected_changes(rate / baud))) + faster
    return faster + slower


def _expected_changes(ratio: float) -> float:
    below = [point for point in _CHANGES if point[0] <= ratio]
    above = [point for point in _CHANGES if point[0] > ratio]
    if not below or not above:
        return (below or above)[-1 if below else 0][1]
    (x0, y0), (x1, y1) = below[-1], above[0]
    return y0 + (y1 - y0) * (ratio - x0) / (x1 - x0)


def _last_lines(text: str) -> str:
    shown = text.strip()[-120:]
    if len(shown) < len(text.strip()) and "\n" in shown:
        shown = shown.partition("\n")[2]  # the first of them is cut
    return shown.strip()
