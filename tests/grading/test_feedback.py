"""A student's page: what it says, what it never says, and that nothing a student writes becomes more than text."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fake_class import make_broken, make_submission
from page_reader import PageReader

from tinyml_labs.grading.pages.feedback import LateHandIn, feedback_file_name, render_feedback, write_feedback
from tinyml_labs.grading.pages.page_files import make_file_name, write_page
from tinyml_labs.grading.pages.shown_text import (
    LONGEST_CODE,
    MOST_CODE_LINES,
    clean_code,
    clean_line,
    clean_message,
    clean_text,
    hide_paths,
    highlight_code,
)
from tinyml_labs.grading.pages.verdict_words import VERDICT_WORDS, name_part, write_points
from tinyml_labs.grading.verdicts import VERDICTS, CheckResult, ExerciseResult, SubmissionResult

EVIL = '</pre></code><script>window.pwned=1</script><img src=x onerror="window.pwned=2">&amp;{{ 7*7 }}'


def check(part="visible", verdict="ok", points=1.0, max_points=1.0, **more):
    return CheckResult(part=part, verdict=verdict, points=points, max_points=max_points, **more)


def exercise(*checks, code="def double(x):\n    return x + x\n", title="Exercise 1: double", **more):
    return ExerciseResult(grade_id="check_double", title=title, checks=checks, code=code, **more)


def submission(*exercises, **more):
    return SubmissionResult(**{"student": "anna", "lab": "01_lab", "exercises": exercises, **more})


def read(result, **more) -> PageReader:
    page = PageReader(render_feedback(result, **more))
    assert page.faults == []
    return page


def test_a_page_says_what_the_result_says():
    wrong = exercise(
        check(),
        check("hidden", "wrong", 0, 3, message="The hidden checks call `double` with other values. One is wrong."),
        notes=("You had changed the check. The instructor's was used.",),
    )
    error = exercise(
        check("visible", "error", 0, 1, message="TypeError: no", trace='Cell double, line 2\n    return x + "a"'),
        title="Exercise 2: quarter",
    )
    page = read(
        submission(wrong, error, submitted_at="2026-11-23T08:00:41+00:00", file_sha256="ab12" * 16, grader="1.2"),
        course="TinyML 2026",
        late=LateHandIn(days=2.5, points=0.8),
    )
    for said in (
        "TinyML 2026",
        "For anna, handed in 2026-11-23 08:00 UTC",
        "1 of 5 points",
        "Of 2 exercises: 1 is not right yet, 1 stops with an error.",
        "Check in your notebook ✓ right 1 of 1",
        "Same function, other values ✗ not right yet 0 of 3",
        "The hidden checks call double with other values. One is wrong.",
        "You had changed the check. The instructor's was used.",
        'Cell double, line 2 return x + "a"',
        "Handed in 2.5 days late. By the rule of your course it counts 0.8 of 5 points.",
        "begins with ab12ab12ab12. Graded by tinyml-labs 1.2.",
    ):
        assert said in page.text
    assert "sandbox" not in page.text
    assert page.inside["code"][-1].count("return x + x") == 1


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_words_beside_its_sign(verdict):
    words = VERDICT_WORDS[verdict]
    points = None if verdict in ("by hand", "not graded") else 0
    page = read(submission(exercise(check(verdict=verdict, points=points), title="E")))
    assert f"{words.sign} {words.words}" in page.text
    assert words.next_step in page.text
    assert verdict == "ok" or words.next_step


def test_what_waits_and_what_was_given_by_hand():
    waits = exercise(check("written", "by hand", None, 2), code="Because.", title="Why")
    page = read(submission(waits))
    assert "0 of 2 points so far" in page.text
    assert "A person still reads part of your work" in page.text
    given = exercise(check("written", "by hand", 1.5, 2, message="Good, but short."), code="Because.", title="Why")
    page = read(submission(given))
    assert "1.5 of 2 points " in page.text
    assert "… read" not in page.text and "✓ read 1.5 of 2" in page.text
    assert "A person still" not in page.text
    raised = check("written", "by hand", 1, 0, message="Points by hand: the check was unfair")
    page = read(submission(exercise(check("hidden", "wrong", 0, 3), raised)))
    assert "Points by hand ✓ read +1 Points by hand: the check was unfair" in page.text
    page = read(submission(exercise(check(), raised)))
    assert "All" not in page.text and "Your exercise is right. Well done." in page.text


def test_what_was_not_graded_is_not_the_students_doing():
    page = read(make_broken(3, "not graded", "The grader had no memory left."))
    assert "This is not your doing" in page.text
    assert "Graded without a sandbox" not in page.text
    assert "A person still" not in page.text
    page = read(make_broken(3, "not a notebook", "The file is no JSON."))
    assert "could not be read as a notebook" in page.text
    assert "The file is no JSON." in page.text
    assert "Graded without a sandbox" in page.text
    assert page.text.count("Open your file in JupyterLab") == 1
    assert "Same function, other values" not in page.text


def test_a_hidden_part_shows_its_message_and_never_a_trace():
    secret = "ValueError: called with [41, 42, 43]"
    page = read(submission(exercise(check("hidden", "error", 0, 1, message="ValueError in line 2.", trace=secret))))
    assert "ValueError in line 2." in page.text
    assert "41" not in page.text
    shown = read(submission(exercise(check("visible", "error", 0, 1, message="No.", trace=secret))))
    assert secret in shown.text  # the same in a visible part is the student's own


def test_nothing_that_is_written_becomes_part_of_the_page():
    hostile = submission(
        exercise(
            check("visible", "error", 0, 1, message=EVIL, trace=EVIL),
            check("hidden", "wrong", 0, 1, message=EVIL + "`</code><script>`"),
            code=EVIL + '\n"""' + EVIL,
            title=EVIL,
            notes=(EVIL,),
        ),
        exercise(check("written", "by hand", None, 1), code=EVIL),
        student=EVIL,
        lab=EVIL,
        attempt=EVIL,
        notes=(EVIL,),
        submitted_at=EVIL,
        file_sha256=EVIL,
        grader=EVIL,
    )
    page = read(hostile, course=EVIL)
    names = [tag for tag, _ in page.elements]
    assert "script" not in names and "img" not in names
    assert "49" not in page.text and "{{ 7*7 }}" in page.text
    assert page.text.count("<script>window.pwned=1</script>") >= 8


def test_the_page_needs_nothing_and_may_fetch_nothing():
    page = read(make_submission(1))
    assert page.policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in page.policy and "unsafe" not in page.policy
    assert page.allows("style")
    links = [told["href"] for tag, told in page.elements if tag == "link"]
    assert links == ["data:,"]
    assert all(link.startswith("#exercise-") for link in page.links())
    assert ("html", {"lang": "en"}) in page.elements
    assert [tag for tag, _ in page.elements].count("h1") == 1


def test_terminal_codes_control_characters_and_turned_writing_go():
    assert clean_text("\x1b[31mred\x1b[0m \x1b]0;title\x07end \x9b1mx\x1b(B") == "red end x"
    assert clean_text("a\x00b\x07c\x08d\x7f\u0085e\r\nf\rg\th") == "abcd\ne\nf\ng    h"
    assert clean_text("user\u202etxt.exe\u2066 \u200bx\ufeff\u061c") == "usertxt.exe x"
    assert clean_text("\ud800 \ue000") == "\ufffd \ufffd"
    assert clean_text("نمی\u200cخواهم 👩\u200d🔬") == "نمی\u200cخواهم 👩\u200d🔬"  # joiners belong to the writing
    assert clean_text("a" + "\u0301" * 50) == "a" + "\u0301" * 4
    assert clean_line(" Anna\nB\u202e ") == "Anna B"
    page = read(submission(exercise(check(), code="x = '\x1b[31m\u202e\x00'  # é"), student="A\u202eB\x1b[0m"))
    assert "\u202e" not in page.text and "\x1b" not in page.text and "é" in page.text


def test_no_path_of_the_grading_machine():
    home, package = Path.home(), Path(__file__).parents[2]
    told = (
        f'File "{package / "tinyml_labs" / "grading" / "grade.py"}", line 3: {sys.prefix}/lib/python3.11/json.py '
        f"{home} /tmp/scratch-7/cell.py, /proc/self/environ file:///root/x.csv (/home/ta/secrets.txt) "
        r"C:\Users\prof\grader\x.py \\server\share\y.py /mnt/a/../b:/var/lib"
    )
    hidden = hide_paths(told)
    for part in ("scratch", "secrets/", "prof", "server", "/home", "/tmp", "/proc", "/root", "/mnt", str(package)):
        assert part not in hidden
    assert hide_paths("/home/prof and /home/prof/") == "… and …"
    assert 'File "…/grade.py", line 3: …/json.py' in hidden
    assert "…/x.py" in hidden and "(…/secrets.txt)" in hidden
    for harmless in (
        "m/s and 1/2",
        "https://example.org/home/tmp",
        "a / b",
        "//",
        "12/tmp",
        "path ./home/x",
        "24:00",
    ):
        assert hide_paths(harmless) == harmless
    page = read(
        submission(
            exercise(check("visible", "error", 0, 1, message=told, trace=told), notes=(told,)),
            notes=(f"read from {package}/submissions/anna",),
        )
    )
    assert str(package) not in page.text and "secrets/" not in page.text and "/tmp" not in page.text


def test_long_text_is_cut_and_says_so():
    long = "word " * 100_000
    assert len(clean_message(long)) < 10_000
    assert "500,000 characters in all" in clean_message(long)
    code, note = clean_code("x = 1\n" * 100_000)
    assert len(code.splitlines()) == MOST_CODE_LINES and "600,000 characters" in note
    code, note = clean_code("x" * 10_000)
    assert len(code) < 600 and "cut here" in note
    assert clean_code("\n\nx = 1\n") == ("\n\nx = 1", "")
    html = render_feedback(
        submission(
            *(
                exercise(
                    check("visible", "error", 0, 1, message=long, trace=long * 3),
                    code="y = 2\n" * 200_000,
                    notes=(long,) * 500,
                )
                for _ in range(4)
            ),
            student="s" * 5000,
            notes=(long,) * 500,
        )
    )
    assert len(html) < 1_000_000
    assert "And 480 more notes of this kind." in html


@pytest.mark.parametrize(
    "code",
    [
        "(" * 30_000,
        "'" * 30_001,
        '"""' * 9_000,
        'f"{' * 9_000,
        "\\\n" * 9_000,
        "0" * 30_000,
        "@" * 30_000,
        "\n" * 30_000,
    ],
)
def test_code_that_is_no_python_is_shown_all_the_same(code):
    shown, _ = clean_code(code)
    assert len(shown) <= LONGEST_CODE + MOST_CODE_LINES
    lines = highlight_code(shown)
    assert len(lines) in (0, len(shown.split("\n")))


def test_highlighted_lines_are_the_codes_lines():
    code = '\n\ndef f(x):\n    """One\n    < two & three."""\n\n    return x < 3'
    lines = highlight_code(code)
    assert len(lines) == 7
    page = PageReader("<pre>" + "\n".join(lines) + "</pre>")
    assert page.faults == []
    assert "".join(page.texts) == code
    assert any(told.get("class") == "k" for _, told in page.elements)


def test_the_same_result_gives_the_same_bytes(tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from fake_class import make_submission\n"
        "from tinyml_labs.grading.pages.feedback import render_feedback\n"
        "sys.stdout.buffer.write(render_feedback(make_submission(4)).encode())\n"
    )
    pages = [
        subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            cwd=tmp_path,
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert pages[0] == pages[1] != b""
    assert write_feedback(make_submission(4), tmp_path).read_bytes() == pages[0]


def test_file_names_are_safe_and_tell_students_apart():
    names = [
        *("anna", "Anna", "ANNA", "anna ", "../anna", "/etc/passwd", "a/b", "a\\b", "a:b", "con", "CON.x", "con.x"),
        *("..", "", "ä", "a\u0308", "x" * 500, "x" * 501, "名前", "a\u202eb", "\ud800", "a.b", "a..b", "-rf", "*?"),
        *("a\0b", "a\nb", "anna__01_lab", "<b>", "नमस्ते"),
    ]
    files = [feedback_file_name(submission(student=name)) for name in names]
    assert len({name.casefold() for name in files}) == len(names)
    for name in files:
        assert name.endswith(".html") and name[0] not in ".-" and len(name.encode()) < 200
        assert not set(name) & set('/\\:*?"<>|\0\n\u202e ')
        assert name.partition(".")[0].casefold() not in ("con", "nul", "aux")
    assert files[0] == "anna__01_lab.html"
    assert make_file_name("a__b", "c", suffix="") != make_file_name("a", "b__c", suffix="")
    assert feedback_file_name(submission(student="anna", attempt="2")) == "anna__01_lab__2.html"


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "feedback" / "01"
    path = write_feedback(make_submission(2), folder)
    assert path.parent == folder
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_page(path, 5)  # fails while it writes
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path]
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("untouched")
    path.unlink()
    path.symlink_to(elsewhere)
    write_feedback(make_submission(2), folder)
    assert elsewhere.read_text() == "untouched" and not path.is_symlink()


def test_a_lone_surrogate_stops_nobodys_page(tmp_path):
    result = submission(exercise(check(message="\udcff"), code="x = '\udcff'"), student="a\udcff", lab="l\udcff")
    assert "\ufffd" in write_feedback(result, tmp_path).read_text(encoding="utf-8")


def test_points_and_parts_are_written_as_people_write_them():
    told = {-0.0: "0", 1: "1", 2.5: "2.5", 1 / 3: "0.33", 10: "10", 100.0: "100", -0.001: "0", None: "–"}
    assert {points: write_points(points) for points in told} == told
    assert write_points(-1.5) == "-1.5"
    assert name_part("hidden") != name_part("hidden", for_course=True)


def test_a_lab_without_exercises_has_a_page():
    assert "There is no exercise in this lab." in read(submission()).text
    assert "All 3 exercises are right. Well done." in read(submission(*[exercise(check())] * 3)).text


def test_answers_by_hand_are_shown_as_text_and_code_as_code():
    result = make_submission(1)
    page = read(replace(result, exercises=result.exercises[-1:]))
    assert "code" not in [tag for tag, _ in page.elements]
    assert result.exercises[-1].code in page.text
