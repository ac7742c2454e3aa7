"""Motion features, normalisation and quantization of the library against Python's: on the host and on a Cortex-M4."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import serial
import simulated_boards
import toolchains
from cpp_programs import FOLDER, run_program
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinyml_labs.features import MotionFeatureSettings, Normalisation, motion_feature_names, motion_features
from tinyml_labs.inference import quantize

pytestmark = pytest.mark.slow

GOLDEN = json.loads((FOLDER.parents[1] / "golden" / "motion_features.json").read_text())
CLOSE = 5e-5  # on every feature of any window; found were 1.5e-5
GOLDEN_CLOSE = 2e-5  # on those of the golden windows; found were 7e-6, on both
DEFAULTS = MotionFeatureSettings()


def golden_windows() -> NDArray[np.float32]:
    rows = GOLDEN["windows"]
    counts = [np.frombuffer(base64.b64decode(row["counts"]), "<i2").reshape(-1, 6) for row in rows]
    return np.stack([c * np.float32(row["lsb"]) for c, row in zip(counts, rows, strict=True)]).astype(np.float32)


def assert_close(found: NDArray, expected: NDArray, tolerance: float = GOLDEN_CLOSE) -> None:
    """Say which feature is how far away."""
    difference = np.abs(found - expected)
    window, column = np.unravel_index(difference.argmax(), difference.shape)
    name = motion_feature_names(6)[column]
    assert difference.max() <= tolerance, f"window {window}, {name}: {found[window, column]}"


def in_cpp(
    windows: NDArray[np.float32], chosen: MotionFeatureSettings = DEFAULTS, *, valid: bool = True
) -> NDArray[np.float32]:
    """The features of windows, (N, F), from the C++ program."""
    count, length, channels = windows.shape
    sizes = (length, channels, len(chosen.bands_hz) - 1)
    given = np.float32([chosen.rate_hz, *chosen.bands_hz]).tobytes() + windows.astype(np.float32).tobytes()
    said, *found = np.frombuffer(run_program("motion", "features", *sizes, given=given), np.float32)
    assert said == valid
    return np.array(found, np.float32).reshape(count, -1)


# -- features -----------------------------------------------------------------------------------------------------


def test_equals_the_golden_features() -> None:
    windows = golden_windows()
    expected = np.array([row["features"] for row in GOLDEN["windows"]])
    assert_close(in_cpp(windows), expected)
    assert_close(in_cpp(windows[:, :, :3]), expected[:, :38])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.sampled_from(
        [
            (238, 3, 119.0, DEFAULTS.bands_hz),
            (238, 6, 119.0, DEFAULTS.bands_hz),
            (64, 3, 50.0, (0.5, 2, 5, 10, 20)),
            (64, 3, 62.5, (0.0, 0.9765625, 1.953125, 10.1, 31.25)),  # edges on a line, and on the last
            (257, 6, 100.0, (0.3, 5, 50)),
        ]
    ),
)
def test_equals_python(seed: int, size: tuple) -> None:
    """Of noise and of smooth movements, strong and weak, at rest, turning and in free fall, clipped or not."""
    length, channels, rate_hz, bands_hz = size
    chance = np.random.default_rng(seed)
    windows = chance.normal(size=(20, length, channels))
    windows[10:] = np.cumsum(windows[10:], axis=1) / 8
    windows *= 10 ** chance.uniform(-4, 0.3, (20, 1, 1)) * np.repeat([1, 100], 3)[:channels]
    windows[:, :, :3] += chance.normal(size=(20, 1, 3)) * chance.choice([0, 0.02, 0.1, 1], (20, 1, 1))
    lsb = np.repeat([4 / 32768, 2000 / 32768], 3)[:channels]
    windows = np.float32(np.clip(np.round(windows / lsb), -32768, 32767) * lsb)
    chosen = MotionFeatureSettings(rate_hz=rate_hz, bands_hz=bands_hz)
    difference = np.abs(in_cpp(windows, chosen) - motion_features(windows, chosen))
    names = motion_feature_names(channels, chosen)
    worst = int(difference.max(axis=0).argmax())
    assert difference.max() <= CLOSE, names[worst]


def test_movements_by_formula_of_up_to_4_g_without_any_noise() -> None:
    """What is in one direction only is a difference of roundings elsewhere: the bound is wider."""
    time_s = np.arange(238) / 119
    windows = [np.zeros((238, 3))]
    for strength in (1e-3, 0.1, 1.0, 4.0):
        wave, ahead = strength * np.sin(9.0 * time_s), strength * np.cos(9.0 * time_s)
        nil = 0 * time_s
        windows += [np.stack(axes, axis=1) for axes in ((wave, nil, nil), (nil, nil, wave), (wave, nil, ahead))]
        windows += [np.stack(axes, axis=1) for axes in ((wave, ahead, nil), (np.sign(wave), nil, np.sign(ahead)))]
    resting = np.float32(np.stack(windows) + np.array([0, 0, 1]))
    assert_close(in_cpp(resting), motion_features(resting), 1e-3)


def test_settings_that_python_refuses_are_not_valid() -> None:
    """The program says so; Python says why."""
    windows = np.zeros((1, 64, 3), np.float32)
    for rate_hz, bands_hz in (
        (119.0, (2, 4, 8, 12, 20)),  # 0.54 s
        (50.0, (0.5, 0.6, 5, 10, 20)),  # no line in a band
        (50.0, (0.5, 2, 5, 10, 9)),
        (9.0, (0.5, 1, 2, 3, 4)),
    ):
        settings_ = np.float32([rate_hz, *bands_hz]).tobytes()
        said = np.frombuffer(run_program("motion", "features", 64, 3, 4, given=settings_), np.float32)
        assert said.tolist() == [0.0]
        with pytest.raises(ValueError, match="samples|line|bands_hz|rate_hz"):
            motion_features(windows, MotionFeatureSettings(rate_hz=rate_hz, bands_hz=bands_hz))


def test_on_a_cortex_m4(tmp_path: Path) -> None:
    """How long it takes is printed (pytest -s), not asserted: QEMU counts instructions, and a chip has slow ones."""
    toolchains.need_cortex_m4()
    windows = golden_windows()
    program = toolchains.compile_for_cortex_m4(
        "motion_on_board", tmp_path, recording=windows.tobytes(), source=FOLDER
    )
    row = 52 + 38 + 2
    with simulated_boards.qemu(program) as port, serial.Serial(port, timeout=60) as line:
        line.write(b"!")
        said = line.read(4 * row * len(windows))
    found = np.frombuffer(said, "<f4").reshape(len(windows), row)
    expected = np.array([row["features"] for row in GOLDEN["windows"]])
    assert_close(found[:, :52], expected)
    assert_close(found[:, 52:90], expected[:, :38])
    for channels, microseconds in zip((6, 3), found[:, 90:].mean(axis=0).tolist(), strict=True):
        print(f"{channels} channels: about {microseconds / 64:.0f} thousand instructions a window")


# -- normalisation and quantization, bit by bit -------------------------------------------------------------------


@pytest.mark.parametrize("limit", [8.0, 4.0, 0.1])
def test_normalises_to_the_same_bits(limit: float) -> None:
    chance = np.random.default_rng(3)
    scale = np.float32(10 ** chance.uniform(-6, 6, 38)) * (chance.random(38) > 0.1)
    normalisation = Normalisation(mean=np.float32(chance.normal(size=38) * 10), scale=scale, limit=limit)
    values = (normalisation.mean + scale * chance.normal(size=(2000, 38)) * 4).astype(np.float32)
    values[:10] = normalisation.mean
    values[10:20] *= 1e30
    given = [np.float32([limit]), normalisation.mean, normalisation.inverse_scale, values]
    found = run_program("motion", "normalise", 38, given=b"".join(part.tobytes() for part in given))
    assert found == normalisation.apply(values).tobytes()


def test_quantizes_to_the_same_bytes() -> None:
    """Random values, ties and their neighbours, the ends of the range, and what is far beyond it."""
    chance = np.random.default_rng(4)
    scales = np.float32([1 / 256, 1 / 16, 0.1, 0.0470588244, 1.0, 3.7e-5, 250.0])
    triples = []
    for scale in scales:
        for zero_point in (-128, -5, 0, 127):
            steps = np.concatenate([np.arange(-300, 300, 0.5), chance.uniform(-300, 300, 500), [1e9, -1e9, 3e38]])
            reals = np.float32(np.clip(steps * np.float64(scale), -3e38, 3e38))
            reals = np.concatenate(
                [reals, np.nextafter(reals, np.float32(9e9)), np.nextafter(reals, np.float32(-9e9))]
            )
            reals = np.concatenate([reals, np.float32([0.49999997, -0.49999997, -0.0, np.inf, -np.inf])])
            triples.append((reals, scale, zero_point))
    rows = np.concatenate(
        [
            np.array([(real, scale, zero_point) for real in reals], [("r", "<f4"), ("s", "<f4"), ("z", "<i4")])
            for reals, scale, zero_point in triples
        ]
    )
    expected = np.concatenate([quantize(reals, float(scale), zero_point) for reals, scale, zero_point in triples])
    found = np.frombuffer(run_program("motion", "quantize", given=rows.tobytes()), np.int8)
    np.testing.assert_array_equal(found, expected)
    not_a_number = np.array([(np.nan, 1.0, 5)], rows.dtype)
    assert run_program("motion", "quantize", given=not_a_number.tobytes()) == b"\x80"
