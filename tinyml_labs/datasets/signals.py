"""One scalar signal over time: the bundled potentiometer sweep, or a CSV of your own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml_labs.datasets.bundled import read_checked
from tinyml_labs.datasets.csv_columns import read_columns


@dataclass(frozen=True, kw_only=True, eq=False)
class Signal:
    """A recorded scalar signal.

    `samples` and `time_s` are arrays of shape (N,), float32 and float64. `rate_hz` is the mean sampling rate.
    `unit` is the samples' unit as the file gives it, for example `"counts"`, empty where it gives none.
    `full_scale` is the smallest and the largest value the sensor can give, None where that is not known.
    `source` is the name of the file or port.
    """

    samples: np.ndarray
    time_s: np.ndarray
    rate_hz: float
    unit: str = ""
    full_scale: tuple[float, float] | None = None
    source: str = ""

    def __str__(self) -> str:
        """Say in one line what was recorded."""
        return (
            f"{self.source}: {len(self.samples)} samples at {self.rate_hz:.4g} Hz, "
            f"{len(self.samples) / self.rate_hz:.4g} s, "
            f"{self.samples.min():g} to {self.samples.max():g} {self.unit}".rstrip()
        )

    def to_x(self, low: float = 0.0, high: float = 2.0 * np.pi) -> np.ndarray:
        """Map the sensor's range to the range the model was trained on.

        Parameters
        ----------
        low, high
            What the bottom and the top of the sensor's range become; 0 and 2π rad for the sine model.

        Returns
        -------
        np.ndarray
            float32 of shape (N, 1), as the model takes it. The sensor's range is `full_scale`; where that
            is not known, the smallest and largest sample. Samples outside `full_scale` are clipped to it.

        Raises
        ------
        ValueError
            All samples are equal and `full_scale` is not known, so that there is no range to map.

        Examples
        --------
        >>> adc = Signal(samples=np.array([0, 1023]), time_s=np.array([0, 1]), rate_hz=1, full_scale=(0, 1023))
        >>> adc.to_x(0, 1).tolist()
        [[0.0], [1.0]]
        """
        bottom, top = self.full_scale or (float(self.samples.min()), float(self.samples.max()))
        if not top > bottom:
            raise ValueError(
                f"Every sample of {self.source or 'the signal'} is {bottom:g}, so there is no range to map. "
                "Turn the knob while recording, or say the sensor's range: "
                "dataclasses.replace(signal, full_scale=(0, 1023))."
            )
        fraction = (np.clip(self.samples.astype(np.float64), bottom, top) - bottom) / (top - bottom)
        x = (low + fraction * (high - low)).astype(np.float32).reshape(-1, 1)
        return np.clip(x, *_float32_inside(low, high))


def _float32_inside(low: float, high: float) -> tuple[np.float32, np.float32]:
    """The outermost float32 values within two bounds: the float32 next to 2π is a little larger than 2π."""
    smaller, larger = sorted((low, high))
    bottom, top = np.float32(smaller), np.float32(larger)
    if float(bottom) < smaller:
        bottom = np.nextafter(bottom, np.float32(np.inf))
    if float(top) > larger:
        top = np.nextafter(top, np.float32(-np.inf))
    return bottom, top


def load_recorded_sweep() -> Signal:
    """Load the bundled signal: a knob turned by a (simulated) hand, as a 10-bit converter reads it.

    Returns
    -------
    Signal
        3,000 samples at 50 Hz, one minute, in counts of the converter, 0 to 1023. The recording is
        synthetic: `datasets/sine/README.md` says how it was made and what it does not capture.

    Raises
    ------
    FileNotFoundError
        The bundled data are not where they are expected; the message says what to do.
    ValueError
        The file was changed.

    Notes
    -----
    Introduced in `notebooks/01_hello_world.ipynb`.
    """
    return _parse(read_checked("sine", "potentiometer_sweep.csv"), "potentiometer_sweep.csv")


def load_signal_csv(
    path: str | os.PathLike[str],
    *,
    column: str | None = None,
    rate_hz: float | None = None,
    time_unit: str | None = None,
    full_scale: tuple[float, float] | None = None,
) -> Signal:
    """Load a scalar signal from a CSV of your own.

    Takes what serial monitors, spreadsheets and loggers write: comma, semicolon, tab or spaces between the
    columns; a decimal comma where the columns are separated by semicolons or tabs; with or without a line
    of names; one column of values, or a time column and a value column. Names may carry units: `time_ms`,
    `time (s)`, `adc [counts]`. Lines that start with `#` are comments, and `# rate_hz: 50`,
    `# unit: counts` and `# full_scale: 0 1023` are read.

    Parameters
    ----------
    path
        The file; UTF-8, UTF-16 or Latin-1.
    column
        Name of the value column, needed where there are several.
    rate_hz
        Sampling rate in hertz, needed where the file has neither a time column nor a `# rate_hz:` line.
    time_unit
        `"s"`, `"ms"` or `"us"`, where the time column's name does not say it.
    full_scale
        Smallest and largest value the sensor can give, in the samples' unit.

    Returns
    -------
    Signal
        samples as float32 (N,), time in seconds from the first sample as float64 (N,).

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is empty, has lines that are not numbers (the first is quoted, all are counted), columns
        that cannot be told apart, time that does not rise, or no rate.

    Notes
    -----
    Introduced in `notebooks/01_hello_world.ipynb`.
    """
    path = Path(path)
    return _parse(path.read_bytes(), path.name, column, rate_hz, time_unit, full_scale)


def _parse(
    content: bytes,
    source: str,
    column: str | None = None,
    rate_hz: float | None = None,
    time_unit: str | None = None,
    full_scale: tuple[float, float] | None = None,
) -> Signal:
    table = read_columns(content, source, column)
    rate = rate_hz
    if table.time is not None:
        time_s = _seconds(table.time, time_unit or table.time_unit, source, table.line_numbers)
        rate = rate if rate is not None else (len(time_s) - 1) / float(time_s[-1])
    else:
        rate = rate if rate is not None else _number(table.comments, "rate_hz", source)
        time_s = np.arange(len(table.values)) / (rate or 1.0)
    if rate is None:
        raise ValueError(
            f"{source} has one column and does not say how fast it was recorded. Pass rate_hz=50 (or what "
            "yours is), put a line `# rate_hz: 50` first, or record a time column."
        )
    if not rate > 0:
        raise ValueError(f"The rate of {source} is {rate:g} Hz, expected more than 0 Hz.")
    if full_scale is None and "full_scale" in table.comments:
        full_scale = _range(table.comments["full_scale"], source)
    return Signal(
        samples=table.values.astype(np.float32),
        time_s=time_s,
        rate_hz=float(rate),
        unit=table.comments.get("unit", table.value_unit),
        full_scale=full_scale,
        source=source,
    )


def _seconds(time: np.ndarray, unit: str | None, source: str, line_numbers: np.ndarray) -> np.ndarray:
    """Time from the first sample in seconds; errors where it does not rise or its unit is open."""
    steps = np.diff(time)
    if not (steps > 0).all():
        where = int(np.argmin(steps > 0))
        raise ValueError(
            f"Time in {source} does not rise at line {line_numbers[where + 1]}: {time[where + 1]:g} after "
            f"{time[where]:g}. Was the board reset, did a counter overflow, or are the lines sorted "
            "otherwise? Keep one stretch of rising time; where it is not time at all, name the value's "
            "column: column=..."
        )
    seconds_each = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
    if unit is None:
        step = float(np.median(steps))
        if step >= 1.0:
            raise ValueError(
                f"The time column of {source} has no unit and steps by {step:g}. Milliseconds? Then pass "
                "time_unit='ms', or name the column time_ms. ('s' and 'us' are the others.)"
            )
        unit = "s"
    if unit not in seconds_each:
        raise ValueError(f"time_unit is {unit!r}, expected 's', 'ms' or 'us'.")
    return (time - time[0]) * seconds_each[unit]


def _number(comments: dict[str, str], key: str, source: str) -> float | None:
    if key not in comments:
        return None
    try:
        return float(comments[key])
    except ValueError:
        raise ValueError(f"{source}: `# {key}: {comments[key]}` is not a number.") from None


def _range(text: str, source: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.replace(",", " ").split())
    except ValueError:
        low = high = float("nan")
    if not low < high:
        raise ValueError(f"{source}: `# full_scale: {text}`, expected two rising numbers such as 0 1023.")
    return low, high
