"""What a solution of this lab may use: the names of its setup cell. Students can read it while their code runs."""

# ruff: noqa: F401 - solutions and checks use what is imported here

import math
from pathlib import Path

import numpy as np

from tinyml_labs.grading.later_imports import import_later

globals().update(
    import_later("""
import tempfile
from urllib.parse import urlencode
import matplotlib.pyplot as plt
import pandas as pd
from tinyml_labs import arena, board_figures_views, compiler_views, datasets, evaluation, inference, link, model_file
from tinyml_labs.board_figures import estimate
from tinyml_labs.compiler import compile_model
from tinyml_labs.compiler.trials import change_number, change_source, swap_kernel, try_model
from tinyml_labs.deploy import deploy, next_steps
from tinyml_labs.gesture_classifier import load_reference_classifier
from tinyml_labs.grading import checks
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier
from tinyml_labs.layer_profiles import profile
from tinyml_labs.person_classifier import load_reference_person_classifier
from tinyml_labs.recorded_inputs import recorded_inputs
from tinyml_labs.replay import replay
""")
)
SEED = 1
rng = np.random.default_rng(SEED)
