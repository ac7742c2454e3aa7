"""Try C that a student wrote: compile it and run it, both in a sandbox, and compare what it gives out here.

The student's C may do whatever C can do, when it is compiled (``#include "/etc/passwd"``) and when it runs. So both
happen in a sandbox that holds the model's sources, the kernels that it needs and the inputs, and nothing else. What
comes back are the outputs; what is right is computed out here, from the unchanged model, and never goes in.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.compiler.check import random_inputs
from tinyml_labs.compiler.host_program import build_program, find_compiler, main_source
from tinyml_labs.compiler.kernel_files import KERNELS
from tinyml_labs.compiler.model import CompiledModel, compile_model
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.sandbox import PYTHON, run_in_sandbox
from tinyml_labs.grading.isolation.student_kernel import KernelStopped, StudentRaised
from tinyml_labs.grading.verdicts import Verdict
from tinyml_labs.model_file import read_model

__all__ = ["CTrial", "try_c"]

_HEADERS = Path("/usr/include")  # of the C library, for the system's compiler
_LONGEST_WORDS = 4000  # characters of what a compiler says
_SECONDS_TO_COMPILE = 30
_INSIDE = """\
import base64, json, os, subprocess, sys

plan = json.load(open("plan.json"))
here = os.getcwd()
rooms = {"ZIG_GLOBAL_CACHE_DIR": here, "ZIG_LOCAL_CACHE_DIR": here, "TMPDIR": here}
built = subprocess.run(
    plan["compile"], capture_output=True, text=True, errors="replace", env={**os.environ, **rooms}
)
if built.returncode:
    print(json.dumps({"compiler": (built.stdout + built.stderr)[: plan["longest_words"]]}))
    sys.exit()
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
program = [os.path.join(here, "run_model.exe"), *plan["words"]]
try:
    returncode = subprocess.run(program, timeout=plan["seconds"], **quiet).returncode
except subprocess.TimeoutExpired:
    print(json.dumps({"timeout": True}))
    sys.exit()
outputs = b""
if returncode == 0:
    with open("outputs", "rb") as file:
        outputs = file.read(plan["bytes"] + 1)
print(json.dumps({"returncode": returncode, "outputs": base64.b64encode(outputs).decode()}))
"""


@dataclass(frozen=True, kw_only=True)
class CTrial:
    """What :func:`try_c` found: as :class:`tinyml_labs.compiler.trials.TrialReport` says it, without the layers."""

    samples: int
    bytes_compared: int
    bytes_differ: int
    largest: float


def try_c(
    compiled: CompiledModel,
    model: bytes,
    *,
    inputs: NDArray[Any] | None = None,
    samples: int = 16,
    seed: int = 0,
    limits: Limits | None = None,
    unsafe: bool = False,
    compiler: str = "auto",
) -> CTrial:
    """Run a compiled model with C of a student's in it, and hold it against the unchanged one.

    Parameters
    ----------
    compiled : CompiledModel
        With a changed source: `tinyml_labs.compiler.trials.swap_kernel`.
    model : bytes
        The .tflite file, of one input and one output.
    inputs : ndarray, optional
        (samples, \\*shape) in the model's own type; by default random ones.
    samples, seed : int
        How many random inputs, and which.
    limits : Limits, optional
        Of the sandbox; the program may take ``call_seconds``, and the compiler half a minute more (pip's Zig, where
        there is no other, two and a half).
    unsafe : bool
        Go on where there is no sandbox.
    compiler : str
        "auto", "zig", or the command of a C compiler.

    Returns
    -------
    CTrial

    Raises
    ------
    tinyml_labs.grading.isolation.student_kernel.StudentRaised
        If the compiler refuses the C (``error_type`` is "CompilerError", with its words), or the program crashes.
    tinyml_labs.grading.isolation.student_kernel.KernelStopped
        If it runs out of time or memory.
    tinyml_labs.grading.isolation.sandbox.NoSandbox
        If there is no sandbox and `unsafe` is False.
    RuntimeError
        If there is no C compiler.
    """
    parsed = read_model(model)
    try:
        command = find_compiler(compiler)
    except ValueError as error:
        raise RuntimeError(str(error)) from error  # the machine's fault: a ValueError would be the answer's
    given = random_inputs(parsed, samples, seed)[0] if inputs is None else np.ascontiguousarray(inputs)
    expected = _right_outputs(model, given.tobytes(), len(given), compiler)
    found = _run(compiled, given, expected.nbytes, limits or Limits(), unsafe, command)
    ours = np.frombuffer(found, expected.dtype).reshape(expected.shape)
    steps = np.abs(ours.astype(np.float64) - expected.astype(np.float64))
    unequal = ours.view(np.uint8) != expected.view(np.uint8)
    return CTrial(
        samples=len(given), bytes_compared=unequal.size, bytes_differ=int(unequal.sum()), largest=float(steps.max())
    )


@lru_cache(maxsize=32)
def _right_outputs(model: bytes, inputs: bytes, samples: int, compiler: str) -> NDArray[Any]:
    """Run the unchanged model, which is the course's own: out here, once for all submissions."""
    parsed = read_model(model)
    given = np.frombuffer(inputs, parsed.inputs[0].dtype).reshape(samples, *parsed.inputs[0].shape)
    with build_program([compile_model(model, name="reference")], compiler=compiler) as program:
        outputs = program.run(0, [given])[0]
    outputs.setflags(write=False)
    return outputs


def _run(
    compiled: CompiledModel, given: NDArray[Any], output_bytes: int, limits: Limits, unsafe: bool, compiler: list[str]
) -> bytes:
    files = _write_files(compiled, given, output_bytes, limits.call_seconds, compiler)
    # Zig makes its own C library first, anew in each sandbox.
    seconds = limits.call_seconds + _SECONDS_TO_COMPILE * (5 if "ziglang" in compiler else 1)
    room = replace(
        limits,
        cell_seconds=seconds,
        call_seconds=seconds,
        total_seconds=seconds,
        output_kb=max(limits.output_kb, output_bytes // 500 + 16),
    )
    command = [PYTHON, "-I", "build_and_run.py"]
    headers = [_HEADERS] if _HEADERS.is_dir() else []
    outcome = run_in_sandbox(command, files=files, limits=room, unsafe=unsafe, readable=headers)
    if outcome.verdict in ("timeout", "out of memory", "killed"):
        _stop(outcome.verdict, len(given))
    try:
        said = json.loads(outcome.stdout.splitlines()[-1])
        if said.get("timeout"):
            _stop("timeout", len(given))
        if isinstance(said.get("compiler"), str):
            raise StudentRaised(error_type="CompilerError", message=said["compiler"][:_LONGEST_WORDS])
        returncode, outputs = int(said["returncode"]), base64.b64decode(said["outputs"], validate=True)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, RecursionError, binascii.Error) as error:
        # Only what runs inside can have spoilt that: the program, which may do there as it likes.
        raise StudentRaised(error_type="CrashError", message="The compiled C ended without any outputs.") from error
    if returncode or len(outputs) != output_bytes:
        raise StudentRaised(
            error_type="CrashError",
            message=f"The compiled C ended with {returncode}, after {len(outputs)} of {output_bytes} bytes.",
        )
    return outputs


def _stop(verdict: Verdict, samples: int) -> NoReturn:
    hint = " Is there a loop that never ends?" if verdict == "timeout" else ""
    raise KernelStopped(verdict=verdict, message=f"Your C was run with {samples} inputs, and had to be ended.{hint}")


def _write_files(
    compiled: CompiledModel, given: NDArray[Any], output_bytes: int, seconds: float, compiler: list[str]
) -> dict[str, bytes]:
    """Put together what the sandbox gets; the kernel that the student replaces is not among it."""
    sources = [name for name in compiled.kernels if name.endswith(".c")]
    files = {name: text.encode() for name, text in compiled.sources.items()}
    files |= {f"kernels/{name}": (KERNELS / name).read_bytes() for name in compiled.kernels}
    files["main.c"] = main_source([compiled]).encode()
    files["inputs"] = given.tobytes()
    files["build_and_run.py"] = _INSIDE.encode()
    command = [*compiler, "-std=c99", "-DTINYML_TAPS", "-O2", "-I."]
    objects = [f"{compiled.name}.c", *(f"kernels/{name}" for name in sources), "main.c"]
    plan = {
        "compile": [*command, *objects, "-o", "run_model.exe", "-lm"],
        "words": ["0", str(len(given)), "0", "inputs", "outputs"],
        "bytes": output_bytes,
        "seconds": seconds,
        "longest_words": _LONGEST_WORDS,
    }
    files["plan.json"] = json.dumps(plan).encode()
    return files
