import contextlib
import json
import os
import shutil
import tempfile
import threading
from pathlib import Path

import nbformat
import pytest
from sample_lab import SECRETS, make_lab, save, solution

from tinyml_labs.grading import release
from tinyml_labs.grading.release import MANIFEST, NotebookError, build_student_copies


@pytest.fixture
def course(tmp_path):
    """Return the folder of the sources and the students' folder, which is not there yet."""
    save(make_lab(), tmp_path / "notebooks" / "01_lab.ipynb")
    return tmp_path / "notebooks", tmp_path / "lab"


def change(source, title):
    save(make_lab(title=title), source / "01_lab.ipynb")


def actions(deliveries):
    return {delivery.name: delivery.action for delivery in deliveries}


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def edit(path):
    """Write an answer into a student's copy, as JupyterLab would."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].source = "def double(x):\n    return 'my own work'"
    nbformat.write(notebook, path)
    return path.read_bytes()


def test_a_first_build_makes_new_copies(course):
    source, target = course
    (delivery,) = build_student_copies(source, target)
    assert (delivery.action, delivery.path) == ("new", target / "01_lab.ipynb")
    assert "01_lab.ipynb" in delivery.message
    text = delivery.path.read_text(encoding="utf-8")
    assert not [secret for secret in SECRETS if secret in text]
    assert sorted(contents(target)) == [MANIFEST, "01_lab.ipynb"]


def test_a_second_build_changes_no_byte(course):
    source, target = course
    build_student_copies(source, target)
    before = contents(target)
    assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "unchanged"}
    assert contents(target) == before


def test_builds_in_two_places_are_byte_identical(course, tmp_path):
    source, target = course
    build_student_copies(source, target)
    build_student_copies(source, tmp_path / "other")
    assert contents(target) == contents(tmp_path / "other")


def test_an_edit_survives_a_change_upstream_and_the_update_lies_beside(course):
    source, target = course
    build_student_copies(source, target)
    mine = edit(target / "01_lab.ipynb")
    change(source, "A better lab")
    (delivery,) = build_student_copies(source, target)
    assert delivery.action == "update"
    assert delivery.path.name == "01_lab.update-1.ipynb"
    assert "01_lab.update-1.ipynb" in delivery.message
    assert "A better lab" in delivery.path.read_text(encoding="utf-8")
    assert (target / "01_lab.ipynb").read_bytes() == mine


def test_an_untouched_copy_is_not_overwritten_either(course):
    source, target = course
    build_student_copies(source, target)
    before = (target / "01_lab.ipynb").read_bytes()
    change(source, "A better lab")
    build_student_copies(source, target)
    assert (target / "01_lab.ipynb").read_bytes() == before


def test_each_change_arrives_once(course):
    source, target = course
    build_student_copies(source, target)
    for number, title in enumerate(["Second", "Third"], start=1):
        change(source, title)
        assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "update"}
        assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "unchanged"}
        assert (target / f"01_lab.update-{number}.ipynb").exists()
    assert len(list(target.glob("*.ipynb"))) == 3


def test_a_deleted_update_does_not_come_back_and_its_number_is_not_used_again(course):
    source, target = course
    build_student_copies(source, target)
    change(source, "Second")
    build_student_copies(source, target)
    (target / "01_lab.update-1.ipynb").unlink()
    assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "unchanged"}
    change(source, "Third")
    (delivery,) = build_student_copies(source, target)
    assert delivery.path.name == "01_lab.update-2.ipynb"


def test_a_lab_that_changed_back_is_already_there(course):
    source, target = course
    build_student_copies(source, target)
    change(source, "Second")
    build_student_copies(source, target)
    save(make_lab(), source / "01_lab.ipynb")
    assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "unchanged"}


def test_a_deleted_copy_comes_back_and_says_so(course):
    source, target = course
    build_student_copies(source, target)
    (target / "01_lab.ipynb").unlink()
    change(source, "Second")
    (delivery,) = build_student_copies(source, target)
    assert (delivery.action, delivery.path.name) == ("restored", "01_lab.ipynb")
    assert "gone" in delivery.message
    assert "Second" in delivery.path.read_text(encoding="utf-8")
    assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "unchanged"}
    save(make_lab(), source / "01_lab.ipynb")  # the first release again, which is not there any more
    assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "update"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\x00 not JSON"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text('{"delivered": {"01_lab.ipynb": "x"}}'),
        lambda path: path.write_text('{"delivered": {"01_lab.ipynb": [{"release": null}]}}'),
    ],
)
def test_a_lost_or_damaged_manifest_costs_nothing(course, damage):
    source, target = course
    build_student_copies(source, target)
    change(source, "Second")
    build_student_copies(source, target)
    mine = edit(target / "01_lab.ipynb")
    damage(target / MANIFEST)
    before = {name: data for name, data in contents(target).items() if name != MANIFEST}
    assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "unchanged"}
    after = contents(target)
    json.loads(after.pop(MANIFEST))
    assert after == before
    assert after["01_lab.ipynb"] == mine
    change(source, "Third")
    (delivery,) = build_student_copies(source, target)
    assert delivery.path.name == "01_lab.update-2.ipynb"


def test_a_file_that_was_there_before_the_first_build_stays(course):
    source, target = course
    target.mkdir()
    (target / "01_lab.ipynb").write_text("notes of mine")
    (delivery,) = build_student_copies(source, target)
    assert delivery.action == "update"
    assert (target / "01_lab.ipynb").read_text() == "notes of mine"
    assert actions(build_student_copies(source, target)) == {"01_lab.ipynb": "unchanged"}


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_a_link_to_nowhere_is_the_students_and_is_not_written_through(course):
    source, target = course
    target.mkdir()
    (target / "01_lab.ipynb").symlink_to(target / "elsewhere.ipynb")
    build_student_copies(source, target)
    assert not (target / "elsewhere.ipynb").exists()
    assert (target / "01_lab.update-1.ipynb").exists()


def test_a_file_that_appears_at_the_last_moment_is_not_overwritten(course, monkeypatch):
    really_create = release._create
    made_by_somebody_else = []

    def create_a_moment_too_late(path, data):
        if not made_by_somebody_else:
            made_by_somebody_else.append(path)
            path.write_bytes(b"faster")
        really_create(path, data)

    monkeypatch.setattr(release, "_create", create_a_moment_too_late)
    (delivery,) = build_student_copies(*course)
    assert (course[1] / "01_lab.ipynb").read_bytes() == b"faster"
    assert (delivery.action, delivery.path.name) == ("update", "01_lab.update-1.ipynb")


def test_many_builds_at_once_make_each_file_once(course):
    source, target = course
    build_student_copies(source, target)
    mine = edit(target / "01_lab.ipynb")
    change(source, "Second")
    threads = [threading.Thread(target=build_student_copies, args=course) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(contents(target)) == [MANIFEST, "01_lab.ipynb", "01_lab.update-1.ipynb"]
    assert (target / "01_lab.ipynb").read_bytes() == mine


def test_a_drive_without_hard_links_works_and_still_never_overwrites(course, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    source, target = course
    build_student_copies(source, target)
    assert sorted(contents(target)) == [MANIFEST, "01_lab.ipynb"]
    with pytest.raises(FileExistsError):
        release._create(target / "01_lab.ipynb", b"overwritten")
    assert b"overwritten" not in (target / "01_lab.ipynb").read_bytes()


def test_pictures_and_data_go_along_under_the_same_rule(course):
    source, target = course
    (source / "images").mkdir()
    (source / "images" / "board.png").write_bytes(b"\x89PNG 1")
    (source / "sweep.csv").write_text("1,2\n")
    assert actions(build_student_copies(source, target)) == {
        "01_lab.ipynb": "new",
        "images/board.png": "new",
        "sweep.csv": "new",
    }
    (target / "sweep.csv").write_text("mine\n")
    (source / "sweep.csv").write_text("3,4\n")
    (source / "images" / "board.png").write_bytes(b"\x89PNG 2")
    deliveries = {delivery.name: delivery for delivery in build_student_copies(source, target)}
    assert deliveries["sweep.csv"].path == target / "sweep.update-1.csv"
    assert deliveries["images/board.png"].path == target / "images" / "board.update-1.png"
    assert (target / "sweep.csv").read_text() == "mine\n"
    assert set(actions(build_student_copies(source, target)).values()) == {"unchanged"}


def test_what_running_a_lab_leaves_behind_stays_there(course):
    source, target = course
    for name in ("model.tflite", ".ipynb_checkpoints/01_lab.ipynb", "__pycache__/a.txt", "build/a.png", "a.h"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(b"x")
    assert list(actions(build_student_copies(source, target))) == ["01_lab.ipynb"]


def test_what_the_grader_needs_is_not_handed_out(course):
    source, _ = course
    for name in (
        "grading/01_lab/checks.py",
        "grading/01_lab/secret.csv",
        "grading/read.md",
        "pictures/grading/a.png",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("hidden", encoding="utf-8")
    assert list(actions(build_student_copies(*course))) == ["01_lab.ipynb", "pictures/grading/a.png"]


def test_one_malformed_notebook_and_nothing_is_written(course):
    source, target = course
    broken = make_lab()
    broken.cells.append(solution("broken", "### BEGIN SOLUTION"))
    save(broken, source / "02_lab.ipynb")
    with pytest.raises(NotebookError, match=r"02_lab\.ipynb, cell 13 \(broken\)"):
        build_student_copies(source, target)
    assert not target.exists()


def test_a_source_that_is_not_utf8_is_named(course):
    source, target = course
    (source / "02_lab.ipynb").write_bytes(b'{"nbformat": 4, "cells": ["\xff"]}')
    with pytest.raises(NotebookError, match=r"02_lab\.ipynb is no notebook: it is not UTF-8"):
        build_student_copies(source, target)


def test_a_folder_without_notebooks_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="No notebook in"):
        build_student_copies(tmp_path / "nowhere", tmp_path / "lab")


def test_the_sources_are_no_place_for_copies(course):
    with pytest.raises(ValueError, match="among the sources"):
        build_student_copies(course[0], course[0] / ".." / "notebooks")


def test_a_file_in_the_folders_place_is_explained(course):
    source, target = course
    target.write_text("in the way")
    with pytest.raises(FileExistsError, match=r"The labs cannot be put into .*lab"):
        build_student_copies(source, target)


@contextlib.contextmanager
def ordinary_user():
    """Be nobody for a while: to root, no folder is read-only."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no read-only folders")
def test_a_read_only_folder_is_explained(course):
    build_student_copies(*course)  # as ourselves, so that everything that it imports is there
    base = Path(tempfile.mkdtemp())
    try:
        shutil.copytree(course[0], base / "notebooks")
        (base / "lab").mkdir()
        (base / "lab").chmod(0o555)
        base.chmod(0o755)
        with ordinary_user(), pytest.raises(PermissionError, match=r"cannot be put into .*may write to"):
            build_student_copies(base / "notebooks", base / "lab")
        assert list((base / "lab").iterdir()) == []
    finally:
        (base / "lab").chmod(0o755)
        shutil.rmtree(base)


def test_what_the_instructor_grades_with_is_not_handed_out(course):
    source, target = course
    folder = source / "grading" / "01_lab"
    folder.mkdir(parents=True)
    for name in ("checks.py", "README.md", "hidden.csv", "01_lab.ipynb"):
        (folder / name).write_text("the answers")
    build_student_copies(source, target)
    assert sorted(contents(target)) == [MANIFEST, "01_lab.ipynb"]
