import pytest
from graded_lab import RIGHT, fill_in, hand_in_of, make_copy, save_lab
from sandbox_here import no_sandbox  # noqa: F401 - a fixture

from tinyml_labs.grading.grade import grade_hand_in, grade_reference
from tinyml_labs.grading.isolation.sandbox import NoSandbox

pytestmark = pytest.mark.usefixtures("no_sandbox")


def test_there_is_no_score(tmp_path):
    path = save_lab(tmp_path)
    result = grade_hand_in(hand_in_of(tmp_path, fill_in(make_copy(path), RIGHT)), path)
    assert (result.verdict, result.exercises, result.points) == ("not graded", (), 0)
    assert "--unsafe" in result.notes[0]
    with pytest.raises(NoSandbox):
        grade_reference(path)


def test_what_needs_no_sandbox_is_still_told(tmp_path):
    result = grade_hand_in(hand_in_of(tmp_path, b"{"), save_lab(tmp_path))
    assert (result.verdict, result.points, len(result.exercises)) == ("not a notebook", 0, 4)


def test_unsafe_is_graded_and_said(tmp_path):
    path = save_lab(tmp_path)
    result = grade_hand_in(hand_in_of(tmp_path, fill_in(make_copy(path), RIGHT)), path, unsafe=True)
    assert [exercise.points for exercise in result.exercises] == [3, 2, 2, 0]
    assert (result.verdict, result.sandboxed) == ("ok", False)
    assert "without a sandbox" in result.notes[-1]
