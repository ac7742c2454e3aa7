"""The students' copies run from top to bottom, and a blank exercise never passes."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tinyml_labs.grading.release import build_student_copies
from tinyml_labs.grading.student_copy import KEEP_RUNNING, grading_of

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    target = tmp_path_factory.mktemp("course") / "lab"
    build_student_copies(NOTEBOOKS, target)
    return target


@pytest.mark.notebooks
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_blank_copy_runs_to_its_end_and_all_its_checks_are_open(name, lab, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    notebook = nbformat.read(lab / name, as_version=4)
    resources = {"metadata": {"path": str(lab)}}
    client = NotebookClient(notebook, timeout=480, kernel_name="python3", resources=resources, allow_errors=True)
    client.execute()
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    check_cells = [cell for cell in code_cells if grading_of(cell).get("grade")]
    for cell in code_cells:
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if cell in check_cells:
            assert errors, f"{cell.id} passes on a blank copy:\n{cell.source}"
        elif KEEP_RUNNING not in cell.metadata.get("tags", []):
            assert not errors, f"{cell.id} stops Run All Cells:\n" + "\n".join(errors[0].traceback)
    reports = [
        output.data["text/plain"]
        for cell in code_cells
        if "run_checks(" in cell.source
        for output in cell.outputs
        if "data" in output
    ]
    assert len(reports) == bool(check_cells)
    for report in reports:
        assert f"0 of {len(check_cells)} check" in report, report
        assert f"passed, {len(check_cells)} open" in report, report
