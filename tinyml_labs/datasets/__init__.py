"""The course's data: what is bundled, what is made, and what you bring. Needs NumPy only."""

from tinyml_labs.datasets.bundled import bundled_path, load_reference_model
from tinyml_labs.datasets.gestures import GestureData, GestureRecording, load_gestures
from tinyml_labs.datasets.keywords import load_keywords, write_keywords
from tinyml_labs.datasets.labelled_speech import load_labelled_speech
from tinyml_labs.datasets.signals import Signal, load_recorded_sweep, load_signal_csv
from tinyml_labs.datasets.sine import SineData, load_sine
from tinyml_labs.datasets.speech_commands import load_speech_commands
from tinyml_labs.datasets.speech_files import SpeechFiles
from tinyml_labs.datasets.spoken_clips import SpokenClips

__all__ = [
    "GestureData",
    "GestureRecording",
    "Signal",
    "SineData",
    "SpeechFiles",
    "SpokenClips",
    "bundled_path",
    "load_gestures",
    "load_keywords",
    "load_labelled_speech",
    "load_recorded_sweep",
    "load_reference_model",
    "load_signal_csv",
    "load_sine",
    "load_speech_commands",
    "write_keywords",
]
