"""Count a model with other kernels than the kit's: loops like TensorFlow Lite Micro's, or Arm's CMSIS-NN.

They are compiled by ``arm-none-eabi-gcc``. CMSIS-NN is not part of the kit: pass the folder in which its ``Include``
and ``Source`` lie (``--cmsis-nn``), and the one of the compiler headers that it needs (``CMSIS/Core/Include``).
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tinyml_labs.compiler import CompiledModel, compile_model, convolution_layers
from tinyml_labs.compiler.kernel_files import KERNELS
from tinyml_labs.core_counts import ModelCount, count_program, write_program

HERE = Path(__file__).parent / "other_kernels"
_FLAGS = (
    "-mcpu=cortex-m4",
    "-mthumb",
    "-mfpu=fpv4-sp-d16",
    "-mfloat-abi=hard",
    "-ffunction-sections",
    "-fdata-sections",
)
_REPLACED = ("convolution", "depthwise", "fully_connected")


def compile_as_in_file(model: bytes | str | Path) -> CompiledModel:
    """Compile a model whose weights stay in the file's order, which other kernels take."""
    with _unpacked():
        return compile_model(model, name="counted_model")


def count_with(
    model: bytes | str | Path, kernels: str, *, optimisation: str = "-Os", cmsis_nn: Sequence[Path] = ()
) -> ModelCount:
    """Count one inference on a Cortex-M4F.

    Parameters
    ----------
    model : bytes, str or Path
    kernels : str
        ``"reference"``, ``"cmsis-nn"``, ``"compiled"`` or ``"portable"``: the latter are the kit's.
    optimisation : str
        What gcc is told.
    cmsis_nn : sequence of Path
        The folder of CMSIS-NN, and the one of ``CMSIS/Core/Include``.
    """
    own = kernels in ("compiled", "portable")
    compiled = compile_model(model, name="counted_model") if own else compile_as_in_file(model)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_program(compiled, folder)
        files = [folder / "main.c", folder / "counted_model.c"]
        for file in sorted((folder / "kernels").glob("*.c")):
            if own or file.name.endswith("_f32.c") or not any(part in file.name for part in _REPLACED):
                files.append(file)
        includes = [folder, HERE, KERNELS.parent]
        if kernels == "reference":
            files.append(HERE / "reference_kernels.c")
        elif kernels.startswith("cmsis-nn"):
            files += [HERE / "cmsis_kernels.c", *sorted((cmsis_nn[0] / "Source").rglob("*.c"))]
            includes += [cmsis_nn[0] / "Include", *cmsis_nn[1:]]
        defines = {"portable": ["-DTINYML_PORTABLE_KERNELS=1"], "cmsis-nn-general": ["-DWITHOUT_SHORTCUTS=1"]}.get(
            kernels, []
        )
        command = [
            *["arm-none-eabi-gcc", *_FLAGS, "-std=gnu99", "-w", "-g1", optimisation, *defines],
            *[f"-I{place}" for place in includes], *map(str, files),
            *["-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs", "-Wl,--gc-sections"],
            *["-T", str(folder / "board.ld"), "-o", str(folder / "program.elf")],
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, text=True)
        return count_program(folder / "program.elf", compiled, before=1)


@contextlib.contextmanager
def _unpacked() -> Iterator[None]:
    names = [name for name in ("pack_convolution",) if hasattr(convolution_layers, name)]
    kept = {name: getattr(convolution_layers, name) for name in names}
    try:
        for name in names:
            setattr(convolution_layers, name, lambda weights: None)
        yield
    finally:
        for name, function in kept.items():
            setattr(convolution_layers, name, function)
