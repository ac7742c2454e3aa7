"""What a solution of this lab may use: the names of its setup cell. Students can read it while their code runs."""

# ruff: noqa: F401 - solutions and checks use what is imported here

import math
from pathlib import Path

import numpy as np

from tinyml_labs.grading.later_imports import import_later

globals().update(
    import_later("""
import tempfile
import matplotlib.pyplot as plt
from tinyml_labs import capture, conversion, datasets, evaluation, export
from tinyml_labs import inference, inspection, link, model_file, models
from tinyml_labs.grading import checks
from tinyml_labs.quiet import import_quietly
import keras
""")
)
SEED = 1
