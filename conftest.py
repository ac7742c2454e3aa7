"""Every cell of a notebook that nbval executes is a test marked `notebooks`."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the notebooks' cells, so that `make check` can leave them out."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("notebooks")
