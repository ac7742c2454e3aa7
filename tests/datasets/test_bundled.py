import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinyml_labs.datasets import bundled_path, load_recorded_sweep, load_reference_model
from tinyml_labs.datasets.bundled import read_checked
from tinyml_labs.model_file import read_model

ROOT = Path(__file__).parents[2]


def test_reference_model_is_small_int8_and_has_a_batch_of_one():
    model = load_reference_model("sine")
    found = read_model(model)
    assert len(model) <= 3.5 * 1024
    assert found.inputs[0].shape == found.outputs[0].shape == (1, 1)
    assert found.inputs[0].dtype == found.outputs[0].dtype == np.int8


def test_every_checksum_on_record_fits():
    lines = (ROOT / "datasets/sine/SHA256SUMS").read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        checksum, name = line.split()
        assert hashlib.sha256((ROOT / "datasets/sine" / name).read_bytes()).hexdigest() == checksum


def test_a_changed_file_is_an_error_that_says_how_to_restore_it(tmp_path, monkeypatch):
    folder = tmp_path / "sine"
    folder.mkdir()
    for name in ("sine_int8.tflite", "SHA256SUMS"):
        (folder / name).write_bytes((ROOT / "datasets/sine" / name).read_bytes())
    monkeypatch.setenv("TINYML_LABS_DATASETS", str(tmp_path))
    assert load_reference_model("sine")
    content = bytearray((folder / "sine_int8.tflite").read_bytes())
    content[-1] ^= 1
    (folder / "sine_int8.tflite").write_bytes(content)
    with pytest.raises(ValueError, match="has changed.*git checkout datasets/sine/sine_int8.tflite"):
        load_reference_model("sine")
    (folder / "other.bin").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"no line for other.bin; it lists"):
        read_checked("sine", "other.bin")


def test_a_missing_file_is_an_error_that_says_where_to_look(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="No bundled file nothing/here.csv"):
        bundled_path("nothing", "here.csv")
    monkeypatch.setenv("TINYML_LABS_DATASETS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="TINYML_LABS_DATASETS points to"):
        load_recorded_sweep()


def test_sweep_is_what_its_card_says():
    sweep = load_recorded_sweep()
    assert sweep.samples.shape == sweep.time_s.shape == (3000,)
    assert sweep.rate_hz == pytest.approx(50)
    assert (sweep.unit, sweep.full_scale) == ("counts", (0.0, 1023.0))
    assert sweep.samples.dtype == np.float32
    assert np.array_equal(sweep.samples, np.rint(sweep.samples))
    assert (sweep.samples.min(), sweep.samples.max()) == (0, 1023)
    # No tenth of the range is left out, and the hand never jumps.
    assert (np.histogram(sweep.samples, bins=10, range=(0, 1023))[0] > 60).all()
    assert np.abs(np.diff(sweep.samples)).max() < 30


def test_the_script_makes_the_same_sweep_again(tmp_path):
    script = ROOT / "datasets/sine/make_sweep.py"
    subprocess.run([sys.executable, script, "--folder", tmp_path], check=True, capture_output=True, timeout=60)
    again = (tmp_path / "potentiometer_sweep.csv").read_bytes()
    assert again == (ROOT / "datasets/sine/potentiometer_sweep.csv").read_bytes()


def test_the_lower_floors_import_without_the_heavy_packages():
    blocked = ["tensorflow", "keras", "matplotlib", "pandas", "serial", "ipywidgets"]
    program = (
        f"import sys\nfor name in {blocked}: sys.modules[name] = None\n"
        "from tinyml_labs import datasets, evaluation, quiet, conversion, models, calibration\n"
        "datasets.load_sine(); datasets.load_recorded_sweep(); print('fine')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=dict(os.environ), cwd=ROOT
    )
    assert done.stdout.strip() == "fine", done.stderr
