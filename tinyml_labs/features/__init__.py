"""Samples in, arrays for a network out: the same numbers as on the board. Needs NumPy; sound, pymicro-features."""

from tinyml_labs.features.audio import (
    SPECTROGRAM_CHANNELS,
    AudioFrontEnd,
    SpectrogramSettings,
    spectrogram,
    spectrograms,
    to_real,
)
from tinyml_labs.features.camera_formats import decode_camera
from tinyml_labs.features.image import ImageSettings, crop_middle, image_input, resize, to_grey
from tinyml_labs.features.motion import motion_feature_names, motion_features
from tinyml_labs.features.motion_settings import MOTION_CHANNELS, MOTION_UNITS, MotionFeatureSettings
from tinyml_labs.features.normalisation import Normalisation
from tinyml_labs.features.recordings import LabelledSamples, LabelledWindows, cut_labelled_windows
from tinyml_labs.features.resampling import resample
from tinyml_labs.features.windows import Interval, WindowSettings, cut_windows, label_windows

__all__ = [
    "MOTION_CHANNELS",
    "MOTION_UNITS",
    "SPECTROGRAM_CHANNELS",
    "AudioFrontEnd",
    "ImageSettings",
    "Interval",
    "LabelledSamples",
    "LabelledWindows",
    "MotionFeatureSettings",
    "Normalisation",
    "SpectrogramSettings",
    "WindowSettings",
    "crop_middle",
    "cut_labelled_windows",
    "cut_windows",
    "decode_camera",
    "image_input",
    "label_windows",
    "motion_feature_names",
    "motion_features",
    "resample",
    "resize",
    "spectrogram",
    "spectrograms",
    "to_grey",
    "to_real",
]
