"""Compiled models as a program on this computer, built with the first C compiler there is, run as a child process."""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyml_labs.compiler.kernel_files import KERNELS, LIBRARY_SOURCES
from tinyml_labs.compiler.model import CompiledModel

_TIMEOUT_S = 120.0  # a student's loop may have no end

_MAIN = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

%(includes)s

typedef void (*tap)(void *context, uint16_t layer, const void *values, uint32_t bytes);

typedef struct {
  uint8_t inputs, outputs;
  const uint32_t *input_bytes, *output_bytes;
  void *(*input)(uint8_t index);
  const void *(*output)(uint8_t index);
  void (*invoke)(void);
  void (*invoke_with_taps)(tap tap, void *context);
} model;

%(tables)s

static void write_tap(void *context, uint16_t layer, const void *values, uint32_t bytes) {
  const uint32_t head[2] = {layer, bytes};
  FILE *to = (FILE *)context;
  if (fwrite(head, sizeof head, 1, to) != 1 || fwrite(values, 1, bytes, to) != bytes) exit(3);
}

int main(int count, char **words) {
  if (count != 6) return 2;
  const model *chosen = &models[atoi(words[1])];
  const long samples = atol(words[2]);
  FILE *from = fopen(words[4], "rb"), *to = fopen(words[5], "wb");
  if (!from || !to) return 3;
  for (long sample = 0; sample < samples; ++sample) {
    for (uint8_t k = 0; k < chosen->inputs; ++k) {
      if (fread(chosen->input(k), 1, chosen->input_bytes[k], from) != chosen->input_bytes[k]) return 3;
    }
    if (words[3][0] == '1') {
      chosen->invoke_with_taps(write_tap, to);
      continue;
    }
    chosen->invoke();
    for (uint8_t k = 0; k < chosen->outputs; ++k) {
      if (fwrite(chosen->output(k), 1, chosen->output_bytes[k], to) != chosen->output_bytes[k]) return 3;
    }
  }
  return fclose(to) == 0 ? 0 : 3;
}
"""


@dataclass(frozen=True, kw_only=True)
class HostProgram:
    """A program that holds compiled models."""

    path: Path
    models: tuple[CompiledModel, ...]
    compiler: str

    def run(self, index: int, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run a model.

        Parameters
        ----------
        index : int
            Which of ``models``.
        inputs : sequence of ndarray
            One an input of the model, (samples, \\*shape), of its type.

        Returns
        -------
        list of ndarray
            One an output, (samples, \\*shape).

        Raises
        ------
        RuntimeError
            If the program crashes, with what it said.
        """
        model, samples = self.models[index], len(inputs[0])
        data = self._start(index, inputs, taps=False)
        rows = np.frombuffer(data, np.uint8).reshape(samples, -1)
        outputs, start = [], 0
        for tensor in model.outputs:
            part = np.ascontiguousarray(rows[:, start : start + tensor.nbytes])
            outputs.append(part.view(tensor.dtype).reshape(samples, *tensor.shape))
            start += tensor.nbytes
        return outputs

    def run_with_taps(self, index: int, inputs: Sequence[npt.NDArray[Any]]) -> list[tuple[int, bytes]]:
        """Run a model for one sample; give each layer's number and what it gave, in the order they ran."""
        data = self._start(index, inputs, taps=True)
        found, start = [], 0
        while start < len(data):
            layer, nbytes = struct.unpack_from("=II", data, start)
            start += 8
            found.append((layer, data[start : start + nbytes]))
            start += nbytes
        return found

    def _start(self, index: int, inputs: Sequence[npt.NDArray[Any]], *, taps: bool) -> bytes:
        samples = len(inputs[0])
        given = [np.ascontiguousarray(array).reshape(samples, -1).view(np.uint8) for array in inputs]
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "inputs", Path(folder) / "outputs"
            source.write_bytes(np.concatenate(given, axis=1).tobytes())
            words = [str(index), str(samples), str(int(taps)), str(source), str(target)]
            try:
                done = subprocess.run(
                    [str(self.path), *words], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
                )
            except subprocess.TimeoutExpired:
                raise RuntimeError(
                    f"The compiled model {self.models[index].name} was not through with {samples} inputs after "
                    f"{_TIMEOUT_S:g} s on this computer, and was ended. Is there a loop that never ends?"
                ) from None
            if done.returncode:
                raise RuntimeError(
                    f"The compiled model {self.models[index].name} ended with {done.returncode} on this computer: "
                    f"{done.stderr.strip() or 'it said nothing'}"
                )
            return target.read_bytes()


@contextmanager
def build_program(
    models: Sequence[CompiledModel], *, compiler: str = "auto", flags: Sequence[str] = ("-O2",)
) -> Iterator[HostProgram]:
    """Build a program of compiled models in a temporary folder.

    Parameters
    ----------
    models : sequence of CompiledModel
        Of different names.
    compiler : str
        "auto" takes the first of cc, gcc, clang and zig that is installed; or a command.
    flags : sequence of str
        More arguments for the compiler.

    Yields
    ------
    HostProgram

    Raises
    ------
    ValueError
        If two models have one name, or there is no C compiler, with how to get one.
    RuntimeError
        If the compiler refuses the sources, with what it said.
    """
    names = [model.name for model in models]
    if len(set(names)) != len(names):
        raise ValueError(f"Two of the models have one name: {', '.join(names)}. Give each its own.")
    command = find_compiler(compiler)
    with tempfile.TemporaryDirectory(prefix="tinyml-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        for model in models:
            model.write(folder)
        (folder / "main.c").write_text(main_source(models), encoding="utf-8")
        kernels = sorted({file for model in models for file in model.kernels if file.endswith(".c")})
        program = folder / "run_models.exe"
        done = subprocess.run(
            [
                *command,
                *["-std=c99", "-DTINYML_TAPS", *flags, f"-I{folder}", f"-I{LIBRARY_SOURCES}"],
                *[str(folder / f"{name}.c") for name in names],
                *[str(KERNELS / file) for file in kernels],
                *[str(folder / "main.c"), "-o", str(program), "-lm"],
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} does not compile the model:\n{done.stdout}{done.stderr}")
        yield HostProgram(path=program, models=tuple(models), compiler=" ".join(command))


def find_compiler(wanted: str = "auto") -> list[str]:
    """Return the command of a C compiler.

    Raises
    ------
    ValueError
        If there is none, with how to get one.
    """
    zig = [sys.executable, "-m", "ziglang", "cc"]
    has_zig = importlib.util.find_spec("ziglang") is not None
    if wanted == "zig" and has_zig:
        return zig
    for name in ("cc", "gcc", "clang") if wanted == "auto" else (wanted,):
        if found := shutil.which(name):
            return [found]
    if wanted == "auto" and has_zig:
        return zig
    raise ValueError(
        f"No C compiler found ({'cc, gcc, clang, zig' if wanted == 'auto' else wanted}). Install one: "
        "'pip install ziglang' on any system, 'sudo apt-get install gcc' on Debian and Ubuntu, "
        "'xcode-select --install' on a Mac."
    )


def main_source(models: Sequence[CompiledModel]) -> str:
    """Return the C of a program that runs these models: ``program model samples taps inputs outputs``."""
    tables, rows = [], []
    for model in models:
        for role, tensors in (("input", model.inputs), ("output", model.outputs)):
            sizes = ", ".join(f"{tensor.nbytes}u" for tensor in tensors)
            tables.append(f"static const uint32_t {model.name}_{role}_bytes[] = {{{sizes}}};")
        name = model.name
        rows.append(
            f"    {{{len(model.inputs)}, {len(model.outputs)}, {name}_input_bytes, {name}_output_bytes, "
            f"{name}_input, {name}_output, {name}_invoke, {name}_invoke_with_taps}},"
        )
    tables += ["static const model models[] = {", *rows, "};"]
    includes = "\n".join(f'#include "{model.name}.h"' for model in models)
    return _MAIN % {"includes": includes, "tables": "\n".join(tables)}
