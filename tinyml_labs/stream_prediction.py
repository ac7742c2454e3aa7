"""What a model says about a stream, window by window."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.evaluation_views import Shown
from tinyml_labs.event_matching import Event, TruthInterval
from tinyml_labs.features import SpectrogramSettings, WindowSettings
from tinyml_labs.smoothing import SmootherSettings, smooth_scores

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from tinyml_labs.capture import Gap

_MOST_ROWS = 20


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StreamPrediction(Shown):
    """What a model says about a stream; :func:`tinyml_labs.streaming.stream_predict` gives it.

    Attributes
    ----------
    starts : int64 array, (W,)
        The number of each window's first sample; missing samples are counted.
    outputs : array, (W, classes), in the model's output dtype
    scores : float32 array, (W, classes)
        The outputs in real units: probabilities, for a softmax.
    decisions : int64 array, (W,)
        The class of the event that a window is, or -1: what the smoother says.
    resets : tuple of int
        Windows before which windower and smoother began anew, since there is a gap.
    labels : tuple of str
        A name for each class.
    window : WindowSettings
        In samples; in frames of the spectrogram, if there is one.
    smoother : SmootherSettings or None
        None: nothing was made an event.
    rate_hz : float
        Of the source: sample number k is at k / rate_hz.
    seconds : float
        How much of the source was looked at, missing samples counted.
    gaps : tuple of Gap
        Where samples are missing.
    model_sha256 : str
        Hash of the model, in hexadecimal.
    ended : str
        ``"complete"``; ``"stopped"`` if it was interrupted, ``"broken off"`` if the board went away.
    spectrogram : SpectrogramSettings or None
        What sound went through before it was cut into windows.
    scale, zero_point : float, int
        Of the model's output; a scale of 0 stands for real numbers.
    """

    starts: NDArray[np.int64]
    outputs: NDArray[Any]
    scores: NDArray[np.float32]
    decisions: NDArray[np.int64]
    resets: tuple[int, ...]
    labels: tuple[str, ...]
    window: WindowSettings
    smoother: SmootherSettings | None
    rate_hz: float
    seconds: float
    gaps: tuple[Gap, ...]
    model_sha256: str
    ended: str = "complete"
    spectrogram: SpectrogramSettings | None = None
    scale: float = 0.0
    zero_point: int = 0

    @property
    def window_samples(self) -> int:
        """How many samples of the source a window is made of."""
        return self.window.length if self.spectrogram is None else self.spectrogram.samples(self.window.length)

    @property
    def stride_samples(self) -> int:
        """The samples from the start of a window to the start of the next."""
        return self.window.stride * (1 if self.spectrogram is None else self.spectrogram.samples_a_stride)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """The end of each window, (W,), in seconds from sample 0: when a board could know."""
        return (self.starts + self.window_samples) / self.rate_hz

    @property
    def events(self) -> list[Event]:
        """What was found, and when: at the end of the window that made it an event."""
        times = self.times_s
        return [
            Event(self.labels[self.decisions[k]], float(times[k]))
            for k in np.flatnonzero(self.decisions >= 0).tolist()
        ]

    def with_smoother(self, smoother: SmootherSettings | None) -> StreamPrediction:
        """Give the same with the events of another smoother, without running the model again."""
        decisions = decide(self.outputs, smoother, self.resets)
        return replace(self, smoother=smoother, decisions=decisions)

    def with_threshold(self, threshold: float) -> StreamPrediction:
        """Give the same with the events of another threshold, a probability; the release is no larger than it.

        Raises
        ------
        ValueError
            If there is no smoother to change, the outputs are no integers, or it is no probability.
        """
        if self.smoother is None or not self.scale:
            raise ValueError(
                "Only a stream whose int8 scores went through a smoother has a threshold: give stream_predict a "
                "smoother=…."
            )
        settings = self.smoother
        level = SmootherSettings.from_probabilities(
            average_windows=settings.average_windows,
            hold_off=settings.hold_off,
            scale=self.scale,
            zero_point=self.zero_point,
            threshold=threshold,
            release=0.0,
            dtype=self.outputs.dtype,
        ).threshold
        return self.with_smoother(replace(settings, threshold=level, release=min(settings.release, level)))

    @property
    def table(self) -> pd.DataFrame:
        """One row a window, as a pandas DataFrame: first sample, end in seconds, scores, event."""
        import pandas as pd

        scores = {label: self.scores[:, k] for k, label in enumerate(self.labels)}
        events = [self.labels[k] if k >= 0 else "" for k in self.decisions.tolist()]
        return pd.DataFrame({"start": self.starts, "time_s": self.times_s, **scores, "event": events})

    def __str__(self) -> str:
        """Show the headline and a table of few windows in plain text."""
        table = self.table.to_string(float_format="{:.4g}".format, max_rows=_MOST_ROWS)
        return f"{self.headline()}\n{table}"

    def _repr_html_(self) -> str:
        table = self.table.to_html(float_format="{:.4g}".format, border=0, max_rows=_MOST_ROWS)
        return f"<p>{html.escape(self.headline())}</p>{table}"

    def headline(self) -> str:
        """Say in one line what was looked at and what was found."""
        events = self.events
        counts = ", ".join(
            f"{label} {sum(event.label == label for event in events)}"
            for label in self.labels
            if any(event.label == label for event in events)
        )
        found = f"{len(events)} event" + ("" if len(events) == 1 else "s") + (f" ({counts})" if counts else "")
        missing = sum(gap.missing for gap in self.gaps)
        lost = f", {missing:,} samples missing in {len(self.gaps)} gaps" if self.gaps else ""
        state = "" if self.ended == "complete" else f", {self.ended}"
        return f"{self.seconds:.4g} s at {self.rate_hz:g} Hz, {len(self.starts):,} windows, {found}{lost}{state}"

    def to_dict(self) -> dict[str, Any]:
        """The events and the settings, for JSON."""
        return {
            "seconds": self.seconds,
            "rate_hz": self.rate_hz,
            "windows": len(self.starts),
            "window_samples": self.window_samples,
            "stride_samples": self.stride_samples,
            "smoother": None if self.smoother is None else self.smoother.to_dict(),
            "labels": list(self.labels),
            "events": [event._asdict() for event in self.events],
            "gaps": len(self.gaps),
            "missing": sum(gap.missing for gap in self.gaps),
            "model_sha256": self.model_sha256,
            "ended": self.ended,
        }

    def plot(self, ax: Axes | None = None, *, truth: Iterable[TruthInterval | tuple[str, float, float]] = ()) -> Axes:
        """Draw the scores over time with a mark for each event; truth, if it is given, as coloured bands."""
        from tinyml_labs.event_views import plot_stream

        return plot_stream(self, ax, truth)


def decide(
    outputs: NDArray[Any], smoother: SmootherSettings | None, resets: tuple[int, ...] = ()
) -> NDArray[np.int64]:
    """Give the decision of each window; without a smoother, none is an event."""
    if smoother is None or not len(outputs):
        return np.full(len(outputs), -1, np.int64)
    return smooth_scores(outputs, smoother, resets=resets)
