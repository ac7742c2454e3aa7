"""Every cell of a notebook that nbval executes is a test marked `notebooks`; and the order of a whole run."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the notebooks' cells, so that `make check` can leave them out; begin with what would hold up others."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("notebooks")
        files.setdefault(item.path, []).append(item)
    # While a loud module runs, no other test starts, but a notebook does: so two notebooks beside the first of them.
    loud = [path for path, tests in files.items() if tests[0].get_closest_marker("loud")]
    notebooks = [path for path, tests in files.items() if path.suffix == ".ipynb"]
    longest = notebooks[:-3:-1]
    first = [*loud[:1], *longest, *loud[1:]] if notebooks else []
    order = [*first, *(path for path in files if path not in first)]
    items[:] = [item for path in order for item in files[path]]
