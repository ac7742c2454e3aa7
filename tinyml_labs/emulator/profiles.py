"""Where a program's instructions and cycles go: by function, and for watched functions with all that they call."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from tinyml_labs.emulator.block_counter import Block
from tinyml_labs.emulator.elf import RAM_START, Firmware

if TYPE_CHECKING:
    import pandas as pd

EXCEPTIONS = "(interrupts: entry and exit)"


@dataclass(frozen=True, kw_only=True)
class FunctionCost:
    """What a function took.

    Attributes
    ----------
    name : str
    instructions, cycles : int
        Of all its runs. Cycles are estimates.
    calls : int
        How often it was entered; 0 if that was not counted.
    """

    name: str
    instructions: int
    cycles: int
    calls: int = 0


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Where the cycles went.

    Attributes
    ----------
    functions : tuple of FunctionCost
        Each without what it calls, the most expensive first. Together they are all cycles but those of sleep.
    watched : tuple of FunctionCost
        Those of :meth:`CortexM4.watch`, each with what it calls, in the order of their addresses.
    """

    functions: tuple[FunctionCost, ...]
    watched: tuple[FunctionCost, ...] = ()

    @property
    def instructions(self) -> int:
        """All of them."""
        return sum(cost.instructions for cost in self.functions)

    @property
    def cycles(self) -> int:
        """All of them."""
        return sum(cost.cycles for cost in self.functions)

    def find(self, name: str) -> FunctionCost:
        """Give a function's cost: a watched one's with what it calls.

        Raises
        ------
        KeyError
        """
        for cost in (*self.watched, *self.functions):
            if cost.name == name:
                return cost
        raise KeyError(f"{name!r} has not run. Have run: {', '.join(cost.name for cost in self.functions)}.")

    def to_frame(self) -> pd.DataFrame:
        """Give a table, function by function: instructions, cycles, and the share of all cycles."""
        import pandas as pd

        rows = [(cost.name, cost.instructions, cost.cycles, cost.cycles / self.cycles) for cost in self.functions]
        return pd.DataFrame(rows, columns=["function", "instructions", "cycles", "share"])

    def __str__(self) -> str:
        lines = [f"{'cycles':>14} {'instructions':>14}  function"]
        for cost in self.functions[:30]:
            lines.append(f"{cost.cycles:>14,} {cost.instructions:>14,}  {cost.name}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{escape(cost.name)}</td><td>{cost.instructions:,}</td>"
            f"<td>{cost.cycles:,}</td><td>{100 * cost.cycles / max(self.cycles, 1):.1f} %</td></tr>"
            for cost in self.functions[:30]
        )
        return f"<table><tr><th>function</th><th>instructions</th><th>cycles</th><th>share</th></tr>{rows}</table>"


@dataclass
class _Call:
    address: int
    returns_to: int
    stack: int
    instructions: int
    cycles: int


@dataclass
class _Sum:
    calls: int = 0
    instructions: int = 0
    cycles: int = 0


@dataclass
class Watches:
    """Follows calls of some functions: from the first block to the return, at the same height of the stack."""

    firmware: Firmware
    stopped: bool = False
    _functions: dict[int, _Sum] = field(default_factory=dict)
    _calls: list[_Call] = field(default_factory=list)
    _stop_at: int | None = None
    _stopped_at: int | None = None

    def restart(self) -> None:
        """Forget what has been counted."""
        self._calls.clear()
        self._stopped_at = None
        self._functions = {address: _Sum() for address in self._functions}

    def add(self, names: Iterable[str]) -> list[int]:
        """Watch functions; give their addresses."""
        found: list[int] = []
        for name in names:
            if name.endswith("*"):
                symbols = [s for s in self.firmware.symbols if s.name.startswith(name[:-1]) and s.address < RAM_START]
                if not symbols:
                    raise KeyError(f"{self.firmware.elf.name} has no function that begins with {name[:-1]!r}.")
                found += [symbol.address for symbol in symbols]
            else:
                found.append(self.firmware.find_symbol(name).address)
        for address in found:
            self._functions.setdefault(address, _Sum())
        return found

    def stop_at(self, function: str | None) -> int:
        """Stop where a function begins; None for nowhere. Give its address."""
        self._stop_at = None if function is None else self.firmware.find_symbol(function).address
        self.stopped = False
        return self._stop_at or 0

    def visit(self, address: int, link: int, stack: int, instructions: int, cycles: int) -> tuple[bool, int]:
        """Note that a watched block begins; say whether to stop, and at which address to be told of the return."""
        goes_on, self._stopped_at = self._stopped_at == address, None
        if address == self._stop_at and not goes_on:
            self._stopped_at, self.stopped = address, True
            return True, 0
        while self._calls and self._calls[-1].returns_to == address and self._calls[-1].stack == stack:
            call = self._calls.pop()
            total = self._functions[call.address]
            total.calls += 1
            total.instructions += instructions - call.instructions
            total.cycles += cycles - call.cycles
        again = self._calls and (self._calls[-1].address, self._calls[-1].returns_to, self._calls[-1].stack)
        if address not in self._functions or again == (address, link, stack):  # a loop back to its first instruction
            return False, 0
        self._calls.append(_Call(address, link, stack, instructions, cycles))
        return False, link

    def costs(self) -> tuple[FunctionCost, ...]:
        """Give what has been counted."""
        return tuple(
            FunctionCost(
                name=self.firmware.function_at(address),
                instructions=total.instructions,
                cycles=total.cycles,
                calls=total.calls,
            )
            for address, total in sorted(self._functions.items())
        )


def make_profile(firmware: Firmware, blocks: ctypes.Array[Block], watches: Watches, exception_cycles: int) -> Profile:
    """Add the basic blocks up by function."""
    table = np.frombuffer(memoryview(blocks), _BLOCK)
    run = np.flatnonzero(table["runs"])
    sums: dict[str, list[int]] = {}
    for at in run.tolist():
        block = table[at]
        runs = int(block["runs"])
        total = sums.setdefault(firmware.function_at(2 * at) or f"0x{2 * at:x}", [0, 0])
        total[0] += runs * int(block["instructions"])
        total[1] += runs * int(block["cycles"]) + int(block["refill_cycles"])
    if exception_cycles:
        sums[EXCEPTIONS] = [0, exception_cycles]
    costs = [FunctionCost(name=name, instructions=both[0], cycles=both[1]) for name, both in sums.items()]
    return Profile(
        functions=tuple(sorted(costs, key=lambda cost: (-cost.cycles, cost.name))), watched=watches.costs()
    )


_BLOCK = np.dtype(
    [
        ("runs", "<u8"),
        ("refill_cycles", "<u8"),
        ("cycles", "<u4"),
        ("instructions", "<u2"),
        ("bytes", "<u2"),
        ("leaves", "u1"),
        ("begins_across", "u1"),
        ("watched", "u1"),
        ("unused", "u1", 5),
    ]
)
