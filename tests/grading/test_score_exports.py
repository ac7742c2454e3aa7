from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from made_up_results import LAB, make_result, not_graded

from tinyml_labs.grading.scores.best_labs import best_labs
from tinyml_labs.grading.scores.csv_cells import (
    TableError,
    number_cell,
    read_number,
    read_table,
    safe_cell,
    write_table,
)
from tinyml_labs.grading.scores.late_days import LabScore, LatePolicy, read_time, score_labs
from tinyml_labs.grading.scores.people_matching import Person, match_people, person_of
from tinyml_labs.grading.scores.rosters import RosterEntry, match_roster, read_roster
from tinyml_labs.grading.scores.score_exports import (
    export_csv,
    export_moodle,
    fill_canvas_gradebook,
    fill_moodle_worksheet,
)

ATTACK = "=cmd|' /C calc'!A1"
ROSTER = (
    RosterEntry(student="ana", name="López, Ana", email="Ana.Lopez@example.org", id="0042"),
    RosterEntry(student="ben", name='Ben "B." Okri', email="ben@example.org", id="7042312"),
    RosterEntry(student="cem", name="Cem Öztürk", email="cem@example.org"),
    RosterEntry(student="dia", name="Dia Rao", email="dia@example.org", id="7"),
    RosterEntry(student="eve", name=ATTACK, email="+eve@example.org", id="@eve"),
)


def class_scores() -> tuple[LabScore, ...]:
    """Ana 4 of 4, Ben 2.5, Cem waits for a person, Dia nothing, Eve attacks, and Mallory is in no roster."""
    return score_labs(
        [
            make_result("ana"),
            make_result("ben", points=2.5),
            make_result("cem", written="why"),
            make_result("eve", points=1.0),
            make_result("mallory"),
        ]
    )


def cells_of(path: Path, separator: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def assert_no_formula(path: Path) -> None:
    """However a spreadsheet splits the file, no cell begins like a formula that is no number."""
    text = path.read_text(encoding="utf-8-sig")
    for separator in ",;\t":
        for line in text.splitlines():
            for cell in [line, *next(csv.reader([line], delimiter=separator)), *line.split(separator)]:
                if separator == "," and cell in line.split(","):
                    continue  # what stands in quotes is not split at a comma
                bare = cell.lstrip('" \t')
                assert not (bare[:1] in set("=+-@＝＋－＠") and not re.fullmatch(r"-|[+-]?[\d.]+", bare)), (
                    line,
                    cell,
                )


# ---- cells


@pytest.mark.parametrize(
    "text",
    [
        ATTACK,
        "=1+1",
        "+1+1",
        "-1+cmd",
        "@SUM(A1)",
        "  =1+1",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "＝1+1",
        "\x00=1+1",
        "a;=1+1",
        "a\n=1+1",
        'a";=1+1',
    ],
)
def test_formulas_become_text(text: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", [["name"], [safe_cell(text)]])
    assert_no_formula(path)
    assert safe_cell(safe_cell(text)) == safe_cell(text)


def test_the_check_for_formulas_sees_one(tmp_path: Path) -> None:
    for cell in ("=1+1", "a;=1+1", "a\n=1+1"):
        with pytest.raises(AssertionError):
            assert_no_formula(write_table(tmp_path / "t.csv", [["name"], [cell]]))


@pytest.mark.parametrize("text", ["López, Ana", 'Ben "B."', "-1.5", "+3", "-", "a=b", "1-2", "", "中村", "a; b"])
def test_other_text_stays(text: str) -> None:
    assert safe_cell(text) == text


def test_text_that_no_file_can_hold_is_replaced() -> None:
    assert safe_cell("a\x1b[31m\x00\udc80\r\nb") == "a�[31m�\\udc80\nb"


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.0, "4"), (2.5, "2.5"), (1 / 3, "0.33"), (0.0, "0"), (-0.001, "0"), (100.0, "100"), (None, "")],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number_cell(value) == text
    assert read_number(text) == (None if value is None else pytest.approx(value, abs=0.006))


# ---- tables that a spreadsheet saved


@pytest.mark.parametrize(
    "raw",
    [
        'student,name\r\nana,"López, Ana"\r\n'.encode(),
        "\ufeffstudent;name\nana;López, Ana\n".encode(),
        "student\tname\nana\tLópez, Ana\n".encode("utf-16"),
        '\n,\n student ,NAME\n\nana,"López, Ana",,\n,\n'.encode(),
    ],
)
def test_tables_come_in_many_forms(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(raw)
    assert read_roster(path) == (RosterEntry(student="ana", name="López, Ana"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name,mail\nAna,x\n", "no column 'student'. Its columns are: name, mail"),
        ("student,name\nana,López, Ana\n", "line 2: 3 cells, but there are 2 headings"),
        ('student,name\nana,"López\n', "line 2: this is no CSV"),
        ("student,id\nana,1\n,2\n", "line 3: the column 'student' is empty"),
        ("student,id\nana,1\nAna,2\nben,1\n", "line 3: the student 'Ana' stands in line 2 too; line 4: the id '1'"),
        ('student,name\nana,"two\nlines"\n\nana,x\n', r"row 4 \(line 5 of the file\): the student 'ana'"),
    ],
)
def test_rosters_that_cannot_be(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=message):
        read_roster(path)


def test_a_table_in_another_encoding_says_how_to_save_it(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes("student,name\nana,López\n".encode("cp1252"))
    with pytest.raises(TableError, match="not written in UTF-8 .*CSV UTF-8"):
        read_roster(path)


# ---- who is who


@pytest.mark.parametrize(
    ("student", "place"),
    [
        ("ana", 0),
        ("ANA", 0),
        ("ana.lopez@EXAMPLE.org", 0),
        ("0042", 0),
        ("Ana López", 0),
        ("Ana Lo\u0301pez_1234", 0),  # é as two characters, as macOS writes it
        ("Ana López_1234_assignsubmission_file", 0),
        ("Cem_Öztürk", 2),
        ("Cem Öztürk~0a1b2c", 2),
        ("42", None),
        ("López", None),
        ("frank_7", None),
    ],
)
def test_names_of_hand_ins_are_found_on_the_roster(student: str, place: int | None) -> None:
    assert match_roster([student], ROSTER).found.get(student) == place


def test_nobody_is_guessed() -> None:
    twins = [*ROSTER, RosterEntry(student="ana2", name="Ana López")]
    matching = match_roster(["Ana López", "ana", "ana2"], twins)
    assert matching.found == {"ana": 0, "ana2": 5}
    assert matching.strangers == {"Ana López": "2 people are called so"}
    twice = match_roster(["ana", "Ana.Lopez@example.org"], ROSTER)
    assert len(twice.found) == 1
    assert list(twice.strangers.values()) == ["the same person has also handed in as Ana.Lopez@example.org"]


def test_a_number_counts_only_beside_the_right_name() -> None:
    people = [Person(number="1234", names=("Ana López",)), Person(number="99", names=("Ben Okri",))]
    wanted = {name: person_of(name) for name in ("Ana López_1234", "ben_1234", "Ben Okri_77", "Participant_99")}
    matching = match_people(wanted, people)
    assert matching.found == {"Ana López_1234": 0, "Participant_99": 1}


# ---- the plain table


def test_the_plain_table(tmp_path: Path) -> None:
    report = export_csv(class_scores(), tmp_path / "scores.csv", roster=ROSTER)
    headings, *rows = cells_of(report.path)
    assert headings == [
        *("student", "name", "email", "id", "note"),
        *(f"{LAB} (of 7)", f"{LAB} state", f"{LAB} days late"),
        *(f"{LAB}: check_scale (of 4)", f"{LAB}: why_normalise (of 3)"),
    ]
    assert [row[0] for row in rows] == ["ana", "ben", "cem", "dia", "eve", "mallory"]
    assert rows[0] == ["ana", "López, Ana", "Ana.Lopez@example.org", "0042", "", "4", "", "0", "4", ""]
    assert rows[1][1] == 'Ben "B." Okri' and rows[1][5] == "2.5"
    assert rows[2][6] == "a written answer waits to be read" and rows[2][9] == ""
    assert rows[3][4:8] == ["no submission", "", "no submission", ""]
    assert rows[4][1:4] == ["'" + ATTACK, "'+eve@example.org", "'@eve"]
    assert rows[5][4] == "not on the roster: nobody is called so" and rows[5][5] == "4"
    assert_no_formula(report.path)
    assert report.path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert (report.written, dict(report.strangers)) == (5, {"mallory": "nobody is called so"})
    assert dict(report.left_out) == {"dia": "no submission", "cem": f"{LAB}: a written answer waits to be read"}
    assert "not found: mallory" in str(report) and "without a score: dia: no submission" in str(report)


def test_the_plain_table_of_several_labs_without_a_roster(tmp_path: Path) -> None:
    policy = LatePolicy(due={"01": read_time("2026-11-22T08:00:00Z")}, percent_a_day=50)
    results = [make_result(lab="01"), make_result(lab="02", submitted_at="")]
    scores = score_labs([*results, not_graded(make_result(ATTACK, lab="02"))], policy)
    report = export_csv(scores, tmp_path / "scores.csv", course=best_labs(scores, labs=["01", "02"]))
    headings, eve, ana = cells_of(report.path)
    table = [dict(zip(headings, row, strict=True)) for row in (eve, ana)]
    assert headings[:3] == ["student", "note", "course %"]
    assert table[0]["student"] == "'" + ATTACK
    assert (table[0]["02 state"], table[0]["02 (of 4)"]) == ("not graded yet", "")
    assert (table[1]["course %"], table[1]["01 (of 4)"], table[1]["01 days late"]) == ("75", "2", "1")
    assert (table[1]["02 (of 4)"], table[1]["02 days late"]) == ("4", "not known")
    assert report.strangers == {}
    assert_no_formula(report.path)


# ---- Moodle's grade import


def moodle_imports(path: Path, field: str) -> dict[str, float]:
    """What Moodle's grade import makes of a file, by grade/import/csv/classes/load_data.php: one unknown person, or
    one value that is no number, and nothing is imported."""
    users = {entry.email if field == "Email address" else entry.id for entry in ROSTER} - {""}
    headings, *rows = cells_of(path)
    assert headings[0] == field and len(headings) == 2
    grades = {}
    for key, grade in rows:
        assert key in users, f"usermappingerror {key}"  # letter by letter
        grades[key] = float(grade)
    return grades


def test_moodle_import_by_email(tmp_path: Path) -> None:
    report = export_moodle(class_scores(), LAB, tmp_path / "m.csv", roster=ROSTER, column="Lab 2")
    assert moodle_imports(report.path, "Email address") == {"Ana.Lopez@example.org": 4.0, "ben@example.org": 2.5}
    assert cells_of(report.path)[0][1] == "Lab 2"
    assert dict(report.left_out) == {
        "cem": "a written answer waits to be read",
        "dia": "no submission",
        "eve": "a spreadsheet would run the email '+eve@example.org'; enter this grade by hand",
    }
    assert dict(report.strangers) == {"mallory": "nobody is called so"}
    assert_no_formula(report.path)


def test_moodle_import_by_id_scaled_and_with_zeros(tmp_path: Path) -> None:
    scores = [score for score in class_scores() if score.student != "cem"]
    report = export_moodle(
        scores, LAB, tmp_path / "m.csv", roster=ROSTER, identifier="id", out_of=100, missing_as_zero=True
    )
    assert moodle_imports(report.path, "ID number") == {"0042": 100.0, "7042312": 62.5, "7": 0.0}
    assert report.left_out["cem"] == "the roster has no id"


def test_moodle_import_by_username_needs_no_roster(tmp_path: Path) -> None:
    report = export_moodle(class_scores(), LAB, tmp_path / "m.csv", identifier="username")
    assert cells_of(report.path) == [["Username", LAB], ["ana", "4"], ["ben", "2.5"], ["eve", "1"], ["mallory", "4"]]


def test_moodle_import_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a roster with the column 'email' is needed"):
        export_moodle(class_scores(), LAB, tmp_path / "m.csv")
    with pytest.raises(ValueError, match="no scores of lab '99'. There are scores of: 02_gestures"):
        export_moodle(class_scores(), "99", tmp_path / "m.csv", roster=ROSTER)
    assert list(tmp_path.iterdir()) == []


# ---- Moodle's grading worksheet

WORKSHEET = """\
Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Last modified (submission)",\
"Last modified (grade)","Feedback comments"
"Participant 1234","Ana López",Ana.Lopez@example.org,"Submitted for grading - ",,{most},"Monday, 23 November",-,
"Participant 1235","Ben ""B."" Okri",ben@example.org,"Submitted for grading - ",1.00,{most},-,-,"<p>so, so</p>"
"Participant 1236","{attack}",x@example.org,"No submission - ",,{most},-,-,
"""


def worksheet(tmp_path: Path, most: str = "4.00") -> Path:
    path = tmp_path / "worksheet.csv"
    path.write_text(WORKSHEET.format(most=most, attack=ATTACK), encoding="utf-8")
    return path


@pytest.mark.parametrize("names", [("ana", "ben"), ("Ana López_1234", "ben"), ("Ana López", "ben@example.org")])
def test_the_worksheet_is_filled_in(tmp_path: Path, names: tuple[str, str]) -> None:
    scores = score_labs([make_result(names[0]), make_result(names[1], points=2.5), make_result("mallory")])
    report = fill_moodle_worksheet(scores, LAB, worksheet(tmp_path), tmp_path / "filled.csv", roster=ROSTER)
    headings, *rows = cells_of(report.path)
    # Moodle needs these three; feedback that is not in the file stays as it is.
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(headings) and "Feedback comments" not in headings
    assert [(row[0], row[headings.index("Grade")]) for row in rows] == [
        ("Participant 1234", "4"),
        ("Participant 1235", "2.5"),
        ("Participant 1236", ""),
    ]
    assert rows[0][headings.index("Last modified (grade)")] == "-" and rows[1][1] == 'Ben "B." Okri'
    assert rows[2][1] == "'" + ATTACK
    assert_no_formula(report.path)
    assert report.written == 2 and dict(report.strangers) == {"mallory": "nobody is called so"}
    assert dict(report.left_out) == {ATTACK: "no submission"}


def test_the_worksheet_with_hidden_names(tmp_path: Path) -> None:
    path = tmp_path / "worksheet.csv"
    path.write_text(
        "Identifier,Status,Grade,Maximum Grade,Last modified (grade)\n"
        "Participant 12,Submitted,,4,-\nParticipant 13,Submitted,,4,-\n"
    )
    report = fill_moodle_worksheet(score_labs([make_result("Participant_13")]), LAB, path, tmp_path / "f.csv")
    assert [row[2] for row in cells_of(report.path)] == ["Grade", "", "4"]


def test_the_worksheet_with_another_maximum(tmp_path: Path) -> None:
    path = worksheet(tmp_path, "10.00")
    scores = score_labs([make_result("ben", points=2.5)])
    with pytest.raises(ValueError, match="has 10 points in Moodle, lab 02_gestures has 4"):
        fill_moodle_worksheet(scores, LAB, path, tmp_path / "f.csv", roster=ROSTER)
    assert not (tmp_path / "f.csv").exists()
    report = fill_moodle_worksheet(scores, LAB, path, tmp_path / "f.csv", roster=ROSTER, rescale=True)
    assert cells_of(report.path)[2][4] == "6.25"
    with pytest.raises(TableError, match="no column 'Bewertung'. Its columns are: Identifier, Full name"):
        fill_moodle_worksheet(scores, LAB, path, tmp_path / "f.csv", grade_heading="Bewertung")


# ---- Canvas

CANVAS = '''\
Student,ID,SIS User ID,SIS Login ID,Section,Lab 1 (4710),Lab 2 (4711),Lab 3 (4712),Lab 3 (4713),Final Score
,,,,,,Manual Posting,,,
    Points Possible,,,,,10.00,{possible},4.00,4.00,(read only)
"López, Ana",901,0042,ana,Monday,9.00,,,,50.0
"Okri, Ben ""B.""",902,7042312,ben,"Monday, and Tuesday",,1.00,,,5.0
"=""=cmd|' /C calc'!A1""",905,@eve,eve,Monday,,,,,0.0
"Rao, Dia",904,7,dia,Monday,,EX,,,0.0
"Yu, Fay",906,8,fay,Monday,,N/A,,,0.0
"Student, Test",999,,f00d,Monday,,,,,0.0
'''


def canvas(tmp_path: Path, possible: str = "4.00") -> Path:
    path = tmp_path / "canvas.csv"
    path.write_text(CANVAS.format(possible=possible), encoding="utf-8")
    return path


def canvas_imports(path: Path) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """What Canvas makes of a file, by lib/gradebook_importer.rb: points and grades by the assignment's id."""
    with path.open(encoding="utf-8", newline="") as file:
        headings, *rows = csv.reader(file)
    assert "Student" in headings[0] and "ID" in headings[1] and len(headings) > 3
    assert (headings[2], headings[3], headings[4]) == ("SIS User ID", "SIS Login ID", "Section")
    ids = {i: re.search(r"\((\d+)\)$", title)[1] for i, title in enumerate(headings) if i > 4}
    possible: dict[str, str] = {}
    grades: dict[str, dict[str, str]] = {}
    for row in rows:
        if "Points Possible" in row[0]:
            possible = {name: row[i] for i, name in ids.items()}
        elif not all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell, re.IGNORECASE) for cell in row):
            assert int(row[1])
            grades[row[1]] = {name: row[i] for i, name in ids.items()}
    return possible, grades


@pytest.mark.parametrize("assignment", ["Lab 2", "lab 2", "Lab 2 (4711)", "4711"])
def test_canvas_gets_the_points_under_its_own_numbers(tmp_path: Path, assignment: str) -> None:
    scores = [score for score in class_scores() if score.student != "cem"]
    scores += score_labs([make_result("fay"), make_result("dia")])
    report = fill_canvas_gradebook(scores, LAB, canvas(tmp_path), tmp_path / "up.csv", assignment=assignment)
    possible, grades = canvas_imports(report.path)
    assert possible == {"4711": "4.00"}  # another number would change the assignment
    assert grades == {"901": {"4711": "4"}, "902": {"4711": "2.5"}, "905": {"4711": "1"}}
    rows = cells_of(report.path)
    assert rows[3][0] == "López, Ana" and rows[4][4] == "Monday, and Tuesday"
    assert rows[5][0] == "'" + ATTACK and rows[5][2] == "'@eve"
    assert_no_formula(report.path)
    assert dict(report.left_out) == {
        "dia": "excused in Canvas",
        "fay": "in Canvas the assignment is not given to this student",
        "Student, Test (999)": "no submission",
    }
    assert dict(report.strangers) == {"mallory": "nobody is called so"}


@pytest.mark.parametrize("name", ["lopezana_901", "Ana López", "0042", "Ana.Lopez@example.org"])
def test_canvas_finds_people_by_file_names_and_the_roster(tmp_path: Path, name: str) -> None:
    scores = score_labs([make_result(name)])
    report = fill_canvas_gradebook(
        scores, LAB, canvas(tmp_path), tmp_path / "up.csv", assignment="Lab 2", roster=ROSTER
    )
    assert canvas_imports(report.path)[1] == {"901": {"4711": "4"}}


def test_canvas_with_other_points_and_with_zeros(tmp_path: Path) -> None:
    scores = score_labs([make_result("ana", points=3.0)])
    path = canvas(tmp_path, "10,00")
    path.write_text(path.read_text("utf-8").replace(",10,00,", ',"10,00",'), encoding="utf-8")
    with pytest.raises(ValueError, match="'Lab 2 \\(4711\\)' has 10 points in Canvas, lab 02_gestures has 4"):
        fill_canvas_gradebook(scores, LAB, path, tmp_path / "up.csv", assignment="Lab 2")
    report = fill_canvas_gradebook(
        scores, LAB, path, tmp_path / "up.csv", assignment="Lab 2", rescale=True, missing_as_zero=True
    )
    grades = canvas_imports(report.path)[1]
    assert (grades["901"], grades["902"]) == ({"4711": "7.5"}, {"4711": "0"}) and "904" not in grades


def test_canvas_with_semicolons_and_a_mark_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "canvas.csv"
    path.write_text(
        "\ufeffStudent;ID;SIS Login ID;Section;Lab 2 (4711)\n"
        "    Points Possible;;;;4,00\n"
        "López, Ana;901;ana;Monday;\n",
        encoding="utf-8",
    )
    report = fill_canvas_gradebook(class_scores()[:1], LAB, path, tmp_path / "up.csv", assignment="Lab 2")
    assert report.path.read_bytes().startswith(b"\xef\xbb\xbfStudent;ID;")
    assert cells_of(report.path, ";")[2] == ["López, Ana", "901", "ana", "Monday", "4"]


@pytest.mark.parametrize(
    ("assignment", "text", "message"),
    [
        (None, CANVAS, "no assignment '02_gestures'. Its assignments are: Lab 1 \\(4710\\), Lab 2"),
        ("Lab 3", CANVAS, "has 2 assignments 'Lab 3'. Name the number of one"),
        ("Lab 2", "name,grade\nAna,1\n", "no gradebook of Canvas: its first columns are name, grade"),
        ("Lab 2", "LastName,FirstName,ID,Section,Lab 2 (1)\nx,y,1,z,\n", "Switch off 'Split student names'"),
        ("Lab 2", "Student,ID,Section,Lab 2 (1)\nPoints Possible,,,(read only)\n", "has '\\(read only\\)' as Points"),
    ],
)
def test_gradebooks_that_cannot_be_filled(tmp_path: Path, assignment: str | None, text: str, message: str) -> None:
    path = tmp_path / "canvas.csv"
    path.write_text(text.format(possible="4.00"), encoding="utf-8")
    with pytest.raises(TableError, match=message):
        fill_canvas_gradebook(class_scores(), LAB, path, tmp_path / "up.csv", assignment=assignment)
    assert not (tmp_path / "up.csv").exists()


def test_tables_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [["a", "b"], ['"x", y', "line\nline; line"], ["", "é"]]
    for separator in ",;\t":
        path = write_table(tmp_path / "t.csv", rows, separator=separator)
        table = read_table(path)
        assert (table.separator, [list(row.cells) for row in table.rows]) == (separator, rows[1:])
        assert [row.place for row in table.rows] == ["line 2", "row 3 (line 4 of the file)"]
