"""Ports by name, and found again after a reset: real ptys and links; described devices, as no hardware is here."""

import dataclasses
import os
import pty
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tinyml_labs import link
from tinyml_labs.link import ports
from tinyml_labs.link.port_list import PortDescription, find_port, list_ports

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ptys, and no links to ports")


@dataclass
class UsbPort:
    """What pyserial says of a port."""

    device: str
    vid: int | None = 0x2341
    pid: int | None = 0x805A
    serial_number: str | None = "A1B2"
    location: str | None = "1-1:1.0"
    description: str = "Nano 33 BLE"


class Bench:
    """USB ports that can be plugged in and pulled out while somebody looks."""

    def __init__(self, *there: UsbPort) -> None:
        self.there = list(there)

    def __call__(self) -> list[UsbPort]:
        return list(self.there)


@pytest.fixture
def make_pty() -> Iterator[Callable[[], tuple[int, str]]]:
    opened: list[int] = []

    def make() -> tuple[int, str]:
        master, slave = pty.openpty()
        name = os.ttyname(slave)
        os.close(slave)
        opened.append(master)
        return master, name

    yield make
    for master in opened:
        try:
            os.close(master)
        except OSError:
            continue


def test_ports_are_listed_with_their_boards_usb_first() -> None:
    bench = Bench(
        UsbPort("/dev/ttyS0", vid=None, pid=None, serial_number=None, location=None, description="n/a"),
        UsbPort("/dev/ttyUSB0", vid=0x10C4, pid=0xEA60, serial_number="0001", description="CP2102"),
        UsbPort("/dev/ttyACM0"),
        UsbPort("/dev/ttyACM1", pid=0x005A),
        UsbPort("/dev/ttyACM2", vid=0xDEAD, pid=0xBEEF, description="Something"),
    )
    found = list_ports(comports=bench)
    assert [port.device[5:] for port in found] == ["ttyACM0", "ttyACM1", "ttyACM2", "ttyUSB0", "ttyS0"]
    assert found[0] == PortDescription(
        device="/dev/ttyACM0",
        description="Nano 33 BLE",
        usb_id="2341:805a",
        serial_number="A1B2",
        location="1-1:1.0",
        board="Arduino Nano 33 BLE",
    )
    assert found[1].board == "Arduino Nano 33 BLE in its bootloader"
    assert found[3].board.startswith("USB serial adapter CP210x")
    assert (found[4].usb_id, found[4].serial_number, found[4].description) == ("", "", "")
    assert ports.describe_ports(comports=bench) == (
        "Ports found: /dev/ttyACM0 (Arduino Nano 33 BLE), /dev/ttyACM1 (Arduino Nano 33 BLE in its bootloader), "
        "/dev/ttyACM2 (Something), /dev/ttyUSB0 (USB serial adapter CP210x, as on ESP32-DevKitC, ESP-EYE), "
        "/dev/ttyS0. The virtual board, virtual://, is always there."
    )
    assert ports.describe_ports(comports=Bench()).startswith("Ports found: none.")


def test_the_ports_of_this_computer_are_listed() -> None:
    for port in link.list_ports():
        assert port.device
        assert isinstance(port.serial_number, str)


def test_a_stable_link_is_given_with_the_port(tmp_path: Path, make_pty: Callable[[], tuple[int, str]]) -> None:
    _, name = make_pty()
    stable = tmp_path / "usb-Arduino_Nano_33_BLE_A1B2-if00"
    stable.symlink_to(name)
    (tmp_path / "dangling").symlink_to("/dev/no-such-device")
    bench = Bench(UsbPort(name), UsbPort("/dev/ttyACM7"))
    by_device = {port.device: port.by_id for port in list_ports(comports=bench, by_id_folder=str(tmp_path))}
    assert by_device == {name: str(stable), "/dev/ttyACM7": ""}
    assert find_port(str(stable), list_ports(comports=bench)) is not None


def test_an_identity_is_taken_of_any_port(tmp_path: Path, make_pty: Callable[[], tuple[int, str]]) -> None:
    _, name = make_pty()
    user_link = tmp_path / "my-board"
    user_link.symlink_to(name)
    bench = Bench(UsbPort(name), UsbPort("/dev/ttyACM7", serial_number="other"))
    identity = ports.identify(str(user_link), comports=bench)
    assert (identity.port, identity.link, identity.device) == (str(user_link), str(user_link), name)
    assert (identity.usb_id, identity.serial_number, identity.location) == ("2341:805a", "A1B2", "1-1:1.0")
    assert identity.others == {"/dev/ttyACM7"}
    plain = ports.identify(name)
    assert (plain.link, plain.device, plain.usb_id) == ("", name, "")
    assert ports.identify("socket://localhost:1").device == "socket://localhost:1"


def test_a_board_is_found_by_its_serial_number_under_another_name() -> None:
    bench = Bench(UsbPort("/dev/ttyACM0"), UsbPort("/dev/ttyACM1", serial_number="neighbour", location="1-2:1.0"))
    identity = ports.identify("/dev/ttyACM0", comports=bench)
    bench.there[0] = UsbPort("/dev/ttyACM2", location="1-4:1.0")
    assert ports.find_again(identity, timeout_s=0, comports=bench) == "/dev/ttyACM2"


def test_another_board_of_the_same_model_is_not_taken() -> None:
    bench = Bench(UsbPort("/dev/ttyACM0"))
    identity = ports.identify("/dev/ttyACM0", comports=bench)
    bench.there = [UsbPort("/dev/ttyACM0", serial_number="another")]
    assert ports.find_again(identity, timeout_s=0, comports=bench) is None


def test_a_board_that_waits_in_its_bootloader_is_not_taken() -> None:
    bench = Bench(UsbPort("/dev/ttyACM0"))
    identity = ports.identify("/dev/ttyACM0", comports=bench)
    bench.there = [UsbPort("/dev/ttyACM1", pid=0x005A)]
    assert ports.find_again(identity, timeout_s=0, comports=bench) is None
    bench.there = [UsbPort("/dev/ttyACM2", pid=0x805A)]
    assert ports.find_again(identity, timeout_s=0, comports=bench) == "/dev/ttyACM2"


def test_of_two_interfaces_with_one_serial_number_the_same_one_is_taken() -> None:
    bench = Bench(UsbPort("/dev/ttyACM0", location="1-1:1.0"), UsbPort("/dev/ttyACM1", location="1-1:1.2"))
    identity = ports.identify("/dev/ttyACM1", comports=bench)
    bench.there = [UsbPort("/dev/ttyACM2", location="1-1:1.0"), UsbPort("/dev/ttyACM3", location="1-1:1.2")]
    assert ports.find_again(identity, timeout_s=0, comports=bench) == "/dev/ttyACM3"
    bench.there = [UsbPort("/dev/ttyACM2", location="3-7:1.0"), UsbPort("/dev/ttyACM3", location="3-7:1.2")]
    assert ports.find_again(identity, timeout_s=0, comports=bench) == "/dev/ttyACM3"


def test_adapters_that_all_say_0001_are_told_apart_by_their_socket() -> None:
    def adapter(device: str, location: str) -> UsbPort:
        return UsbPort(device, vid=0x10C4, pid=0xEA60, serial_number="0001", location=location)

    bench = Bench(adapter("/dev/ttyUSB0", "1-1"), adapter("/dev/ttyUSB1", "1-2"))
    identity = ports.identify("/dev/ttyUSB0", comports=bench)
    bench.there[0] = adapter("/dev/ttyUSB2", "1-1")
    assert ports.find_again(identity, timeout_s=0, comports=bench) == "/dev/ttyUSB2"


def test_without_a_serial_number_the_one_new_port_of_the_model_is_taken() -> None:
    def clone(device: str, location: str = "") -> UsbPort:
        return UsbPort(device, vid=0x1A86, pid=0x7523, serial_number=None, location=location)

    bench = Bench(clone("/dev/ttyUSB0"), clone("/dev/ttyUSB1"))
    identity = ports.identify("/dev/ttyUSB0", comports=bench)
    bench.there = [clone("/dev/ttyUSB1"), clone("/dev/ttyUSB2")]
    assert ports.find_again(identity, timeout_s=0, comports=bench) == "/dev/ttyUSB2"
    bench.there = [clone("/dev/ttyUSB1"), clone("/dev/ttyUSB0")]
    assert ports.find_again(identity, timeout_s=0, comports=bench) == "/dev/ttyUSB0"
    bench.there = [clone("/dev/ttyUSB1"), clone("/dev/ttyUSB2"), clone("/dev/ttyUSB3")]
    assert ports.find_again(identity, timeout_s=0, comports=bench) is None  # which of them, nothing tells
    bench.there = [clone("/dev/ttyUSB1"), UsbPort("/dev/ttyACM0")]
    assert ports.find_again(identity, timeout_s=0, comports=bench) is None


def test_a_board_is_waited_for() -> None:
    bench = Bench(UsbPort("/dev/ttyACM0"))
    identity = ports.identify("/dev/ttyACM0", comports=bench)
    bench.there = []
    looks: list[float] = []

    def comports() -> list[UsbPort]:
        looks.append(time.monotonic())
        if len(looks) == 3:
            bench.there = [UsbPort("/dev/ttyACM1")]
        return bench()

    assert ports.find_again(identity, timeout_s=60, comports=comports) == "/dev/ttyACM1"
    assert len(looks) == 3


def test_a_port_by_a_link_is_found_where_the_link_leads_now(
    tmp_path: Path, make_pty: Callable[[], tuple[int, str]]
) -> None:
    first_end, first = make_pty()
    name = tmp_path / "my-board"
    name.symlink_to(first)
    identity = ports.identify(str(name))
    with ports.open_port(str(name)):
        os.close(first_end)  # the board resets: its port goes
    name.unlink()
    assert not Path(first).exists()
    assert ports.find_again(identity, timeout_s=0) is None

    def come_back() -> None:
        time.sleep(0.15)
        name.symlink_to(second)

    second_end, second = make_pty()
    returning = threading.Thread(target=come_back)
    returning.start()
    assert ports.find_again(identity, timeout_s=60) == str(name)
    returning.join()
    with ports.open_port(str(name), timeout=5) as port:
        os.write(second_end, b"here I am\n")
        assert port.read(9) == b"here I am"


def test_a_device_is_given_as_the_link_that_the_user_gave(
    tmp_path: Path, make_pty: Callable[[], tuple[int, str]]
) -> None:
    """So that a board can be followed a second time."""
    (_, first), (_, second) = make_pty(), make_pty()
    name = tmp_path / "my-board"
    name.symlink_to(first)
    bench = Bench(UsbPort(first))
    identity = ports.identify(str(name), comports=bench)
    name.unlink()
    name.symlink_to(second)
    bench.there = [UsbPort(second)]
    assert ports.find_again(identity, timeout_s=0, comports=bench) == str(name)


def test_a_port_that_is_no_usb_device_is_found_by_its_name(make_pty: Callable[[], tuple[int, str]]) -> None:
    master, name = make_pty()
    identity = ports.identify(name)
    assert ports.find_again(identity, timeout_s=0) == name
    os.close(master)
    assert ports.find_again(identity, timeout_s=0) is None


def test_an_address_is_its_own_name_and_a_virtual_board_ends_with_its_process() -> None:
    for address, found in (("socket://10.0.0.7:3333", "socket://10.0.0.7:3333"), ("virtual://", None)):
        assert ports.find_again(ports.identify(address), timeout_s=0) == found


def test_a_port_object_that_knows_better_is_asked() -> None:
    class Knows:
        def find_again(self, timeout_s: float) -> str | None:
            return f"/dev/pts/new-{timeout_s:g}"

    identity = ports.identify("virtual://")
    assert ports.find_again(identity, timeout_s=2, opened=Knows()) == "/dev/pts/new-2"


def test_a_virtual_board_says_itself_where_it_is() -> None:
    with ports.open_port("virtual://") as port:
        assert callable(getattr(port, "find_again", None))
        assert ports.find_again(ports.identify("virtual://"), timeout_s=0.01, opened=port) is None  # it has not moved


@pytest.mark.parametrize("port", ["", None, 7])
@pytest.mark.parametrize("use", [ports.open_port, ports.identify])
def test_what_is_no_port_is_refused(use: Callable[[Any], object], port: Any) -> None:
    with pytest.raises(link.PortError, match="A port is a name such as /dev/ttyACM0 or COM5, or a URL, and not"):
        use(port)


def test_a_link_is_followed_before_the_system_lists_the_device(
    tmp_path: Path, make_pty: Callable[[], tuple[int, str]]
) -> None:
    (_, first), (_, second) = make_pty(), make_pty()
    name = tmp_path / "my-board"
    name.symlink_to(first)
    bench = Bench(UsbPort(first, serial_number=None))
    identity = ports.identify(str(name), comports=bench)
    bench.there = []
    name.unlink()
    assert ports.find_again(identity, timeout_s=0, comports=bench) is None
    name.symlink_to(second)
    assert ports.find_again(identity, timeout_s=0, comports=bench) == str(name)
    by_id = dataclasses.replace(identity, port=first, link="", by_id=str(name))  # a link that the system made
    assert ports.find_again(by_id, timeout_s=0, comports=bench) == second
    bench.there = [UsbPort(second, pid=0x005A)]
    assert ports.find_again(by_id, timeout_s=0, comports=bench) is None  # it leads to the bootloader
