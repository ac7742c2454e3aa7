"""A layer on its way to C: the constants it needs, the kernels it calls, and what the memory planner has to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, eq=False)
class Array:
    """Constants of a layer: a C array named ``layer<index>_<name>``.

    ``in_flash`` is False for constants that kernels read as they read activations: on an AVR these lie in RAM.
    """

    name: str
    c_type: str
    values: npt.NDArray[Any]
    remark: str = ""
    in_flash: bool = True

    @property
    def nbytes(self) -> int:
        """Bytes on the board."""
        return self.values.nbytes


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a kernel reads or writes: an input or an output of the layer, or its scratch memory.

    ``kind`` is "input", "output" or "scratch"; ``offset_bytes`` counts from the tensor's first byte; ``c_type`` is
    what the kernel takes, or "" where it takes ``void *``.
    """

    kind: str
    index: int = 0
    offset_bytes: int = 0
    c_type: str = "int8_t"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a kernel: ``function(&settings, places...)``; without a ``struct``, ``function(arguments...)``.

    Values of ``settings`` are numbers, lists of numbers, or an :class:`Array` of the layer.
    """

    function: str
    struct: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[Place | str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One operator of the file.

    ``inputs`` are the tensors that it reads and other layers compute; ``outputs`` what it computes. ``arrays`` also
    holds constant operands. ``overwrites`` are positions in ``inputs`` that the first output may share its bytes
    with: the kernel reads each value for the last time before it writes there. ``renames`` is True where nothing is
    computed: the output is the input's bytes under another shape.
    """

    index: int
    op: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    calls: tuple[Call, ...] = ()
    arrays: tuple[Array, ...] = ()
    headers: tuple[str, ...] = ()
    overwrites: tuple[int, ...] = ()
    renames: bool = False
    scratch_bytes: int = 0
    remark: str = ""
    macs: int = 0
    weights_bytes: int = 0
