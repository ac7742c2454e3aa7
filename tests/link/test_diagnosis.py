"""What is said when a port does not open or nobody answers: with real ports, real processes and a model of a UART."""

import errno
import os
import pty
import random
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import serial
from other_programs import holding, wait_until

from tinyml_labs import link
from tinyml_labs.boards import recognise
from tinyml_labs.link import diagnosis, ports
from tinyml_labs.link.framing import DecoderCounts, Frame, FrameDecoder, encode_frame
from tinyml_labs.link.port_holders import Access, Holder, find_holders, look_at_access, modem_manager_runs
from tinyml_labs.virtual.uart import receive_at_other_rate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ptys")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a device")
ROOT = pytest.mark.skipif(
    sys.platform == "win32" or os.getuid() != 0, reason="only root can become another user, who may not open a port"
)
NOBODY = 65534


@dataclass
class UsbPort:
    device: str
    vid: int = 0x2341
    pid: int = 0x805A
    serial_number: str = "A1B2"
    location: str = "1-1:1.0"
    description: str = "a board"


@pytest.fixture
def pair() -> Iterator[tuple[int, str]]:
    master, slave = pty.openpty()
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.fixture
def port(pair: tuple[int, str]) -> str:
    return pair[1]


NUMBERS = b"".join(b"%.2f,%.2f,%.2f\r\n" % (i / 7, -i / 3, 0.98) for i in range(40))
WORDS = b"Setup done. Starting the sensor; press a key to begin.\r\n" * 12


def silence(port: str, data: bytes, *, baud: int | None = 115200, usb: tuple[int, int] | None = None) -> str:
    """Explain what a decoder makes of bytes that came instead of an answer."""
    decoder = FrameDecoder()
    decoder.feed(data)
    bench = [UsbPort(port, *usb)] if usb else []
    return diagnosis.explain_silence(
        port,
        decoder.counts,
        decoder.text,
        2.0,
        other_version=decoder.other_version,
        recent=data[-512:],
        baud=baud,
        comports=lambda: bench,
    )


def run_as_nobody(script: str, *arguments: str) -> str:
    """Run a script as a user without rights. It imports everything first: he may not read this installation."""
    prelude = textwrap.dedent(
        """
        import codecs, encodings.idna, errno, grp, os, pwd, socket, sys
        from tinyml_labs.link import diagnosis, port_holders, ports
        def become(group, groups):
            os.setgroups(groups); os.setgid(group); os.setuid(65534)
        """
    )
    code = prelude + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- a port that does not open ------------------------------------------------------------------------------------


def test_a_port_that_this_program_holds_itself(port: str) -> None:
    with ports.open_port(port), pytest.raises(link.PortError, match="Could not open .*Ports found") as caught:
        ports.open_port(port)
    if sys.platform == "linux":
        assert "this very program holds it, by another variable" in str(caught.value)


@LINUX
def test_a_port_that_another_program_holds_is_named_with_it(port: str) -> None:
    with holding(port) as pid:
        assert [found.pid for found in find_holders(port) if found.pid != os.getpid()] == [pid]
        with pytest.raises(
            link.PortError, match=rf"another program holds it: \S+ \(process {pid}\). Close it there."
        ):
            ports.open_port(port)


@LINUX
@ROOT
def test_a_holder_that_this_user_may_not_see_is_root_s_to_find(port: str) -> None:
    Path(port).chmod(0o666)
    script = """
        become(65534, [])
        try:
            ports.open_port(sys.argv[1])
        except OSError as error:
            print(error)
    """
    with ports.open_port(port):
        said = run_as_nobody(script, port)
    assert (
        "another program holds it: the Arduino serial monitor, or another notebook's kernel. Close it there. " in said
    )
    assert f"sudo fuser -v {port} says which" in said


@LINUX
def test_modem_manager_is_told_by_its_name(port: str, tmp_path: Path) -> None:
    program = tmp_path / "ModemManager"
    shutil.copy(shutil.which("sleep") or "sleep", program)
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        with subprocess.Popen([program, "60"], stdin=descriptor) as process:
            try:
                deadline = time.monotonic() + 10  # a process that has just begun has its parent's name for a moment
                while not modem_manager_runs() and time.monotonic() < deadline:
                    time.sleep(0.01)
                assert modem_manager_runs()
                busy = diagnosis.explain_open_error(
                    port, OSError(errno.EBUSY, "busy"), comports=lambda: [UsbPort(port)]
                )
                quiet = silence(port, b"", usb=(0x2341, 0x805A))
            finally:
                process.kill()
    finally:
        os.close(descriptor)
    for said in (busy, quiet):
        assert "sudo systemctl stop ModemManager" in said
        assert """'ATTRS{idVendor}=="2341", ENV{ID_MM_DEVICE_IGNORE}="1"'""" in said
    assert "ModemManager holds it." in busy
    assert f"ModemManager (process {process.pid}) has the port open, too, and takes bytes away" in quiet


@ROOT
def test_a_user_without_rights_gets_the_mend_for_the_group_that_owns_the_port(port: str) -> None:
    import grp

    group = grp.getgrnam("dialout" if sys.platform == "linux" else "wheel")
    os.chown(port, 0, group.gr_gid)
    Path(port).chmod(0o660)
    script = """
        become(65534, [])
        try:
            ports.open_port(sys.argv[1])
        except OSError as error:
            print(error)
    """
    said = run_as_nobody(script, port)
    assert f"this user may not open it. Mend: sudo usermod -a -G {group.gr_name} $USER, then log out and in" in said


@ROOT
def test_a_member_of_the_group_whose_session_is_older_logs_in_again(port: str) -> None:
    os.chown(port, 0, NOBODY)
    Path(port).chmod(0o660)
    script = """
        become(1, [])
        access = port_holders.look_at_access(sys.argv[1])
        print(access)
        print(diagnosis.explain_access(sys.argv[1], access))
    """
    said = run_as_nobody(script, port)
    assert "allowed=False" in said
    assert "member=True, active=False" in said
    assert "was not yet when this session began. Mend: log out and in again" in said


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may open everything")
def test_a_port_without_rights_for_anybody(port: str) -> None:
    Path(port).chmod(0)
    with pytest.raises(link.PortError, match="this user may not open it.*sudo chmod a\\+rw"):
        ports.open_port(port)


def test_what_the_system_says_of_a_device(port: str) -> None:
    access = look_at_access(port)
    assert access is not None
    assert access.allowed
    assert access.group
    assert look_at_access("/dev/ttyNOSUCHPORT") is None


def test_a_group_that_has_no_rights_itself_gets_a_rule() -> None:
    access = Access(allowed=False, group="root", group_allowed=True, member=False, active=False)
    said = diagnosis.explain_access("/dev/ttyACM0", access, "2341:805a")
    assert "sudo chmod a+rw /dev/ttyACM0" in said
    assert """echo 'SUBSYSTEM=="tty", ATTRS{idVendor}=="2341", MODE="0660", TAG+="uaccess"' | sudo tee""" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOENT, "x"), "there is no such port. Is the board plugged in"),
        (OSError(errno.EPERM, "x"), "a container or sandbox does so.*--device=/dev/ttyACM0"),
        (OSError(errno.EIO, "x"), "the name is there, and no device behind it"),
        (OSError(errno.EISDIR, "x"), "it is no serial port"),
        (serial.SerialException("could not open port 'COM5': FileNotFoundError(2, 'x')"), "there is no such port"),
        (serial.SerialException("could not open port 'COM5': PermissionError(13, 'x', None, 5)"), "another program"),
        (serial.SerialException("Could not configure port: (5, 'Input/output error')"), "no device behind it"),
        (serial.SerialException("something else"), "Could not open /dev/ttyACM0: something else. Ports found"),
    ],
)
def test_each_error_of_the_system_has_its_words(error: Exception, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(diagnosis.explain_open_error("/dev/ttyACM0", error))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/dev/ttyNOSUCHPORT", "there is no such port"),
        ("/dev/null", "it is no serial port"),
        (str(Path(__file__).parent), "it is no serial port"),
        ("socket://127.0.0.1:1", "nothing listens at that address"),
        ("rfc2217://127.0.0.1:1", "nothing listens at that address"),
        ("carrier-pigeon://x", "no such kind of address .*There are virtual://, socket:// and rfc2217://"),
        ("virtual://?speeed=3", "no setting 'speeed'"),
    ],
)
def test_what_does_not_open_says_why(name: str, words: str) -> None:
    with pytest.raises(link.PortError, match=words):
        ports.open_port(name)


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    link_to_nothing = tmp_path / "my-board"
    link_to_nothing.symlink_to("/dev/ttyNOSUCHPORT")
    with pytest.raises(link.PortError, match="is a link to /dev/ttyNOSUCHPORT, which is not there"):
        ports.open_port(str(link_to_nothing))


# -- nobody answers -----------------------------------------------------------------------------------------------


def test_nothing_came(port: str) -> None:
    said = silence(port, b"")
    assert said.startswith(f"No answer from {port} in 2.0 s. Nothing came at all. Is the sketch on the board, and is")
    assert "Ports found: none." in said


def test_nothing_came_over_a_socket() -> None:
    assert "does another program hold the connection?" in silence("socket://127.0.0.1:1", b"")


def test_nothing_came_from_a_board_in_its_bootloader(port: str) -> None:
    said = silence(port, b"", usb=(0x2341, 0x005A))
    assert "It is an Arduino Nano 33 BLE in its bootloader: it waits for an upload, and the sketch is not run" in said
    assert "press the reset button once" in said
    assert "(to upload: press the reset button twice, quickly)." in said


def test_nothing_came_through_an_adapter(port: str) -> None:
    assert "the board may be without power, or held in reset" in silence(port, b"", usb=(0x10C4, 0xEA60))


def test_nothing_came_and_the_port_has_gone() -> None:
    master, slave = pty.openpty()
    port = os.ttyname(slave)
    os.close(slave)
    os.close(master)
    assert "the port has gone: the board has restarted under another name" in silence(port, b"")


@LINUX
def test_somebody_else_reads_the_same_port(port: str) -> None:
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
    with subprocess.Popen([shutil.which("sleep") or "sleep", "60"], stdin=descriptor) as rival:
        wait_until(lambda: Path(f"/proc/{rival.pid}/comm").read_text().strip() == "sleep")
        said = silence(port, b"")
        rival.kill()
    os.close(descriptor)
    assert f"sleep (process {rival.pid}) has the port open, too, and takes bytes away: close it there." in said


def test_frames_that_answer_nothing(port: str) -> None:
    assert "It has sent frames, and none that answers." in silence(port, encode_frame(Frame(0x8E, 1, 2, b"hi")))


def test_another_version_of_the_protocol(port: str) -> None:
    counts = DecoderCounts(bytes=40, other_version=1)
    said = diagnosis.explain_silence(port, counts, "", 2.0, other_version=7)
    assert "The board speaks version 7 of the protocol, this kit version 1. Upload the sketch of this kit." in said


def test_numbers_between_commas_can_be_recorded(port: str) -> None:
    said = silence(port, NUMBERS)
    assert 'It prints numbers, and is another sketch: record them as they are, with decoder="csv"' in said
    assert "prints text: '" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello world\r\n", "Is it another sketch?"),
        ("m-timestamp-18823\r\nm-ready\r\n", "an MLPerf Tiny benchmark's firmware"),
        ("MicroPython v1.22.0 on 2024-01-05; Raspberry Pi Pico\r\n>>> ", "MicroPython's prompt"),
        ("Adafruit CircuitPython 9.0.0 on 2024-03-19\r\n", "CircuitPython"),
        ("Edge Impulse standalone inferencing\r\n", "Edge Impulse's firmware"),
        ("rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT)\r\nwaiting for download\r\n", "Press EN or reset once"),
        ("Brownout detector was triggered\r\n", "too little power"),
        ("++ MbedOS Error Info ++\r\n", "a sketch that has crashed"),
    ],
)
def test_what_the_text_gives_away(port: str, text: str, words: str) -> None:
    assert words in silence(port, text.encode())


def test_text_that_came_between_zeros_is_enough(port: str) -> None:
    """A caller that keeps no bytes still has the decoder's text."""
    decoder = FrameDecoder()
    decoder.feed(b"\0".join([b"0.12,0.98,-0.03\r\n"] * 9) + b"\0")
    said = diagnosis.explain_silence(port, decoder.counts, decoder.text, 0.5)
    assert "It prints numbers" in said


# -- a wrong baud rate: bytes as a UART receives them that is set to another rate ------------------------------------


def test_a_wrong_rate_is_said_with_the_rates_to_try(port: str) -> None:
    came = receive_at_other_rate(WORDS, 9600, 115200)
    said = silence(port, came, baud=115200)
    assert "no frame in them (0% of the last ones are text). Is the baud rate right? Try baud=9600, then" in said
    came = receive_at_other_rate(WORDS, 57600, 115200)
    assert "Try baud=57600, then" in silence(port, came, usb=(0x10C4, 0xEA60))


def test_our_own_frames_at_a_wrong_rate(port: str) -> None:
    frames = b"".join(encode_frame(Frame(0x86, i, 1000 * i, bytes(range(40)))) for i in range(30))
    said = silence(port, receive_at_other_rate(frames, 57600, 115200))
    assert "57600" in said.partition("Try baud=")[2].partition(". If none fits")[0]


def test_a_board_with_usb_of_its_own_has_no_baud_rate(port: str) -> None:
    said = silence(port, random.Random(4).randbytes(1000), usb=(0x2341, 0x805A))
    assert "The baud rate does not matter on this board: it runs another sketch." in said


def test_without_bytes_to_judge_a_wrong_rate_is_only_guessed(port: str) -> None:
    said = diagnosis.explain_silence(port, DecoderCounts(bytes=80, malformed=3), "", 2.0)
    assert "80 bytes came, and no frame in them. Is the baud rate right? It has to be the sketch's" in said


def test_holders_read_as_words() -> None:
    assert diagnosis.name_holders([Holder(pid=1, name="a"), Holder(pid=2, name="b")]) == (
        "a (process 1) and b (process 2)"
    )
    assert find_holders("/dev/ttyNOSUCHPORT") == []


def test_a_board_without_a_known_way_into_its_bootloader() -> None:
    assert diagnosis.explain_bootloader(recognise("0483:df11")).endswith("start the one that is on it.")
