"""Checks run in this process, on functions in a real kernel: what reaches the check, and what it can make of it."""

import random
import sys
import time

import numpy as np
import pytest
from graded_lab import save_lab
from sample_lab import check, make_lab, prose, solution
from sandbox_here import sandbox_here  # noqa: F401 - a fixture

from tinyml_labs.grading.assignment import Assignment, AssignmentError, read_assignment
from tinyml_labs.grading.check_clock import CheckClock, TimeIsUp
from tinyml_labs.grading.check_namespace import make_check_namespace
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.student_kernel import StudentKernel
from tinyml_labs.grading.outside_checks import prepare_parts, run_part

pytestmark = pytest.mark.usefixtures("sandbox_here")
STUDENT = """import numpy as np
kept = []
def same(x): return x
def nothing(x): kept.append(x)
def stub(x): raise NotImplementedError("your code here")
def broken(x):
    y = 1
    return y / 0
def fails(kind, text):
    raise getattr(__import__("builtins"), kind)(text)
class Odd(ValueError): pass
class Strange(Exception): pass
def odd(x): raise Odd(f"{x}")
def strange(x): raise Strange(f"{x}")
def thing(x): return object()
def twice(f, x): return f(f(x))
def grow(values): values.append(1)
def misspelt(x): return xx
def liar(x): raise NameError(f"name '{x}' is not defined")
def asserts(x): assert x, f"{x}"
def ends(x): __import__("os")._exit(0)
def forever(x):
    while True: pass
def stops(x): raise StopIteration
"""
FUNCTIONS = (
    "same", "nothing", "stub", "broken", "fails", "odd", "strange", "thing", "twice", "grow", "misspelt", "liar",
    "asserts", "ends", "forever", "stops", "absent",
)  # fmt: skip
LIMITS = Limits(call_seconds=1.5, cell_seconds=4)


@pytest.fixture(scope="module")
def kernels():
    """Return a function that gives a kernel, a new one only if the last has ended."""
    opened = []

    def give():
        if not opened or not opened[-1].alive:
            kernel = StudentKernel(LIMITS).__enter__()
            opened.append(kernel)
            assert kernel.run(STUDENT, label="student").verdict == "ok"
        return opened[-1]

    yield give
    for kernel in opened:
        kernel.__exit__(None, None, None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("course")


def lab_of(folder, source, checks_code="") -> Assignment:
    lab = make_lab()
    lab.cells = [prose("t", "# One"), solution("f", "def same(x): return x"), check("check_f", source)]
    return read_assignment(save_lab(folder, lab, checks_py=checks_code))


@pytest.fixture
def run(kernels, folder):
    """Return a function that runs a check: (verdict, message) of each part, or the outcomes."""

    def run_it(source, *, checks_code="import numpy as np", limits=LIMITS, outcomes=False, values=None):
        lab = lab_of(folder, source, checks_code)
        namespace = make_check_namespace(lab, limits=limits, unsafe=False)
        found = [
            run_part(part, namespace, kernels(), functions=FUNCTIONS, values=values, limits=limits)
            for part in prepare_parts(lab.exercises[0])
        ]
        if outcomes:
            return found
        return (
            [(one.verdict, one.message) for one in found] if len(found) > 1 else (found[0].verdict, found[0].message)
        )

    return run_it


def hidden(source):
    return f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS"


def test_a_check_that_holds_is_ok(run):
    assert run("assert same(3) == 3\nassert (same(np.arange(3)) == [0, 1, 2]).all()") == ("ok", "")


def test_a_check_that_does_not_hold_tells_its_hint_or_its_line(run):
    assert run("assert same(3) == 4, f'not {same(3)}'") == ("wrong", "not 3")
    assert run("x = same(3)\nassert x == 4") == ("wrong", "This does not hold: assert x == 4")
    verdict, message = run("np.testing.assert_allclose(same(np.ones(2)), 2)")
    assert (verdict, "Not equal to tolerance" in message) == ("wrong", True)


def test_a_hint_is_shown_as_plain_text(run):
    assert run("assert False, f'\\x1b[31m{same(chr(7))}red'") == ("wrong", "red")
    assert len(run("assert False, 'x' * 100_000")[1]) < 2000


def test_the_hidden_part_tells_no_value(run):
    told = "The hidden checks call `same` with other values. One gives a wrong result."
    assert run(hidden("assert same(1234) == 0, f'secret {same(1234)}'")) == ("wrong", told)
    (outcome,) = run(hidden("same(2)\nbroken(1234)"), outcomes=True)
    assert (outcome.verdict, outcome.trace) == ("error", "")
    assert outcome.message.endswith("One ends in a ZeroDivisionError, in line 8 of its cell.")


@pytest.mark.parametrize(
    "call", ["odd(1234)", "strange(1234)", "fails('ValueError', '1234')", "liar('n1234')", "asserts(0)"]
)
def test_nothing_that_a_student_raises_carries_a_hidden_value_out(run, call):
    (outcome,) = run(hidden(call), outcomes=True)
    assert outcome.verdict == "error"
    assert "1234" not in outcome.message + outcome.trace
    assert "Odd" not in outcome.message and "Strange" not in outcome.message


def test_the_visible_part_tells_the_error_and_its_place(run):
    (outcome,) = run("broken(1)", outcomes=True)
    assert outcome.verdict == "error"
    assert outcome.message == "ZeroDivisionError: division by zero (line 8)"
    assert "return y / 0" in outcome.trace
    assert sys.prefix not in outcome.trace and "site-packages" not in outcome.trace


def test_a_stub_is_open_even_where_a_check_passes_over_it(run):
    assert run("stub(1)")[0] == "open"
    assert run("try:\n    stub(1)\nexcept Exception:\n    pass")[0] == "open"
    assert run(hidden("stub(1)"))[0] == "open"
    assert run("try:\n    stub(1)\nexcept NotImplementedError:\n    pass")[0] == "ok"


@pytest.mark.parametrize("kind", ["ValueError", "TypeError", "KeyError", "ZeroDivisionError", "FileNotFoundError"])
def test_a_builtin_error_arrives_as_what_it_is(run, kind):
    source = f"try:\n    fails('{kind}', 'a')\nexcept {kind} as error:\n    caught = error\n"
    assert run(source + f"assert type(caught) is {kind}") == ("ok", "")
    assert run(f"import pytest\nwith pytest.raises({kind}, match='a'):\n    fails('{kind}', 'a')") == ("ok", "")


def test_a_students_subclass_is_caught_as_its_builtin(run):
    assert run("try:\n    odd(1)\nexcept ValueError:\n    pass")[0] == "ok"
    assert run("try:\n    strange(1)\nexcept ValueError:\n    pass") == ("error", "Strange: 1 (line 14)")


def test_an_error_that_does_not_come_is_wrong(run):
    assert run("import pytest\nwith pytest.raises(ValueError):\n    same(1)")[0] == "wrong"


def test_an_assertion_of_the_student_is_an_error_and_no_wrong_answer(run):
    assert run("asserts(0)") == ("error", "AssertionError: 0 (line 20)")


def test_what_is_no_plain_data_is_wrong_whatever_the_check_catches(run):
    verdict, message = run("try:\n    thing(1)\nexcept Exception:\n    pass")
    assert verdict == "wrong"
    assert "object" in message
    assert run("import pytest\nwith pytest.raises(TypeError):\n    thing(1)")[0] == "wrong"


def test_a_kernel_that_ends_is_no_pass_whatever_the_check_catches(run):
    for call, verdict in (("ends(1)", "killed"), ("forever(1)", "timeout")):
        assert run(f"try:\n    {call}\nexcept BaseException:\n    pass")[0] == verdict
    both = run(f"ends(1)\n{hidden('ends(2)')}")
    assert both[1] == (
        "killed",
        "The hidden checks call `same` with other values. One ends the process that your code runs in.",
    )


def test_what_the_check_cannot_use_is_wrong_and_says_what_came(run):
    verdict, message = run("assert nothing(3).dtype == int")
    assert (verdict, "`nothing` returns None" in message) == ("wrong", True)
    verdict, message = run("assert same('a') + 1 == 2")
    assert (verdict, "TypeError" in message, "same('a') + 1" in message) == ("wrong", True, True)
    assert run("[k for k in (stops(n) for n in range(2))]")[0] == "error"


def test_a_check_that_is_at_fault_is_not_graded(run):
    for source in ("same(nowhere)", "import no_such_package", "open('/no/such/file')"):
        (outcome,) = run(source, outcomes=True)
        assert (outcome.verdict, bool(outcome.fault)) == ("not graded", True)
    assert run("for k in same([]):\n    last = k\nassert last")[0] == "wrong"  # its own name, for lack of a value


@pytest.mark.parametrize(
    "use", ["__import__('inspect').signature(same)", "same.__code__", "getattr(same, 'cache', None)", "same.x = 1"]
)
def test_more_than_a_call_is_refused_with_a_word_to_the_author(run, use):
    (outcome,) = run(f"try:\n    {use}\nexcept Exception:\n    pass", outcomes=True)
    assert outcome.verdict == "not graded"
    assert "stand-in" in outcome.fault and "`same`" in outcome.fault


def test_a_function_can_be_handed_to_another_and_is_called_by_its_name(run):
    assert (
        run("assert twice(same, 3) == 3\nassert same.__name__ == 'same'\nassert list(map(same, [1])) == [1]")[0]
        == "ok"
    )
    assert (
        run("import functools\nassert functools.partial(same, 2)() == 2\nassert np.vectorize(same)([1]) == [1]")[0]
        == "ok"
    )


def test_an_argument_that_cannot_be_sent_is_the_checks_fault(run):
    (outcome,) = run("try:\n    same(lambda: 1)\nexcept Exception:\n    pass", outcomes=True)
    assert (outcome.verdict, "cannot be sent" in outcome.fault) == ("not graded", True)


def test_a_name_that_is_missing_is_named(run):
    (visible, secret) = run(f"misspelt(1)\n{hidden('misspelt(2)')}", outcomes=True)
    assert (visible.missing_name, secret.missing_name) == ("xx", "xx")
    (outcome,) = run("not_there(1)", outcomes=True)
    assert outcome.verdict == "not graded"  # no name of the student's


def test_a_function_that_is_not_there_is_no_error_that_a_check_may_expect(run):
    assert run("try:\n    absent(1)\nexcept Exception:\n    pass")[0] == "error"
    assert run(hidden("try:\n    absent(1)\nexcept NameError:\n    pass"))[0] == "error"


def test_a_check_without_end_is_stopped_even_if_it_catches_all(run):
    limits = Limits(cell_seconds=0.3)
    started = time.monotonic()
    source = "while True:\n    try:\n        while True:\n            same\n    except Exception:\n        pass"
    assert run(source, limits=limits)[0] == "timeout"
    bare = "for k in range(3):\n    try:\n        while True:\n            k\n    except:\n        pass"
    assert run(bare, limits=limits)[0] == "timeout"
    assert time.monotonic() - started < 60
    assert run("assert same(1) == 1")[0] == "ok"  # nothing is left over


def test_the_time_of_calls_is_not_the_checks(run):
    assert run("import time\nfor k in range(20):\n    same(k)", limits=Limits(cell_seconds=2))[0] == "ok"


def test_the_clock_does_not_interrupt_what_is_paused():
    clock = CheckClock(0.05)
    steps = []

    def check():
        with clock.paused():
            time.sleep(0.3)
            steps.append("slept")
        while True:
            steps.append(1)

    with pytest.raises(TimeIsUp):
        clock.run(check)
    assert steps[0] == "slept"


def test_each_part_has_names_of_its_own(run):
    source = "left = same([1])\nleft.append(2)\nnumbers.append(9)\nassert numbers == [1, 9]\n"
    found = run(source + hidden("assert numbers == [1, 9]"), checks_code="numbers = [1]")
    assert [one[0] for one in found] == ["ok", "ok"]


def test_the_hidden_part_runs_when_the_visible_one_does_not_hold(run):
    source = "story = [5]\ndef ask(x):\n    return same(x)\nassert ask(1) == 2, 'no'\nunmade = 1\n"
    found = run(source + hidden("assert ask(story[0]) == 5"))
    assert [one[0] for one in found] == ["wrong", "ok"]


def test_a_namespace_is_the_same_for_everybody(kernels, folder):
    """What a check or a student changes in place, or draws, the next one does not see."""
    source = (
        "assert data.rows.tolist() == [1, 2] and table is data.rows\nassert rng.random() == first and ask(3) == 3\n"
        "grow(data.list)\nassert data.list == [1] and listed() == [1]\ndata.rows[:] = 0\nnp.random.seed(7)"
    )
    checks_code = (
        "import numpy as np\nfrom types import SimpleNamespace\n"
        "table = np.array([1, 2])\ndata = SimpleNamespace(rows=table, list=[])\n"
        "rng = np.random.default_rng(1)\nfirst = np.random.default_rng(1).random()\n"
        "def ask(x):\n    return same(x)\ndef listed():\n    return data.list\n"
    )
    lab = lab_of(folder, source, checks_code)
    namespace = make_check_namespace(lab, limits=LIMITS, unsafe=False)
    (part,) = prepare_parts(lab.exercises[0])
    for _ in range(3):
        outcome = run_part(part, namespace, kernels(), functions=FUNCTIONS, limits=LIMITS)
        assert (outcome.verdict, outcome.message, outcome.fault) == ("ok", "", "")
    assert namespace.base["data"].rows.tolist() == [1, 2]


def test_shared_chance_is_seeded_before_each_check(run):
    source = "import random\nassert (random.random(), np.random.rand()) == same((random.random(), np.random.rand()))"
    first = "import random\ndrawn = (random.random(), float(np.random.rand()))\nassert drawn == wanted"
    random.seed(1)
    np.random.seed(1)
    assert run(source)[0] == "wrong"  # two draws differ
    code = "import random, numpy as np\nwanted = (random.random(), float(np.random.rand()))"
    assert run(first, checks_code=code)[0] == "ok"
    assert run(first, checks_code=code)[0] == "ok"


def test_checks_know_how_they_are_graded(run):
    code = "GIVEN = GRADING\ndef limits():\n    return GRADING.limits"
    source = "assert limits().cell_seconds == 4 and GRADING.unsafe is False and GIVEN.limits.call_seconds == 1.5"
    assert run(source, checks_code=code)[0] == "ok"


def test_variables_come_as_values(run):
    assert run("assert answer == 42", values={"answer": 42})[0] == "ok"


def test_what_the_checks_need_and_cannot_make_is_told_to_the_author(folder):
    lab = lab_of(folder, "pass", "x = 1\ny = 1 / 0")
    with pytest.raises(AssignmentError, match=r"ZeroDivisionError: division by zero \(line 2 of checks\.py"):
        make_check_namespace(lab, limits=LIMITS, unsafe=False)
