"""What a program has done that the processor cannot do, in words."""

from __future__ import annotations

from tinyml_labs.emulator.elf import RAM_START, Firmware
from tinyml_labs.emulator.errors import MachineFaultError

_READS, _WRITES, _FETCHES = (16, 19, 22, 24), (17, 20, 12), (18, 21, 14)
_READ_UNMAPPED, _WRITE_UNMAPPED, _FETCH_UNMAPPED = 19, 20, 21
_WRITE_PROT, _READ_PROT, _FETCH_PROT = 22, 23, 24


def explain_fault(
    firmware: Firmware, reason: str, pc: int, link: int, stack: int, invalid: tuple[int, int, int] | None
) -> MachineFaultError:
    """Make the error.

    Parameters
    ----------
    firmware : Firmware
    reason : str
        What the emulator says.
    pc, link, stack : int
        The processor's registers.
    invalid : tuple of (int, int, int) or None
        The access that went wrong: Unicorn's kind, address, bytes.
    """
    here = firmware.function_at(pc)
    caller = firmware.function_at(link & ~1)
    where = f"in {here}" if here else "outside every function"
    where += f" (address 0x{pc:x}" + (f", called by {caller})" if caller and caller != here else ")")
    what, hint = _what_happened(firmware, reason, pc, invalid)
    low = RAM_START + firmware.ram_bytes
    if stack < low:
        hint = (
            f" The stack (0x{stack:x}) has run into the variables, which end at 0x{low:x}: make buffers smaller, or "
            "static instead of local."
        )
    return MachineFaultError(f"The processor {what} {where}.{hint}", address=pc, function=here)


def _what_happened(firmware: Firmware, reason: str, pc: int, invalid: tuple[int, int, int] | None) -> tuple[str, str]:
    if invalid is not None:
        kind, address, size = invalid
        if kind in (_FETCH_UNMAPPED, _FETCH_PROT):
            return f"jumped to 0x{address:x}, where no code is,", " A pointer to a function may be wrong."
        if kind == _WRITE_PROT and address < RAM_START:
            if address < 0x100:
                return f"wrote to address 0x{address:x}", " A pointer is null there."
            return f"wrote {size} bytes to flash, at 0x{address:x},", " Constants cannot be changed."
        verb = "read" if kind in (_READ_UNMAPPED, _READ_PROT) else "wrote"
        return f"{verb} {size} bytes at 0x{address:x}, where there is nothing,", " A pointer or an index is wrong."
    if reason == "svc":
        return "made a call to an operating system (svc), and there is none,", ""
    if reason == "bkpt":
        return "met a breakpoint (bkpt)", ""
    if "INSN_INVALID" in reason:
        return (
            "met an instruction that it does not have,",
            " abort() and failed assertions end so; or a jump has gone astray.",
        )
    return f"stopped: {reason}", ""
