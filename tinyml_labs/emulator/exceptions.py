"""How a Cortex-M enters and leaves an interrupt: registers to the stack, and back (Armv7-M, B1.5.6 to B1.5.8).

All interrupts of the emulated board have the same priority, so none interrupts another.
"""

from __future__ import annotations

import struct
from typing import Any

ENTRY_CYCLES, EXIT_CYCLES = 12, 10  # Cortex-M4 Technical Reference Manual, 3.9.1
_BASIC, _EXTENDED = (
    0xFFFFFFF9,
    0xFFFFFFE9,
)  # EXC_RETURN: to the program, main stack, without and with the FPU's registers
_FPCA = 4  # of CONTROL: the FPU is in use
_ALIGNED = 1 << 9  # of the stacked xPSR: four bytes were skipped


class Exceptions:
    """The part of the processor that takes interrupts."""

    def __init__(self, uc: Any, arm: Any) -> None:
        self._uc, self._arm = uc, arm
        self._handling = False
        self._core = tuple(getattr(arm, f"UC_ARM_REG_{name}") for name in ("R0", "R1", "R2", "R3", "R12", "LR"))
        self._float = tuple(getattr(arm, f"UC_ARM_REG_S{number}") for number in range(16))

    def may_enter(self) -> bool:
        """Say whether an interrupt may come now."""
        return not self._handling and not self._uc.reg_read(self._arm.UC_ARM_REG_PRIMASK) & 1

    def enter(self, exception: int, pc: int, handler: int) -> int:
        """Save what the handler may change; give the address to go on at."""
        uc, arm = self._uc, self._arm
        stack, status, control = uc.reg_read_batch((arm.UC_ARM_REG_SP, arm.UC_ARM_REG_XPSR, arm.UC_ARM_REG_CONTROL))
        extended = bool(control & _FPCA)
        skipped = stack & 4
        saved = [*uc.reg_read_batch(self._core), pc, (status & ~_ALIGNED) | (_ALIGNED if skipped else 0)]
        if extended:
            saved += [*uc.reg_read_batch(self._float), uc.reg_read(arm.UC_ARM_REG_FPSCR), 0]
        stack -= skipped + 4 * len(saved)
        uc.mem_write(stack, struct.pack(f"<{len(saved)}I", *saved))
        uc.reg_write(arm.UC_ARM_REG_SP, stack)
        uc.reg_write(arm.UC_ARM_REG_LR, _EXTENDED if extended else _BASIC)
        uc.reg_write(arm.UC_ARM_REG_XPSR, 0x01000000 | exception)  # Thumb; no IT block
        self._handling = True
        return handler

    def leave(self, value: int) -> int:
        """Restore it all; give the address to go on at. ``value`` is what the handler has jumped to."""
        uc, arm = self._uc, self._arm
        extended = not value & 0x10
        count = 26 if extended else 8
        stack = uc.reg_read(arm.UC_ARM_REG_SP)
        saved = struct.unpack(f"<{count}I", uc.mem_read(stack, 4 * count))
        for register, saved_value in zip(self._core, saved, strict=False):
            uc.reg_write(register, saved_value)
        if extended:
            for register, saved_value in zip(self._float, saved[8:24], strict=True):
                uc.reg_write(register, saved_value)
            uc.reg_write(arm.UC_ARM_REG_FPSCR, saved[24])
        pc, status = saved[6:8]
        uc.reg_write(arm.UC_ARM_REG_SP, stack + 4 * count + (4 if status & _ALIGNED else 0))
        uc.reg_write(arm.UC_ARM_REG_XPSR, status & ~_ALIGNED)
        self._handling = False
        return int(pc)
