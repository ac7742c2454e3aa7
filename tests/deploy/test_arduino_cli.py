"""What arduino-cli prints, read; and the whole way to a board, by a stand-in that compiles for real and runs QEMU.

arduino-cli itself is no part of the tests: it fetches cores from the network. Its JSON is quoted from its repository.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_people

sys.path.insert(0, str(Path(__file__).parents[1] / "sketches"))

import toolchains

from tinyml_labs import cli
from tinyml_labs.datasets import load_reference_model
from tinyml_labs.deploy import build, check_board, deploy, upload
from tinyml_labs.deploy.arduino_cli import find_arduino_cli, find_port, read_build, read_ports
from tinyml_labs.link import ModelMismatch

HERE = Path(__file__).parent

# From pull request 1608 of github.com/arduino/arduino-cli ("Report board platform and build platform on `compile`
# JSON output"), with the sizes of the same sketch.
COMPILED = """{
  "compiler_out": "Sketch uses 2406 bytes (7%) of program storage space. Maximum is 32256 bytes.\\nGlobal variables use 1212 bytes (59%) of dynamic memory, leaving 836 bytes for local variables. Maximum is 2048 bytes.\\n",
  "compiler_err": "",
  "builder_result": {
    "build_path": "/tmp/arduino-sketch-3A27009D252C3EBEA95BE31BD605BF0D",
    "executable_sections_size": [
      {"name": "text", "size": 2406, "max_size": 32256},
      {"name": "data", "size": 1212, "max_size": 2048}
    ],
    "board_platform": {"id": "arduino:avr", "version": "1.8.4"},
    "build_platform": {"id": "arduino:avr", "version": "1.8.4"}
  },
  "success": true
}"""  # noqa: E501
# From issue 1698, where the compiler's words were missing, and pull request 1065, where they are.
FAILED = """{
  "compiler_out": "",
  "compiler_err": "In file included from Prova_Spazio.ino:2:\\n/libraries/Audio/src/DAC.h:21:16: error: expected ')' before '*' token\\n  DACClass(Dacc *_dac);\\n                ^\\n",
  "builder_result": {"build_path": "/tmp/x", "board_platform": {"id": "arduino:avr", "version": "1.8.4"}},
  "success": false
}"""  # noqa: E501
# From issue 880 (before 1.0), and as DetectedPort in internal/cli/feedback/result/rpc.go since.
PORTS = """[{
    "matching_boards": [{"name": "Arduino Nano RP2040 Connect", "fqbn": "arduino:mbed_nano:nanorp2040connect"}],
    "port": {
      "address": "/dev/cu.usbmodem2101", "label": "/dev/cu.usbmodem2101", "protocol": "serial",
      "protocol_label": "Serial Port (USB)",
      "properties": {"pid": "0x005E", "serialNumber": "416523501C9D8090", "vid": "0x2341"}
    }
}, {"port": {"address": "/dev/ttyS0", "protocol": "serial"}},
{"port": {"address": "10.0.0.7", "protocol": "network"}}]"""


def test_a_build_is_read() -> None:
    found = read_build(json.loads(COMPILED))
    assert (found.flash_bytes, found.flash_limit, found.ram_bytes, found.ram_limit) == (2406, 32256, 1212, 2048)
    assert found.platform == "arduino:avr 1.8.4"
    assert str(found) == "flash 2,406 bytes of 32,256 (7%), RAM 1,212 bytes of 2,048 (59%)"


def test_a_build_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=re.escape("DAC.h:21:16: error: expected ')' before '*' token")) as failed:
        read_build(json.loads(FAILED))
    assert "DACClass" not in str(failed.value)
    with pytest.raises(RuntimeError, match="no reason given"):
        read_build({"success": False})


def test_ports_are_read_in_both_forms() -> None:
    expected = {"/dev/cu.usbmodem2101": ("arduino:mbed_nano:nanorp2040connect",), "/dev/ttyS0": ()}
    assert read_ports(json.loads(PORTS)) == read_ports({"detected_ports": json.loads(PORTS)}) == expected
    assert read_ports({"detected_ports": None}) == read_ports([]) == {}


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put the stand-in on the PATH as arduino-cli; give its folder. What it has started ends with the test."""
    toolchains.need_cortex_m4()
    work, place = tmp_path / "work", tmp_path / "bin"
    work.mkdir()
    place.mkdir()
    program = place / "arduino-cli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "arduino_cli_stand_in.py"}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN_TESTS", str(HERE))
    monkeypatch.setenv("STAND_IN_WORK", str(work))
    yield work
    if (work / "qemu.pid").exists():
        os.killpg(int((work / "qemu.pid").read_text()), signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
def test_from_a_model_to_a_board_that_answers(
    stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command, as a student types it; the port's name changes on the way."""
    command = ["deploy", "reference", "--sketch", "model_runner", "-o", str(tmp_path), "--upload", "--json"]
    assert cli.main([*command, "--port", str(stand_in / "ttyACM0")]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["build"]["flash_bytes"] > record["deployment"]["need"]["flash_bytes"]
    assert record["build"]["ram_bytes"] > record["deployment"]["need"]["ram_bytes"]
    assert record["build"]["platform"] == "arduino:mbed_nano 4.6.0"
    assert record["port"] == str(stand_in / "ttyACM1")
    assert (record["parity"]["windows"], record["parity"]["bytes_differing"]) == (12, 0)
    other = deploy(load_reference_model("gestures"), sketch="model_runner", directory=tmp_path / "other")
    with pytest.raises(ModelMismatch):
        check_board(other, record["port"])


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
def test_a_sketch_with_a_sensor_is_built_and_checked(stand_in: Path, tmp_path: Path) -> None:
    made = deploy(tiny_people.tiny_classifier(), directory=tmp_path)
    built = build(made)
    assert built.libraries == ("Arduino_OV767X 0.0.2",)
    assert built.ram_limit == 262144 and made.need.ram_bytes < (built.ram_bytes or 0) < made.need.ram_bytes * 1.2
    assert made.need.flash_bytes < (built.flash_bytes or 0) < made.need.flash_bytes * 2
    assert check_board(made, upload(made)).equal  # the port is the one that is found
    broken = made.folder / "person_settings.h"
    broken.write_text(broken.read_text().replace("namespace person {", "namespace person { nonsense"))
    with pytest.raises(RuntimeError, match=r"The sketch does not compile:\n.*error: .*nonsense"):
        build(made)


def test_which_board_and_which_version(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_port("arduino:mbed_nano:nano33ble") == str(stand_in / "ttyACM0")
    with pytest.raises(RuntimeError, match=r"No port has a arduino:avr:uno\. Ports found: .*ttyS0 \(unknown\)"):
        find_port("arduino:avr:uno")
    monkeypatch.setenv("STAND_IN_VERSION", "0.35.3")
    with pytest.raises(RuntimeError, match="is version 0.35.3; sketch.yaml needs 1.0 or later"):
        find_arduino_cli()


def test_an_error_before_the_result_is_told(stand_in: Path, tmp_path: Path) -> None:
    made = deploy(load_reference_model("sine"), sketch="hello_world", directory=tmp_path)
    (made.folder / "sketch.yaml").write_text("profiles:\n")
    with pytest.raises(RuntimeError, match="arduino-cli compile: Profile 'nano33ble' not found"):
        build(made)
    shutil.rmtree(made.folder)


@pytest.mark.slow
def test_an_uno_compiles_the_folder_with_arduinos_own_builder(tmp_path: Path) -> None:
    """With nothing but the core: no library is installed, and none is named."""
    toolchains.need_avr()
    made = deploy(load_reference_model("sine"), sketch="hello_world", board="uno_r3", directory=tmp_path)
    hardware, builder = Path("/usr/share/arduino/hardware"), Path("/usr/share/arduino-builder")
    places = ["-hardware", hardware, "-hardware", builder, "-tools", builder, "-tools", hardware]
    (tmp_path / "build").mkdir()
    said = toolchains.run_compiler(
        [
            *["arduino-builder", "-compile", *places, "-fqbn", "arduino:avr:uno", "-build-path", tmp_path / "build"],
            *["-built-in-libraries", hardware / "arduino" / "avr" / "libraries", "-warnings", "all"],
            *["-prefs", "compiler.cpp.extra_flags=-DDECIMAL_DIG=__DECIMAL_DIG__", made.folder / "hello_world.ino"],
        ]
    )
    flash, ram = (int(re.search(pattern, said)[1]) for pattern in (r"uses (\d+) bytes", r"variables use (\d+) bytes"))
    assert made.need.flash_bytes < flash < 20_000
    assert made.need.ram_bytes < ram < 2048 - 512  # for the stack
    assert [line for line in said.splitlines() if "warning:" in line and str(hardware) not in line] == []
