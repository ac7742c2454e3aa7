"""Grade a whole class into a gradebook, so that a run which is cut off goes on where it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tinyml_labs import __version__
from tinyml_labs.grading.assignment import Assignment, read_assignment
from tinyml_labs.grading.hand_ins.collect import HandIn, collect
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.scores.gradebook import Gradebook
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, Part, SubmissionResult, Verdict
from tinyml_labs.grading.workers.worker_pool import Certificates, JobReport, run_jobs


@dataclass(kw_only=True)
class ClassRun:
    """What a run has done so far; what is shown while it goes on, and at its end.

    Attributes
    ----------
    lab : str
        Its name.
    handed_in : int
        How many submissions there are.
    already : int
        How many of them the gradebook had: the same file, graded with the same source.
    graded : list of SubmissionResult
        What was graded in this run, as it ended.
    messages : dict of str to str
        For the instructor: what went wrong with the grader itself, by student.
    """

    lab: str
    handed_in: int = 0
    already: int = 0
    graded: list[SubmissionResult] = field(default_factory=list)
    messages: dict[str, str] = field(default_factory=dict)

    @property
    def to_do(self) -> int:
        """How many submissions this run has to grade."""
        return self.handed_in - self.already

    def count_verdicts(self) -> Counter[str]:
        """Count the verdicts of this run's exercises, worst of each."""
        return Counter(exercise.verdict for result in self.graded for exercise in result.exercises)


class ReferenceFailed(ValueError):
    """The course's own solutions do not pass: the checks are at fault, and no student is graded by them."""


def grade_class(
    notebook: Path,
    submissions: Path,
    gradebook: Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    certificates: Certificates | None = None,
    limits: Limits | None = None,
    unsafe: bool = False,
    again: bool = False,
    on_start: Callable[[ClassRun], object] = lambda run: None,
    on_result: Callable[[ClassRun], object] = lambda run: None,
) -> ClassRun:
    """Grade what a class handed in.

    Parameters
    ----------
    notebook : Path
        The lab's source.
    submissions : Path
        The folder of the hand-ins (see `tinyml_labs.grading.hand_ins.collect`).
    gradebook : Path
        The file of the gradebook; made if missing.
    workers, scheduler, certificates
        As for `tinyml_labs.grading.workers.worker_pool.run_jobs`.
    limits : Limits, optional
        In place of the lab's own.
    unsafe : bool, optional
        Run students' code without a sandbox where there is none.
    again : bool, optional
        Grade also what the gradebook has.
    on_start, on_result : callable, optional
        Called with the `ClassRun` before the first submission, and after each.

    Returns
    -------
    ClassRun

    Raises
    ------
    NoSandbox
        If there is no sandbox, and `unsafe` is not set.
    ReferenceFailed
        If the source's own solutions do not pass its checks.
    FileNotFoundError
        If there are no hand-ins.
    """
    from tinyml_labs.grading.grade import grade_hand_in
    from tinyml_labs.grading.isolation import sandbox

    notebook = notebook.absolute()  # workers may have another working folder
    assignment = read_assignment(notebook)
    hand_ins = collect(submissions.absolute(), assignment.lab)
    sandbox.require_sandbox(unsafe=unsafe)
    run = ClassRun(lab=assignment.lab, handed_in=len(hand_ins))
    with Gradebook(gradebook) as book, _find_known_recordings(hand_ins, assignment) as known:
        jobs = hand_ins if again else [one for one in hand_ins if not _is_done(book, one, assignment)]
        run.already = len(hand_ins) - len(jobs)
        on_start(run)
        if not jobs:
            return run
        _check_reference(notebook, limits=limits, unsafe=unsafe)
        more: dict[str, Any] = {"known_recordings": known} if known else {}
        work = partial(
            grade_hand_in,
            assignment_path=notebook,
            limits=limits,
            unsafe=unsafe,
            release=assignment.release,
            **more,
        )

        def note(report: JobReport[HandIn, SubmissionResult]) -> None:
            result = report.result if report.outcome == "done" else None
            if result is None:
                result = _without_result(report, assignment)
                run.messages[result.student] = report.message
            book.record(result, again=again)
            run.graded.append(result)
            on_result(run)

        run_jobs(work, jobs, on_done=note, workers=workers, scheduler=scheduler, certificates=certificates)
    return run


def _is_done(book: Gradebook, hand_in: HandIn, assignment: Assignment) -> bool:
    from tinyml_labs.grading.hand_ins.hand_in_files import fingerprint

    sha256 = fingerprint(hand_in, assignment)
    return book.has(assignment.lab, hand_in.student, hand_in.attempt, sha256, assignment.source_sha256)


def _check_reference(notebook: Path, *, limits: Limits | None, unsafe: bool) -> None:
    from tinyml_labs.grading.grade import grade_reference

    result = grade_reference(notebook, limits=limits, unsafe=unsafe)
    faults = [
        f"{exercise.title}: {check.verdict}, {check.part} part: {check.message}"
        for exercise in result.exercises
        for check in exercise.checks
        if check.verdict not in ("ok", "by hand") and check.part in ("visible", "hidden")
    ]
    if result.verdict != "ok" or faults:
        told = "\n  ".join(faults or result.notes)
        raise ReferenceFailed(
            f"The solutions in {notebook.name} do not pass its own checks, so nobody was graded:\n  {told}\n"
            "Mend the notebook, or its files in the folder grading beside it."
        )


@contextmanager
def _find_known_recordings(hand_ins: list[HandIn], assignment: Assignment) -> Iterator[Path | None]:
    """Write down which recordings the whole class handed in, so that each worker finds copies."""
    if not assignment.recordings:
        yield None
        return
    from tinyml_labs.grading.hand_ins.recording_checks import WantedRecording, known_recordings

    wanted = [WantedRecording.from_dict(entry, assignment.folder) for entry in assignment.recordings]
    with TemporaryDirectory(prefix="tinyml-labs-class-") as folder:
        path = Path(folder) / "recordings.json"
        known_recordings(hand_ins, wanted).save(path)
        yield path


def _without_result(report: JobReport[HandIn, SubmissionResult], assignment: Assignment) -> SubmissionResult:
    """Make a result for a submission that took its worker with it, or at which the grader failed."""
    from tinyml_labs.grading.hand_ins.hand_in_files import fingerprint

    lost = report.outcome == "lost"
    verdict: Verdict = "killed" if lost else "not graded"
    message = (
        "Your code ended the process that graded it, twice."
        if lost
        else "The grader failed at this submission. This is not your doing; it will be graded again."
    )

    def failed(grade_id: str, title: str, part: Part, most: float) -> ExerciseResult:
        points = 0.0 if lost else None
        check = CheckResult(part=part, verdict=verdict, points=points, max_points=most, message=message)
        return ExerciseResult(grade_id=grade_id, title=title, checks=(check,))

    exercises = [failed(one.grade_id, one.title, "hidden", one.points) for one in assignment.exercises]
    exercises += [failed(task.grade_id, task.title, "written", task.points) for task in assignment.written]
    files: list[tuple[Part, Mapping[str, Any]]] = [("artefact", entry) for entry in assignment.artefacts]
    files += [("recording", entry) for entry in assignment.recordings]
    exercises += [failed(e["grade_id"], str(e.get("title", "")), part, float(e["points"])) for part, e in files]
    return SubmissionResult(
        student=report.job.student,
        lab=assignment.lab,
        attempt=report.job.attempt,
        exercises=tuple(exercises),
        verdict=verdict,
        notes=(message,),
        file_sha256=fingerprint(report.job, assignment),
        source_sha256=assignment.source_sha256,
        submitted_at=report.job.submitted_at,
        seconds=report.seconds,
        grader=__version__,
    )
