"""Programs for boards, each compiled once in a test run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import toolchains
from recordings_to_play import Played


@pytest.fixture(scope="session")
def cortex_m4_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that compiles a sketch, and what it plays, for QEMU."""
    toolchains.need_cortex_m4()
    made: dict[tuple, Path] = {}

    def compile_once(played: Played, *defines: str) -> Path:
        key = (played.sketch, played.raw, played.stand_ins, played.defines, defines)
        if key not in made:
            made[key] = toolchains.compile_for_cortex_m4(
                played.sketch,
                tmp_path_factory.mktemp(played.sketch),
                recording=played.raw,
                stand_ins=played.stand_ins,
                defines=(*played.defines, *defines),
            )
        return made[key]

    return compile_once


@pytest.fixture(scope="session")
def uno_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., toolchains.UnoProgram]:
    """Give a function that compiles a sketch for the Uno."""
    toolchains.need_avr()
    made: dict[tuple, toolchains.UnoProgram] = {}

    def compile_once(sketch: str, *defines: str) -> toolchains.UnoProgram:
        if (sketch, defines) not in made:
            folder = tmp_path_factory.mktemp(f"{sketch}_uno")
            made[sketch, defines] = toolchains.compile_for_uno(sketch, folder, defines=defines)
        return made[sketch, defines]

    return compile_once


@pytest.fixture(scope="session")
def avr_board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the program that is an Uno."""
    toolchains.need_avr()
    return toolchains.compile_avr_board(tmp_path_factory.mktemp("avr_board"))
