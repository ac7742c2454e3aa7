"""The second time the same network learns the same, it is told; another network, other data: it learns."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tinyml_labs import models
from tinyml_labs.quiet import import_quietly

keras = import_quietly("keras")
START = Path(__file__).with_name("remembered_training.py")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    fit = keras.Model.fit
    spec = importlib.util.spec_from_file_location("remembered_training", START)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.remember_training(keras, tmp_path)
    yield tmp_path
    keras.Model.fit = fit


def train(seed: int = 1, epochs: int = 2) -> tuple[object, object]:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, activation="softmax", name="dense")], name="net"
    )
    x = np.random.default_rng(seed).normal(size=(40, 3)).astype(np.float32)
    history = models.train_classifier(model, x, (x[:, 0] > 0).astype(int), epochs=epochs)
    return model, history


def test_the_same_training_is_told(folder: Path) -> None:
    first, history = train()
    assert len(list(folder.iterdir())) == 1
    (file,) = folder.iterdir()
    before = file.stat().st_mtime_ns
    second, recalled = train()
    assert [f.stat().st_mtime_ns for f in folder.iterdir()] == [before]
    assert recalled.history == history.history
    assert recalled.epoch == history.epoch
    for mine, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_other_data_weights_or_settings_are_learnt(folder: Path) -> None:
    train()
    train(seed=2)
    train(epochs=3)
    assert len(list(folder.iterdir())) == 3


def test_the_kernels_of_this_run_begin_with_it() -> None:
    assert os.environ["PYTHONSTARTUP"] == str(START)
    assert Path(os.environ["TINYML_LABS_REMEMBERED_TRAINING"]).is_dir()
