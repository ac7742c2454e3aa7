"""What a solution of this lab may use: the names of its setup cell, the thresholds and `judge`.

Students can read it while their code runs.
"""

# ruff: noqa: F401 - solutions and checks use what is imported here

from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyml_labs import evaluation
from tinyml_labs.grading.later_imports import import_later

globals().update(
    import_later("""
import tempfile
from urllib.parse import urlencode
import matplotlib.pyplot as plt
import pandas as pd
from tinyml_labs import boards, capture, conversion, datasets, gesture_export, gesture_views
from tinyml_labs import inference, inspection, link, models, simulation
from tinyml_labs.features import MotionFeatureSettings, Normalisation, WindowSettings
from tinyml_labs.features import cut_labelled_windows, motion_feature_names, motion_features
from tinyml_labs.gesture_classifier import GestureClassifier
from tinyml_labs.grading import checks
from tinyml_labs.quiet import import_quietly
from tinyml_labs.streaming import stream_predict
import keras
""")
)
SEED = 1
THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def judge(streams, truths, threshold):
    """Return the report of all streams together, with this threshold."""
    reports = []
    for stream, done in zip(streams, truths, strict=True):
        reports.append(evaluation.evaluate_stream(stream.with_threshold(threshold), done, tolerance_s=1.5))
    return evaluation.pool_event_reports(reports)
