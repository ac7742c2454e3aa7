"""A student's copy in a real JupyterLab: the checks are locked, the answers are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_in_browser import FLAGS, find_chromium, jupyterlab, open_notebook

from tinyml_labs.grading.release import build_student_copies

pytestmark = pytest.mark.slow

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FIND = """(gradeId) => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(
    (cell) => cell.model.sharedModel.getMetadata("nbgrader")?.grade_id === gradeId)"""
SOURCES = "() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.sharedModel.source)"
CHOOSE = """async (number) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    await notebook.scrollToItem(number);
    notebook.deselectAll();
    notebook.activeCellIndex = number;
    notebook.activate();
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chromium = find_chromium()
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium; CI installs it")
        pytest.skip("no Chromium here: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    folder = tmp_path_factory.mktemp("student") / "lab"
    build_student_copies(NOTEBOOKS, folder)
    with jupyterlab(folder) as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        open_notebook(page, address, "01_hello_world.ipynb")
        yield page
        browser.close()


def type_into(page: Any, grade_id: str, text: str) -> tuple[str, str]:
    """Type at the end of a cell; return its source before and after."""
    number = page.evaluate(FIND, grade_id)
    assert number >= 0
    before = page.evaluate(SOURCES)[number]
    page.evaluate(CHOOSE, number)
    cell = page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{number}"]')
    cell.locator(".cm-line").last.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)
    page.wait_for_timeout(300)
    return before, page.evaluate(SOURCES)[number]


def delete(page: Any, grade_id: str) -> int:
    """Let JupyterLab delete a cell; return its number afterwards, -1 if it is gone."""
    page.evaluate(CHOOSE, page.evaluate(FIND, grade_id))
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:delete-cell')")
    page.wait_for_timeout(300)
    return int(page.evaluate(FIND, grade_id))


def test_an_answer_can_be_written(page):
    before, after = type_into(page, "quantize", "  # mine")
    assert "NotImplementedError" in before
    assert after == before + "  # mine"


@pytest.mark.parametrize("grade_id", ["check_quantize", "check_choose_quantization", "check_my_work"])
def test_a_check_cannot_be_changed(page, grade_id):
    before, after = type_into(page, grade_id, "pass")
    assert before
    assert after == before


def test_a_check_cannot_be_deleted_and_another_cell_can(page):
    count = len(page.evaluate(SOURCES))
    assert delete(page, "check_quantize") >= 0
    assert delete(page, "quantize") >= 0  # an answer's cell can be written, and stays too
    assert len(page.evaluate(SOURCES)) == count
    page.evaluate(CHOOSE, 0)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:insert-cell-below')")
    page.wait_for_timeout(300)
    assert len(page.evaluate(SOURCES)) == count + 1
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:delete-cell')")
    page.wait_for_timeout(300)
    assert len(page.evaluate(SOURCES)) == count
