"""What a solution of this lab may use: the names of its setup cell. Students can read it while their code runs."""

# ruff: noqa: F401 - solutions and checks use what is imported here

from pathlib import Path

import numpy as np

from tinyml_labs.grading.later_imports import import_later

globals().update(
    import_later("""
import tempfile
from urllib.parse import urlencode
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib import cbook
from tinyml_labs import boards, capture, conversion, datasets, evaluation, inference, inspection, link, models
from tinyml_labs import person_export, person_views
from tinyml_labs.features import image_input, resize
from tinyml_labs.grading import checks
from tinyml_labs.person_classifier import PersonClassifier, save_person_classifier
from tinyml_labs.picture_streams import make_picture_stream
from tinyml_labs.presence import track_presence
from tinyml_labs.presence_report import count_alarms
from tinyml_labs.quiet import import_quietly
from tinyml_labs.slices import slice_table
import keras
""")
)
SEED, BOARDS = 1, ("nano33ble", "pico", "uno_r3")
rng = np.random.default_rng(SEED)
