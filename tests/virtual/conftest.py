"""Virtual boards as a user starts them, and what they write down about their faults."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., tuple[subprocess.Popen, str]]


@pytest.fixture
def start_board() -> Iterator[Start]:
    """Start virtual boards as `tinyml-labs virtual-board` does; settings are given by name."""
    started: list[subprocess.Popen] = []

    def start(*arguments: str, **settings: object) -> tuple[subprocess.Popen, str]:
        pairs = [text for name, value in settings.items() for text in ("--set", f"{name}={value}")]
        process = subprocess.Popen(
            [sys.executable, "-m", "tinyml_labs.cli", "virtual-board", *arguments, *pairs],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture
def board_process(start_board: Start, request: pytest.FixtureRequest) -> tuple[subprocess.Popen, str]:
    """A virtual board and its port."""
    return start_board(*getattr(request, "param", []))


@pytest.fixture
def read_log() -> Callable[[Path], list[dict[str, Any]]]:
    """Read what a board has written down about its faults."""

    def read(path: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text().splitlines()]

    return read
