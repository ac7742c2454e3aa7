"""The arena: what is alive together lies apart, nothing is larger than it has to be, branches are ordered well."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Branches

from tinyml_labs.compiler import compile_model
from tinyml_labs.compiler.planning import Buffer, lower_bound, place

_QUANTITIES = {"scale": 0.1, "zero_point": 3}


@st.composite
def buffers(draw: st.DrawFn) -> list[Buffer]:
    found = []
    for index in range(draw(st.integers(1, 25))):
        first = draw(st.integers(-1, 20))
        nbytes = 4 * draw(st.integers(1, 400))
        last = first + draw(st.integers(0, 8))
        found.append(Buffer(name=str(index), tensors=(index,), nbytes=nbytes, first_step=first, last_step=last))
    return found


def overlaps(one: Buffer, other: Buffer) -> bool:
    together = one.first_step <= other.last_step and other.first_step <= one.last_step
    return together and one.offset < other.offset + other.nbytes and other.offset < one.offset + one.nbytes


@settings(max_examples=60, deadline=None)
@given(buffers())
def test_what_is_alive_together_lies_apart(given_buffers: list[Buffer]) -> None:
    bound = lower_bound(given_buffers)
    placed = place(given_buffers, bound)
    assert sorted(buffer.name for buffer in placed) == sorted(buffer.name for buffer in given_buffers)
    assert not [pair for pair in combinations(placed, 2) if overlaps(*pair)]
    arena = max(buffer.offset + buffer.nbytes for buffer in placed)
    assert bound <= arena <= sum(buffer.nbytes for buffer in given_buffers)
    assert all(buffer.offset % 4 == 0 for buffer in placed)


def branching_network(seed: int) -> bytes:
    """Additions, tables and concatenations of whatever was there before."""
    n = Branches(seed)
    there = [n.input((1, n.number(1, 3) * 4, 4), **_QUANTITIES) for _ in range(2)]
    used: set[int] = set()
    for _ in range(n.number(4, 12)):
        source = there[n.number(0, len(there) - 1)]
        shape = n.tensors[source].shape
        alike = [tensor for tensor in there if n.tensors[tensor].shape == shape]
        other = alike[n.number(0, len(alike) - 1)]
        kind = n.number(0, 3)
        if kind == 0:
            there.append(n.add(shape, **_QUANTITIES))
            n.operator("ADD", [source, other], [there[-1]], "AddOptions")
        elif kind == 1:
            there.append(n.add((shape[0], shape[1] * 2, shape[2]), **_QUANTITIES))
            n.operator("CONCATENATION", [source, other], [there[-1]], "ConcatenationOptions", Axis=1)
        elif kind == 2:
            middle = n.add(shape, scale=0.2, zero_point=-9)
            n.operator("RELU", [source], [middle])
            there.append(n.add(shape, **_QUANTITIES))
            n.operator("QUANTIZE", [middle], [there[-1]], "QuantizeOptions")
        else:
            there.append(n.add((shape[0], shape[1] * shape[2] // 4, 4), **_QUANTITIES))
            n.operator("RESHAPE", [source, n.integers(n.tensors[there[-1]].shape)], [there[-1]], "ReshapeOptions")
        used |= {source, other}
    n.outputs = [tensor for tensor in there[2:] if tensor not in used] or there[-1:]
    return n.build()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_plan_of_a_network_with_branches(seed: int) -> None:
    plan = compile_model(branching_network(seed)).plan
    assert plan.lower_bound_bytes <= plan.arena_bytes
    assert not [pair for pair in combinations(plan.buffers, 2) if overlaps(*pair)]
    assert all(buffer.offset + buffer.nbytes <= plan.arena_bytes for buffer in plan.buffers)


@pytest.mark.slow
def test_networks_with_branches_give_the_bytes_of_tflm(tflm: None) -> None:
    """What lies in place, and in another order, still gives the same bytes."""
    from tinyml_labs.compiler.check import compare
    from tinyml_labs.compiler.host_program import build_program

    networks = [branching_network(seed) for seed in range(12)]
    with build_program([compile_model(data, name=f"n{k}") for k, data in enumerate(networks)]) as program:
        for index, data in enumerate(networks):
            report = compare(program, index, data, samples=8)
            assert report.equal, f"{index}: {report}"


def test_a_better_order_of_branches_is_found() -> None:
    """Two branches that each grow and shrink: one after the other they need less than side by side."""
    n = Branches(0)
    source = n.input((1, 4, 4), **_QUANTITIES)
    grown = [n.add((1, 40, 4), **_QUANTITIES) for _ in range(2)]
    shrunk = [n.add((1, 1, 4), **_QUANTITIES) for _ in range(2)]
    for tensor in grown:  # in the file both grow first
        n.operator("CONCATENATION", [source] * 10, [tensor], "ConcatenationOptions", Axis=1)
    for wide, narrow in zip(grown, shrunk, strict=True):
        axes = n.integers([1])
        n.operator("MEAN", [wide, axes], [narrow], "ReducerOptions", KeepDims=True)
    n.operator("ADD", shrunk, [n.output((1, 1, 4), **_QUANTITIES)], "AddOptions")
    plan = compile_model(n.build()).plan
    assert plan.order != tuple(range(5))
    assert plan.arena_bytes < 2 * 160


def test_layers_write_over_what_nobody_reads_again() -> None:
    n = Branches(1)
    source = n.input((1, 100), **_QUANTITIES)
    middle = n.add((1, 100), **_QUANTITIES)
    n.operator("RELU", [source], [middle])
    n.operator("ADD", [middle, middle], [n.output((1, 100), **_QUANTITIES)], "AddOptions")
    assert compile_model(n.build()).arena_bytes == 100


def test_an_input_that_is_read_twice_is_kept() -> None:
    n = Branches(1)
    source = n.input((1, 100), **_QUANTITIES)
    middle = n.add((1, 100), **_QUANTITIES)
    n.operator("RELU", [source], [middle])
    n.operator("ADD", [middle, source], [n.output((1, 100), **_QUANTITIES)], "AddOptions")
    assert compile_model(n.build()).arena_bytes == 200


def test_same_model_same_sources() -> None:
    data = branching_network(3)
    assert compile_model(data).sources == compile_model(bytes(np.frombuffer(data, np.uint8))).sources
