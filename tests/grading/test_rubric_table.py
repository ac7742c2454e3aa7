from __future__ import annotations

import csv
from pathlib import Path

import pytest
from made_up_results import LAB, make_result

from tinyml_labs.grading.scores.csv_cells import TableError
from tinyml_labs.grading.scores.gradebook import Gradebook
from tinyml_labs.grading.scores.rubric_table import COLUMNS, RubricError, read_rubric, write_rubric

BULLETS = '- first, the window\n- =HYPERLINK("x")\n\n\x1b[31m第二'


@pytest.fixture
def book(tmp_path: Path):
    with Gradebook(tmp_path / "gradebook.db") as book:
        for student, answer in (("007", "Because the scales differ."), ("=cmd|x", BULLETS), ("ana", "7.50")):
            book.record(make_result(student, written=answer))
        book.record(make_result("zoe"))  # without a written answer
        yield book


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def save(path: Path, rows: list[dict[str, str]], *, delimiter: str = ",", columns: tuple[str, ...] = COLUMNS) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=delimiter, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def marks_in(book: Gradebook) -> dict[str, float | None]:
    return {r.student: e.points for r in book.results(LAB) for e in r.exercises if e.grade_id == "why_normalise"}


def test_out_filled_in_and_in_again(book: Gradebook, tmp_path: Path) -> None:
    path = tmp_path / "rubric.csv"
    assert write_rubric(book.results(LAB), path) == 3
    rows = table(path)
    assert tuple(rows[0]) == COLUMNS
    assert [row["student"] for row in rows] == ["007", "'=cmd|x", "ana"]
    assert rows[1]["answer"] == "'- first, the window\n'- =HYPERLINK(\"x\")\n\n�[31m第二"
    assert {(row["exercise"], row["max points"], row["points"], row["comment"]) for row in rows} == {
        ("why_normalise", "3", "", "")
    }
    rows[0] |= {"points": "2.5", "comment": "=good, but why?"}
    rows[1] |= {"points": "0"}
    save(path, rows)
    marks = read_rubric(path, book.results(LAB))
    assert [(m.student, m.points, m.comment) for m in marks] == [("007", 2.5, "=good, but why?"), ("=cmd|x", 0.0, "")]
    assert book.set_all_points(marks, by="Dr Lee") == 2
    assert marks_in(book) == {"007": 2.5, "=cmd|x": 0.0, "ana": None}

    # Written again, it shows what was given, and taking that back changes nothing.
    assert write_rubric(book.results(LAB), path) == 3
    assert table(path)[0]["comment"] == "'=good, but why?"
    assert book.set_all_points(read_rubric(path, book.results(LAB)), by="Dr Lee") == 0
    assert write_rubric(book.results(LAB), path, only_open=True) == 1


def test_as_a_spreadsheet_saves_it(book: Gradebook, tmp_path: Path) -> None:
    path = tmp_path / "rubric.csv"
    write_rubric(book.results(LAB), path)
    rows = table(path)[::-1]
    for row in rows:
        row |= {"points": "2,5", "max points": "3,0", "mine": "seen"}
        row["student"] = row["student"].replace("007", "7").replace("'", "")  # a number, and an apostrophe eaten
        row["answer"] = row["answer"].replace("7.50", "7,5").replace("\n", "\r\n")
    rows.append({"mine": "a note of the marker's"})
    save(path, rows, delimiter=";", columns=("mine", "comment", "points", "max points", "answer", "student", "key"))
    assert book.set_all_points(read_rubric(path, book.results(LAB)), by="Dr Lee") == 3
    assert set(marks_in(book).values()) == {2.5}


def test_anonymous(book: Gradebook, tmp_path: Path) -> None:
    path = tmp_path / "rubric.csv"
    write_rubric(book.results(LAB), path, anonymous=True)
    assert "007" not in path.read_text(encoding="utf-8") and "cmd" not in path.read_text(encoding="utf-8")
    rows = table(path)
    (mine,) = [row for row in rows if row["answer"].startswith("Because")]
    mine["points"] = "1"
    save(path, rows)
    book.set_all_points(read_rubric(path, book.results(LAB)), by="Dr Lee")
    assert marks_in(book) == {"007": 1.0, "=cmd|x": None, "ana": None}


def test_a_long_answer_is_cut_and_still_known(tmp_path: Path) -> None:
    result = make_result(written="w" * 100_000)
    path = tmp_path / "rubric.csv"
    write_rubric([result], path)
    (row,) = table(path)
    assert len(row["answer"]) < 32_767 and row["answer"].endswith("… (92000 more characters)")
    save(path, [row | {"points": "3"}])
    assert [mark.points for mark in read_rubric(path, [result])] == [3.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": "4"}, "points is '4', but a number from 0 to 3 is expected"),
        ({"points": "-1"}, "points is '-1'"),
        ({"points": "two"}, "points is 'two'"),
        ({"points": "nan"}, "points is 'nan'"),
        ({"points": "1e0"}, "points is '1e0'"),
        ({"points": "2/3"}, "points is '2/3'"),
        ({"points": "", "comment": "hm"}, "a comment but no points"),
        ({"max points": "30"}, "max points is '30', but 3 is expected"),
        ({"max points": ""}, "max points is ''"),
        ({"student": "ana"}, "student is 'ana', but the key belongs to '007'. Was a column sorted alone"),
        ({"answer": "7.50"}, "answer is '7.50', but the key belongs to 'Because the scales differ.'"),
        ({"exercise": "check_scale"}, "exercise is 'check_scale'"),
        ({"title": "Exercise 9"}, "title is 'Exercise 9'"),
        ({"attempt": "2"}, "attempt is '2'"),
        ({"key": "r-0000"}, "the key 'r-0000' belongs to no answer"),
        ({"key": ""}, "the key '' belongs to no answer"),
        ({"comment": "x" * 4001}, "the comment has 4001 characters"),
    ],
)
def test_one_wrong_cell_and_nothing_is_applied(
    book: Gradebook, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    path = tmp_path / "rubric.csv"
    write_rubric(book.results(LAB), path)
    rows = [row | {"points": "1"} for row in table(path)]
    save(path, rows)
    assert len(read_rubric(path, book.results(LAB))) == 3  # the control
    rows[0] |= change
    save(path, rows)
    with pytest.raises(RubricError, match="nothing was applied.*\n  line 2: ") as caught:
        book.set_all_points(read_rubric(path, book.results(LAB)), by="Dr Lee")
    assert message in str(caught.value)
    assert set(marks_in(book).values()) == {None}


def test_all_mistakes_are_listed_with_their_lines(book: Gradebook, tmp_path: Path) -> None:
    path = tmp_path / "rubric.csv"
    write_rubric(book.results(LAB), path)
    rows = table(path)
    rows[0]["points"] = "9"
    rows[2] |= {"points": "x", "max points": "1"}
    save(path, [*rows, rows[1]])
    with pytest.raises(RubricError) as caught:
        read_rubric(path, book.results(LAB))
    text = str(caught.value)
    # The second answer has four lines, so the third row begins in line 7 of the file.
    assert text.count("\n") == 4
    assert "  line 2: points is '9'" in text
    assert "  row 4 (line 7 of the file): points is 'x'" in text
    assert "  row 5 (line 8 of the file): the answer of line 3 stands here again" in text
    rows = [row | {"points": "9"} for row in rows] + [dict.fromkeys(COLUMNS, "x")] * 50
    save(path, rows)
    with pytest.raises(RubricError, match="… and 34 more$"):
        read_rubric(path, book.results(LAB))


def test_an_answer_that_was_changed_meanwhile_gets_no_points(book: Gradebook, tmp_path: Path) -> None:
    path = tmp_path / "rubric.csv"
    write_rubric(book.results(LAB), path)
    save(path, [row | {"points": "1"} for row in table(path)])
    book.record(make_result("ana", written="a new answer", content="second"))
    with pytest.raises(RubricError, match="line 7.*belongs to no answer.*handed in another answer since"):
        read_rubric(path, book.results(LAB))


def test_a_table_without_its_columns(book: Gradebook, tmp_path: Path) -> None:
    path = tmp_path / "rubric.csv"
    path.write_text("student,points\nana,3\n")
    with pytest.raises(TableError, match="no column 'key'"):
        read_rubric(path, book.results(LAB))
