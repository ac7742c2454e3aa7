import os

import pytest

from tinyml_labs.grading.hand_ins.collect import collect
from tinyml_labs.grading.hand_ins.student_names import LONGEST_NAME, clean_name, distinct_names

LAB = "02_gesture_recognition"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "submissions"


def put(folder, *names, text="{}"):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def shown(folder, lab=LAB):
    """Return student, attempt and the notebook's place, a line each."""
    return [
        (one.student, one.attempt, one.notebook.relative_to(folder).as_posix() if one.notebook else None)
        for one in collect(folder, lab)
    ]


def test_a_folder_a_student(folder):
    put(folder, f"ben/{LAB}.ipynb", f"ann/{LAB}.ipynb", "ann/01_hello_world.ipynb", "ann/notes.txt")
    assert shown(folder) == [("ann", "", f"ann/{LAB}.ipynb"), ("ben", "", f"ben/{LAB}.ipynb")]
    (ann, _) = collect(folder, LAB)
    assert (ann.folder, ann.problem, ann.submitted_at, ann.alternatives) == (folder / "ann", "", "", ())


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("2026-11-23 08:00:00.123456 UTC", "2026-11-23T08:00:00+00:00"),
        ("2026-11-23 08:00:00.123456 Europe/Berlin", "2026-11-23T07:00:00+00:00"),
        ("2026-11-23 08:00:00 -0500", "2026-11-23T13:00:00+00:00"),
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00+00:00"),
        ("2026-11-23 08:00:00 Mars/Crater", ""),
        ("2026-13-40 99:00:00 UTC", ""),
        ("soon", ""),
    ],
)
def test_nbgraders_layout_has_a_time(folder, stamp, time):
    put(folder, f"ann/{LAB}/{LAB}.ipynb", "ben/01_hello_world/01_hello_world.ipynb")
    put(folder, f"ann/{LAB}/timestamp.txt", text=stamp)
    ann, ben = collect(folder, LAB)
    assert (ann.student, ann.attempt, ann.submitted_at) == ("ann", "", time)
    assert (ben.notebook, "No notebook" in ben.problem) == (None, True)


def test_a_students_own_timestamp_is_not_believed(folder):
    put(folder, f"ann/{LAB}.ipynb")
    put(folder, "ann/timestamp.txt", text="2026-01-01 08:00:00 UTC")
    assert collect(folder, LAB)[0].submitted_at == ""


def test_several_attempts(folder):
    put(folder, f"ann/first/{LAB}.ipynb", f"ann/2026-11-23T08-00-00/{LAB}.ipynb", f"ann/{LAB}.ipynb")
    put(folder, "ann/other/01_hello_world.ipynb")
    assert shown(folder) == [
        ("ann", "", f"ann/{LAB}.ipynb"),
        ("ann", "2026-11-23T08-00-00", f"ann/2026-11-23T08-00-00/{LAB}.ipynb"),
        ("ann", "first", f"ann/first/{LAB}.ipynb"),
    ]
    assert collect(folder, LAB)[1].submitted_at == "2026-11-23T08:00:00+00:00"


def test_files_only(folder):
    put(folder, "ann.ipynb", f"ben_{LAB}.ipynb", f"cleo-{LAB} (1).ipynb", f"{LAB}_dan.ipynb", "list.csv")
    assert [(student, attempt) for student, attempt, _ in shown(folder)] == [
        (s, "") for s in ("ann", "ben", "cleo", "dan")
    ]
    assert collect(folder, LAB)[0].folder == folder / "ann"  # never the folder that all files share


def test_moodles_folders(folder):
    put(folder, f"Ann Lee_1234_assignsubmission_file/{LAB}.ipynb", f"Bén Ö_77_assignsubmission_file_/{LAB} (2).ipynb")
    put(folder, "Cleo_5_assignsubmission_file/report.pdf")
    assert [student for student, _, _ in shown(folder)] == ["Ann Lee_1234", "Bén Ö_77", "Cleo_5"]
    assert "found: report.pdf" in collect(folder, LAB)[2].problem


def test_canvas_files(folder):
    put(folder, f"leeann_1234_5678_{LAB}.ipynb", f"poeben_LATE_12_34_{LAB}-2.ipynb")
    assert [one[:2] for one in shown(folder)] == [("leeann_1234", "5678"), ("poeben_12", "34")]


def test_copies_of_the_notebook_come_along(folder):
    put(folder, f"ann/{LAB}.ipynb", f"ann/{LAB}.update-1.ipynb", f"ann/{LAB}-Copy1.ipynb")
    (ann,) = collect(folder, LAB)
    assert ann.notebook.name == f"{LAB}.ipynb"
    assert sorted(path.name for path in ann.alternatives) == [f"{LAB}-Copy1.ipynb", f"{LAB}.update-1.ipynb"]


def test_a_notebook_under_another_name_may_be_it_if_it_is_alone(folder):
    put(folder, "ann/my_work.ipynb", "ben/a.ipynb", "ben/b.ipynb")
    ann, ben = collect(folder, LAB)
    assert (ann.notebook, [path.name for path in ann.alternatives], ann.problem) == (None, ["my_work.ipynb"], "")
    assert (ben.alternatives, "found: a.ipynb, b.ipynb" in ben.problem) == ((), True)


def test_a_lab_of_which_the_name_begins_alike_is_another_one(folder):
    put(folder, "ann/01b_capture.ipynb", "ann/01_hello.ipynb")
    assert shown(folder, "01") == [("ann", "", "ann/01_hello.ipynb")]
    assert shown(folder, "01b_capture") == [("ann", "", "ann/01b_capture.ipynb")]


def test_every_student_is_in_the_list_and_hidden_folders_only_with_work(folder):
    put(folder, "ann/.keep", f"..hidden/{LAB}.ipynb", ".git/config", "__MACOSX/x", ".DS_Store")
    assert [(student, notebook) for student, _, notebook in shown(folder)] == [
        ("ann", None),
        (clean_name("..hidden"), f"..hidden/{LAB}.ipynb"),
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for a right to make links")
def test_links_are_a_problem_of_one_student(folder, tmp_path):
    put(tmp_path / "secrets", f"{LAB}.ipynb")
    put(folder, f"ann/{LAB}.ipynb", "cleo/x")
    (folder / "ben").symlink_to(tmp_path / "secrets")
    (folder / "cleo" / f"{LAB}.ipynb").symlink_to(tmp_path / "secrets" / f"{LAB}.ipynb")
    (folder / "dan.ipynb").symlink_to(tmp_path / "secrets" / f"{LAB}.ipynb")
    (folder / "eva").mkdir()
    (folder / "eva" / LAB).symlink_to(tmp_path / "secrets")
    found = collect(folder, LAB)
    assert [one.student for one in found] == ["ann", "ben", "cleo", "dan", "eva"]
    assert [one.notebook is not None for one in found] == [True, False, False, False, False]
    assert all("link" in one.problem for one in found[1:4])


def test_a_student_twice_is_two_attempts(folder):
    put(folder, "ann.ipynb", f"ann/{LAB}.ipynb")
    assert [one[:2] for one in shown(folder)] == [("ann", ""), ("ann", "(2)")]


def test_nothing_to_collect_is_an_error_that_says_what_was_expected(folder):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        collect(folder, LAB)
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match=f"STUDENT/{LAB}.ipynb"):
        collect(folder, LAB)


@pytest.mark.parametrize("raw", ["ann", "Ann Lee_1234", "Zoë Ångström", "李四", "o'neill", "a.b-c"])
def test_an_ordinary_name_stays(raw):
    assert clean_name(raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "..",
        ".",
        "...",
        "",
        "a\nb",
        "\x1b[31mred",
        "a/b",
        "c:\\d",
        "x" * 300,
        "\u202egpj.exe",
        "nul",
        "\udcff",
        "a\u200b",
    ],
)
def test_any_other_name_is_cleaned_bounded_and_marked(raw):
    name = clean_name(raw)
    assert "~" in name
    assert len(name) <= LONGEST_NAME
    assert name.isprintable()
    assert not set(name) & set('/\\:*?"<>|')
    assert not name.startswith(".")
    assert name.encode()
    assert clean_name(name) == name or raw  # a file of that name can be made


def test_names_stay_distinct_and_do_not_depend_on_who_else_is_there():
    raw = ["a/b", "a\\b", "a:b", "Ann", "ann", "x" * 100, "x" * 101, "..", "..."]
    names = distinct_names(raw)
    assert len({name.casefold() for name in names.values()}) == len(raw)
    assert distinct_names(["a/b"])["a/b"] == names["a/b"]
    assert all(len(name) <= LONGEST_NAME for name in names.values())
