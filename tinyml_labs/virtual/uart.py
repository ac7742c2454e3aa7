"""What arrives when two ends of a serial line are set to different baud rates."""

from __future__ import annotations

import bisect

import numpy as np

_BITS = 10  # start, eight data bits, stop


def receive_at_other_rate(data: bytes, sender_baud: int, receiver_baud: int) -> bytes:
    """Sample the line's bits, as a receiver does that is set to another baud rate than the sender.

    The line is high at rest; a byte is a low start bit, eight bits from the lowest up, and a high stop bit. The
    receiver waits for a falling edge and looks at the middle of each of its own bits. Where it then finds no stop
    bit, a framing error, the byte reads as 0: what Linux gives a program that has not asked for more.

    Parameters
    ----------
    data : bytes
        What is sent, byte after byte without a pause.
    sender_baud, receiver_baud : int

    Returns
    -------
    bytes
        Fewer bytes at a slower receiver, more at a faster one. Up to about 4 % of difference does no harm.

    >>> receive_at_other_rate(b"Hello", 9600, 9700)
    b'Hello'
    >>> receive_at_other_rate(b"Hello", 9600, 19200).hex(" ")
    '80 98 00 00 9e e0 9e fe 9e'
    """
    bits = np.ones((len(data), _BITS), np.uint8)
    bits[:, 0] = 0
    bits[:, 1:9] = np.unpackbits(np.frombuffer(data, np.uint8)[:, None], axis=1, bitorder="little")
    line = np.concatenate((bits.reshape(-1), np.ones(2 * _BITS, np.uint8)))
    edges = (np.nonzero(np.diff(line, prepend=np.uint8(1)) == 255)[0]).tolist()
    levels = line.tolist()
    step = sender_baud / receiver_baud  # a bit of the receiver, in bits of the sender
    received = bytearray()
    at = 0.0
    while True:
        k = bisect.bisect_left(edges, at)
        if k == len(edges):
            return bytes(received)
        start = edges[k]
        at = start + step / 2
        if _level(levels, at):  # too short for a start bit
            continue
        value = 0
        for bit in range(8):
            value |= _level(levels, start + (1.5 + bit) * step) << bit
        at = start + 9.5 * step
        received.append(value if _level(levels, at) else 0)


def _level(levels: list[int], at: float) -> int:
    index = int(at)
    return levels[index] if index < len(levels) else 1
