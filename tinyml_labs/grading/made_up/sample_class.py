"""A made-up class that handed in lab 01: from perfect over partly right to hostile, each with what it deserves.

The same class each time, whatever the machine and the day. ``tinyml-labs course demo-class`` grades it, so that an
instructor sees the grader at work before the first real submission arrives, and so that a machine shows that its
sandbox holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tinyml_labs.grading.made_up import sample_answers as wrote
from tinyml_labs.grading.made_up.sample_submission import (
    ALL,
    ERROR,
    MISSING,
    OPEN,
    REFUSED,
    TIMEOUT,
    VISIBLE,
    WRONG,
    Deserved,
    Notebook,
    SampleSubmission,
    find_cell,
    read_reference_answers,
    write_submission,
)
from tinyml_labs.grading.student_copy import make_student_copy

LAB = "01_hello_world"
DUE = "2026-11-20T12:00:00+00:00"
"""When the sample class had to hand in: one of it is two days late."""


def make_ordinary_samples(reference: dict[str, str]) -> list[SampleSubmission]:
    """Return the submissions that mean no harm.

    Parameters
    ----------
    reference : dict of str to str
        The lab's own solutions (see `read_reference_answers`).

    Returns
    -------
    list of SampleSubmission
        By student's name, then attempt.
    """
    quantize, choose = reference["quantize"], reference["choose_quantization"]
    plain = wrote.CHOOSE_PLAIN

    def hand_in(student: str, story: str, first: str | None, second: str | None, **more: Any) -> SampleSubmission:
        written = {"quantize": first, "choose_quantization": second}
        answers = {grade_id: text for grade_id, text in written.items() if text is not None}
        deserves = {"quantize": more.pop("one", ALL), "choose_quantization": more.pop("two", ALL)}
        return SampleSubmission(student=student, story=story, answers=answers, deserves=deserves, **more)

    samples = [
        hand_in("ada", "the course's own solutions", quantize, choose),
        hand_in("benedikt", "right, with loops", wrote.QUANTIZE_WITH_LOOPS, plain),
        hand_in("chiara", "right, with trunc", wrote.QUANTIZE_WITH_TRUNC, plain),
        hand_in("dimitri", "chiara's answers with other names", wrote.QUANTIZE_RENAMED, plain),
        hand_in("élodie", "right, with a magic command and an import of her own", wrote.QUANTIZE_WITH_MAGIC, plain),
        hand_in("farid", "only the first exercise", quantize, None, two=OPEN),
        hand_in("greta", "only the second exercise", None, plain, one=OPEN),
        hand_in("hiroshi", "a blank copy", None, None, one=OPEN, two=OPEN),
        hand_in("ines", "rounds halves to the even number", wrote.QUANTIZE_NP_ROUND, plain, one=WRONG),
        hand_in("jakub", "forgets to clip", wrote.QUANTIZE_NO_CLIP, plain, one=WRONG),
        hand_in("kemal", "cuts off, and does not widen to 0", wrote.QUANTIZE_CUT_OFF, wrote.CHOOSE_NOT_WIDENED,
                one=WRONG, two=WRONG),
        hand_in("leila", "returns a list, of flat values only", wrote.QUANTIZE_LIST, choose, one=(*WRONG, *ERROR)),
        hand_in("mateo", "returns floats; 256 steps in place of 255", wrote.QUANTIZE_FLOAT, wrote.CHOOSE_256_STEPS,
                one=WRONG, two=WRONG),
        hand_in("noor", "prints the answer and returns nothing", wrote.QUANTIZE_PRINTS, plain, one=WRONG),
        hand_in("olga", "a colon is missing; returns the two in the wrong order", wrote.QUANTIZE_SYNTAX,
                wrote.CHOOSE_SWAPPED, one=ERROR, two=WRONG),
        hand_in("pablo", "a line is indented too far", wrote.QUANTIZE_INDENT, plain, one=ERROR),
        hand_in("qiang", "a misspelt name; divides by zero", wrote.QUANTIZE_TYPO, wrote.CHOOSE_DIVIDES_BY_ZERO,
                one=ERROR, two=ERROR),
        hand_in("rosa", "calls itself without an end", quantize, wrote.CHOOSE_RECURSION, two=ERROR),
        hand_in("søren", "a loop without an end", wrote.QUANTIZE_ENDLESS, plain, one=TIMEOUT),
        hand_in("tomasz", "the visible values by heart", wrote.QUANTIZE_HARD_CODED, plain, one=VISIBLE),
        hand_in("uma", "needs a function of a cell of her own", wrote.QUANTIZE_NEEDS_HELPER, plain,
                one=ERROR, change=_add_helper_cell),
        hand_in("viktor", "changed the check, and wrote nothing", None, plain, one=OPEN, change=_empty_the_check,
                noted="check"),
        hand_in("wanjiru", "deleted the checks; the answers are right", quantize, choose, change=_delete_checks),
        hand_in("ximena", "deleted the second exercise", quantize, None, two=MISSING, change=_delete_second),
        hand_in("yusuf", "copied the first exercise's cell; the copies differ", wrote.QUANTIZE_WITH_LOOPS, plain,
                one=(Deserved("cell duplicated", "none"),), change=_duplicate_first),
        hand_in("zoë", "handed in the update's file", quantize, plain, file_name=f"{LAB}.update-1.ipynb"),
        hand_in("anders", "two days late, collected by nbgrader", quantize, plain, file_name=f"{LAB}/{LAB}.ipynb",
                write=_with_timestamp),
        hand_in("bao", "first attempt: blank", None, None, one=OPEN, two=OPEN, attempt="2026-11-18T09-30-00"),
        hand_in("bao", "second attempt: right", quantize, plain, attempt="2026-11-20T11-55-00"),
        hand_in("camille", "an old notebook of format 3", quantize, plain, change=_downgrade, noted="format"),
        hand_in("dunja", "a merge conflict in the file", None, None, one=REFUSED, two=REFUSED,
                verdict="not a notebook", change=_conflict),
        hand_in("emeka", "an empty file", None, None, one=REFUSED, two=REFUSED, verdict="not a notebook",
                change=lambda notebook: b""),
        hand_in("freya", "a Word document of that name", None, None, one=REFUSED, two=REFUSED,
                verdict="not a notebook", change=lambda notebook: b"PK\x03\x04\x14\x00\x06\x00" + bytes(4000)),
    ]  # fmt: skip
    return sorted(samples, key=lambda sample: (sample.student, sample.attempt))


def make_sample_class(folder: Path, *, source: Path, more: Iterable[SampleSubmission] = ()) -> list[SampleSubmission]:
    """Write the made-up class, as ``folder/STUDENT/01_hello_world.ipynb``.

    Parameters
    ----------
    folder : Path
        Where to; made if missing. A folder that has something in it is refused.
    source : Path
        The source notebook of lab 01.
    more : iterable of SampleSubmission, optional
        Further submissions, such as those of `tinyml_labs.grading.made_up.hostile_submissions`.

    Returns
    -------
    list of SampleSubmission
        All of them, with the verdicts that they deserve.

    Raises
    ------
    FileExistsError
        If the folder is not empty.
    """
    folder, source = Path(folder), Path(source)
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} has something in it already. Name a new folder for the sample class.")
    folder.mkdir(parents=True, exist_ok=True)
    copy = make_student_copy(source.read_text(encoding="utf-8"), source.name).data
    samples = [*make_ordinary_samples(read_reference_answers(source)), *more]
    for sample in samples:
        write_submission(sample, folder, source.stem, copy)
    return samples


def _with_timestamp(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.with_name("timestamp.txt").write_text("2026-11-22 10:00:00.000000 UTC", encoding="utf-8")


def _add_helper_cell(notebook: Notebook) -> Notebook:
    helper: dict[str, Any] = {
        "cell_type": "code", "id": "my-helper", "metadata": {}, "execution_count": None, "outputs": [],
        "source": "def my_round(x, z):\n    return np.clip(np.floor(x + 0.5) + z, -128, 127).astype(np.int8)",
    }  # fmt: skip
    notebook["cells"].insert(1, helper)
    return notebook


def _empty_the_check(notebook: Notebook) -> Notebook:
    find_cell(notebook, "check_quantize")["source"] = "assert True  # 1 of 1 point"
    return notebook


def _delete_checks(notebook: Notebook) -> Notebook:
    for grade_id in ("check_quantize", "check_choose_quantization"):
        notebook["cells"].remove(find_cell(notebook, grade_id))
    return notebook


def _delete_second(notebook: Notebook) -> Notebook:
    notebook["cells"].remove(find_cell(notebook, "choose_quantization"))
    return notebook


def _duplicate_first(notebook: Notebook) -> Notebook:
    cell = find_cell(notebook, "quantize")
    second = json.loads(json.dumps(cell)) | {"id": "quantize-copy", "source": wrote.QUANTIZE_NP_ROUND}
    notebook["cells"].insert(notebook["cells"].index(cell) + 1, second)
    return notebook


def _downgrade(notebook: Notebook) -> bytes:
    import nbformat

    old = nbformat.convert(nbformat.reads(json.dumps(notebook), as_version=4), 3)
    return bytes(nbformat.writes(old, version=3).encode("utf-8"))


def _conflict(notebook: Notebook) -> bytes:
    text = json.dumps(notebook, indent=1)
    return text.replace('"nbformat"', '<<<<<<< HEAD\n "nbformat"', 1).encode("utf-8")
