"""What the checks of this lab use: the data, and what the board says of its model's input."""

# ruff: noqa: F401 - solutions and checks use what is imported here

from types import SimpleNamespace

import numpy as np

from tinyml_labs import datasets, inference, model_file

data = datasets.load_sine(samples=5000, seed=1)
on_board = SimpleNamespace(
    inputs=[
        SimpleNamespace(scale=tensor.scale, zero_point=tensor.zero_point)
        for tensor in model_file.read_model(datasets.load_reference_model("sine")).inputs
    ]
)
