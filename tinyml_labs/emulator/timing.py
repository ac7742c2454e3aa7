"""How many cycles a Cortex-M4 takes for a basic block: an estimate from the tables of its reference manual.

The figures are those of the Cortex-M4 Technical Reference Manual (ARM DDI 0439, sections 3.3 and 7.2.3), for memory
without wait states:

- most instructions take 1 cycle, multiplications and multiply-accumulates of integers too;
- a load takes 2, and 1 right behind another load or store, for they overlap; a store takes 1;
- several registers at once (``PUSH``, ``POP``, ``LDM``, ``VPUSH``, …) take 1 and 1 for each;
- a division of integers takes 2 to 12, as the numbers are: 7 is counted;
- of the floating-point unit, additions and multiplications take 1, multiply-accumulates 3, divisions and square roots
  14, and one more if the next instruction takes the result;
- a jump refills the pipeline: 1 to 3 more, counted as 1 for an address that stands in the instruction, 2 for one in a
  register or on the stack, and 1 more if the instruction there lies across two words. The branch that is not taken
  costs 1.

Not counted: what a bus has to wait for others (a DMA), what flash or its cache takes (``flash_wait_states`` adds a
cycle a jump), and that an instruction in an IT block that does not apply is shorter. Loops that were counted by hand
are in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml_labs.emulator.errors import need_package

DIRECT, INDIRECT = 1, 2
DIVISION_CYCLES = 7
_LOADS = ("ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "ldrt", "ldrex", "ldrbt", "ldrht")
_STORES = ("str", "strb", "strh", "strt", "strex", "strbt", "strht")
_MANY = ("push", "pop", "ldm", "stm", "ldmdb", "stmdb", "ldmia", "stmia", "vpush", "vpop", "vldm", "vstm", "vldmia",
         "vstmia", "vldmdb", "vstmdb")  # fmt: skip
_FLOAT_3 = ("vmla", "vmls", "vnmla", "vnmls", "vfma", "vfms", "vfnma", "vfnms")
_FLOAT_14 = ("vdiv", "vsqrt")
_FLOAT_ARITHMETIC = ("vadd", "vsub", "vmul", "vnmul", *_FLOAT_3, *_FLOAT_14)
_CONDITIONS = ("eq", "ne", "cs", "hs", "cc", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")


@dataclass(frozen=True, kw_only=True)
class BlockTiming:
    """Of one basic block: its instructions, its cycles, and how it is left (1: a direct jump, 2: an indirect one)."""

    instructions: int
    cycles: int
    leaves: int
    begins_across: bool


class BlockTimer:
    """Knows instructions and what they take."""

    def __init__(self) -> None:
        try:
            import capstone
        except ImportError:
            raise need_package("capstone") from None
        self._capstone = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
        self._capstone.detail = False

    def time_block(self, code: bytes, address: int) -> BlockTiming:
        """Give the timing of a basic block.

        Parameters
        ----------
        code : bytes
            Its instructions, Thumb-2.
        address : int
            Where it begins.
        """
        lines = self._disassemble(code, address)
        cycles, memory_before, leaves = 0, False, DIRECT
        for number, (name, operands) in enumerate(lines):
            following = lines[number + 1][1] if number + 1 < len(lines) else ""
            cycles += instruction_cycles(name, operands, following, after_memory=memory_before)
            memory_before = name in (*_LOADS, *_STORES)
            leaves = INDIRECT if _jumps_indirectly(name, operands) else DIRECT
        across = address % 4 == 2 and len(code) >= 2 and code[1] >> 3 in (0b11101, 0b11110, 0b11111)
        return BlockTiming(instructions=len(lines), cycles=cycles, leaves=leaves, begins_across=across)

    def _disassemble(self, code: bytes, address: int) -> Sequence[tuple[str, str]]:
        lines: list[tuple[str, str]] = []
        at = 0
        while at < len(code):
            for _, size, mnemonic, operands in self._capstone.disasm_lite(code[at:], address + at):
                lines.append((_plain(mnemonic), operands))
                at += size
            if at < len(code):  # one that capstone does not know
                lines.append(("unknown", ""))
                at += 4 if code[at + 1 : at + 2] and code[at + 1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
        return lines


def instruction_cycles(name: str, operands: str, following: str = "", *, after_memory: bool = False) -> int:
    """Give the cycles of one instruction, without a jump's refill.

    Parameters
    ----------
    name : str
        In small letters, without condition, width and type: ``"ldr"``, ``"vadd"``.
    operands : str
        ``"r0, [r1]"``.
    following : str
        The operands of the next instruction.
    after_memory : bool
        Whether the one before is a load or a store of one register.
    """
    if name in _LOADS:
        return 1 if after_memory else 2
    if name in ("ldrd", "strd"):
        return 3
    if name in _MANY:
        return 1 + _count_registers(operands)
    if name in ("sdiv", "udiv"):
        return DIVISION_CYCLES
    if name in ("vldr", "vstr"):
        return 3 if operands.startswith("d") else 2
    if name in ("tbb", "tbh", "msr", "mrs", "cps", "cpsie", "cpsid"):
        return 2
    if name == "isb":
        return 4
    if name == "vmov" and operands.count(",") >= 2:  # two registers of the core
        return 2
    if name in _FLOAT_ARITHMETIC:
        cycles = 14 if name in _FLOAT_14 else 3 if name in _FLOAT_3 else 1
        result = operands.split(",")[0].strip()
        return cycles + (result in [part.strip() for part in following.split(",")[1:]])
    return 1


def _plain(mnemonic: str) -> str:
    """Take width, type and condition off: ``ldrne.w`` is ``ldr``."""
    name = mnemonic.lower().split(".")[0]
    if len(name) > 3 and name[-2:] in _CONDITIONS and name[:-2] in _CONDITIONAL:
        return name[:-2]
    return name


_CONDITIONAL = frozenset(
    (
        *_LOADS,
        *_STORES,
        *_MANY,
        *_FLOAT_ARITHMETIC,
        "ldrd",
        "strd",
        "sdiv",
        "udiv",
        "vldr",
        "vstr",
        "vmov",
        "bx",
        "blx",
    )
)


def _count_registers(operands: str) -> int:
    listed = operands[operands.find("{") + 1 : operands.rfind("}")]
    count = 0
    for part in listed.split(","):
        first, _, last = part.strip().partition("-")
        registers = int(last.strip()[1:]) - int(first.strip()[1:]) + 1 if last else 1
        count += registers * (2 if first.startswith("d") else 1)
    return count


def _jumps_indirectly(name: str, operands: str) -> bool:
    if name in ("bx", "blx", "tbb", "tbh"):
        return True
    if name in ("pop", "ldm", "ldmia", "ldmdb"):
        return "pc" in operands
    return operands.startswith("pc")
