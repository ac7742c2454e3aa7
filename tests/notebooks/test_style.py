from pathlib import Path

import nbformat
import pytest
from style_rules import find_style_faults

SOURCES = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert SOURCES, "no notebook in notebooks/"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_notebook_keeps_the_house_rules(path):
    faults = find_style_faults(nbformat.read(path, as_version=nbformat.NO_CONVERT), path.stem)
    assert not faults, "\n".join([path.name, *faults])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_file_has_the_same_bytes_on_every_system(path):
    data = path.read_bytes()
    assert b"\r" not in data
    assert data.endswith(b"}\n")
    data.decode("utf-8")
