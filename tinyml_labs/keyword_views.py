"""How sound looks, and how it sounds: waveforms, spectrograms, one frame's way to its features, scores, players.

matplotlib and IPython are imported when something is shown. Colours are those that colour-blind people can tell
apart: M. Okabe and K. Ito, "Color Universal Design" (2008).
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyml_labs import gesture_views
from tinyml_labs.features import Interval, SpectrogramSettings, spectrogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tinyml_labs.stream_prediction import StreamPrediction

__all__ = ["listen", "plot_clips", "plot_confusion", "plot_frame", "plot_listening"]

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
_COLORS = (BLUE, ORANGE, GREEN, RED)
_RATE_HZ = 16_000
_COUNTS_SHOWN = (0, 670)
_WARM_UP_S = 2.0  # until a fresh front end knows the background
_SETTINGS = SpectrogramSettings()


def listen(sounds: ArrayLike | Mapping[str, ArrayLike], *, rate_hz: int = _RATE_HZ) -> Any:
    """Give players for sounds, as loud as they are: nothing is made louder or softer.

    Parameters
    ----------
    sounds : array (n,), or mapping of str to such arrays
        int16, or float in -1..1. Of a mapping each gets a player beside its name.
    rate_hz : int

    Returns
    -------
    IPython.display.DisplayObject
        The last line of a cell shows it.

    Raises
    ------
    ValueError
        There is nothing to hear, or it has more than one channel.

    Notes
    -----
    Introduced in `notebooks/03_keyword_spotting.ipynb`.
    """
    from IPython.display import HTML

    if not isinstance(sounds, Mapping):
        return _player(sounds, rate_hz)
    if not sounds:
        raise ValueError("There is no sound to listen to: the mapping is empty.")
    rows = "".join(
        f"<tr><td style='text-align:left'>{html.escape(str(name))}</td>"
        f"<td>{_player(sound, rate_hz)._repr_html_()}</td></tr>"
        for name, sound in sounds.items()
    )
    return HTML(f"<table>{rows}</table>")


def _player(sound: ArrayLike, rate_hz: int) -> Any:
    from IPython.display import Audio

    samples = np.asarray(sound)
    if samples.ndim != 1 or not samples.size:
        raise ValueError(f"The sound has shape {samples.shape}, expected (n,): one channel, one sample at least.")
    real = samples / 32768 if samples.dtype == np.int16 else np.clip(samples, -1, 1)
    return Audio(real, rate=rate_hz, normalize=False)


def plot_clips(clips: Mapping[str, ArrayLike], settings: SpectrogramSettings = _SETTINGS) -> Figure:
    """Draw clips side by side: the waveform above, what the front end makes of it below, on one scale.

    Parameters
    ----------
    clips : mapping of str to int16 arrays, (n,)
        At 16 kHz, by their titles.
    settings : SpectrogramSettings

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, len(clips), figsize=(max(4.8, 2.9 * len(clips)), 4.2), sharex="col", sharey="row", squeeze=False,
        height_ratios=[1, 1.6], layout="constrained",
    )  # fmt: skip
    figure.get_layout_engine().set(w_pad=0.1)
    drawn = None
    for (title, clip), above, below in zip(clips.items(), axes[0], axes[1], strict=True):
        samples = np.asarray(clip)
        above.plot(np.arange(len(samples)) / _RATE_HZ, samples / 32768, color=BLUE, linewidth=0.5)
        above.set_title(title, fontsize="medium")
        drawn = _draw_spectrogram(below, spectrogram(samples, settings), settings)
        below.set(xlabel="time (s)", xlim=(0, len(samples) / _RATE_HZ))
    axes[0, 0].set_ylabel("sound\n(share of full scale)")
    axes[1, 0].set_ylabel("band (0: 125 Hz,\n39: 7,500 Hz)")
    if drawn is not None:
        figure.colorbar(drawn, ax=axes[1, :], label="feature (counts)", pad=0.01)
    return figure


def _draw_spectrogram(
    ax: Axes, frames: NDArray[np.uint16], settings: SpectrogramSettings, start_s: float = 0.0
) -> Any:
    """Draw frames as a map; each is as wide as the stride, around the middle of its 30 ms."""
    step = 1 / settings.rate_of_frames_hz
    middle = start_s + settings.samples(1) / settings.rate_hz / 2
    edges = middle + (np.arange(len(frames) + 1) - 0.5) * step
    low, high = _COUNTS_SHOWN
    channels = np.arange(frames.shape[1] + 1) - 0.5
    return ax.pcolormesh(edges, channels, frames.T, cmap="magma", vmin=low, vmax=high, rasterized=True)


def plot_frame(
    samples: ArrayLike, power: ArrayLike, bank: ArrayLike, energies: ArrayLike, *, rate_hz: int = _RATE_HZ
) -> Figure:
    """Draw the way of one frame: its samples, their spectrum with the bands, and the energy in each band.

    Parameters
    ----------
    samples : array, (n,)
        Of the frame, faded in and out, as a share of full scale.
    power : array, (bins,)
        Of its Fourier transform, from 0 Hz to half the rate.
    bank : array, (bands, bins)
        What share of each bin a band takes.
    energies : array, (bands,)
        The logarithm of the power in each band.
    rate_hz : int

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    values, spectrum, shares, logs = (np.asarray(each) for each in (samples, power, bank, energies))
    khz = np.linspace(0, rate_hz / 2000, len(spectrum))
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    left.plot(1000 * np.arange(len(values)) / rate_hz, values, color=BLUE, linewidth=0.9)
    left.set(xlabel="time (ms)", ylabel="sound (share of full scale)", title="1. the frame, faded")
    decibels = 10 * np.log10(np.maximum(spectrum, spectrum.max() * 1e-8) / spectrum.max())
    middle.plot(khz, decibels, color=BLUE, linewidth=0.9)
    bands = middle.twinx()
    for k, share in enumerate(shares):
        inside = np.flatnonzero(share)
        around = slice(max(0, inside[0] - 1), inside[-1] + 2)
        bands.plot(khz[around], share[around], color=_COLORS[1 + k % 2], linewidth=0.7)
    bands.set(ylabel="share that a band takes", ylim=(0, 4), yticks=(0, 1))
    middle.set(xlabel="frequency (kHz)", ylabel="power (dB, 0: the largest)", title="2. its spectrum, and the bands")
    right.bar(np.arange(len(logs)), logs, color=BLUE, width=0.8)
    right.set(xlabel="band (0: 125 Hz, 39: 7,500 Hz)", ylabel="logarithm of the power", title="3. the bands")
    return figure


def plot_confusion(confusion: ArrayLike, labels: Sequence[str]) -> Axes:
    """Draw a confusion matrix of clips with its counts; colour is the share of the row.

    Parameters
    ----------
    confusion : int array, (classes, classes)
        Rows: what was said; columns: what the model says.
    labels : sequence of str

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = gesture_views.plot_confusion(confusion, labels)
    ax.set(xlabel="what the model says (clips)", ylabel="what was said (clips)")
    return ax


def plot_listening(
    samples: ArrayLike,
    prediction: StreamPrediction,
    intervals: Iterable[Interval],
    *,
    start_s: float = 0.0,
    seconds: float = 20.0,
) -> Figure:
    """Draw part of a stream: its spectrogram and what is said, then the keywords' averaged scores and the events.

    Parameters
    ----------
    samples : int16 array, (n,)
        The whole stream, at 16 kHz.
    prediction : StreamPrediction
        Of it, with a front end and a smoother.
    intervals : iterable of Interval
        What is said when, in samples.
    start_s, seconds : float
        Which part.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        The prediction has no front end or no smoother.
    """
    import matplotlib.pyplot as plt

    smoother, settings = prediction.smoother, prediction.spectrogram
    if smoother is None or settings is None:
        raise ValueError("The prediction is of no sound, or has no smoother: stream_predict(..., smoother=...).")
    rate, end_s = prediction.rate_hz, start_s + seconds
    begin_s = max(0.0, start_s - _WARM_UP_S)
    part = np.asarray(samples)[round(begin_s * rate) : round(end_s * rate)]
    gone = round((start_s - begin_s) * settings.rate_of_frames_hz)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(10, 4.8), sharex=True, height_ratios=[1.2, 1], layout="constrained"
    )
    _draw_spectrogram(above, spectrogram(part, settings)[gone:], settings, start_s)
    above.set_ylabel("band (0: 125 Hz,\n39: 7,500 Hz)")
    keywords = [k for k in range(len(prediction.labels)) if k not in smoother.background]
    averages = _moving_average(prediction.scores, smoother.average_windows)
    color_of = {}
    for place, k in enumerate(keywords):
        label = prediction.labels[k]
        (line,) = below.plot(prediction.times_s, averages[:, k], color=_COLORS[place % 4], label=label)
        color_of[label] = line.get_color()
    for said in intervals:
        begin, end = said.start / rate, said.end / rate
        if end <= start_s or begin >= end_s:
            continue
        color = color_of.get(said.label, "0.5")
        below.axvspan(begin, end, color=color, alpha=0.2, linewidth=0)
        middle = np.clip((begin + end) / 2, start_s, end_s)
        above.text(middle, 40.5, said.label, ha="center", va="bottom", fontsize="small", color=color, clip_on=False)
    level = (smoother.threshold - prediction.zero_point) * prediction.scale
    below.axhline(level, color="0.3", linestyle="--", linewidth=1, label="threshold")
    for event in prediction.events:
        if start_s <= event.time_s <= end_s:
            below.plot(event.time_s, 1.08, "v", color=color_of[event.label], markersize=9, clip_on=False)
    below.set(xlabel="time (s)", ylabel=f"score, average\nof {smoother.average_windows} windows")
    below.set(ylim=(-0.03, 1.15), xlim=(start_s, end_s))
    below.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, title="▼ event")
    return figure


def _moving_average(scores: NDArray[np.float32], windows: int) -> NDArray[np.float64]:
    """The mean of the last so many rows; NaN until there are enough."""
    out = np.full(scores.shape, np.nan)
    if len(scores) >= windows:
        out[windows - 1 :] = np.lib.stride_tricks.sliding_window_view(scores, windows, axis=0).mean(axis=-1)
    return out
