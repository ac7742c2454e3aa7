"""The bundled gestures: what is in them, who is kept for testing, and that they are what the simulator makes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyml_labs import simulation
from tinyml_labs.datasets import load_gestures
from tinyml_labs.datasets.bundled import bundled_path
from tinyml_labs.datasets.gestures import pack_counts, unpack_counts


def test_there_are_enough_people_and_all_classes_of_each() -> None:
    data = load_gestures()
    assert len(data.subjects) >= 20
    assert len(data.test_subjects) >= 5
    assert data.labels == simulation.GESTURES
    for recording in data.recordings:
        assert recording.samples.shape[1] == 6
        assert recording.samples.dtype == np.float32
        assert {interval.label for interval in recording.intervals} == set(data.labels), recording.name
        edges = [edge for interval in recording.intervals for edge in (interval.start, interval.end)]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= len(recording.samples)


def test_the_split_is_by_subject() -> None:
    data = load_gestures()
    train, test = data.split()
    assert {r.subject for r in train} & {r.subject for r in test} == set()
    assert {r.subject for r in test} == set(data.test_subjects)
    assert len(train) + len(test) == len(data.recordings)
    mine, theirs = data.split(["s101"])
    assert [r.subject for r in theirs] == ["s101"]
    assert len(mine) == len(data.recordings) - 1
    with pytest.raises(ValueError, match="no subject 'ana'; there are s100, "):
        data.split(["ana"])


def test_at_rest_it_weighs_one_g() -> None:
    for recording in load_gestures().recordings:
        for interval in recording.intervals:
            if interval.label == "idle":
                still = recording.samples[interval.start + 60 : interval.end - 60, :3].astype(float)
                assert np.linalg.norm(still.mean(axis=0)) == pytest.approx(1, abs=0.2), recording.name


def test_it_is_what_the_simulator_makes() -> None:
    """The first and the last person, to one count: a sine's last bit may differ on another machine."""
    data = load_gestures()
    for recording in (data.recordings[0], data.recordings[-1]):
        (session,) = simulation.simulate_collection([int(recording.subject[1:])])
        assert len(session.samples) == len(recording.samples)
        assert np.abs((session.samples - recording.samples) / session.lsb).max() <= 1.01
        assert [(p.start, p.end, p.label) for p in session.intervals] == [
            (i.start, i.end, i.label) for i in recording.intervals
        ]


def test_it_is_small() -> None:
    folder = bundled_path("gestures", "recordings.npz").parent
    assert sum(bundled_path("gestures", name).stat().st_size for name in ("recordings.npz", "recordings.json")) <= 3e6
    assert (folder / "README.md").exists()


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 6))
def test_packing_loses_nothing(seed: int, count: int, channels: int) -> None:
    counts = np.random.default_rng(seed).integers(-32768, 32768, (count, channels)).astype(np.int16)
    np.testing.assert_array_equal(unpack_counts(*pack_counts(counts)), counts)
    extremes = np.int16([[-32768], [32767], [-32768], [0], [-1]])
    np.testing.assert_array_equal(unpack_counts(*pack_counts(extremes)), extremes)
