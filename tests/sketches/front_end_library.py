"""The library MicroFrontend for tests: written from the archive that the set-up has fetched."""

import functools
from pathlib import Path

import toolchains

from tinyml_labs.front_end_source import write_front_end_library

FOLDER = Path(__file__).parents[2] / ".pytest_cache" / "libraries"


@functools.cache
def front_end_library() -> Path:
    """Give the library's folder; without the archive the test is skipped, or fails in CI."""
    try:
        return write_front_end_library(FOLDER, download=False)
    except FileNotFoundError as error:
        toolchains.skip_or_fail(str(error))
