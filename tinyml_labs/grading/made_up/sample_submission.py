"""One made-up submission: a student's copy filled in, what its maker did, and the verdicts that it deserves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tinyml_labs.grading.hand_ins.student_names import distinct_names
from tinyml_labs.grading.student_copy import grading_of, source_of
from tinyml_labs.grading.verdicts import SubmissionResult, Verdict

if TYPE_CHECKING:
    from tinyml_labs.grading.assignment import Assignment, Exercise

Share = Literal["all", "visible", "none"]
Notebook = dict[str, Any]


@dataclass(frozen=True)
class Deserved:
    """What an exercise deserves.

    Attributes
    ----------
    verdict : str
        The worst verdict of its parts.
    share : {"all", "visible", "none"}
        All points, those of the visible part, or none.
    """

    verdict: Verdict
    share: Share


ALL = (Deserved("ok", "all"),)
VISIBLE = (Deserved("wrong", "visible"),)
WRONG = (Deserved("wrong", "none"),)
OPEN = (Deserved("open", "none"),)
MISSING = (Deserved("cell missing", "none"),)
ERROR = (Deserved("error", "none"),)
TIMEOUT = (Deserved("timeout", "none"),)
KILLED = (Deserved("killed", "none"),)
REFUSED = (Deserved("not a notebook", "none"),)


@dataclass(frozen=True, kw_only=True)
class SampleSubmission:
    """One made-up submission.

    Attributes
    ----------
    student : str
        The name of the student's folder.
    story : str
        What the student did, in one line.
    answers : mapping of str to str
        The student's cells by ``grade_id``; an exercise that is not named keeps its stub.
    deserves : mapping of str to tuple of Deserved
        By the same ``grade_id``; any of the tuple will do. For what is not named, `otherwise` holds.
    otherwise : tuple of Deserved
        What every other exercise deserves.
    verdict : str
        What the submission as a whole deserves.
    change : callable or None
        Turns the filled-in notebook into another one, or into the bytes of a file.
    write : callable or None
        Writes the notebook's bytes to a path in its own way, such as a symbolic link elsewhere.
    file_name : str
        The file's path in the student's folder; by default the lab's name.
    attempt : str
        The folder of the attempt, such as its time; empty if there is only one.
    hostile : bool
        Whether it means harm.
    noted : str
        A word that a note of the result has to hold, if any.
    secret : str
        A word that must not appear in what a hidden check tells.
    """

    student: str
    story: str
    answers: Mapping[str, str] = field(default_factory=dict)
    deserves: Mapping[str, tuple[Deserved, ...]] = field(default_factory=dict)
    otherwise: tuple[Deserved, ...] = OPEN
    verdict: Verdict = "ok"
    change: Callable[[Notebook], Notebook | bytes] | None = None
    write: Callable[[Path, bytes], None] | None = None
    file_name: str = ""
    attempt: str = ""
    hostile: bool = False
    noted: str = ""
    secret: str = ""


def write_submission(sample: SampleSubmission, folder: Path, lab: str, copy: bytes) -> Path:
    """Write one submission as ``folder/STUDENT[/ATTEMPT]/LAB.ipynb``.

    Parameters
    ----------
    sample : SampleSubmission
        What to write.
    folder : Path
        The class's folder.
    lab : str
        The lab's name, such as ``01_hello_world``.
    copy : bytes
        The student's copy of the lab, blank.

    Returns
    -------
    Path
        Where the notebook lies, or would lie.
    """
    path = folder / sample.student / sample.attempt / (sample.file_name or f"{lab}.ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    data = fill_in(sample, copy)
    if sample.write is None:
        path.write_bytes(data)
    else:
        sample.write(path, data)
    return path


def fill_in(sample: SampleSubmission, copy: bytes) -> bytes:
    """Return the bytes of a submission's notebook: the blank copy with the student's answers in it."""
    notebook = json.loads(copy)
    for cell in notebook["cells"]:
        answer = sample.answers.get(str(grading_of(cell).get("grade_id", "")))
        if answer is not None:
            cell["source"] = answer
    changed = sample.change(notebook) if sample.change else notebook
    return changed if isinstance(changed, bytes) else to_bytes(changed)


def to_bytes(notebook: Notebook) -> bytes:
    """Return a notebook as JupyterLab writes it; lone surrogates stay as JSON's escapes."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return (json.dumps(notebook, indent=1) + "\n").encode("ascii")


def find_cell(notebook: Notebook, grade_id: str) -> dict[str, Any]:
    """Return the cell of that name.

    Raises
    ------
    KeyError
        If there is none.
    """
    for cell in notebook["cells"]:
        if grading_of(cell).get("grade_id") == grade_id:
            found: dict[str, Any] = cell
            return found
    raise KeyError(f"no cell {grade_id!r} in this notebook")


def read_reference_answers(source: Path) -> dict[str, str]:
    """Return the solution cells of a source notebook by ``grade_id``, without the markers."""
    answers = {}
    for cell in json.loads(source.read_bytes())["cells"]:
        grading = grading_of(cell)
        if cell.get("cell_type") == "code" and grading.get("solution"):
            lines = source_of(cell).split("\n")
            answers[str(grading["grade_id"])] = "\n".join(line for line in lines if " SOLUTION" not in line)
    return answers


def find_surprises(
    samples: Sequence[SampleSubmission], results: Iterable[SubmissionResult], assignment: Assignment
) -> list[str]:
    """Compare what a made-up class got with what it deserves.

    Parameters
    ----------
    samples : sequence of SampleSubmission
        The whole class, as it lies in one folder.
    results : iterable of SubmissionResult
        What the grader gave.
    assignment : Assignment
        The lab.

    Returns
    -------
    list of str
        One sentence for each difference; empty if everybody got what they deserve.
    """
    names = distinct_names(sample.student for sample in samples)
    found = {(result.student, result.attempt): result for result in results}
    surprises = []
    for sample in samples:
        name = names[sample.student]
        result = found.pop((name, sample.attempt), None)
        told = ["there is no result"] if result is None else compare(sample, result, assignment)
        surprises += [f"{name} ({sample.story}): {text}" for text in told]
    surprises += [f"{student} {attempt}: nobody handed that in" for student, attempt in found]
    return surprises


def compare(sample: SampleSubmission, result: SubmissionResult, assignment: Assignment) -> list[str]:
    """Return what one result has that its sample does not deserve, a sentence each."""
    surprises = []
    if result.verdict != sample.verdict:
        surprises.append(f"the submission is {result.verdict!r} and deserves {sample.verdict!r}")
    graded = {exercise.grade_id: exercise for exercise in result.exercises}
    for exercise in assignment.exercises:
        got = graded.get(exercise.grade_id)
        if got is None:
            surprises.append(f"{exercise.grade_id} has no result")
            continue
        deserved = next((sample.deserves[i] for i in exercise.solution_ids if i in sample.deserves), sample.otherwise)
        points = got.points or 0.0
        if not any(got.verdict == one.verdict and abs(points - _worth(one, exercise)) < 1e-9 for one in deserved):
            wanted = " or ".join(f"{one.verdict!r} with {_worth(one, exercise):g}" for one in deserved)
            told = next((check.message for check in got.checks if check.message), "")
            surprises.append(f"{exercise.grade_id} is {got.verdict!r} with {points:g} points, not {wanted} ({told})")
    notes = " ".join([*result.notes, *(note for exercise in result.exercises for note in exercise.notes)])
    if sample.noted and sample.noted not in notes:
        surprises.append(f"no note says {sample.noted!r} (notes: {notes or 'none'})")
    if sample.secret:
        hidden = [check for exercise in result.exercises for check in exercise.checks if check.part == "hidden"]
        if any(sample.secret in f"{check.message}{check.trace}" for check in hidden):
            surprises.append(f"a hidden check tells {sample.secret!r}")
    return surprises


def _worth(deserved: Deserved, exercise: Exercise) -> float:
    if deserved.share == "all":
        return float(exercise.points)
    return float(exercise.visible_points or 0.0) if deserved.share == "visible" else 0.0
