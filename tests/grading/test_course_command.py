"""The course command on a few students: real sandbox, real gradebook, real pages; and what it says when it cannot."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import sample_lab
from small_class import PATIENT, SOURCE, fail, lose_the_worker, needs_sandbox, write_small_class

from tinyml_labs.grading.course.course_command import run_course
from tinyml_labs.grading.course.course_folder import (
    CourseSettings,
    find_lab,
    merge_settings,
    read_settings,
    write_settings,
)
from tinyml_labs.grading.course.course_grading import ClassRun, ReferenceFailed, grade_class
from tinyml_labs.grading.course.course_release import release_lab
from tinyml_labs.grading.course.course_report import find_who_needs_a_person, make_progress, summarise_run, write_time
from tinyml_labs.grading.hand_ins.collect import HandIn, collect
from tinyml_labs.grading.made_up.sample_class import LAB
from tinyml_labs.grading.scores.gradebook import Gradebook
from tinyml_labs.grading.verdicts import CheckResult, ExerciseResult, SubmissionResult

STUDENTS = ("ada", "ines", "tomasz", "anders", "bao", "dunja")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course folder in which a small class has been graded once, by the command."""
    root = tmp_path_factory.mktemp("graded")
    write_small_class(root / "submissions", *STUDENTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        due = ["--due", "2026-11-20T12:00+00:00", "--percent-a-day", "10", "--name", "Signals & <Systems>"]
        assert run_course(["grade", "01", "submissions", "--workers", "2", *due, *PATIENT]) == 0
    return root


@pytest.fixture
def here(graded, monkeypatch):
    monkeypatch.chdir(graded)
    return graded


def test_help_of_every_step(capsys):
    for step in ([], ["release"], ["grade"], ["feedback"], ["overview"], ["rubric"], ["points"], ["export"]):
        with pytest.raises(SystemExit) as ended:
            run_course([*step, "--help"])
        assert ended.value.code == 0
    assert "gradebook" in capsys.readouterr().out


def test_a_lab_is_found_by_the_beginning_of_its_name(tmp_path):
    for name in ("01_hello_world", "01b_capture", "02_gestures", "02_more"):
        (tmp_path / f"{name}.ipynb").write_text("{}")
    assert find_lab("01", tmp_path).stem == "01_hello_world"
    assert find_lab("01b", tmp_path).stem == "01b_capture"
    assert find_lab("hello", tmp_path).stem == "01_hello_world"
    assert find_lab("02_more.ipynb", tmp_path).stem == "02_more"
    assert find_lab(str(tmp_path / "02_more.ipynb"), Path()).stem == "02_more"
    with pytest.raises(FileNotFoundError, match="could be any of 02_gestures, 02_more"):
        find_lab("02", tmp_path)
    with pytest.raises(FileNotFoundError, match="found there: 01_hello_world"):
        find_lab("7", tmp_path)


def test_release_writes_the_same_bytes_and_no_solution(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_course(["release", "01", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    path = tmp_path / "course" / "released" / f"{LAB}.ipynb"
    first = path.read_bytes()
    assert told == [
        {"lab": LAB, "path": str(path.relative_to(tmp_path)), "release": told[0]["release"], "action": "new"}
    ]
    assert b"BEGIN SOLUTION" not in first
    assert b"HIDDEN TESTS" not in first
    assert run_course(["release", "01"]) == 0
    assert "unchanged" in capsys.readouterr().out
    assert path.read_bytes() == first
    nbformat.validate(nbformat.read(path, as_version=4))


def test_release_replaces_its_own_copy_and_nothing_else(tmp_path):
    source, target = tmp_path / "source", tmp_path / "out"
    lab = sample_lab.save(sample_lab.make_lab(), source / "07_lab.ipynb")
    (source / "figure.png").write_bytes(b"png")
    (source / "grading" / "07_lab").mkdir(parents=True)
    (source / "grading" / "07_lab" / "secret.csv").write_text("1,2")
    assert release_lab(lab, target).action == "new"
    assert sorted(path.name for path in target.iterdir()) == ["07_lab.ipynb", "figure.png"]
    sample_lab.save(sample_lab.make_lab(title="Another title"), lab)
    assert release_lab(lab, target).action == "changed"
    with pytest.raises(ValueError, match="among the sources"):
        release_lab(lab, source)
    (target / "07_lab.ipynb").write_text("{}")
    with pytest.raises(ValueError, match="not released by this command"):
        release_lab(lab, target)


@pytest.mark.slow
@needs_sandbox
def test_grading_gives_each_the_points_they_deserve(here):
    with Gradebook("course/gradebook.sqlite", read_only=True) as book:
        points = {(r.student, r.attempt): r.points for r in book.results(LAB)}
        history = [len(book.history(LAB, student)) for student in ("ada", "bao")]
    assert points["ada", ""] == 8
    assert points["ines", ""] == 4
    assert points["tomasz", ""] == 5, "the visible part of the first, all of the second"
    assert points["dunja", ""] == 0
    assert sorted(points[student, attempt] for student, attempt in points if student == "bao") == [0, 8]
    assert history == [1, 2]


@pytest.mark.slow
@needs_sandbox
def test_grading_again_grades_only_what_is_new(here, capsys):
    write_small_class(here / "submissions", "noor")
    assert run_course(["grade", "01", "submissions", "--json", "--workers", "1", *PATIENT]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["handed_in"], told["graded"], told["graded_before"]) == (8, 1, 7)
    assert told["needs_a_person"] == {"not a notebook": ["dunja"]}
    noor = next(student for student in told["students"] if student["student"] == "noor")
    assert noor["exercises"] == {"check_quantize": "wrong", "check_choose_quantization": "ok"}
    assert run_course(["grade", "01", "submissions"]) == 0
    said = capsys.readouterr().out
    assert "8 handed in, 0 graded now, 8 graded before" in said
    assert "look at    not a notebook: dunja" in said
    assert "tinyml-labs course feedback 01" in said


@pytest.mark.slow
@needs_sandbox
def test_feedback_and_overview_are_written_with_lateness_and_the_course(here, capsys):
    assert run_course(["feedback", "01"]) == 0
    assert run_course(["overview", "01"]) == 0
    pages = {path.name: path.read_text(encoding="utf-8") for path in (here / "course/feedback" / LAB).iterdir()}
    assert len(pages) >= 7
    late = next(text for name, text in pages.items() if name.startswith("anders"))
    assert "2 days" in late
    assert "6.4" in late, "8 points less 20 %"
    in_time = next(text for name, text in pages.items() if name.startswith("ada"))
    assert "days" not in in_time
    assert "Signals &amp; &lt;Systems&gt;" in in_time
    overview = (here / "course/overview" / f"{LAB}.html").read_text(encoding="utf-8")
    assert "tomasz" in overview
    assert "feedback/" in overview, "it links the pages"
    assert "pages, one for each submission" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no result of nobody"):
        run_course(["feedback", "01", "--student", "nobody"])


@pytest.mark.slow
@needs_sandbox
def test_points_by_hand_win_and_can_be_withdrawn(here, capsys):
    points = ["points", "01", "ines", "check_quantize"]
    assert run_course([*points, "2,5", "--by", "Dr. N", "--reason", "the idea is right"]) == 0
    with Gradebook("course/gradebook.sqlite", read_only=True) as book:
        assert next(r for r in book.results(LAB) if r.student == "ines").points == 6.5
    assert run_course([*points, "withdraw", "--by", "Dr. N", "--reason", "it is not"]) == 0
    with Gradebook("course/gradebook.sqlite", read_only=True) as book:
        assert next(r for r in book.results(LAB) if r.student == "ines").points == 4
    capsys.readouterr()
    assert run_course([*points, "99", "--by", "Dr. N", "--reason", "x"]) == 1
    assert "worth 0 to 4" in capsys.readouterr().err
    with pytest.raises(ValueError, match="a number or 'withdraw'"):
        run_course([*points, "many", "--by", "Dr. N"])


@pytest.mark.slow
@needs_sandbox
def test_exports_for_a_table_for_moodle_and_for_canvas(here, tmp_path, capsys):
    assert run_course(["export", "01"]) == 0
    rows = Path("course/exports/scores.csv").read_text(encoding="utf-8-sig").splitlines()
    assert any(row.startswith("anders,") and ",6.4," in row for row in rows)
    roster = tmp_path / "roster.csv"
    roster.write_text("student,name,email,id\nada,Ada L,ada@example.org,7\nines,Ines I,ines@example.org,8\n")
    moodle = ["export", "01", "--format", "moodle", "--roster", str(roster), "--to", str(tmp_path / "m.csv")]
    assert run_course(moodle) == 0
    assert "ada@example.org,8" in (tmp_path / "m.csv").read_text(encoding="utf-8-sig")
    exported = tmp_path / "canvas.csv"
    exported.write_text(
        f"Student,ID,SIS User ID,SIS Login ID,Section,{LAB} (4711)\n    Points Possible,,,,,8.00\n"
        '"L, Ada",901,7,ada,Monday,\n'
    )
    canvas = ["export", "01", "--format", "canvas", "--exported", str(exported), "--to", str(tmp_path / "c.csv")]
    assert run_course(canvas) == 0
    assert '"L, Ada",901,7,ada,Monday,8' in (tmp_path / "c.csv").read_text(encoding="utf-8-sig")
    with pytest.raises(ValueError, match="Canvas needs its own gradebook"):
        run_course(["export", "01", "--format", "canvas"])
    with pytest.raises(ValueError, match="no results of 02_gesture_recognition"):
        run_course(["export", "02"])
    capsys.readouterr()


@pytest.mark.slow
@needs_sandbox
def test_ctrl_c_keeps_what_is_graded_and_the_same_command_goes_on(tmp_path):
    write_small_class(
        tmp_path / "submissions", "ada", "benedikt", "chiara", "greta", "ines", "jakub", "kemal", "leila"
    )
    program = "import sys; from tinyml_labs.grading.course.course_command import run_course\n"
    program += "if __name__ == '__main__': sys.exit(run_course(sys.argv[1:]))"
    (tmp_path / "course_main.py").write_text(program)
    command = [sys.executable, "course_main.py", "grade", "01", "submissions", "--workers", "1", *PATIENT]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job would ignore it
    )
    for line in process.stderr:
        if line.startswith(("1 of 8", "2 of 8")):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    assert process.wait(60) == 130, rest
    assert "are in the gradebook; the same command goes on from there" in rest
    with Gradebook(tmp_path / "course/gradebook.sqlite", read_only=True) as book:
        before = len(book.results(LAB))
    assert 1 <= before < 8
    again = subprocess.run(
        [*command, "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True
    )
    told = json.loads(again.stdout)
    assert (told["graded_before"], told["graded"]) == (before, 8 - before)
    with Gradebook(tmp_path / "course/gradebook.sqlite", read_only=True) as book:
        assert [len(book.history(LAB, result.student)) for result in book.results(LAB)] == [1] * 8


@pytest.mark.slow
@needs_sandbox
def test_a_course_of_ones_own_with_a_written_answer(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lab = sample_lab.make_lab()
    question = sample_lab.prose("why", "Because:")
    question.metadata = sample_lab.grading("why", grade=True, solution=True)
    question.metadata["nbgrader"]["points"] = 3
    lab.cells.append(question)
    sample_lab.save(lab, tmp_path / "source" / "07_lab.ipynb")
    own = ["--source", "source"]
    assert run_course(["release", "07", *own]) == 0
    for student, answer in (("ann", "Because =1+1."), ("ben", None)):
        copy = nbformat.read(tmp_path / "course/released/07_lab.ipynb", as_version=4)
        for cell in copy.cells:
            if cell.id == "double":
                cell.source = "def double(x):\n    return 2 * x"
            if cell.id == "why" and answer:
                cell.source = answer
        sample_lab.save(copy, tmp_path / "submissions" / student / "07_lab.ipynb")
    assert run_course(["grade", "07", "submissions", "--workers", "1", *own, *PATIENT]) == 0
    said = capsys.readouterr().out
    assert "written answers wait to be read (course rubric): ann" in said
    assert "feedback 07 --source source" in said, "the next command is one that works"
    assert run_course(["rubric", "07", "--out", "answers.csv", *own]) == 0
    assert "1 written answers" in capsys.readouterr().out
    table = Path("answers.csv").read_text(encoding="utf-8-sig").splitlines()
    filled = table[1].rsplit(",", 2)[0] + ",2.5,well said"
    Path("answers.csv").write_text("\n".join([table[0], filled]), encoding="utf-8-sig")
    with pytest.raises(ValueError, match="--by"):
        run_course(["rubric", "07", "--in", "answers.csv", *own])
    assert run_course(["rubric", "07", "--in", "answers.csv", "--by", "Dr. N", *own]) == 0
    with Gradebook("course/gradebook.sqlite", read_only=True) as book:
        points = {result.student: result.points for result in book.results("07_lab")}
    assert points == {"ann": 3.5, "ben": 1.0}


@pytest.mark.slow
@needs_sandbox
def test_nobody_is_graded_by_checks_that_the_own_solutions_fail(tmp_path):
    broken = sample_lab.make_lab(double=sample_lab.DOUBLE.replace("x + x", "x + 1"))
    notebook = sample_lab.save(broken, tmp_path / "07_lab.ipynb")
    sample_lab.save(broken, tmp_path / "submissions" / "ann" / "07_lab.ipynb")
    with pytest.raises(ReferenceFailed, match="double\\(2\\) is 4"):
        grade_class(notebook, tmp_path / "submissions", tmp_path / "gradebook.sqlite", workers=1)
    with Gradebook(tmp_path / "gradebook.sqlite", read_only=True) as book:
        assert book.results("07_lab") == []


def test_without_a_sandbox_nothing_is_graded_unless_one_says_so(tmp_path, monkeypatch):
    from tinyml_labs.grading.isolation import bubblewrap
    from tinyml_labs.grading.isolation.sandbox import NoSandbox

    monkeypatch.setattr(bubblewrap, "probe", lambda: (None, "user namespace", "It was hidden by a test."))
    monkeypatch.chdir(tmp_path)
    write_small_class(tmp_path / "submissions", "hiroshi")
    with pytest.raises(NoSandbox, match="--unsafe"):
        run_course(["grade", "01", "submissions"])
    with pytest.raises(NoSandbox, match="hidden by a test"):
        run_course(["demo-class"])
    assert not Path("course/gradebook.sqlite").exists()
    assert not Path("demo-class").exists()


def test_errors_name_the_mend(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="Grade a class first"):
        run_course(["feedback", "01"])
    with pytest.raises(FileNotFoundError, match="is no folder"):
        run_course(["grade", "01", "nowhere"])
    with pytest.raises(ValueError, match="is no limit. There are start_seconds"):
        run_course(["grade", "01", "nowhere", "--limit", "speed=3"])
    with pytest.raises(ValueError, match="expected NAME=VALUE"):
        run_course(["grade", "01", "nowhere", "--limit", "fast"])
    with pytest.raises(ValueError, match="is no time. Write it as"):
        run_course(["grade", "01", "nowhere", "--due", "tomorrow"])
    (tmp_path / "course").mkdir(exist_ok=True)
    (tmp_path / "course" / "gradebook.sqlite").write_bytes(b"no database, " * 100)
    assert run_course(["feedback", "01"]) == 1
    assert "gradebook.sqlite" in capsys.readouterr().err
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="Name another"):
        run_course(["demo-class", "taken", "--unsafe"])
    assert (tmp_path / "taken" / "file").read_text() == "mine"


def test_the_rules_of_a_course_are_kept_checked_and_merged(tmp_path):
    assert read_settings(tmp_path) == CourseSettings()
    given = {"late_days": 2, "percent_a_day": 5.0, "name": None}
    settings = merge_settings(CourseSettings(name="A"), given, due={"01": "2026-11-20T12:00+01:00"})
    assert (settings.name, settings.late_days, settings.percent_a_day) == ("A", 2, 5.0)
    write_settings(tmp_path, settings)
    assert read_settings(tmp_path) == settings
    assert settings.policy().due_of("01").utcoffset().total_seconds() == 3600
    more = merge_settings(settings, {}, due={"02": "2026-12-01T12:00"})
    assert set(more.due) == {"01", "02"}
    assert more.policy().due_of("02").utcoffset() is not None, "this computer's time zone is taken"
    for text, told in (
        ('{"dew": {}}', "it has dew; known are"),
        ("[]", "cannot be used"),
        ('{"due": {"01": "soon"}}', "'soon' is no time"),
        ('{"attempts": "all"}', "'best' or 'last'"),
    ):
        (tmp_path / "course.json").write_text(text)
        with pytest.raises(ValueError, match=told):
            read_settings(tmp_path)


def made_up(student, *verdicts, verdict="ok"):
    worth = {"ok": 4.0, "by hand": None, "not graded": None}
    checks = [CheckResult(part="visible", verdict=v, points=worth.get(v, 0.0), max_points=4.0) for v in verdicts]
    exercises = [ExerciseResult(grade_id=f"e{n}", title="", checks=(check,)) for n, check in enumerate(checks)]
    return SubmissionResult(student=student, lab="07", exercises=tuple(exercises), verdict=verdict)


def test_the_summary_counts_and_names_who_needs_a_person():
    results = [
        made_up("ann", "ok", "ok"),
        made_up("ben", "ok", "timeout"),
        made_up("cem", "by hand", "wrong"),
        made_up("dan", "not a notebook", "not a notebook", verdict="not a notebook"),
        made_up("eve", "not graded", "not graded", verdict="not graded"),
    ]
    run = ClassRun(lab="07", handed_in=6, already=1, graded=results)
    said = summarise_run(run, results)
    assert "6 handed in, 5 graded now, 1 graded before" in said
    assert "1 all points, 1 some, 2 none; 5 students, 3.0 of 8 on average" in said
    assert "3 ok, 1 wrong, 1 timeout, 2 not a notebook, 1 by hand, 2 not graded" in said
    needs = find_who_needs_a_person(results)
    assert list(needs.values()) == [["cem"], ["dan"], ["eve"]]
    assert not any("ann" in names or "ben" in names for names in needs.values())


class Terminal:
    def __init__(self, *, is_terminal):
        self.is_terminal, self.text = is_terminal, ""

    def isatty(self):
        return self.is_terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_progress_is_one_changing_line_or_about_ten_lines_in_a_log():
    for is_terminal, lines in ((True, 1), (False, 10)):
        stream = Terminal(is_terminal=is_terminal)
        show = make_progress(stream)
        run = ClassRun(lab="07", handed_in=105, already=5)
        for number in range(100):
            run.graded.append(made_up(f"s{number}", "ok"))
            show(run)
        assert stream.text.count("\n") == lines
        assert "100 of 100 graded: 100 all points, 0 some, 0 none" in stream.text
        assert ("\r" in stream.text) == is_terminal
    assert (write_time(40), write_time(170), write_time(5000), write_time(8000)) == (
        "40 s",
        "3 min",
        "83 min",
        "2 h 13 min",
    )


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize(("work", "verdict"), [(lose_the_worker, "killed"), (fail, "not graded")])
def test_a_submission_that_takes_its_worker_with_it_has_a_result_too(tmp_path, monkeypatch, work, verdict):
    from tinyml_labs.grading import grade

    write_small_class(tmp_path / "submissions", "ada")
    monkeypatch.setattr(grade, "grade_hand_in", work)
    book_path = tmp_path / "gradebook.sqlite"
    run = grade_class(SOURCE, tmp_path / "submissions", book_path, workers=1)
    (result,) = run.graded
    assert (result.student, result.verdict) == ("ada", verdict)
    assert {exercise.verdict for exercise in result.exercises} == {verdict}
    assert result.max_points == 8
    assert list(run.messages) == ["ada"]
    monkeypatch.undo()
    again = grade_class(SOURCE, tmp_path / "submissions", book_path, workers=1)
    assert [r.points for r in again.graded] == ([] if verdict == "killed" else [8.0]), "what failed is graded again"


def test_hand_ins_can_be_sent_to_workers(tmp_path):
    import pickle

    write_small_class(tmp_path / "submissions", "ada")
    (hand_in,) = collect(tmp_path / "submissions", LAB)
    assert isinstance(hand_in, HandIn)
    assert pickle.loads(pickle.dumps(hand_in)) == hand_in


@pytest.mark.slow
@needs_sandbox
def test_a_cluster_grades_the_same(graded, tmp_path, monkeypatch, capsys):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is in the extra [cluster]")
    monkeypatch.chdir(tmp_path)
    write_small_class(tmp_path / "submissions", "ada", "ines", "dunja")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": "CRITICAL"}
    with distributed.LocalCluster(processes=True, **settings) as cluster:
        scheduler = ["--scheduler", cluster.scheduler_address]
        assert run_course(["grade", "01", "submissions", *scheduler, "--json", *PATIENT]) == 0
    told = {one["student"]: one for one in json.loads(capsys.readouterr().out)["students"]}
    with Gradebook(graded / "course/gradebook.sqlite", read_only=True) as book:
        local = {result.student: result for result in book.results(LAB)}
    for student, one in told.items():
        assert one["exercises"] == {e.grade_id: e.verdict for e in local[student].exercises}
        assert one["points"] == local[student].points
    assert len(told) == 3
