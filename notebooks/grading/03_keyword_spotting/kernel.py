"""What a solution of this lab may use: the names of its setup cell. Students can read it while their code runs."""

# ruff: noqa: F401 - solutions and checks use what is imported here

from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyml_labs.grading.later_imports import import_later

globals().update(
    import_later("""
import inspect
import tempfile
import wave
from urllib.parse import urlencode
import matplotlib.pyplot as plt
import pandas as pd
from tinyml_labs import boards, capture, conversion, datasets, evaluation, inference, inspection
from tinyml_labs import keyword_export, keyword_views, link, models
from tinyml_labs.board_scores import read_board_scores
from tinyml_labs.features import SpectrogramSettings, augmentation, noise, spectrogram, spectrograms, to_real
from tinyml_labs.grading import checks
from tinyml_labs.keyword_classifier import KeywordClassifier, save_keyword_classifier
from tinyml_labs.quiet import import_quietly
from tinyml_labs.sound_streams import make_stream
from tinyml_labs.streaming import stream_predict
import keras
""")
)
SEED, BOARDS = 1, ("nano33ble", "pico", "uno_r3")
rng = np.random.default_rng(SEED)
