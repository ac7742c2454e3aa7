"""A student's C is built and run in a sandbox: right C is right; other C finds nothing there and proves nothing."""

from pathlib import Path

import numpy as np
import pytest
from lab_exercises import exercises_of, load_answer, names_for_checks, require_sandbox

from tinyml_labs.compiler import compile_model
from tinyml_labs.compiler.kernel_files import KERNELS
from tinyml_labs.compiler.trials import swap_kernel, try_model
from tinyml_labs.datasets import load_reference_model
from tinyml_labs.grading.c_trials import try_c
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.student_kernel import KernelStopped, StudentRaised

LAB = "05_onto_the_board"
EXERCISE = exercises_of(LAB)[0]
RIGHT = load_answer(EXERCISE, EXERCISE.reference)()
SINE = load_reference_model("sine")
EVERY_INPUT = np.arange(-128, 128, dtype=np.int8)[:, None]
FAST = Limits(call_seconds=2, memory_mb=512)


@pytest.fixture(autouse=True)
def sandbox():
    require_sandbox()


def with_kernel(text):
    return swap_kernel(compile_model(SINE, name="mine"), "fully_connected.c", text + names_for_checks(LAB)["KERNEL"])


def attempt(text, **settings):
    return try_c(with_kernel(text), SINE, inputs=EVERY_INPUT, limits=FAST, **settings)


def attempt_inside(statements, includes="#include <stdlib.h>\n"):
    """Run some statements in front of a layer that is right."""
    inside = RIGHT.replace("int32_t sum = bias;", f"{statements} int32_t sum = bias;")
    assert inside != RIGHT
    return attempt(includes + inside)


def test_it_finds_what_the_notebook_finds():
    for text in (RIGHT, RIGHT.replace("+ (1 << 30)", ""), RIGHT.replace("sum = bias", "sum = 0")):
        here, there = try_model(with_kernel(text), SINE, inputs=EVERY_INPUT, reference="kit"), attempt(text)
        for name in ("samples", "bytes_compared", "bytes_differ", "largest"):
            assert getattr(here, name) == getattr(there, name)
        assert (there.bytes_differ == 0) == (text == RIGHT)


def test_what_the_compiler_refuses_is_told_in_its_words():
    with pytest.raises(StudentRaised, match="CompilerError") as caught:
        attempt(RIGHT.replace("int32_t sum = bias;", "int32_t sum = bias"))
    assert "your fully_connected.c" in caught.value.message
    assert len(caught.value.message) <= 4000


def test_it_cannot_include_what_lies_on_the_machine(tmp_path):
    secret = tmp_path / "secret.h"
    secret.write_text("the_secret of this machine\n")
    for path in (secret, KERNELS / "fully_connected.c", Path(__file__), Path(__file__).parents[2] / "pyproject.toml"):
        with pytest.raises(StudentRaised, match="No such file") as caught:
            attempt(f'#include "{path}"\n{RIGHT}')
        assert "the_secret" not in caught.value.message
    with pytest.raises(StudentRaised) as caught:
        attempt(f'#include "/etc/passwd"\n{RIGHT}')
    assert "daemon" not in caught.value.message


def test_it_cannot_read_what_lies_on_the_machine(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for path in (secret, Path(__file__), KERNELS / "fully_connected.c"):
        with pytest.raises(StudentRaised):  # the control: this is what happens if a file can be read
            attempt_inside('if (fopen("inputs", "r")) abort();', "#include <stdio.h>\n#include <stdlib.h>\n")
        found = attempt_inside(f'if (fopen("{path}", "r")) abort();', "#include <stdio.h>\n#include <stdlib.h>\n")
        assert found.bytes_differ == 0


def test_it_cannot_write_outside(tmp_path):
    tmp_path.chmod(0o777)
    target = tmp_path / "written"
    assert attempt_inside(f'fopen("{target}", "w");', "#include <stdio.h>\n").bytes_differ == 0
    assert not target.exists()


def test_a_loop_without_end_is_ended():
    with pytest.raises(KernelStopped, match="never ends") as caught:
        attempt_inside("for (;;) {}")
    assert caught.value.verdict == "timeout"


def test_a_crash_is_the_students():
    with pytest.raises(StudentRaised, match="CrashError"):
        attempt_inside("abort();")
    with pytest.raises(StudentRaised, match="CrashError"):
        attempt_inside("exit(0);")


def test_memory_without_end_is_no_answer():
    with pytest.raises((StudentRaised, KernelStopped)):
        attempt_inside("for (;;) { char *m = malloc(1 << 24); for (int k = 0; k < 1 << 24; k += 512) m[k] = 1; }")


def test_outputs_that_it_claims_are_only_outputs():
    claim = (
        'int to = open("outputs", O_WRONLY | O_CREAT | O_TRUNC, 0666); char zeros[256] = {0}; write(to, zeros, 256);'
        ' char name[64]; sprintf(name, "/proc/%d/fd/1", getppid()); int out = open(name, O_WRONLY);'
        ' const char *words = "{\\"returncode\\": 0, \\"outputs\\": \\"\\", \\"bytes_differ\\": 0}\\n";'
        " write(out, words, strlen(words)); kill(getppid(), 9); exit(0);"
    )
    includes = "".join(
        f"#include <{name}.h>\n" for name in ("fcntl", "signal", "stdio", "stdlib", "string", "unistd", "sys/types")
    )
    try:
        found = attempt_inside(claim, "#define _POSIX_C_SOURCE 200809L\n" + includes)
    except (StudentRaised, KernelStopped):
        return
    assert found.bytes_differ > 0


def test_without_a_compiler_it_is_the_machines_fault():
    with pytest.raises(RuntimeError, match="No C compiler found"):
        attempt(RIGHT, compiler="no-such-compiler")


def test_another_compiler_agrees():
    import shutil

    if shutil.which("clang") is None:
        pytest.skip("no clang: apt-get install clang")
    assert attempt(RIGHT, compiler="clang").bytes_differ == 0
