from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_results import LAB, make_result, name_of, not_graded

from tinyml_labs.grading.scores.gradebook import Gradebook, GradebookError, GradebookLocked
from tinyml_labs.grading.scores.gradebook_tables import SCHEMA_VERSION
from tinyml_labs.grading.scores.late_days import LatePolicy, read_time

HERE = Path(__file__).parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "course" / "gradebook.db"


def rows(path: Path, table: str = "submissions") -> int:
    with sqlite3.connect(path) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


# ---- what is kept


def test_what_was_recorded_comes_back_whole(path: Path) -> None:
    result = make_result("Zoë ‘O’ =1+1", written="Because\n\x1b[31m<b>\x00", notes=("old release",), seconds=1.25)
    with Gradebook(path) as book:
        assert not book.has(*name_of(result))
        assert book.record(result)
        assert book.has(*name_of(result))
    with Gradebook(path, read_only=True) as book:
        assert book.results(LAB) == [result]
        assert book.results("other") == []
        assert book.labs() == [LAB]


def test_the_same_bytes_twice_change_nothing(path: Path) -> None:
    with Gradebook(path) as book:
        book.record(make_result())
    before = path.read_bytes()
    with Gradebook(path) as book:
        assert not book.record(make_result(seconds=99.0, points=4.0))
        assert book.results(LAB) == [make_result()]
    assert path.read_bytes() == before
    with Gradebook(path) as book:  # the control: another file does change it
        assert book.record(make_result(content="second"))
    assert path.read_bytes() != before


@pytest.mark.parametrize("change", [{"file_sha256": "file 2"}, {"source": "source 2"}])
def test_a_new_file_or_source_is_a_new_row_and_counts(path: Path, change: dict[str, str]) -> None:
    old = make_result(points=2.0, file_sha256="file 1")
    new = make_result(points=3.0, **{"file_sha256": "file 1", **change})
    with Gradebook(path) as book:
        book.record(old)
        assert not book.has(*name_of(new))
        assert book.record(new)
        assert book.results(LAB) == [new]
        assert [item["points"] for item in book.history(LAB, "ana")] == [2.0, 3.0]
        assert book.has(*name_of(old)) and book.has(*name_of(new))


def test_every_attempt_counts_for_itself(path: Path) -> None:
    with Gradebook(path) as book:
        for student, attempt in (("ben", ""), ("ana", "2"), ("ana", "1")):
            book.record(make_result(student, attempt=attempt))
        assert [(r.student, r.attempt) for r in book.results(LAB)] == [("ana", "1"), ("ana", "2"), ("ben", "")]


@pytest.mark.parametrize("where", ["submission", "one check"])
def test_not_graded_is_never_done(path: Path, where: str) -> None:
    good = make_result(points=3.0)
    failed = not_graded(good) if where == "submission" else replace(not_graded(good), verdict="ok")
    with Gradebook(path) as book:
        assert book.record(failed)
        assert not book.has(*name_of(failed))
        assert book.results(LAB) == [failed]  # seen, but not done
        assert not book.record(replace(failed, seconds=7.0))  # the same failure again is no news
        assert book.record(good)
        assert book.has(*name_of(good)) and book.results(LAB) == [good]
        assert not book.record(failed)  # and does not come back over a result
        assert book.results(LAB) == [good]
    assert rows(path) == 2


def test_grading_again_on_purpose_keeps_both(path: Path) -> None:
    with Gradebook(path) as book:
        book.record(make_result(points=1.0, file_sha256="f"))
        assert book.record(make_result(points=4.0, file_sha256="f"), again=True)
        assert [r.points for r in book.results(LAB)] == [4.0]
        assert [item["run"] for item in book.history(LAB, "ana")] == [0, 1]


def test_a_name_that_is_no_text_is_kept(path: Path) -> None:
    result = make_result("ana\udc80", written="why")  # a file name in another encoding
    with Gradebook(path) as book:
        assert book.record(result) and not book.record(result)
        assert book.has(*name_of(result))
        book.set_points(LAB, "ana\udc80", "why_normalise", 2, by="Dr Lee")
        assert book.results(LAB)[0].points == 6.0


# ---- points by hand


def test_points_by_hand_outlive_a_new_grading(path: Path) -> None:
    answer = "Because the scales differ."
    with Gradebook(path) as book:
        book.record(make_result(written=answer))
        assert book.results(LAB)[0].waits_for_a_person
        assert book.set_points(LAB, "ana", "why_normalise", 2.5, by="Dr Lee", comment="Which scales?")
        assert not book.set_points(LAB, "ana", "why_normalise", 2.5, by="Dr Lee", comment="Which scales?")
        book.record(make_result(written=answer, points=3.0, source="source 2"))
        (result,) = book.results(LAB)
        assert (result.points, result.waits_for_a_person) == (5.5, False)
        assert result.exercises[1].checks[0].message == "Which scales?"
        assert book.results(LAB, by_hand=False)[0].waits_for_a_person

        book.record(make_result(written="Because I was told.", source="source 2", content="second"))
        (result,) = book.results(LAB)  # a new answer: nobody has read it
        assert result.waits_for_a_person

        book.record(make_result(written=answer, content="third", attempt="2"))  # word for word the old one
        assert not book.results(LAB)[1].waits_for_a_person
        (entry,) = [item for item in book.history(LAB, "ana") if item["kind"] == "points by hand"]
    assert (entry["given_by"], entry["points"]) == ("Dr Lee", 2.5) and read_time(entry["given_at"])


def test_an_override_needs_a_reason_shows_it_and_can_be_withdrawn(path: Path) -> None:
    with Gradebook(path) as book:
        book.record(make_result(points=1.0))
        with pytest.raises(GradebookError, match="1 of 4 points for check_scale.*reason is missing"):
            book.set_points(LAB, "ana", "check_scale", 3, by="Dr Lee", reason=" ")
        book.set_points(LAB, "ana", "check_scale", 3.5, by="Dr Lee", reason="right, but for a unit")
        (exercise,) = book.results(LAB)[0].exercises
        assert exercise.points == 3.5 and exercise.max_points == 4.0
        assert exercise.checks[-1].points == 2.5
        assert exercise.checks[-1].message == "Points by hand: right, but for a unit"
        book.record(make_result(points=0.0, source="source 2"))  # the checks now see it otherwise, the person stays
        assert book.results(LAB)[0].points == 3.5
        for points in (3.0, 3.5, None):  # there and back: the last one holds
            assert book.set_points(LAB, "ana", "check_scale", points, by="Dr Lee", reason="right, but for a unit")
        assert book.results(LAB)[0].points == 0.0
    assert rows(path, "points_by_hand") == 4


def test_an_override_does_not_reach_work_that_nobody_has_seen(path: Path) -> None:
    with Gradebook(path) as book:
        book.record(make_result(points=1.0))
        book.set_points(LAB, "ana", "check_scale", 4, by="Dr Lee", reason="good idea")
        book.record(make_result(points=2.0, content="rewritten"))
        assert book.results(LAB)[0].points == 2.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 5}, "5 points for check_scale, but it is worth 0 to 4"),
        ({"points": -1}, "-1 points"),
        ({"points": float("nan")}, "nan points"),
        ({"grade_id": "check_scael"}, "no exercise 'check_scael'. There are: check_scale"),
        ({"student": "bob"}, "no result of 'bob'"),
        ({"student": "cem"}, "these attempts.*'1', '2'. Name the one"),
        ({"by": ""}, "need the name"),
    ],
)
def test_points_by_hand_that_cannot_be(path: Path, change: dict, message: str) -> None:
    given = {
        "lab": LAB,
        "student": "ana",
        "grade_id": "check_scale",
        "points": 4,
        "by": "Dr Lee",
        "reason": "r",
    } | change
    with Gradebook(path) as book:
        for result in (make_result(points=1.0), make_result("cem", attempt="1"), make_result("cem", attempt="2")):
            book.record(result)
        with pytest.raises(GradebookError, match=message):
            book.set_points(**given)
    assert rows(path, "points_by_hand") == 0


def test_scores_hold_late_days_over_the_whole_course(path: Path) -> None:
    policy = LatePolicy(due=read_time("2026-11-22T08:00Z"), late_days=1, percent_a_day=50)
    with Gradebook(path) as book:
        book.record(make_result(lab="01"))
        book.record(make_result(lab="02"))
        table = book.scores("02", policy)
    # Both are a day late, and the one free day went to the first lab.
    assert table.loc[0, ["student", "days_late", "free_days", "points"]].tolist() == ["ana", 1, 0, 2.0]
    assert len(table) == 1


# ---- the file


def test_the_file_is_the_owners_alone_and_a_single_one(path: Path) -> None:
    with Gradebook(path) as book:
        book.record(make_result())
    assert sorted(file.name for file in path.parent.iterdir()) == ["gradebook.db", "gradebook.db.lock"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_versions_and_other_files_are_told_apart(path: Path, tmp_path: Path) -> None:
    with pytest.raises(GradebookError, match="no gradebook at .*Grade something first"):
        Gradebook(path, read_only=True)
    with Gradebook(path) as book:
        book.record(make_result())
    for version, advice in ((SCHEMA_VERSION + 1, "Update the kit"), (0, "begin a new file")):
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        for read_only in (True, False):
            with pytest.raises(GradebookError, match=f"has version {version}, this kit knows version 1. .*{advice}"):
                Gradebook(path, read_only=read_only)

    other = tmp_path / "nbgrader.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE assignment (id INTEGER)")
    with pytest.raises(GradebookError, match="another program \\(its tables: assignment\\)"):
        Gradebook(other)
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be looked at\n" * 100)
    with pytest.raises(GradebookError, match="file is not a database"):
        Gradebook(text)
    assert text.read_text().startswith("not a database")
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(GradebookError, match="is empty"):
        Gradebook(empty, read_only=True)
    with Gradebook(empty) as book:  # what a killed first run leaves
        assert book.record(make_result())


def test_a_result_of_another_release_is_said_to_be_one(path: Path) -> None:
    with Gradebook(path) as book:
        book.record(make_result())
    with sqlite3.connect(path) as connection:
        (text,) = connection.execute("SELECT result FROM submissions").fetchone()
        changed = json.dumps({**json.loads(text), "mood": "good"})
        connection.execute("UPDATE submissions SET result = ?", (changed,))
    with (
        Gradebook(path, read_only=True) as book,
        pytest.raises(GradebookError, match="Row 1 .*another release.*mood"),
    ):
        book.results(LAB)


def test_a_reader_cannot_write_and_reads_beside_a_writer(path: Path) -> None:
    with Gradebook(path) as writer:
        writer.record(make_result("ana"))
        with Gradebook(path, read_only=True) as reader:
            with pytest.raises(GradebookError, match="reading only"):
                reader.record(make_result("ben"))
            writer.record(make_result("ben"))
            assert len(reader.results(LAB)) == 2
    with pytest.raises(GradebookError, match="or closed"):
        writer.record(make_result("cem"))


# ---- two at once, and the end in the middle

CHILD = """
import sys
sys.path.insert(0, {here!r})
from made_up_results import make_result, name_of
from tinyml_labs.grading.scores.gradebook import Gradebook

def say(*words):
    print(*words, flush=True)

"""


def start(code: str, path: Path) -> subprocess.Popen[str]:
    text = CHILD.format(here=str(HERE)) + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", text, str(path)], stdout=subprocess.PIPE, text=True)


def kill(child: subprocess.Popen[str]) -> None:
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(timeout=30) == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
def test_two_graders_at_once(path: Path) -> None:
    child = start("book = Gradebook(sys.argv[1]); say('open'); sys.stdin.read()", path)
    try:
        assert child.stdout and child.stdout.readline() == "open\n"
        with pytest.raises(GradebookLocked, match=rf"in use by process {child.pid} on .* since 20"):
            Gradebook(path)
        with Gradebook(path, read_only=True) as book:
            assert book.labs() == []
    finally:
        kill(child)
    with Gradebook(path) as book:  # the dead have no locks
        assert book.record(make_result())
        with pytest.raises(GradebookLocked):
            Gradebook(path)  # nor are there two in one process
    with Gradebook(path):
        pass


@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
@pytest.mark.parametrize(("size", "spilled"), [(4_000, False), (4_000_000, True)])
def test_a_kill_inside_a_transaction_loses_that_submission_alone(path: Path, size: int, spilled: bool) -> None:
    # What is larger than SQLite's cache is written into the file before the commit; only the journal can undo that.
    child = start(
        f"""
        import sqlalchemy as sql
        book = Gradebook(sys.argv[1])
        book.record(make_result("ana")); book.record(make_result("ben"))

        @sql.event.listens_for(book._engine, "commit")
        def stop(connection):
            say("in flight"); sys.stdin.read()

        book.record(make_result("cem", notes=("x" * {size},)))
        """,
        path,
    )
    try:
        assert child.stdout and child.stdout.readline() == "in flight\n"
    finally:
        kill(child)
    journal = path.with_name(path.name + "-journal")
    assert journal.exists()
    assert (path.stat().st_size > 1_000_000) == spilled  # half of it is in the file

    with Gradebook(path, read_only=True) as book:
        assert [r.student for r in book.results(LAB)] == ["ana", "ben"]
    assert not (spilled and journal.exists())  # it was played back
    with Gradebook(path) as book:  # and the next run continues
        todo = [make_result(student) for student in ("ana", "ben", "cem", "dia")]
        assert [r.student for r in todo if not book.has(*name_of(r))] == ["cem", "dia"]
        assert [book.record(r) for r in todo] == [False, False, True, True]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
def test_kills_at_any_moment_lose_at_most_one(path: Path) -> None:
    code = """
        import random, time
        with Gradebook(sys.argv[1]) as book:
            for i in range(400):
                result = make_result(f"student{i:03}", notes=("x" * 20_000,))
                if not book.has(*name_of(result)):
                    book.record(result); say(i)
    """
    done = -1
    for told in (3, 11, 6):
        child = start(code, path)
        assert child.stdout
        said = [int(child.stdout.readline()) for _ in range(told)]
        assert said == list(range(said[0], said[0] + told)) and said[0] in (done + 1, done + 2)
        kill(child)
        said += [int(line) for line in child.stdout.read().split()]  # what was still in the pipe
        with Gradebook(path, read_only=True) as book:
            kept = [r.student for r in book.results(LAB)]
        assert kept == [f"student{i:03}" for i in range(len(kept))]
        assert len(kept) - 1 in (said[-1], said[-1] + 1)  # committed, but perhaps not yet said
        done = said[-1]
    assert rows(path) == done + 1 or rows(path) == done + 2
