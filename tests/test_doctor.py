"""The doctor's look at the ports: the board, who may open it, who has it open, whether a sketch runs."""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from other_programs import holding, wait_until

from tinyml_labs import doctor
from tinyml_labs.doctor import Finding, Report, examine_ports
from tinyml_labs.link import PortError, open_port
from tinyml_labs.link.port_holders import modem_manager_runs
from tinyml_labs.link.port_list import PortDescription

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ptys")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a device")


@pytest.fixture
def device() -> Iterator[str]:
    """A port whose both ends are closed on this side, so that nobody holds it."""
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    yield name
    os.close(master)


def describe(device: str, usb_id: str = "2341:805a", board: str = "Arduino Nano 33 BLE") -> PortDescription:
    return PortDescription(device=device, description="USB device", usb_id=usb_id, board=board)


def examine(*ports: PortDescription) -> list[Finding]:
    return [finding for finding in examine_ports(ports) if finding.subject != "ModemManager"]


def test_no_port_is_no_fault() -> None:
    (finding,) = examine()
    assert finding.status == "note"
    assert "No lab needs one: virtual:// is always there" in finding.found


def test_a_board_that_is_ready(device: str) -> None:
    (finding,) = examine(describe(device))
    assert finding == Finding(status="ok", subject=device, found="Arduino Nano 33 BLE [2341:805a]")


def test_a_board_that_is_not_known_keeps_the_systems_words(device: str) -> None:
    (finding,) = examine(describe(device, "dead:beef", ""))
    assert finding.found == "USB device [dead:beef]"


def test_a_board_in_its_bootloader(device: str) -> None:
    (finding,) = examine(describe(device, "2341:005a", "Arduino Nano 33 BLE in its bootloader"))
    assert finding.status == "note"
    assert "the sketch is not running" in finding.mend
    assert not Report((finding,)).failed


@LINUX
def test_a_port_that_a_program_holds(device: str) -> None:
    with holding(device) as pid:
        (finding,) = examine(describe(device))
        with pytest.raises(PortError, match=rf"\(process {pid}\)"):
            open_port(device)
    assert finding.status == "note"
    assert f"in use by {Path(sys.executable).name[:6]}" in finding.found
    assert f"(process {pid})" in finding.found
    (finding,) = examine(describe(device))
    assert finding.status == "ok"


@LINUX
def test_modem_manager_is_noted_if_there_are_boards(device: str, tmp_path: Path) -> None:
    program = tmp_path / "ModemManager"
    shutil.copy(shutil.which("sleep") or "sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        try:
            wait_until(modem_manager_runs)
            findings = list(examine_ports([describe(device)]))
            without_boards = list(examine_ports([]))
        finally:
            process.kill()
    assert [finding.subject for finding in findings] == [device, "ModemManager"]
    assert "sudo systemctl stop ModemManager" in findings[1].mend
    assert [finding.subject for finding in without_boards] == ["serial ports"]


def test_a_port_that_this_user_may_not_open(device: str) -> None:
    Path(device).chmod(0)
    if os.getuid():
        (finding,) = examine(describe(device))
        status, found, mend = finding.status, finding.found, finding.mend
    else:  # root may open everything: become nobody, with everything imported before
        script = (
            "import codecs, grp, os, pwd, sys\n"
            "from tinyml_labs.doctor import examine_ports\n"
            "from tinyml_labs.link import diagnosis, port_holders\n"
            "from tinyml_labs.link.port_list import PortDescription\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "port = PortDescription(device=sys.argv[1], description='', usb_id='2341:805a', board='a Nano')\n"
            "finding = next(iter(examine_ports([port])))\n"
            "print(finding.status, finding.found, finding.mend, sep='|')\n"
        )
        done = subprocess.run([sys.executable, "-c", script, device], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        status, found, mend = done.stdout.strip().split("|", 2)
    assert status == "fail"
    assert found.endswith("[2341:805a]: this user may not open it")
    assert 'ATTRS{idVendor}=="2341"' in mend


def test_the_ports_of_this_computer_are_examined() -> None:
    assert list(doctor._ports())
