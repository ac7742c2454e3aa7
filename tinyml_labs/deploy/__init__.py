"""From a model to a board: a sketch's folder that compiles by itself, compiled, uploaded and checked.

>>> from tinyml_labs.deploy import deploy
>>> made = deploy("sine.tflite", sketch="hello_world", board="uno_r3", directory="sketches")  # doctest: +SKIP
>>> print(made)  # doctest: +SKIP
"""

from tinyml_labs.deploy.arduino_cli import Build
from tinyml_labs.deploy.deployment import Deployment, deploy, load_subject, next_steps
from tinyml_labs.deploy.fit import Need
from tinyml_labs.deploy.on_board import build, check_board, open_board, upload
from tinyml_labs.deploy.sketches import SKETCHES, Sketch

__all__ = [
    "SKETCHES",
    "Build",
    "Deployment",
    "Need",
    "Sketch",
    "build",
    "check_board",
    "deploy",
    "load_subject",
    "next_steps",
    "open_board",
    "upload",
]
