"""tinyml-labs as it is typed: in a process of its own, exit codes and all."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from tinyml_labs import __version__, inference


def run(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tinyml_labs.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=180)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "ein Modell.tflite"  # a space, as in many a student's folder
    path.write_bytes(tiny_models.dense_int8())
    return path


def test_version_and_help() -> None:
    assert run("--version").stdout.strip() == f"tinyml-labs {__version__}"
    listed = run("--help").stdout
    assert all(word in listed for word in ("lab", "doctor", "demo", "inspect", "run", "virtual-board"))


@pytest.mark.slow
def test_doctor_finds_everything_and_says_so_in_json() -> None:
    assert "Everything the labs need is here." in run("doctor").stdout
    report = json.loads(run("doctor", "--json").stdout)
    assert report["ok"] is True
    subjects = {finding["subject"] for finding in report["findings"]}
    assert {"Python", "packages", "TensorFlow Lite Micro", "virtual board", "bundled data"} <= subjects


@pytest.mark.slow
def test_doctor_says_what_is_missing_and_how_to_mend_it(tmp_path: Path) -> None:
    script = (
        "import sys, tinyml_labs.doctor as d\n"
        "real = d.importlib.metadata.version\n"
        "def version(name):\n"
        "    if name == 'cobs': raise d.importlib.metadata.PackageNotFoundError(name)\n"
        "    return '0.1' if name == 'tqdm' else real(name)\n"
        "d.importlib.metadata.version = version\n"
        "print(d.examine())"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert re.search(r"✗ packages +missing: cobs\n +→ python -m pip install --no-deps -r requirements.lock", out)
    assert "other than the lock: tqdm 0.1 (==" in out
    assert out.rstrip().endswith("Something needs mending: see the arrows.")


@pytest.mark.slow
def test_inspect(model: Path) -> None:
    assert "FULLY_CONNECTED" in run("inspect", model).stdout
    report = json.loads(run("inspect", model, "--json").stdout)
    assert report["size_bytes"] == model.stat().st_size
    assert report["macs"] == 12


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.csv", "x.npy"])
@pytest.mark.parametrize("where", [[], ["--port", "virtual://"], ["--engine", "litert"]])
def test_run_takes_csv_and_npy_on_host_and_board(tmp_path: Path, model: Path, name: str, where: list[str]) -> None:
    x = np.random.default_rng(0).normal(0, 1, (20, 4)).astype(np.float32)
    path = tmp_path / name
    if path.suffix == ".csv":
        np.savetxt(path, x, delimiter=",", fmt="%.9g")
    else:
        np.save(path, x)
    engine = "litert" if "litert" in where else "auto"
    expected = inference.predict(model, x, engine)
    printed = run("run", model, path, *where).stdout
    np.testing.assert_allclose(np.loadtxt(printed.splitlines(), delimiter=","), expected, rtol=1e-5)
    found = json.loads(run("run", model, path, "--json", *where).stdout)
    np.testing.assert_allclose(found["outputs"], expected, rtol=1e-6)
    assert ("microseconds" in found) == ("--port" in where)


@pytest.mark.slow
def test_run_takes_raw_integers_and_writes_files(tmp_path: Path, model: Path) -> None:
    x = np.random.default_rng(0).integers(-128, 128, (20, 4)).astype(np.int64)
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / "y.npy"
    run("run", model, tmp_path / "x.npy", "-o", out)
    found = np.load(out)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, inference.run(model, x.astype(np.int8)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ein Modell.tflite", "x.npy", "y.npy"]  # no .part left


@pytest.mark.slow
def test_run_reads_raw_integers_from_csv_and_excel_files(tmp_path: Path, model: Path) -> None:
    x = np.random.default_rng(0).integers(-128, 128, (5, 4)).astype(np.int8)
    path = tmp_path / "x.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in x) + "\n", encoding="utf-8-sig")
    raw = run("run", model, path, "--raw").stdout
    assert np.loadtxt(raw.splitlines(), delimiter=",").tolist() == inference.run(model, x).tolist()
    real = run("run", model, path).stdout
    np.testing.assert_allclose(
        np.loadtxt(real.splitlines(), delimiter=","), inference.predict(model, x.astype(float)), rtol=1e-5
    )


@pytest.mark.slow
def test_a_terminal_without_unicode_is_no_crash(model: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for command in (["doctor"], ["inspect", str(model)]):
        subprocess.run([sys.executable, "-m", "tinyml_labs.cli", *command], env=environment, check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inspect", "nothing.tflite"], "nothing.tflite"),
        (["run", "{model}", "x.txt"], "neither .npy nor .csv"),
        (["run", "{model}", "{header}"], "one row a sample"),
        (["run", "{model}", "{narrow}"], r"A sample of this model is \[4\], 4 numbers"),
        (["run", "{model}", "{good}", "--engine", "gpu"], "no engine 'gpu'"),
        (["run", "{model}", "{good}", "--port", "/dev/ttyNOSUCHPORT"], "no such port"),
        (["run", "{model}", "{empty}"], "empty"),
        (["run", "{model}", "{good}", "-o", "out.txt"], "neither a .npy nor a .csv"),
        (["virtual-board", "--play", "nothing.csv"], "nothing.csv"),
        (["virtual-board", "--speed", "0"], "speed is 0"),
    ],
)
def test_errors_are_one_line_that_helps(tmp_path: Path, model: Path, arguments: list[str], words: str) -> None:
    files = {"header": "a,b,c,d\n1,2,3,4\n", "narrow": "1,2,3\n", "good": "1,2,3,4\n", "empty": ""}
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    filled = [a.format(model=model, **{name: tmp_path / f"{name}.csv" for name in files}) for a in arguments]
    done = run(*filled, check=False)
    assert done.returncode == 1
    assert re.search(words, done.stderr)
    last = [line for line in done.stderr.splitlines() if line.startswith("tinyml-labs ")]
    assert len(last) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_closed_pipe_is_no_traceback(model: Path) -> None:
    command = f"'{sys.executable}' -m tinyml_labs.cli inspect '{model}' | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr


def test_virtual_board_prints_its_port_first_and_ends_with_ctrl_c() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tinyml_labs.cli", "virtual-board"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job would ignore it
    )
    try:
        port = process.stdout.readline().strip()
        assert Path(port).exists()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert "Traceback" not in process.communicate()[1]
    finally:
        process.kill()


@pytest.mark.slow
def test_demo_ends_in_its_figures() -> None:
    figures = json.loads(run("demo", "--json").stdout)
    assert figures["bytes_compared"] >= 1000
    assert figures["bytes_differing"] == 0
    assert figures["int8_error"] <= 0.05
    assert figures["model_bytes"] <= 3500
    if inference.tflm_available():
        assert 0 < figures["arena_bytes"] <= 2048


@pytest.mark.slow
def test_lab_makes_copies_and_never_overwrites(tmp_path: Path) -> None:
    folder = tmp_path / "my lab"
    assert "your copy is ready" in run("lab", "--copies-only", "--folder", folder).stdout
    copy = folder / "01_hello_world.ipynb"
    assert "BEGIN SOLUTION" not in copy.read_text()
    copy.write_text(copy.read_text().replace("Hello world", "My own words"))
    again = run("lab", "--copies-only", "--folder", folder).stdout
    assert "your copy is ready" not in again
    assert "My own words" in copy.read_text()


@pytest.mark.slow
def test_lab_serves_jupyterlab_on_loopback(tmp_path: Path) -> None:
    """`make lab`, but for the browser: the page answers, and the copy is served."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tinyml_labs.cli",
            "lab",
            "--no-browser",
            "--folder",
            tmp_path / "lab",
            "--port",
            "18990",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        address, seen = "", ""
        for line in process.stdout:
            seen += line
            if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab/tree/00_start_here\.ipynb\?token=(\w+)", line):
                address, token = found.groups()
                break
        assert address, seen
        deadline = time.monotonic() + 30
        while True:
            try:
                url = f"{address}/api/contents/01_hello_world.ipynb?content=0&token={token}"
                served = json.load(urllib.request.urlopen(url, timeout=5))
                break
            except OSError:
                assert time.monotonic() < deadline, seen
                time.sleep(0.2)
        assert served["type"] == "notebook"
        page = urllib.request.urlopen(f"{address}/lab?token={token}", timeout=20).read().decode()
        assert "@jupyter/nbgrader" in page.split("disabledExtensions")[1][:500]  # instructors' menus are off
        assert "nbgrader" not in seen
    finally:
        process.terminate()
        process.wait(timeout=20)
