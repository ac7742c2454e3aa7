"""A compiled program: what is loaded where, and which function stands at which address."""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tinyml_labs.emulator.errors import need_package

RAM_START = 0x20000000
_UNSIZED = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Symbol:
    """A function or a variable: its name as C++ has it, where it begins, and its bytes."""

    name: str
    address: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Firmware:
    """A program for the board; :func:`tinyml_labs.emulator.build_firmware` makes it, :func:`read_firmware` reads it.

    Attributes
    ----------
    elf : Path
        The file, which QEMU's ``mps2-an386`` runs too.
    segments : tuple of (int, bytes)
        What is loaded, and where.
    symbols : tuple of Symbol
        Functions and variables, by their addresses.
    flash_bytes : int
        Code, constants, and the first values of variables.
    ram_bytes : int
        Variables; without the stack and the heap.
    flash_limit_bytes, ram_limit_bytes : int
        What the board has.
    clock_mhz : int
        The board's.
    board : str
        Its short name in ``tinyml_labs.boards``; empty if it is none of them.
    warnings : str
        What the compiler has warned of.
    """

    elf: Path
    segments: tuple[tuple[int, bytes], ...]
    symbols: tuple[Symbol, ...]
    flash_bytes: int
    ram_bytes: int
    flash_limit_bytes: int = 4 << 20
    ram_limit_bytes: int = 4 << 20
    clock_mhz: int = 64
    board: str = ""
    warnings: str = ""

    @cached_property
    def _functions(self) -> tuple[list[int], list[Symbol]]:
        functions = [symbol for symbol in self.symbols if symbol.address < RAM_START]
        return [symbol.address for symbol in functions], functions

    @cached_property
    def _by_name(self) -> dict[str, Symbol]:
        return {symbol.name: symbol for symbol in reversed(self.symbols)}

    def function_at(self, address: int) -> str:
        """Give the name of the function that an address is in; empty if it is in none."""
        addresses, functions = self._functions
        at = bisect.bisect_right(addresses, address) - 1
        if at < 0:
            return ""
        size = functions[at].size or _UNSIZED  # assembly often says no size: then up to the next function
        return functions[at].name if address < functions[at].address + size else ""

    def find_symbol(self, name: str) -> Symbol:
        """Give a function or a variable by its name.

        Raises
        ------
        KeyError
            With names that are near.
        """
        if name not in self._by_name:
            import difflib

            near = difflib.get_close_matches(name, self._by_name, 3)
            raise KeyError(f"{self.elf.name} has no {name!r}." + (f" Near: {', '.join(near)}." if near else ""))
        return self._by_name[name]


def read_firmware(elf: str | Path, **more: object) -> Firmware:
    """Read a program.

    Parameters
    ----------
    elf : str or Path
        An ELF file for a Cortex-M, code from address 0, RAM from 0x20000000.
    **more
        Further fields of :class:`Firmware`.

    Raises
    ------
    ValueError
        If it is no such file.
    EmulatorMissingError
        If pyelftools is not installed.
    """
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
        from elftools.elf.sections import SymbolTableSection
    except ImportError:
        raise need_package("pyelftools") from None
    path = Path(elf)
    with path.open("rb") as file:
        try:
            opened = ELFFile(file)
            if opened["e_machine"] != "EM_ARM":
                raise ValueError(f"{path} is a program for {opened['e_machine']}, expected one for Arm (EM_ARM).")
        except ELFError as error:
            raise ValueError(f"{path} is no ELF file ({error}). It is what the compiler's linker writes.") from None
        loaded = [s for s in opened.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_memsz"]]
        segments = tuple((int(s["p_paddr"]), s.data()) for s in loaded if s["p_filesz"])
        ram = sum(int(s["p_memsz"]) for s in loaded if s["p_vaddr"] >= RAM_START)
        tables = [s for s in opened.iter_sections() if isinstance(s, SymbolTableSection)]
        symbols = _symbols([symbol for table in tables for symbol in table.iter_symbols()])
    flash = sum(len(data) for _, data in segments)
    return Firmware(elf=path, segments=segments, symbols=symbols, flash_bytes=flash, ram_bytes=ram, **more)  # type: ignore[arg-type]


def _symbols(entries: Sequence[object]) -> tuple[Symbol, ...]:
    wanted: dict[int, Symbol] = {}
    for entry in entries:
        kind = entry["st_info"]["type"]  # type: ignore[index]
        if kind not in ("STT_FUNC", "STT_OBJECT") or entry["st_shndx"] == "SHN_UNDEF":  # type: ignore[index]
            continue
        address = int(entry["st_value"]) & (~1 if kind == "STT_FUNC" else ~0)  # type: ignore[index]
        name, size = entry.name, int(entry["st_size"])  # type: ignore[attr-defined, index]
        if name and (address not in wanted or size > wanted[address].size):
            wanted[address] = Symbol(name=demangle(name), address=address, size=size)
    return tuple(wanted[address] for address in sorted(wanted))


def demangle(name: str) -> str:
    """Give a C++ name without types and template arguments: ``Print::write`` for ``_ZN5Print5writeEPKhj``.

    Operators and what else is not a plain name stay as the compiler writes them.
    """
    if not name.startswith("_Z"):
        return name
    nested = name.startswith("_ZN")
    at, parts = (3, []) if nested else (2, [])
    while at < len(name):
        if name[at] in "KVL" and name[at + 1 : at + 2] != "E":
            at += 1
        elif name[at] == "I":
            at = _skip_arguments(name, at)
        elif (length := _length(name, at)) is not None:
            first = at + len(str(length))
            parts.append(name[first : first + length])
            at = first + length
            if not nested and name[at : at + 1] != "I":
                break
        else:
            break
    if not parts or (nested and name[at : at + 1] != "E"):
        return name
    return "::".join(part for part in parts if not part.startswith("_GLOBAL__N_"))


def _length(name: str, at: int) -> int | None:
    digits = re.match(r"\d+", name[at:])
    return int(digits[0]) if digits else None


def _skip_arguments(name: str, at: int) -> int:
    """Give the place behind the template arguments that begin at a place."""
    depth = 0
    while at < len(name):
        length = _length(name, at)
        if length is not None:
            at += len(str(length)) + length
            continue
        if name[at] == "L" and name[at + 1 : at + 2] != "_":  # a number: its type, its digits, E
            at = name.find("E", at) + 1 or len(name)
            continue
        depth += (name[at] in "INXJ") - (name[at] == "E")
        at += 1
        if depth == 0:
            return at
    return at
