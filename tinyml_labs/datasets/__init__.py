"""The course's data: what is bundled, what is made, and what you bring. Needs NumPy; pictures need Pillow."""

from tinyml_labs.datasets.bundled import bundled_path, load_reference_model
from tinyml_labs.datasets.gestures import GestureData, GestureRecording, load_gestures
from tinyml_labs.datasets.image_folder import load_image_folder, save_image_folder
from tinyml_labs.datasets.keywords import load_keywords, write_keywords
from tinyml_labs.datasets.labelled_images import LabelledImages
from tinyml_labs.datasets.labelled_speech import load_labelled_speech
from tinyml_labs.datasets.people import load_people, load_photographs
from tinyml_labs.datasets.signals import Signal, load_recorded_sweep, load_signal_csv
from tinyml_labs.datasets.sine import SineData, load_sine
from tinyml_labs.datasets.speech_commands import load_speech_commands
from tinyml_labs.datasets.speech_files import SpeechFiles
from tinyml_labs.datasets.spoken_clips import SpokenClips
from tinyml_labs.datasets.visual_wake_words import load_visual_wake_words
from tinyml_labs.datasets.wake_vision import load_wake_vision

__all__ = [
    "GestureData",
    "GestureRecording",
    "LabelledImages",
    "Signal",
    "SineData",
    "SpeechFiles",
    "SpokenClips",
    "bundled_path",
    "load_gestures",
    "load_image_folder",
    "load_keywords",
    "load_labelled_speech",
    "load_people",
    "load_photographs",
    "load_recorded_sweep",
    "load_reference_model",
    "load_signal_csv",
    "load_sine",
    "load_speech_commands",
    "load_visual_wake_words",
    "load_wake_vision",
    "save_image_folder",
    "write_keywords",
]
