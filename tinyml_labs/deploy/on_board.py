"""From a folder to a board that answers: compile, upload, wait for its hello, compare its model with the host."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.deploy import arduino_cli
from tinyml_labs.deploy.deployment import Deployment
from tinyml_labs.link import Board, BoardError
from tinyml_labs.model_file import Tensor, read_model
from tinyml_labs.parity import ParityReport, check_parity

_RANDOM = 10
_PAUSE_S = 0.5


def build(deployment: Deployment) -> arduino_cli.Build:
    """Compile it with arduino-cli.

    Raises
    ------
    FileNotFoundError
        If there is no arduino-cli, with where to get it.
    RuntimeError
        If it does not compile.
    """
    return arduino_cli.compile_sketch(deployment.folder, deployment.profile)


def upload(deployment: Deployment, *, port: str | None = None) -> str:
    """Upload what :func:`build` has made.

    Parameters
    ----------
    deployment : Deployment
    port : str, optional
        By default that of the one such board that is plugged in.

    Returns
    -------
    str
        The port on which the board is now.

    Raises
    ------
    FileNotFoundError, RuntimeError
    """
    return arduino_cli.upload_sketch(
        deployment.folder, port or arduino_cli.find_port(deployment.board.fqbn), deployment.profile
    )


def open_board(port: str, *, timeout_s: float = 30.0) -> Board:
    """Open a board that has just been uploaded to, as soon as it is there: it starts anew, and its port comes back.

    Raises
    ------
    BoardError
        If it does not come, with the last reason.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return Board(port, timeout_s=min(5.0, timeout_s))
        except BoardError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE_S)


def check_board(deployment: Deployment, port: str, *, timeout_s: float = 30.0) -> ParityReport:
    """Wait for the board, make sure that it runs this model, and compare its answers with the host's.

    Parameters
    ----------
    deployment : Deployment
    port : str
    timeout_s : float
        How long to wait for its first word.

    Returns
    -------
    ParityReport
        Of 12 inputs, some of them all lowest or all highest.

    Raises
    ------
    ModelMismatch
        If another model answers: the upload has not taken.
    BoardError
    """
    board = open_board(port, timeout_s=timeout_s)
    try:
        return check_parity(board, deployment.model, trial_inputs(deployment.model))
    finally:
        with suppress(BoardError):
            board.close()


def trial_inputs(model: bytes) -> NDArray[Any]:
    """Give 12 inputs for a model: seeded random ones, one of the lowest and one of the highest values alone."""
    tensor: Tensor = read_model(model).inputs[0]
    shape = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
    random = np.random.default_rng(20)
    if tensor.dtype.kind == "f":
        return random.uniform(-1, 1, (_RANDOM + 2, *shape)).astype(tensor.dtype)
    limits = np.iinfo(tensor.dtype)
    made = random.integers(limits.min, limits.max, (_RANDOM + 2, *shape), endpoint=True)
    made[0], made[1] = limits.min, limits.max
    return made.astype(tensor.dtype)
