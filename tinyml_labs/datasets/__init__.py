"""The course's data: what is bundled, what is made, and what you bring. Needs NumPy only."""

from tinyml_labs.datasets.bundled import bundled_path, load_reference_model
from tinyml_labs.datasets.gestures import GestureData, GestureRecording, load_gestures
from tinyml_labs.datasets.signals import Signal, load_recorded_sweep, load_signal_csv
from tinyml_labs.datasets.sine import SineData, load_sine

__all__ = [
    "GestureData",
    "GestureRecording",
    "Signal",
    "SineData",
    "bundled_path",
    "load_gestures",
    "load_recorded_sweep",
    "load_reference_model",
    "load_signal_csv",
    "load_sine",
]
