"""The devices of the emulated board: serial port, timers, SysTick and the interrupt controller of ARM's mps2-an386.

What is here is what ``board/mps2.cpp`` uses, with the meaning that the registers have on that board (ARM DAI 0386,
the CMSDK of DDI 0479, and the Armv7-M architecture), so that a program runs here and in QEMU alike. Time is counted
in ticks of 25 MHz; :class:`tinyml_labs.emulator.CortexM4` says what a tick is in cycles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

TICK_HZ = 25_000_000
NEVER = 2**62
UART, TIMER_0, TIMER_1, SYSTEM = 0x40004000, 0x40000000, 0x40001000, 0xE000E000
UART_IRQ, TIMER_0_IRQ, TIMER_1_IRQ = 0, 8, 9
SYS_TICK_EXCEPTION, FIRST_IRQ = 15, 16
_TX_FULL, _RX_FULL = 1, 2
_RX_INTERRUPT = 8


class Uart:
    """The serial port: bytes arrive and leave at once; ``room`` says how many may wait to be taken."""

    def __init__(self, room: int) -> None:
        self.received: deque[int] = deque()
        self.sent = bytearray()
        self.room = room
        self.blocked = False  # the program has asked for room, and there is none
        self.told = False
        self._control = 0
        self._divider = 0

    def receive(self, data: bytes) -> None:
        """Let bytes arrive."""
        self.received.extend(data)
        self.told = bool(self.received)

    def pending(self, now: int) -> bool:
        """Say whether it interrupts."""
        return self.told and bool(self._control & _RX_INTERRUPT) and bool(self.received)

    def read(self, offset: int, now: int) -> int:
        """Read a register."""
        if offset == 0:
            return self.received.popleft() if self.received else 0
        if offset == 4:
            full = len(self.sent) >= self.room
            self.blocked = self.blocked or full
            return (_TX_FULL if full else 0) | (_RX_FULL if self.received else 0)
        if offset == 8:
            return self._control
        if offset == 12:
            return 2 if self.pending(now) else 0
        return self._divider if offset == 16 else 0

    def write(self, offset: int, value: int, now: int) -> None:
        """Write a register."""
        if offset == 0:
            self.sent.append(value & 0xFF)
        elif offset == 8:
            self._control = value
        elif offset == 12 and value & 2:
            self.told = False
        elif offset == 16:
            self._divider = value


class Timer:
    """A timer that counts down at 25 MHz, begins anew at its reload value, and may interrupt at 0."""

    def __init__(self, enable: int, interrupt: int) -> None:
        self._enable, self._interrupt = enable, interrupt
        self.control = self.reload = self._value = 0
        self._since = 0
        self.next_zero = NEVER  # the tick at which it interrupts next
        self.told = False
        self.passed_zero = False

    def value(self, now: int) -> int:
        """Give the count."""
        if not self.control & self._enable:
            return self._value
        beyond = now - self._since - self._value
        if beyond <= 0:
            return -beyond
        return self.reload - (beyond - 1) % (self.reload + 1)

    def advance(self, now: int) -> None:
        """Note the zeros that have been passed."""
        if self.next_zero <= now:
            period = self.reload + 1
            self.next_zero += (1 + (now - self.next_zero) // period) * period
            self.told = self.passed_zero = True

    def set_value(self, value: int, now: int) -> None:
        """Set the count."""
        self._value, self._since = value, now
        counts = self.control & self._enable and self.control & self._interrupt
        self.next_zero = now + value if counts else NEVER

    def set_control(self, control: int, now: int) -> None:
        """Start or stop it."""
        value = self.value(now)
        self.control = control
        self.set_value(value, now)


class Devices:
    """All of them, by their addresses.

    Parameters
    ----------
    room : int
        Bytes that the serial port takes before the program has to wait.
    now : callable
        Gives the time in ticks.
    on_change : callable
        Is called when a register has been written that interrupts depend on.
    """

    def __init__(self, room: int, now: Callable[[], int], on_change: Callable[[], None]) -> None:
        self._now, self._on_change = now, on_change
        self.uart = Uart(room)
        self.timers = {TIMER_0_IRQ: Timer(1, 8), TIMER_1_IRQ: Timer(1, 8)}
        self.sys_tick = Timer(1, 2)
        self.vector_table = 0
        self.fpu_on = False
        self._enabled = 0
        self._set_pending = 0
        self._other: dict[int, int] = {}

    def next_event(self) -> int:
        """Give the tick of the next interrupt by a timer."""
        return min(self.sys_tick.next_zero, *[timer.next_zero for timer in self.timers.values()])

    def pending_exception(self) -> int:
        """Give the number of the exception that is to be taken; 0 if there is none. All have the same priority."""
        now = self._now()
        for timer in (self.sys_tick, *self.timers.values()):
            if timer.next_zero <= now:
                timer.advance(now)
        if self.sys_tick.told:
            return SYS_TICK_EXCEPTION
        for irq in (UART_IRQ, TIMER_0_IRQ, TIMER_1_IRQ):
            if self._enabled >> irq & 1 and self._irq_pending(irq, now):
                return FIRST_IRQ + irq
        return 0

    def take(self, exception: int) -> None:
        """Note that an exception is being handled. An IRQ's line stays up until its handler clears it."""
        if exception == SYS_TICK_EXCEPTION:
            self.sys_tick.told = False
        else:
            self._set_pending &= ~(1 << exception - FIRST_IRQ)

    def _irq_pending(self, irq: int, now: int) -> bool:
        if self._set_pending >> irq & 1:
            return True
        if irq == UART_IRQ:
            return self.uart.pending(now)
        return self.timers[irq].told

    def read(self, base: int, offset: int) -> int:
        """Read a register."""
        now = self._now()
        if base == UART:
            return self.uart.read(offset, now)
        if base == SYSTEM:
            return self._read_system(offset, now)
        timer = self.timers[TIMER_0_IRQ if base == TIMER_0 else TIMER_1_IRQ]
        timer.advance(now)
        return {0: timer.control, 4: timer.value(now), 8: timer.reload, 12: int(timer.told)}.get(offset, 0)

    def write(self, base: int, offset: int, value: int) -> None:
        """Write a register."""
        now = self._now()
        if base == UART:
            self.uart.write(offset, value, now)
            if offset and self.uart.pending(now):
                self._on_change()
            return
        self._on_change()
        if base == SYSTEM:
            self._write_system(offset, value, now)
            return
        timer = self.timers[TIMER_0_IRQ if base == TIMER_0 else TIMER_1_IRQ]
        timer.advance(now)
        if offset == 0:
            timer.set_control(value, now)
        elif offset == 4:
            timer.set_value(value, now)
        elif offset == 8:
            timer.reload = value
            timer.set_value(value, now)
        elif offset == 12 and value & 1:
            timer.told = False

    def _read_system(self, offset: int, now: int) -> int:
        if offset == 0x10:
            self.sys_tick.advance(now)
            passed, self.sys_tick.passed_zero = self.sys_tick.passed_zero, False
            return self.sys_tick.control | (1 << 16 if passed else 0)
        if offset == 0x14:
            return self.sys_tick.reload
        if offset == 0x18:
            return self.sys_tick.value(now)
        if offset in (0x100, 0x180):
            return self._enabled & 0xFFFFFFFF
        return {0xD00: 0x410FC241, 0xD08: self.vector_table}.get(offset, self._other.get(offset, 0))  # 0xD00: CPUID

    def _write_system(self, offset: int, value: int, now: int) -> None:
        if offset == 0x10:
            self.sys_tick.set_control(value & 7, now)
        elif offset == 0x14:
            self.sys_tick.reload = value & 0xFFFFFF
        elif offset == 0x18:
            self.sys_tick.set_value(self.sys_tick.reload, now)  # any write empties it, and the next tick fills it
        elif offset == 0x100:
            self._enabled |= value
        elif offset == 0x180:
            self._enabled &= ~value
        elif offset == 0x200:
            self._set_pending |= value
        elif offset == 0x280:
            self._set_pending &= ~value
        elif offset == 0xD08:
            self.vector_table = value & ~0x7F
        else:
            self.fpu_on = self.fpu_on or (offset == 0xD88 and value >> 20 & 15 == 15)
            self._other[offset] = value
