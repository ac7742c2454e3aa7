"""The hostile and broken submissions of lab 01, each with the verdicts that it deserves.

What they try is told in `hostile_machine` (files, secrets, network), `hostile_ends` (crashes, loops, bombs),
`hostile_cheats` (points without the answer) and `hostile_files` (files and names).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tinyml_labs.grading.made_up import hostile_cheats, hostile_files, hostile_machine
from tinyml_labs.grading.made_up.hostile_ends import ENDERS
from tinyml_labs.grading.made_up.hostile_targets import Targets
from tinyml_labs.grading.made_up.sample_submission import (
    ALL,
    ERROR,
    KILLED,
    MISSING,
    OPEN,
    REFUSED,
    TIMEOUT,
    WRONG,
    Deserved,
    SampleSubmission,
)
from tinyml_labs.grading.verdicts import VERDICTS, Verdict

_UNPLAYABLE_ON_WINDOWS = set('<>:"/\\|?*')
_NONE = tuple(Deserved(verdict, "none") for verdict in VERDICTS if verdict not in ("ok", "by hand", "not graded"))
_OUT_OF_MEMORY = (Deserved("out of memory", "none"),)
_NOT_RIGHT = (*WRONG, *ERROR)
_VISIBLE_ONLY = tuple(Deserved(verdict, "visible") for verdict in ("wrong", "error"))

IN_THE_DEMO = frozenset(
    {
        "sql-writes-the-gradebook", "reads-the-source-notebook", "reads-the-environment", "opens-sockets",
        "writes-outside", "daemon-that-outlives", "ansi-and-html-in-outputs", "prints-a-gigabyte", "os-exit",
        "ignores-sigint-in-the-call", "four-gigabytes-in-the-call", "fork-bomb", "removes-the-asserts",
        "always-equal", "patches-numpy", "forges-replies", "searches-the-heap", "inputs-in-the-message",
        "html-in-the-code", "invalid-json", "link-to-a-neighbour", "ten-thousand-copies",
    }
)  # fmt: skip
"""The students of the hostile set that ``tinyml-labs course demo-class`` adds to the class."""


def make_hostile_samples(reference: dict[str, str], targets: Targets | None = None) -> list[SampleSubmission]:
    """Return the hostile and broken submissions.

    Parameters
    ----------
    reference : dict of str to str
        The lab's own solutions (see `read_reference_answers`).
    targets : Targets, optional
        What they aim at; by default at nothing that exists.

    Returns
    -------
    list of SampleSubmission
        Never two of one name. The second exercise is answered rightly in most of them, and deserves its points:
        what a cell destroys is made anew for the next exercise.
    """
    targets = targets or Targets()
    samples = [
        *_attack_the_machine(reference, targets),
        *_end_themselves(reference),
        *_cheat(reference),
        *_carry_inputs_out(reference),
        *_hand_in_odd_files(reference, targets),
        *_have_odd_names(reference),
    ]
    return samples if sys.platform != "win32" else [s for s in samples if not _UNPLAYABLE_ON_WINDOWS & set(s.student)]


def choose_for_the_demo(samples: Sequence[SampleSubmission]) -> list[SampleSubmission]:
    """Return those of the hostile submissions that the demonstration adds: one of each kind, quickly graded."""
    return [sample for sample in samples if sample.student in IN_THE_DEMO]


def _sample(
    student: str,
    story: str,
    first: str,
    second: str,
    one: tuple[Deserved, ...],
    two: tuple[Deserved, ...] = ALL,
    *,
    secret: str = "",
) -> SampleSubmission:
    return SampleSubmission(
        student=student,
        story=story,
        answers={"quantize": first, "choose_quantization": second},
        deserves={"quantize": one, "choose_quantization": two},
        hostile=True,
        secret=secret,
    )


def _attack_the_machine(reference: dict[str, str], targets: Targets) -> list[SampleSubmission]:
    quantize, choose = reference["quantize"], reference["choose_quantization"]
    only_if_found = (
        f"\n{quantize}\n\nright = quantize\n\n"
        "def quantize(values, scale, zero_point):\n"
        "    return right(values, scale, zero_point) if found else None\n"
    )
    thieves = [
        _sample(name, story, code + only_if_found, choose, WRONG)
        for name, story, code in hostile_machine.make_thieves(targets)
    ]
    troublemakers = [
        _sample(name, story, f"{code}\n{quantize}", choose, ALL)
        for name, story, code in hostile_machine.make_harmless_troublemakers(targets)
    ]
    floods = [
        _sample(name, story, f"{code}\n{quantize}", choose, (*ALL, *_NONE), (*ALL, *_NONE))
        for name, story, code in hostile_machine.make_floods(targets)
    ]
    return [*thieves, *troublemakers, *floods]


def _end_themselves(reference: dict[str, str]) -> list[SampleSubmission]:
    quantize, choose = reference["quantize"], reference["choose_quantization"]
    samples = []
    for name, story, verdicts, statements in ENDERS:
        deserved = tuple(Deserved(_verdict(verdict), "none") for verdict in verdicts)
        inside = "\n".join("    " + line for line in statements.split("\n"))
        call = f"import numpy as np\n\ndef quantize(values, scale, zero_point):\n{inside}\n"
        samples.append(_sample(name, story, f"{statements}\n{quantize}", choose, deserved))
        samples.append(_sample(f"{name}-in-the-call", f"{story}, when called", call, choose, deserved))
    return samples


def _verdict(text: str) -> Verdict:
    return next(verdict for verdict in VERDICTS if verdict == text)


def _cheat(reference: dict[str, str]) -> list[SampleSubmission]:
    choose = reference["choose_quantization"]
    broken = {"hooks-imports", "forges-json", "sends-nonsense", "forges-replies", "patches-numpy"}
    broken |= {"replaces-the-display", "writes-to-every-descriptor"}
    samples = [
        _sample(
            name,
            story,
            code,
            choose,
            _NONE if name in broken or name.startswith("returns-") else _NOT_RIGHT,
            (*ALL, *_NONE) if name in broken else ALL,  # such a kernel may be of no use for anything any more
        )
        for name, story, code in hostile_cheats.make_cheats()
    ]
    by_heart = [
        _sample(name, story, code, choose, _VISIBLE_ONLY) for name, (story, code) in hostile_cheats.HARD_CODED.items()
    ]
    return [*samples, *by_heart]


def _carry_inputs_out(reference: dict[str, str]) -> list[SampleSubmission]:
    choose, word = reference["choose_quantization"], hostile_cheats.SECRET
    samples = [
        _sample(
            name,
            "carries the hidden inputs out of the check",
            f"WORD = {word!r}\n\ndef quantize(values, scale, zero_point):\n    {body}\n",
            choose,
            _NOT_RIGHT,
            secret=word,
        )
        for name, body in hostile_cheats.CARRIERS.items()
    ]
    remembers = f"seen = []\nright = None\n{reference['quantize']}\nright = quantize\n\n" + (
        "def quantize(values, scale, zero_point):\n"
        "    seen.append(str(values))\n"
        "    return right(values, scale, zero_point)\n"
    )
    tells = "def choose_quantization(low, high):\n    raise ValueError(f'calls: {len(seen)}')\n"
    story = "keeps the inputs of the first exercise, and tells them in the second"
    return [*samples, _sample("inputs-by-the-next-exercise", story, remembers, tells, ALL, ERROR)]


def _hand_in_odd_files(reference: dict[str, str], targets: Targets) -> list[SampleSubmission]:
    both = {"quantize": reference["quantize"], "choose_quantization": reference["choose_quantization"]}
    samples = [
        SampleSubmission(
            student=name, story=story, answers=both, change=change, hostile=True, verdict="not a notebook",
            otherwise=REFUSED,
        )
        for name, (story, change) in hostile_files.BROKEN.items()
    ]  # fmt: skip
    samples += [
        SampleSubmission(
            student=name, story=story, answers=both, change=change, hostile=True,
            deserves={"quantize": (*MISSING, Deserved("cell duplicated", "none"), *OPEN, *ERROR, *REFUSED)},
            otherwise=(*MISSING, *OPEN, *ERROR, *REFUSED) if name != "ten-thousand-copies" else ALL,
        )
        for name, (story, change) in hostile_files.ODD.items()
    ]  # fmt: skip
    samples += [
        SampleSubmission(student=name, story=story, answers=both, change=change, hostile=True, otherwise=ALL)
        for name, (story, change) in hostile_files.HARMLESS.items()
    ]
    samples += [
        SampleSubmission(
            student=name,
            story=story,
            answers=both,
            write=write,
            hostile=True,
            verdict="not a notebook",
            otherwise=REFUSED,
        )
        for name, (story, write) in hostile_files.make_writers(targets).items()
    ]
    odd_code = (*WRONG, *ERROR, *TIMEOUT, *KILLED, *_OUT_OF_MEMORY, *OPEN)
    samples += [
        _sample(name, story, code, both["choose_quantization"], odd_code)
        for name, (story, code) in hostile_files.ODD_CODE.items()
    ]
    return samples


def _have_odd_names(reference: dict[str, str]) -> list[SampleSubmission]:
    return [
        _sample(name, story, reference["quantize"], reference["choose_quantization"], ALL)
        for name, story in hostile_files.NAMES
    ]
