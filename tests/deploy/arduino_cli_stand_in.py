#!/usr/bin/env python3
"""A stand-in for arduino-cli on the PATH: it compiles for real, with arm-none-eabi-g++, and its "board" is QEMU.

It takes the arguments and prints the JSON of arduino-cli 1.x, as far as the kit uses them, and it compiles the folder
as Arduino's tools do; but it has no cores and fetches no libraries: the sensors' libraries are the kit's stand-ins.
"Uploading" starts QEMU with the program, and makes PORT a link to its serial port. WORK is a folder of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, os.environ["STAND_IN_TESTS"])
from cortex_m4 import compile_folder

WORK = Path(os.environ["STAND_IN_WORK"])
FLASH, RAM = 983040, 262144


def main() -> int:
    verb, *rest = sys.argv[1:]
    options = {name: rest[k + 1] for k, name in enumerate(rest) if name in ("--profile", "--port", "--fqbn")}
    assert "--json" in rest, "the kit asks for JSON"
    if verb == "version":
        version = os.environ.get("STAND_IN_VERSION", "1.2.2")
        return answer({"Application": "arduino-cli", "VersionString": version, "Commit": "stand-in", "Status": ""})
    if verb == "board":
        boards = [{"name": "Arduino Nano 33 BLE", "fqbn": "arduino:mbed_nano:nano33ble"}]
        port = {"address": options.get("--port", str(WORK / "ttyACM0")), "protocol": "serial", "protocol_label": ""}
        other = {"port": {"address": "/dev/ttyS0", "protocol": "serial"}}
        return answer({"detected_ports": [{"matching_boards": boards, "port": port}, other]})
    sketch = Path(rest[-1])
    profiles = (sketch / "sketch.yaml").read_text()
    if f"  {options.get('--profile')}:\n" not in profiles:
        return fail(f"Profile '{options.get('--profile')}' not found")
    if verb == "compile":
        return compile_sketch(sketch, profiles)
    return upload(sketch, options["--port"])


def compile_sketch(sketch: Path, profiles: str) -> int:
    stand_ins = {"person_detector": ["camera.cpp"], "gesture_classifier": ["imu.cpp"], "keyword_spotter": ["PDM.cpp"]}
    defines = ("ARDUINO_ARDUINO_NANO33BLE=1", 'BOARD_ID="0123456789abcdef"', "FITTED_LSM9DS1=1")
    platform, version = re.findall(r"platform: (\S+) \((\S+)\)", profiles)[0]
    result = {"build_path": str(WORK), "board_platform": {"id": platform, "version": version}}
    try:
        made = compile_folder(
            sketch,
            WORK / sketch.name,
            stand_ins=stand_ins.get(sketch.name, []),
            defines=defines,
            recording=bytes(176 * 144) if sketch.name in stand_ins else b"",
        )
    except RuntimeError as error:
        record = {"compiler_out": "", "compiler_err": str(error), "builder_result": result, "success": False}
        answer({**record, "error": "Error during build: exit status 1"})
        return 1
    sections = [
        {"name": "text", "size": made.flash_bytes, "max_size": FLASH},
        {"name": "data", "size": made.ram_bytes, "max_size": RAM},
    ]
    libraries = [{"name": name, "version": v} for name, v in re.findall(r"- (\w+) \(([\d.]+)\)", profiles)]
    result |= {"executable_sections_size": sections, "used_libraries": libraries}
    return answer({"compiler_out": "", "compiler_err": "", "builder_result": result, "success": True})


def upload(sketch: Path, port: str) -> int:
    program = WORK / sketch.name / f"{sketch.name}.elf"
    if not program.exists():
        return fail("Error during Upload: compiled sketch not found")
    machine = ["qemu-system-arm", "-M", "mps2-an386", "-kernel", str(program), "-icount", "shift=4,sleep=off"]
    log = (WORK / "qemu.log").open("w")
    process = subprocess.Popen(
        ["timeout", "300", *machine, "-display", "none", "-monitor", "none", "-serial", "pty"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    (WORK / "qemu.pid").write_text(str(process.pid))
    while not (found := re.search(r"/dev/pts/\d+", (WORK / "qemu.log").read_text())):
        if process.poll() is not None:
            return fail(f"Error during Upload: {(WORK / 'qemu.log').read_text()}")
    moved = WORK / "ttyACM1"  # as boards do that speak USB themselves
    moved.unlink(missing_ok=True)
    moved.symlink_to(found[0])
    return answer({"stdout": "", "stderr": "", "updated_upload_port": {"address": str(moved), "protocol": "serial"}})


def answer(record: dict) -> int:
    print(json.dumps(record, indent=2))
    return 0


def fail(text: str) -> int:
    print(json.dumps({"error": text}), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
