"""A scalar signal from wherever it is: a CSV file, or a sensor on a board."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import numpy as np

from tinyml_labs.datasets import Signal, load_signal_csv
from tinyml_labs.link import Board, BoardError, find_open_board


def load_signal(
    source: str | os.PathLike[str], *, sensor: str = "analog", seconds: float = 10.0, progress: bool = True
) -> Signal:
    """Load a recorded signal from a CSV file, or read one now from a board.

    Parameters
    ----------
    source : path or port
        A CSV file (:func:`tinyml_labs.datasets.load_signal_csv`), or a port: ``/dev/ttyACM0``, ``COM5``,
        ``virtual://``, ``socket://host:port``. A board that is open on that port is used, and stays open.
    sensor : str
        The sensor to read, if the source is a port.
    seconds : float
        How long to read, if the source is a port.
    progress : bool
        Show a progress bar if reading takes over two seconds.

    Returns
    -------
    Signal
        samples float32, (samples,); its rate, in Hz; its unit; where it came from.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is not there, or no signal.
    BoardError
        If the board does not answer, has no such sensor, or lost samples.
    """
    name = os.fspath(source)
    if not _is_port(name):
        return load_signal_csv(name)
    if not seconds > 0:
        raise ValueError(f"seconds is {seconds}; there is nothing to read in that time.")
    already = find_open_board(name)
    with contextlib.nullcontext(already) if already is not None else Board(name) as board:
        chosen = board.sensor(sensor)
        if chosen.channels != 1:
            raise BoardError(f"The sensor {sensor!r} has {chosen.channels} channels; a signal is one.")
        count = max(2, round(seconds * chosen.rate_hz))
        samples = board.stream(sensor, count, progress=progress)[:, 0].astype(np.float32)
        return Signal(
            samples=samples,
            time_s=np.arange(count) / chosen.rate_hz,
            rate_hz=float(chosen.rate_hz),
            unit=chosen.unit,
            full_scale=None if math.isnan(chosen.low) else (chosen.low, chosen.high),
            source=f"{board.info.board} on {name}",
        )


def _is_port(name: str) -> bool:
    if "://" in name or name.startswith("/dev/"):
        return True
    if Path(name).suffix:  # a file, such as sweep.csv
        return False
    return name.upper().rstrip("0123456789") in ("COM", "\\\\.\\COM")
