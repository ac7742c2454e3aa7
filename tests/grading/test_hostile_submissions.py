"""The whole hostile set in one batch between perfect submissions, with traps for all that it tries to reach."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest
from small_class import SOURCE, needs_sandbox

from tinyml_labs.grading.assignment import read_assignment
from tinyml_labs.grading.course.course_grading import grade_class
from tinyml_labs.grading.grade import grade_hand_in
from tinyml_labs.grading.hand_ins.collect import collect
from tinyml_labs.grading.hand_ins.student_names import distinct_names
from tinyml_labs.grading.isolation import bubblewrap
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.made_up.hostile_submissions import make_hostile_samples
from tinyml_labs.grading.made_up.hostile_targets import Targets
from tinyml_labs.grading.made_up.sample_class import LAB, make_sample_class
from tinyml_labs.grading.made_up.sample_submission import (
    ALL,
    SampleSubmission,
    compare,
    find_surprises,
    read_reference_answers,
    write_submission,
)
from tinyml_labs.grading.pages.class_overview import write_overview
from tinyml_labs.grading.pages.feedback import write_feedback
from tinyml_labs.grading.scores.gradebook import Gradebook
from tinyml_labs.grading.scores.late_days import score_labs
from tinyml_labs.grading.scores.score_exports import export_csv
from tinyml_labs.grading.student_copy import make_student_copy

pytestmark = [pytest.mark.slow, pytest.mark.loud, needs_sandbox]

LIMITS = Limits(start_seconds=120, cell_seconds=6, call_seconds=5, total_seconds=60, memory_mb=1024)
SECRET_OF_THE_ENVIRONMENT = "a-password-of-the-grader"
PATIENT_NEIGHBOURS = 12
VISIBLE_CALLS = 11  # of quantize, in the visible part of its check


class Listener:
    """A server on this computer that counts who connects."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


def fingerprint(folder):
    """Return what lies in a folder, with its contents: no link is followed, no pipe opened."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        small = path.is_file() and not path.is_symlink() and status.st_size < 30e6
        data = hashlib.sha256(path.read_bytes()).hexdigest() if small else ""
        found[os.fsencode(path)] = (status.st_mode, status.st_size if path.is_file() else 0, data)
    return found


def processes_with(word):
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if word in (process.info["cmdline"] or []):
            found.append(process)
    return found


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """Grade everything, once: what was handed in, what came out, and what has become of the traps."""
    root = tmp_path_factory.mktemp("hostile")
    course, submissions, trap, temporary = (root / name for name in ("course", "submissions", "trap", "temporary"))
    for folder in (course, trap, temporary):
        folder.mkdir()
    (trap / "precious.txt").write_text("do not touch")
    listener = Listener()
    targets = Targets(
        gradebook=str(course / "gradebook.sqlite"),
        source=str(SOURCE),
        submissions=str(submissions),
        folder=str(trap),
        port=listener.port,
        environment="TINYML_LABS_TRAP",
        marker=f"tinyml-labs-hostile-{os.getpid()}",
    )
    reference = read_reference_answers(SOURCE)
    hostile = make_hostile_samples(reference, targets)
    step = len(hostile) // PATIENT_NEIGHBOURS
    neighbours = [
        SampleSubmission(
            student=f"{sample.student[:60]} neighbour", story="perfect", answers=reference, otherwise=ALL
        )
        for sample in sorted(hostile, key=lambda one: one.student)[::step]
    ]
    samples = make_sample_class(submissions, source=SOURCE, more=[*hostile, *neighbours])
    samples = [sample for sample in samples if sample.hostile or sample in neighbours or sample.student == "ada"]
    for path in submissions.iterdir():
        if path.name not in {sample.student for sample in samples}:
            subprocess.run(["rm", "-r", "--", str(path)], check=True)

    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("TINYML_LABS_TRAP", SECRET_OF_THE_ENVIRONMENT)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(root)
    core_pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    before = {name: fingerprint(folder) for name, folder in (("submissions", submissions), ("trap", trap))}
    source_before = fingerprint(SOURCE.parent)
    try:
        with Gradebook(course / "gradebook.sqlite"):
            pass
        run = grade_class(SOURCE, submissions, course / "gradebook.sqlite", workers=2, limits=LIMITS)
        with Gradebook(course / "gradebook.sqlite", read_only=True) as book:
            results = book.results(LAB)
        yield {
            "run": run,
            "results": results,
            "samples": samples,
            "neighbours": neighbours,
            "submissions": submissions,
            "gradebook": course / "gradebook.sqlite",
            "connections": listener.connections,
            "changed": [
                name
                for name, folder in (("submissions", submissions), ("trap", trap))
                if before[name] != fingerprint(folder)
            ]
            + (["notebooks"] if source_before != fingerprint(SOURCE.parent) else []),
            "core_pattern": core_pattern == Path("/proc/sys/kernel/core_pattern").read_text(),
            "bystander": bystander.poll(),
            "left_over": processes_with(targets.marker),
            "temporary": sorted(path.name for path in temporary.iterdir()),
            "root": sorted(path.name for path in root.iterdir()),
        }
    finally:
        bystander.send_signal(signal.SIGKILL)
        bystander.wait()
        for process in processes_with(targets.marker):
            process.kill()
        listener.socket.close()
        monkeypatch.undo()


def test_everybody_gets_the_verdict_they_deserve(batch):
    assert find_surprises(batch["samples"], batch["results"], read_assignment(SOURCE)) == []


def test_the_batch_was_not_stopped_and_nobody_was_graded_twice(batch):
    run = batch["run"]
    assert len(run.graded) == run.handed_in == len(batch["samples"]) > 150
    names = [(result.student, result.attempt) for result in run.graded]
    assert len(set(names)) == len(names)
    assert run.messages == {}, "the grader itself failed at none, and no worker was lost"
    assert all(result.sandboxed for result in batch["results"])


def test_the_perfect_ones_between_them_have_all_their_points(batch):
    names = distinct_names(sample.student for sample in batch["samples"])
    students = {names[sample.student] for sample in batch["neighbours"]} | {"ada"}
    perfect = [result for result in batch["results"] if result.student in students]
    assert len(perfect) == len(students) > PATIENT_NEIGHBOURS
    assert all(result.points == result.max_points == 8 for result in perfect)
    assert all(result.points <= 8 for result in batch["results"])


def test_the_machine_is_as_it_was(batch):
    assert batch["changed"] == [], "submissions, notebooks and the trap are the same to the byte"
    assert batch["connections"] == 0, "nobody has reached this computer's port"
    assert batch["bystander"] is None, "another process of the same user lives"
    assert batch["left_over"] == [], "no process has outlived its kernel"
    assert batch["temporary"] == [], "the grader leaves nothing in the temporary folder"
    assert batch["root"] == ["course", "submissions", "temporary", "trap"], "no file where the grader runs"
    assert batch["core_pattern"]


def test_nothing_secret_stands_in_any_result(batch):
    texts = {result.student: str(result.to_dict()) for result in batch["results"]}
    for student, text in texts.items():
        assert SECRET_OF_THE_ENVIRONMENT not in text, student
        assert "BEGIN HIDDEN TESTS" not in text, student
        assert "default_rng(11)" not in text, "a line of the hidden checks"
    for result in batch["results"]:
        told = [check.message + check.trace for exercise in result.exercises for check in exercise.checks]
        told += [*result.notes, *(note for exercise in result.exercises for note in exercise.notes)]
        assert not any(str(batch["submissions"].parent) in text for text in told), "a path of the grading machine"
        assert not any(str(SOURCE.parents[1]) in text for text in told), "a path of the grading machine"
    teller = next(result for result in batch["results"] if result.student == "inputs-by-the-next-exercise")
    told = [check.message for exercise in teller.exercises for check in exercise.checks if "calls:" in check.message]
    assert told, "the second exercise tells how many inputs the first one saw"
    assert all(int(re.search(r"calls: (\d+)", text)[1]) <= VISIBLE_CALLS for text in told)


def test_pages_and_exports_show_the_texts_and_run_none_of_them(batch, tmp_path):
    pages = [write_feedback(result, tmp_path / "feedback") for result in batch["results"]]
    pages.append(write_overview(LAB, batch["results"], tmp_path / "overview.html"))
    assert len({page.name.casefold() for page in pages}) == len(batch["results"]) + 1
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text, page.name
        assert "<img src=x" not in text, page.name
        assert "<b>bold" not in text, page.name
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text), page.name
        assert len(text) < (3_000_000 if page.name == "overview.html" else 400_000), page.name
    table = tmp_path / "scores.csv"
    export_csv(score_labs(batch["results"]), table)
    assert not re.search(r"(?m)(^|,)\"?[=@+][A-Za-z]", table.read_text(encoding="utf-8-sig")), "a formula"


def test_grading_the_same_class_again_changes_nothing(batch):
    run = grade_class(SOURCE, batch["submissions"], batch["gradebook"], workers=1, limits=LIMITS)
    with Gradebook(batch["gradebook"], read_only=True) as book:
        again = book.results(LAB)
    assert [result.to_dict() for result in again] == [result.to_dict() for result in batch["results"]]
    assert run.graded == []
    assert run.already == run.handed_in


def test_the_alarms_do_ring_where_there_is_no_wall(tmp_path, monkeypatch):
    """The negative control: without a sandbox the same attacks get what they want, and so the points."""
    monkeypatch.setattr(bubblewrap, "probe", lambda: (None, "user namespace", "It was hidden by a test."))
    listener = Listener()
    (tmp_path / "gradebook.sqlite").write_bytes(b"answers of others")
    targets = Targets(
        gradebook=str(tmp_path / "gradebook.sqlite"),
        source=str(SOURCE),
        submissions=str(tmp_path / "submissions"),
        folder=str(tmp_path),
        port=listener.port,
    )
    other = subprocess.Popen(  # a process shows the environment that it was started with
        [sys.executable, "-c", "import time; time.sleep(3600)"], env={**os.environ, targets.environment: "secret"}
    )
    names = {"reads-the-gradebook", "reads-the-sidecars", "reads-other-submissions", "reads-the-environment"}
    names |= {"opens-sockets"}
    samples = {s.student: s for s in make_hostile_samples(read_reference_answers(SOURCE), targets)}
    copy = make_student_copy(SOURCE.read_text(encoding="utf-8"), SOURCE.name).data
    for name in names:
        write_submission(samples[name], tmp_path / "submissions", LAB, copy)
    assignment = read_assignment(SOURCE)
    for hand_in in collect(tmp_path / "submissions", LAB):
        result = grade_hand_in(hand_in, SOURCE, unsafe=True, limits=LIMITS, release=assignment.release)
        told = compare(samples[hand_in.student], result, assignment)
        assert not result.sandboxed
        assert any("'ok' with 4 points, not 'wrong'" in text for text in told), (hand_in.student, told)
    other.kill()
    other.wait()
    assert listener.connections == 1
    listener.socket.close()
