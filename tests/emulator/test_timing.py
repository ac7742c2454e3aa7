"""Instructions and cycles, against loops that were counted by hand from the reference manual."""

from __future__ import annotations

import pytest
from programs import LOOPS

from tinyml_labs.emulator import CortexM4, build_firmware
from tinyml_labs.emulator.timing import BlockTimer, instruction_cycles

# By hand: instructions a turn and beyond the turns, cycles a turn and beyond them. The last branch refills nothing
# (-1), the return takes 1 + 2, and the call is the caller's.
COUNTED = {
    "count_down": (2, 1, 3, -1 + 3),
    "load_and_store": (7, 4, 9, 3 + 1 - 1 + 3 + 3),
    "push_and_divide": (6, 1, 21, -1 + 3),
    "multiply_and_divide_floats": (5, 1, 22, -1 + 3),
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> CortexM4:
    folder = tmp_path_factory.mktemp("loops")
    (folder / "loops.ino").write_text(LOOPS)
    machine = CortexM4(build_firmware(folder))
    machine.watch(*COUNTED)
    assert machine.run(until=b"done") == "until"
    return machine


@pytest.mark.parametrize("name", COUNTED)
def test_a_loop_takes_what_was_counted_by_hand(machine: CortexM4, name: str) -> None:
    each, more, cycles_each, cycles_more = COUNTED[name]
    cost = next(cost for cost in machine.profile().functions if cost.name == name)
    assert cost.instructions == 1000 * each + more
    assert cost.cycles == pytest.approx(1000 * cycles_each + cycles_more, abs=3)  # where it lies costs a cycle or two


def test_the_profile_is_all_that_was_run(machine: CortexM4) -> None:
    profile = machine.profile()
    assert profile.instructions == machine.instructions - _bare_ticks(machine)
    assert profile.cycles == machine.cycles
    assert {cost.name: cost.calls for cost in profile.watched} == dict.fromkeys(COUNTED, 1)
    inclusive = {cost.name: cost.instructions for cost in profile.watched}
    alone = {cost.name: cost.instructions for cost in profile.functions if cost.name in COUNTED}
    for name, instructions in alone.items():  # they call nobody, but a tick may come
        assert instructions <= inclusive[name] <= instructions + 10


def _bare_ticks(machine: CortexM4) -> int:
    """The handler of a tick is a lone return, which is counted without being run."""
    return machine.instructions - sum(cost.instructions for cost in machine.profile().functions)


def test_wait_states_make_jumps_slower(machine: CortexM4) -> None:
    slow = CortexM4(machine.firmware, flash_wait_states=4)
    slow.run(until=b"done")
    quick, slowed = (next(c for c in m.profile().functions if c.name == "count_down").cycles for m in (machine, slow))
    assert slowed - quick == pytest.approx(4 * 1000, abs=8)  # 999 turns and the return


@pytest.mark.parametrize(
    ("code", "instructions", "cycles", "leaves"),
    [
        ("00bf00bf", 2, 2, 1),  # nop; nop
        ("f0b5f0bd", 2, 12, 2),  # push {r4-r7, lr}; pop {r4-r7, pc}
        ("08684a687047", 3, 4, 2),  # ldr r0,[r1]; ldr r2,[r1,#4]; bx lr
        ("90fbf1f0", 1, 7, 1),  # sdiv r0, r0, r1
        ("2dED028b".lower(), 1, 3, 1),  # vpush {d8}
        ("70ee210a", 1, 1, 1),  # vadd.f32 s1, s0, s3
        ("51fa82f2", 1, 1, 1),  # not known to every disassembler: counted all the same
    ],
)  # fmt: skip
def test_instructions_are_counted_and_timed(code: str, instructions: int, cycles: int, leaves: int) -> None:
    timing = BlockTimer().time_block(bytes.fromhex(code), 0)
    assert (timing.instructions, timing.cycles, timing.leaves) == (instructions, cycles, leaves)


def test_a_result_that_is_taken_at_once_costs_a_cycle() -> None:
    assert instruction_cycles("vmul", "s0, s1, s2", "s3, s4, s5") == 1
    assert instruction_cycles("vmul", "s0, s1, s2", "s3, s0, s5") == 2
