"""What a notebook's kernel runs first in tests: training that this test run has already done is not done twice.

A lab runs twice in a test run, as its source and as the students' blank copy, and most of its time is training. The
second time ``fit`` of the same network with the same weights, data and settings gives the weights of the first. A
difference in any of them, and it trains. pytest names this file in ``PYTHONSTARTUP``, which IPython obeys, and the
folder in ``TINYML_LABS_REMEMBERED_TRAINING``.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import random
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def remember_training(keras: Any, folder: Path) -> None:
    """Let ``keras.Model.fit`` look into the folder first."""
    fit = keras.Model.fit
    if hasattr(fit, "remembers"):
        return

    @functools.wraps(fit)
    def remembering_fit(model: Any, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        key = _key(model, x, y, args, kwargs)
        if key is None:
            return fit(model, x, y, *args, **kwargs)
        return _recall(folder / key, keras, model) or _train(folder / key, fit, model, x, y, *args, **kwargs)

    remembering_fit.remembers = folder  # type: ignore[attr-defined]
    keras.Model.fit = remembering_fit


def _key(model: Any, *given: Any) -> str | None:
    """Give a name for all that the training depends on; None if it depends on more than numbers."""
    # Keras numbers its names: dense_3, adam_1.
    described = re.sub(r"_\d+\b", "", f"{model.to_json()} {model.get_compile_config()}")
    digest = hashlib.sha256(described.encode())
    for array in (*model.get_weights(), _random_state()[0][1]):
        digest.update(np.ascontiguousarray(array).tobytes())
    try:
        _update(digest, given)
    except TypeError:
        return None
    return digest.hexdigest()


def _update(digest: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{value.shape} {value.dtype}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        for name in sorted(value, key=str):
            if name != "callbacks":  # they show how far it is
                digest.update(str(name).encode())
                _update(digest, value[name])
    elif isinstance(value, list | tuple):
        digest.update(b"[")
        for each in value:
            _update(digest, each)
    elif value is None or isinstance(value, bool | int | float | str | np.generic):
        digest.update(repr(value).encode())
    else:
        raise TypeError(f"not a number: {type(value)}")


def _random_state() -> tuple[Any, Any]:
    return np.random.get_state(), random.getstate()


def _recall(file: Path, keras: Any, model: Any) -> Any:
    try:
        weights, history, (of_numpy, of_python) = pickle.loads(file.read_bytes())
    except OSError:
        return None
    model.set_weights(weights)
    np.random.set_state(of_numpy)
    random.setstate(of_python)
    recalled = keras.callbacks.History()
    recalled.set_model(model)
    recalled.history, recalled.epoch = history, list(range(len(next(iter(history.values()), []))))
    return recalled


def _train(file: Path, fit: Callable[..., Any], model: Any, *args: Any, **kwargs: Any) -> Any:
    done = fit(model, *args, **kwargs)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as half:
        half.write(pickle.dumps((model.get_weights(), done.history, _random_state())))
    Path(half.name).replace(file)
    return done


def _watch_for_keras(folder: Path) -> None:
    def remember_if_imported(*_: object) -> None:
        if "keras" in sys.modules:
            remember_training(sys.modules["keras"], folder)

    get_ipython().events.register("pre_run_cell", remember_if_imported)  # type: ignore[name-defined]  # noqa: F821


if "get_ipython" in globals() and os.environ.get("TINYML_LABS_REMEMBERED_TRAINING"):
    _watch_for_keras(Path(os.environ["TINYML_LABS_REMEMBERED_TRAINING"]))
