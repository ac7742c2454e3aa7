"""A Cortex-M4F that runs a compiled sketch, counts its instructions, and estimates its cycles.

>>> from tinyml_labs.emulator import CortexM4, build_firmware
>>> machine = CortexM4(build_firmware("arduino_sketches/capture_analog", recording=bytes(400)))  # doctest: +SKIP
>>> machine.run(seconds=0.1)  # doctest: +SKIP
'limit'
>>> machine.read()  # doctest: +SKIP
b'...'

Unicorn (QEMU's processor) runs the instructions; exceptions, devices and time are here and in
:mod:`tinyml_labs.emulator.peripherals`. Time is virtual: the cycles of :mod:`tinyml_labs.emulator.timing` at the
board's clock, and while the processor sleeps, nothing but the time of the next interrupt. The same program and the
same bytes at the same times give the same run, to the instruction.
"""

from __future__ import annotations

import ctypes
from typing import Any

from tinyml_labs.emulator.block_counter import NEVER, Block, Counter, Meet, Visit, load_block_counter
from tinyml_labs.emulator.elf import RAM_START, Firmware
from tinyml_labs.emulator.errors import MachineFaultError, need_package
from tinyml_labs.emulator.exceptions import ENTRY_CYCLES, EXIT_CYCLES, Exceptions
from tinyml_labs.emulator.faults import explain_fault
from tinyml_labs.emulator.peripherals import SYSTEM, TICK_HZ, TIMER_0, TIMER_1, UART, Devices
from tinyml_labs.emulator.profiles import Profile, Watches, make_profile
from tinyml_labs.emulator.timing import BlockTimer

_PAGE = 0x1000
_MASKED_CYCLES = 64  # how soon to look again whether interrupts are allowed
_RETURN_EXCEPTION, _SUPERVISOR_CALL, _BREAKPOINT = 8, 2, 7
_ENDLESS = 0xFFFFFFFE  # an address that nothing reaches


class CortexM4:
    """An emulated board.

    Parameters
    ----------
    firmware : Firmware
        The program: :func:`tinyml_labs.emulator.build_firmware`.
    clock_mhz : int, optional
        By default the board's that it was built for.
    flash_wait_states : int
        What each jump waits for the flash, in cycles; 0 for code in a cache, as on most boards.
    port_bytes : int
        How many bytes the serial port holds until :meth:`read` takes them; then the program waits, as on a board
        whose USB nobody reads, and so does its time.

    Attributes
    ----------
    firmware : Firmware
    clock_mhz : int
    idle_cycles : int
        What it has slept.

    Raises
    ------
    EmulatorMissingError
        If unicorn or capstone is not installed.
    """

    def __init__(
        self,
        firmware: Firmware,
        *,
        clock_mhz: int | None = None,
        flash_wait_states: int = 0,
        port_bytes: int = 1 << 20,
    ) -> None:
        try:
            import unicorn
            from unicorn import arm_const
            from unicorn.unicorn_py3 import unicorn as binding
        except ImportError:
            raise need_package("unicorn") from None
        self.firmware = firmware
        self.clock_mhz = clock_mhz or firmware.clock_mhz
        self.idle_cycles = 0
        self._unicorn, self._registers, self._binding = unicorn, arm_const, binding
        self._timer = BlockTimer()
        self._code = _code_of(firmware)
        self._blocks = (Block * (len(self._code) // 2 + 1))()
        self._flash_wait_states, self._port_bytes = flash_wait_states, port_bytes
        self._watches = Watches(firmware)
        self._meet, self._visit = Meet(self._on_meet), Visit(self._on_visit)
        self._failure: BaseException | None = None
        self.reset()

    def reset(self) -> None:
        """Begin anew: time, counts and variables, as when the power comes on."""
        unicorn, arm = self._unicorn, self._registers
        self._uc = uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        uc.mem_map(0, _pages(len(self._code)), unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        uc.mem_write(0, self._code)
        ram = _pages(self.firmware.ram_limit_bytes)
        uc.mem_map(RAM_START, ram, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        self._devices = Devices(self._port_bytes, lambda: self._ticks, self._on_change)
        for base in (TIMER_0, TIMER_1, UART, SYSTEM):
            uc.mmio_map(base, _PAGE, self._on_read, base, self._on_write, base)
        uc.hook_add(unicorn.UC_HOOK_INTR, self._on_interrupt)
        uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid)
        self._exceptions = Exceptions(uc, arm)
        self._interrupt = 0
        self._invalid: tuple[int, int, int] | None = None
        self._asleep = False
        self.idle_cycles = self._exception_cycles = 0
        ctypes.memset(self._blocks, 0, ctypes.sizeof(self._blocks))
        self._counter = self._make_counter()
        self._watches.restart()
        self._hook_counter()
        uc.reg_write(arm.UC_ARM_REG_SP, int.from_bytes(self._code[:4], "little"))
        self._pc = int.from_bytes(self._code[4:8], "little") & ~1

    def _make_counter(self) -> Counter:
        return Counter(
            blocks=self._blocks,
            code_bytes=len(self._code),
            wait_cycles=self._flash_wait_states,
            stop=ctypes.cast(self._binding.uclib.uc_emu_stop, ctypes.c_void_p).value,
            meet=self._meet,
            visit=self._visit,
        )

    def _hook_counter(self) -> None:
        function = ctypes.cast(load_block_counter().count_block, ctypes.c_void_p)
        handle = ctypes.c_size_t()
        status = self._binding.uclib.uc_hook_add(
            self._uc._uch,
            ctypes.byref(handle),
            self._unicorn.UC_HOOK_BLOCK,
            function,
            ctypes.byref(self._counter),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),  # an end before the beginning: everywhere
        )
        if status:
            raise self._unicorn.UcError(status)

    @property
    def instructions(self) -> int:
        """The instructions that have been run."""
        return int(self._counter.instructions)

    @property
    def cycles(self) -> int:
        """An estimate of the cycles that they took, without sleep."""
        return int(self._counter.cycles) - self.idle_cycles

    @property
    def seconds(self) -> float:
        """The board's time since the reset, sleep included."""
        return int(self._counter.cycles) / (self.clock_mhz * 1e6)

    @property
    def blocked(self) -> bool:
        """Whether the program waits for somebody to :meth:`read`."""
        return self._devices.uart.blocked

    @property
    def _ticks(self) -> int:
        return int(self._counter.cycles) * TICK_HZ // (self.clock_mhz * 1_000_000)

    def write(self, data: bytes) -> None:
        """Let bytes arrive at the serial port."""
        self._devices.uart.receive(data)

    def read(self) -> bytes:
        """Take what the program has sent."""
        uart = self._devices.uart
        data = bytes(uart.sent)
        uart.sent.clear()
        uart.blocked = False
        return data

    def read_memory(self, place: str | int, size: int | None = None) -> bytes:
        """Give what is in memory: at an address, or a whole variable by its name."""
        if isinstance(place, str):
            symbol = self.firmware.find_symbol(place)
            place, size = symbol.address, symbol.size if size is None else size
        return bytes(self._uc.mem_read(place, size or 4))

    def write_memory(self, place: str | int, data: bytes) -> None:
        """Change what is in memory: at an address, or from the beginning of a variable on."""
        self._uc.mem_write(self.firmware.find_symbol(place).address if isinstance(place, str) else place, data)

    def watch(self, *functions: str) -> None:
        """Count what functions take with all that they call, from now on: see :meth:`profile`.

        Parameters
        ----------
        *functions : str
            Names, or beginnings of names with a star: ``"model_layer_*"``.

        Raises
        ------
        KeyError
            If the program has no such function.
        """
        for address in self._watches.add(functions):
            self._blocks[address >> 1].watched = 1

    def run(
        self, *, instructions: int | None = None, seconds: float | None = None, until: str | bytes | None = None
    ) -> str:
        """Let the program go on.

        Parameters
        ----------
        instructions : int, optional
            How many more; it stops at the end of a basic block.
        seconds : float, optional
            Of the board's time, sleep included.
        until : str or bytes, optional
            A function, which then is about to begin; or what the program has sent and :meth:`read` has not taken.

        Returns
        -------
        str
            Why it has stopped: ``"limit"``, ``"until"``, ``"blocked"`` (nobody reads what it sends), or ``"asleep"``
            (it waits for bytes to come, and no timer will wake it).

        Raises
        ------
        MachineFaultError
            If the program does what the processor cannot do, with the function in which it does.
        """
        if instructions is None and seconds is None and until is None:
            raise ValueError("Say how long it shall run: instructions=, seconds= or until=.")
        counter = self._counter
        limit = NEVER if seconds is None else counter.cycles + round(seconds * self.clock_mhz * 1e6)
        counter.stop_at_instructions = NEVER if instructions is None else counter.instructions + instructions
        wanted = until if isinstance(until, bytes) else None
        if isinstance(until, str):
            self._blocks[self._watches.stop_at(until) >> 1].watched = 1
        self._devices.uart.blocked = False
        try:
            while True:
                if wanted is not None and wanted in self._devices.uart.sent:
                    return "until"
                if counter.cycles >= limit or counter.instructions >= counter.stop_at_instructions:
                    return "limit"
                why = self._step(limit)
                if why:
                    return why
        finally:
            self._watches.stop_at(None)

    def profile(self) -> Profile:
        """Say where the instructions and cycles went, by function."""
        return make_profile(self.firmware, self._blocks, self._watches, self._exception_cycles)

    def _step(self, limit: int) -> str:
        counter, devices = self._counter, self._devices
        exception = devices.pending_exception()
        if exception:
            self._asleep = False
            if self._exceptions.may_enter():
                self._enter(exception)
                exception = devices.pending_exception()
        if self._asleep:
            wake = devices.next_event()
            if wake >= NEVER // 2 and limit == NEVER:
                return "asleep"
            self._sleep_until(min(limit, self._cycles_at(wake)))
            return ""
        stop = min(limit, self._cycles_at(devices.next_event()))
        counter.stop_at_cycles = min(stop, counter.cycles + _MASKED_CYCLES) if exception else stop
        return self._emulate()

    def _emulate(self) -> str:
        counter = self._counter
        self._interrupt, self._invalid = 0, None
        try:
            self._uc.emu_start(self._pc | 1, _ENDLESS)
        except self._unicorn.UcError as error:
            self._pc = self._uc.reg_read(self._registers.UC_ARM_REG_PC)
            if self._failure is None:
                raise self._fault(str(error)) from None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        self._pc = self._uc.reg_read(self._registers.UC_ARM_REG_PC)
        if self._interrupt == _RETURN_EXCEPTION:
            self._pc = self._exceptions.leave(self._pc)
            self._charge(EXIT_CYCLES)
            return ""
        if self._interrupt:
            raise self._fault({_SUPERVISOR_CALL: "svc", _BREAKPOINT: "bkpt"}.get(self._interrupt, "exception"))
        if self._watches.stopped:
            self._watches.stopped = False
            return "until"
        if self._devices.uart.blocked:
            return "blocked"
        if counter.cycles < counter.stop_at_cycles and counter.instructions < counter.stop_at_instructions:
            self._asleep = True  # it has not been stopped: it has met WFI
        return ""

    def _enter(self, exception: int) -> None:
        self._devices.take(exception)
        table = self._devices.vector_table + 4 * exception
        handler = int.from_bytes(self._uc.mem_read(table, 4), "little") & ~1
        self._charge(ENTRY_CYCLES)
        if self._code[handler : handler + 2] == b"\x70\x47":  # nothing but a return
            self._counter.instructions += 1
            self._charge(1 + EXIT_CYCLES)
            return
        self._pc = self._exceptions.enter(exception, self._pc, handler)

    def _charge(self, cycles: int) -> None:
        self._counter.cycles += cycles
        self._exception_cycles += cycles
        self._counter.before = None  # what comes next was not jumped to by the block before

    def _sleep_until(self, cycles: int) -> None:
        slept = max(0, cycles - self._counter.cycles)
        self._counter.cycles += slept
        self.idle_cycles += slept

    def _cycles_at(self, tick: int) -> int:
        return min(NEVER, -(-tick * self.clock_mhz * 1_000_000 // TICK_HZ))

    def _on_meet(self, address: int, size: int) -> None:
        try:
            timing = self._timer.time_block(self._code[address : address + size], address)
            block = self._blocks[address >> 1]
            block.instructions, block.cycles, block.bytes = timing.instructions, timing.cycles, size
            block.leaves, block.begins_across = timing.leaves, timing.begins_across
        except BaseException as error:  # ctypes would print it and go on
            self._fail(error)

    def _on_visit(self, address: int) -> int:
        try:
            link, stack = self._uc.reg_read_batch((self._registers.UC_ARM_REG_LR, self._registers.UC_ARM_REG_SP))
            stop, returns_to = self._watches.visit(address, link & ~1, stack, self.instructions, self.cycles)
            if returns_to:
                self._blocks[returns_to >> 1].watched = 1
            return int(stop)
        except BaseException as error:
            self._fail(error)
            return 1

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._counter.stop_at_cycles = 0

    def _on_change(self) -> None:
        self._counter.stop_at_cycles = 0

    def _on_read(self, _uc: Any, offset: int, _size: int, base: int) -> int:
        value = self._devices.read(base, offset)
        if self._devices.uart.blocked:
            self._on_change()
        return value

    def _on_write(self, _uc: Any, offset: int, _size: int, value: int, base: int) -> None:
        self._devices.write(base, offset, value)

    def _on_interrupt(self, uc: Any, number: int, _data: Any) -> None:
        self._interrupt = number
        uc.emu_stop()

    def _on_invalid(self, _uc: Any, access: int, address: int, size: int, _value: int, _data: Any) -> bool:
        self._invalid = (access, address, size)
        return False

    def _fault(self, reason: str) -> MachineFaultError:
        arm = self._registers
        link, stack = self._uc.reg_read_batch((arm.UC_ARM_REG_LR, arm.UC_ARM_REG_SP))
        return explain_fault(self.firmware, reason, self._pc, link, stack, self._invalid)


def _code_of(firmware: Firmware) -> bytes:
    segments = [(address, data) for address, data in firmware.segments if address < RAM_START]
    if not segments or min(address for address, _ in segments) != 0:
        raise ValueError(
            f"{firmware.elf} has no code at address 0, where the processor begins. Link it with board.ld."
        )
    code = bytearray(max(address + len(data) for address, data in segments))
    for address, data in segments:
        code[address : address + len(data)] = data
    return bytes(code)


def _pages(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
