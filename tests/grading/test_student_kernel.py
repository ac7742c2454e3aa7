"""A student's kernel: what right code gives, what wrong code is called, and that hostile code gets nothing else."""

import os
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sandbox_here import groups_of, marked, no_groups, no_sandbox, sandbox_here, wait_for

from tinyml_labs.grading.isolation.call_arguments import find_in_notebook
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.plain_values import PlainValueError
from tinyml_labs.grading.isolation.student_kernel import (
    ArgumentError,
    KernelNotStarted,
    KernelStopped,
    StudentKernel,
    StudentRaised,
)

__all__ = ["no_groups", "no_sandbox", "sandbox_here"]  # fixtures

pytestmark = pytest.mark.usefixtures("sandbox_here")
SMALL = Limits(cell_seconds=60, call_seconds=60, memory_mb=600, processes=40, scratch_mb=16, value_mb=2, output_kb=4)
SHORT = Limits(cell_seconds=2, call_seconds=2, memory_mb=600, processes=40)

NOTEBOOK = """
import numpy as np

class Spam:
    def __init__(self, eggs):
        self.eggs = eggs

def same(*args, **kwargs):
    return (list(args), kwargs) if kwargs else args[0]

def divide(a, b):
    return a / b

def outer(b):
    return divide(1, b)

def change(array, row, table):
    array += 1
    row.append([2])
    table["new"] = np.zeros(2)

def write_to(array):
    array[0] = 5

def eggs_of(spam):
    return spam.eggs, type(spam) is Spam

def is_spam(thing):
    return type(thing) is Spam

def apply(function, value):
    return function(value)

def deep(n):
    return deep(n + 1)

class OwnError(ValueError):
    pass

def own_error():
    raise OwnError("\\x1b[31mred\\x1b[0m\\x07 half: \\ud800 " + "x" * 10_000)
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[StudentKernel]:
    """A kernel with the functions above; no test ends it."""
    with StudentKernel(SMALL) as kernel:
        assert kernel.run(NOTEBOOK, label="notebook").verdict == "ok"
        yield kernel


@pytest.fixture
def fresh() -> Iterator[StudentKernel]:
    """A kernel that a test may end."""
    before = groups_of(os.getpid())
    with StudentKernel(SMALL) as kernel:
        yield kernel
    assert kernel.alive is False and groups_of(os.getpid()) == before


def run(kernel: StudentKernel, code: str, label: str = "cell") -> Any:
    return kernel.run(textwrap.dedent(code), label=label)


@pytest.mark.parametrize(
    "value",
    [None, 1, 2.5, "text", [1, (2, {"a": {3}})], b"\0", np.float32(1), np.arange(6.0).reshape(2, 3)],
    ids=lambda value: type(value).__name__,
)
def test_arguments_go_in_and_values_come_out(kernel: StudentKernel, value: Any) -> None:
    back = kernel.call("same", [value])
    assert type(back) is type(value) and repr(back) == repr(value)
    assert repr(kernel.call("same", [1], {"key": value})) == repr(([1], {"key": value}))


def test_what_a_function_changes_is_changed_outside(kernel: StudentKernel) -> None:
    array, row, table = np.arange(3), [1], {"old": 1}
    assert kernel.call("change", [array, row], {"table": table}) is None
    assert array.tolist() == [1, 2, 3] and row == [1, [2]] and table["new"].tolist() == [0, 0]
    view = np.arange(6)[::2]
    kernel.call("write_to", [view])
    assert view.tolist() == [5, 2, 4]


def test_a_large_argument_comes_back_changed(kernel: StudentKernel) -> None:
    array = np.zeros(1_500_000)  # 12 MB, where a value may have 2
    kernel.call("write_to", [array])
    assert array[0] == 5 and not array[1:].any()


def test_a_read_only_array_is_read_only_inside(kernel: StudentKernel) -> None:
    array = np.arange(3)
    array.flags.writeable = False
    with pytest.raises(StudentRaised, match="read-only") as caught:
        kernel.call("write_to", [array])
    assert caught.value.builtin_type == "ValueError"


class Spam:
    def __init__(self, eggs: int) -> None:
        self.eggs = eggs


class StandIn:
    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Any:
        return find_in_notebook, (self.name,)


def test_objects_may_be_arguments_where_the_kernel_knows_their_class(kernel: StudentKernel) -> None:
    assert kernel.call("divide", [Fraction(1, 2), 0.5]) == 1.0
    # These two classes cannot be imported there: they are found by their names.
    assert kernel.call("eggs_of", [Spam(3)]) == (3, True)
    namespace: dict[str, Any] = {"__name__": "the checks of a lab"}
    exec("class Spam:\n    eggs = 4", namespace)
    assert kernel.call("is_spam", [namespace["Spam"]()])
    assert kernel.call("apply", [StandIn("outer"), 4]) == 0.25
    with pytest.raises(StudentRaised, match="'nothing' is not defined") as caught:
        kernel.call("apply", [StandIn("nothing"), 1])
    assert caught.value.error_type == "NameError"
    for argument in (lambda: 1, (n for n in "ab"), threading.Lock()):
        with pytest.raises(ArgumentError):
            kernel.call("same", [argument])
    assert kernel.call("same", [1]) == 1


def test_an_error_has_its_place_in_the_cells_alone(kernel: StudentKernel) -> None:
    with pytest.raises(StudentRaised) as caught:
        kernel.call("outer", [0])
    assert (caught.value.error_type, caught.value.message, caught.value.line) == (
        "ZeroDivisionError",
        "division by zero",
        12,
    )
    assert caught.value.trace.splitlines() == [
        "notebook, line 15, in outer", "    return divide(1, b)", "notebook, line 12, in divide", "    return a / b",
        "ZeroDivisionError: division by zero",
    ]  # fmt: skip
    with pytest.raises(StudentRaised) as caught:
        kernel.call("deep", [0])
    assert caught.value.error_type == "RecursionError" and len(caught.value.trace.splitlines()) < 60
    with pytest.raises(StudentRaised) as caught:
        kernel.call("there_is_none")
    assert (caught.value.error_type, caught.value.line) == ("NameError", None)


def test_a_text_of_the_students_is_text_and_no_more(kernel: StudentKernel) -> None:
    with pytest.raises(StudentRaised) as caught:
        kernel.call("own_error")
    assert caught.value.message.startswith("red half: ? xxx") and len(caught.value.message) <= 4096
    assert (caught.value.error_type, caught.value.builtin_type) == ("OwnError", "ValueError")
    outcome = run(kernel, "raise type('\\x1b[1m<b>' + 'n' * 999, (Exception,), {})")
    assert outcome.error_type.startswith("<b>nn") and len(outcome.error_type) <= 200


@pytest.mark.parametrize(
    ("code", "error_type", "line"),
    [
        ("x = 1\nif x\n  pass", "SyntaxError", 2),
        ("\n\n1/0", "ZeroDivisionError", 3),
        ("def f(:", "SyntaxError", 1),
        ("x = 1\n  y = 2", "IndentationError", 2),
        ("%no_such_magic", None, None),
        ("input('name?')", "StdinNotImplementedError", 1),
        ("import no_such_module", "ModuleNotFoundError", 1),
        ("assert False, 'no'", "AssertionError", 1),
        ("import asyncio\nawait asyncio.sleep(0)\n1/0", "ZeroDivisionError", 3),
        ("class Loud(Exception):\n  def __str__(self): raise RuntimeError\nraise Loud", "Loud", 3),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("raise BaseException('x')", "BaseException", 1),
        ("x = '\\0'\0", None, None),
    ],
)
def test_a_cell_that_fails_says_where(
    kernel: StudentKernel, code: str, error_type: str | None, line: int | None
) -> None:
    outcome = kernel.run(code, label="solution")
    if error_type is None:  # whatever IPython makes of it
        assert outcome.verdict in ("ok", "error")
        return
    assert (outcome.verdict, outcome.error_type, outcome.line) == ("error", error_type, line), outcome
    assert outcome.trace.startswith(f"solution, line {line}\n")
    assert kernel.alive


def test_what_is_printed_or_shown_goes_nowhere(kernel: StudentKernel) -> None:
    outcome = run(kernel, """
        import sys, os, warnings
        from IPython.display import HTML, display
        for _ in range(200):
            print("x" * 10**6)
        os.write(1, b"x" * 10**6)
        sys.stderr.write("y")
        warnings.warn("z")
        display(HTML("<script>alert(1)</script>" * 1000))
        "a value"
    """)  # fmt: skip
    assert outcome.verdict == "ok", outcome


STOPS = [
    ("raise SystemExit", "killed"),
    ("import sys\nsys.exit(0)", "killed"),
    ("exit()", "killed"),
    ("import os\nos._exit(0)", "killed"),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "killed"),
    ("import ctypes\nctypes.string_at(0)", "killed"),
    ("import os\nfor number in range(3, 200):\n    try: os.close(number)\n    except OSError: pass", "killed"),
    ("x = bytearray(4_000_000_000)", "out of memory"),
    ("raise MemoryError", "out of memory"),
    ("import numpy as np\nx = np.ones(10**9)", "out of memory"),
    ("x = []\nwhile True: x.append(b'x' * 1_000_000)", "out of memory"),
    ("while True: pass", "timeout"),
    ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "timeout"),
    ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", "timeout"),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "timeout"),
    ("import os, time\nif os.fork(): os._exit(0)\ntime.sleep(60)", "killed"),  # a child keeps the sockets open
    ("import asyncio\nwhile True: await asyncio.sleep(1)", "timeout"),
]


@pytest.mark.parametrize(("code", "verdict"), STOPS, ids=lambda text: text[-30:])
def test_a_cell_that_ends_the_kernel_has_its_verdict(code: str, verdict: str) -> None:
    with StudentKernel(SHORT if verdict == "timeout" else SMALL) as kernel:
        outcome = kernel.run(code, label="cell")
        assert outcome.verdict == verdict and outcome.message, outcome
        assert not kernel.alive
        again = kernel.run("x = 1", label="cell")
        assert (again.verdict, again.message) == (outcome.verdict, outcome.message)
        with pytest.raises(KernelStopped) as caught:
            kernel.call("anything")
        assert caught.value.verdict == verdict
    assert not issubclass(KernelStopped, Exception)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def f(): raise SystemExit", "killed"),
        ("def f():\n    import os\n    os._exit(0)", "killed"),
        ("def f(): return bytearray(4_000_000_000)", "out of memory"),
        ("def f():\n    while True:\n        pass", "timeout"),
    ],
)
def test_a_call_that_ends_the_kernel_has_its_verdict(code: str, verdict: str) -> None:
    with StudentKernel(SHORT) as kernel:
        assert kernel.run(code, label="cell").verdict == "ok"
        for _ in range(2):
            with pytest.raises(KernelStopped) as caught:
                kernel.call("f")
            assert caught.value.verdict == verdict
        if verdict == "timeout":
            assert caught.value.line in (2, 3) and caught.value.trace.startswith("cell, line 2, in f") is (
                caught.value.line == 2
            )


def test_a_time_out_says_where_it_stood() -> None:
    with StudentKernel(SHORT) as kernel:
        outcome = kernel.run("x = 1\nwhile x:\n    x += 1", label="loop")
    assert (outcome.verdict, outcome.message) == ("timeout", "It took more than 2 s.")
    assert (
        outcome.line in (2, 3)
        and outcome.trace.startswith("loop, line ")
        and "KeyboardInterrupt" not in outcome.trace
    )


def test_all_cells_together_have_a_limit_too() -> None:
    with StudentKernel(Limits(cell_seconds=30, total_seconds=2)) as kernel:
        assert run(kernel, "import time\ntime.sleep(1)").verdict == "ok"
        outcome = run(kernel, "time.sleep(20)")
    assert outcome.verdict == "timeout" and "2 s together" in outcome.message


def test_a_thread_and_a_child_that_outlive_the_cell_end_with_the_kernel(fresh: StudentKernel) -> None:
    mark = f"survivor-{uuid.uuid4()}"
    assert run(fresh, f"""
        import os, subprocess, threading, time
        subprocess.Popen(["/bin/sh", "-c", "trap '' HUP INT TERM; while true; do sleep 1; done; : {mark}"],
                         start_new_session=True)
        threading.Thread(target=lambda: time.sleep(100)).start()
        import atexit
        atexit.register(time.sleep, 100)
        def f(): return 1
    """).verdict == "ok"  # fmt: skip
    assert fresh.call("f") == 1 and marked(mark)
    fresh.close()
    assert wait_for(lambda: not marked(mark))


def test_a_plain_value_is_asked_for(kernel: StudentKernel) -> None:
    assert run(kernel, """
        class EqualToAll:
            def __eq__(self, other): return True
        def cheat(): return [1, EqualToAll()]
        def large(): return np.zeros(2**20)
        def keep(row): row.append(EqualToAll())
    """).verdict == "ok"  # fmt: skip
    for name, args, words in (
        ("cheat", [], "EqualToAll"),
        ("large", [], r"8.0 MB; at most 2 MB"),
        ("keep", [[]], "argument"),
    ):
        with pytest.raises(PlainValueError, match=words):
            kernel.call(name, args)


# What follows knows how the kernel works and tampers with it.

TAMPER = """
import json, os, threading, time
kernel = get_ipython().kernel
send = type(kernel.session).send

def tamper(instead):
    def sender(self, stream, kind, *args, **kwargs):
        if kind == "call_reply":
            return instead(self, stream, kind, args, kwargs)
        return send(self, stream, kind, *args, **kwargs)
    type(kernel.session).send = sender

def answer(data, *blocks):
    def instead(self, stream, kind, args, kwargs):
        text = data if isinstance(data, bytes) else json.dumps(data).encode()
        return send(self, stream, kind, *args, **{**kwargs, "buffers": [text, *blocks]})
    tamper(instead)

def f(*args):
    return "what f returns"
"""


@pytest.mark.parametrize(
    "code",
    [
        "answer(b'[' * 10**6)",
        "answer(b'9' * 10**6)",
        'answer(b\'{"status": "ok", "changed": [], "value": \' + b\'9\' * 4000 + b\'}\')',
        "answer(b'\\xff\\xfe')",
        "answer(b'')",
        "answer(None)",
        "answer([])",
        "answer({})",
        "answer({'status': ['ok']})",
        "answer({'status': 'fine', 'value': 1})",
        "answer({'status': 'ok', 'value': 1})",
        "answer({'status': 'ok', 'value': {'pickle': 'cos\\nsystem'}, 'changed': []})",
        "answer({'status': 'ok', 'value': {'array': ['|O', [1], 0]}, 'changed': []}, bytes(8))",
        "answer({'status': 'ok', 'value': {'array': ['<f8', [10**12], 0]}, 'changed': []}, bytes(8))",
        "answer({'status': 'ok', 'value': 1, 'changed': [[7, 1]]})",
        "answer({'status': 'ok', 'value': 1, 'changed': [[True, 1]]})",
        "answer({'status': 'ok', 'value': 1, 'changed': [[[0], 1]]})",
        "answer({'status': 'ok', 'value': 1, 'changed': {'0': 1}})",
        "answer({'status': 'ok', 'value': 1, 'changed': []}, bytes(30_000_000))",
        "answer({'status': 'ok', 'value': 1, 'changed': []}, *[b''] * 5000)",
        "tamper(lambda self, stream, kind, args, kwargs: send(self, stream, kind, *args, ident=kwargs['ident']))",
        "tamper(lambda self, stream, kind, args, kwargs: send(self, stream, 'execute_reply', *args, **kwargs))",
        "tamper(lambda self, stream, kind, _, more: [send(self, stream, kind, {}, **more) for _ in range(1500)])",
    ],
    ids=lambda code: code[:60],
)
def test_what_is_no_answer_stops_the_kernel(fresh: StudentKernel, code: str) -> None:
    assert fresh.run(TAMPER, label="tamper").verdict == "ok"
    assert fresh.call("f", [[1]]) == "what f returns"
    assert fresh.run(code, label="tamper").verdict == "ok"
    with pytest.raises(KernelStopped) as caught:
        fresh.call("f", [[1]])
    assert caught.value.verdict == "killed"
    assert not fresh.alive


def test_texts_of_the_wrong_kind_are_no_trouble(fresh: StudentKernel) -> None:
    fresh.run(TAMPER, label="tamper")
    fields = "'error_type': [1], 'message': {}, 'trace': 5, 'line': 10**30, 'builtin_type': 'open'"
    fresh.run(f"answer({{'status': 'error', {fields}}})", label="tamper")
    with pytest.raises(StudentRaised) as caught:
        fresh.call("f")
    error = caught.value
    assert (error.error_type, error.message, error.trace, error.line) == ("Exception", "", "", None)
    assert error.builtin_type == "Exception"


def test_an_answer_to_another_question_does_not_count(fresh: StudentKernel) -> None:
    """Each reply comes twice, with one to the question before it and one that is not signed in between."""
    fresh.run(TAMPER, label="tamper")
    fresh.run(
        textwrap.dedent("""
            before = []
            def noise(self, stream, kind, args, kwargs):
                for old_args, old_kwargs in before:
                    send(self, stream, kind, *old_args, **old_kwargs)
                key, self.key = self.key, b"another"
                wrong = [b'{"status": "ok", "value": 0, "changed": []}']
                send(self, stream, kind, *args, **{**kwargs, "buffers": wrong})
                self.key = key
                for _ in range(2):
                    send(self, stream, kind, *args, **kwargs)
                before[:] = [(args, kwargs)]
            tamper(noise)
            def same(x): return x
        """),
        label="tamper",
    )
    assert [fresh.call("same", [n]) for n in range(20)] == list(range(20))
    assert fresh.run("x = 1", label="cell").verdict == "ok"


RAW = """
import os, socket, stat, threading, time
def sockets():
    found = []
    for number in range(3, 100):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                found.append(socket.socket(fileno=os.dup(number)))
        except OSError:
            pass
    return [one for one in found if one.family == socket.AF_UNIX and one.type == socket.SOCK_STREAM]
def write_to_all(data, again=False):
    threads = [threading.Thread(target=write, args=(one, data, again), daemon=True) for one in sockets()]
    for thread in threads:
        thread.start()
    threads[0].join(0.2)
def write(one, data, again):
    one.setblocking(True)
    one.sendall(data)
    while again:
        one.sendall(data)
def f(): return 1
"""


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("write_to_all(os.urandom(10_000))", "killed"),
        ("write_to_all(bytes([2]) + (2**62).to_bytes(8, 'big'))", "killed"),
        ("write_to_all(b'\\x01\\xff' + bytes(255), again=True)", "killed"),  # a message without end, of small frames
        ("write_to_all(b'\\x04\\x00', again=True)", "killed"),  # commands without end
        ("write_to_all(b'\\x00\\x00', again=True)", "killed"),  # empty messages without end
        ("write_to_all(bytes([2]) + (10**6).to_bytes(8, 'big'))\n"
         "while True:\n    write_to_all(b'x')\n    time.sleep(0.02)", "timeout"),  # a byte at a time
    ],
    ids=lambda text: text[:50],
)  # fmt: skip
def test_raw_bytes_stop_the_kernel_and_fill_no_memory(code: str, verdict: str) -> None:
    resource = pytest.importorskip("resource")
    seconds = 4 if verdict == "timeout" else 60
    with StudentKernel(Limits(cell_seconds=seconds, call_seconds=seconds, memory_mb=600)) as kernel:
        kernel.run(RAW, label="raw")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcome = kernel.run(
            f"threading.Thread(target=lambda: exec({code!r}, globals())).start()\ntime.sleep(0.3)", label="raw"
        )
        if outcome.verdict == "ok":
            with pytest.raises(KernelStopped) as caught:
                kernel.call("f")
            assert caught.value.verdict == verdict
        else:
            assert outcome.verdict == verdict, outcome
        assert not kernel.alive
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 150_000  # kB


def test_an_argument_that_is_never_read_does_not_hold_the_grader() -> None:
    with StudentKernel(SHORT) as kernel:
        kernel.run(
            "import os, signal, threading\nthreading.Timer(0.2, os.kill, (os.getpid(), signal.SIGSTOP)).start()",
            label="stop",
        )
        time.sleep(0.5)
        with pytest.raises(KernelStopped) as caught:
            kernel.call("f", [np.zeros(10**7)])
    assert caught.value.verdict == "timeout"


def test_a_kernel_that_does_not_start_is_the_machines_fault() -> None:
    with (
        pytest.raises(KernelNotStarted, match="no such kernel"),
        StudentKernel(SMALL, files={"ipykernel.py": b"raise ImportError('no such kernel')"}),
    ):
        pass
    with pytest.raises(KernelNotStarted, match="was not ready in 0.05 s"), StudentKernel(Limits(start_seconds=0.05)):
        pass


def test_its_files_are_in_its_folder() -> None:
    with StudentKernel(SMALL, files={"data/numbers.txt": b"1 2"}) as kernel:
        outcome = run(
            kernel, "text = open('data/numbers.txt').read()\nassert text == '1 2'\nopen('new', 'w').write('x')"
        )
    assert outcome.verdict == "ok", outcome


@pytest.mark.parametrize("groups", [True, False])
def test_without_a_sandbox_it_is_the_same_kernel(
    groups: bool, request: pytest.FixtureRequest, no_sandbox: None
) -> None:
    """A plain process, over the loopback, as on Windows and macOS."""
    if not groups:
        request.getfixturevalue("no_groups")
    mark = f"unsafe-{uuid.uuid4()}"
    with StudentKernel(SHORT, unsafe=True, files={"a.txt": b"here"}) as kernel:
        assert not kernel.sandboxed and kernel.alive
        assert kernel.run(NOTEBOOK, label="notebook").verdict == "ok"
        array = np.arange(3)
        kernel.call("write_to", [array])
        assert array[0] == 5
        assert run(kernel, "assert open('a.txt').read() == 'here'\nimport os\nhere = os.getcwd()").verdict == "ok"
        run(kernel, "def where(): return here, dict(os.environ)")
        folder, env = kernel.call("where")
        assert Path(folder).is_dir() and not {"SSH_AUTH_SOCK", "GITHUB_TOKEN"} & set(env) and env["HOME"] == folder
        daemon = ["/bin/sh", "-c", f"while true; do sleep 1; done; : {mark}"]
        run(kernel, f"import subprocess\nsubprocess.Popen({daemon}, start_new_session=True)")
        assert run(kernel, "import time\ntime.sleep(0.5)").verdict == "ok" and wait_for(lambda: bool(marked(mark)))
        assert kernel.run("while True: pass", label="loop").verdict == "timeout"
    assert wait_for(lambda: not marked(mark)) and not Path(folder).exists()
    with StudentKernel(SHORT, unsafe=True) as kernel:
        assert kernel.run("exit()", label="end").verdict == "killed"


@pytest.mark.usefixtures("no_groups")
@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("x = bytearray(4_000_000_000)", "out of memory"),
        ("import os, time\nfor _ in range(12):\n    if os.fork() == 0:\n        x = bytearray(b'x') * 60_000_000\n"
         "        time.sleep(60)\ntime.sleep(60)", "out of memory"),
        ("for n in range(10**7): open(str(n), 'w').close()", "killed"),
    ],
    ids=["one piece", "many processes", "many files"],
)  # fmt: skip
def test_without_control_groups_the_limits_hold_too(code: str, verdict: str) -> None:
    with StudentKernel(Limits(cell_seconds=30, memory_mb=400)) as kernel:
        outcome = kernel.run(code, label="cell")
    assert outcome.verdict == verdict, outcome
