import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = str(Path(__file__).with_name("run_offline.py"))


def run_offline(*command):
    done = subprocess.run([sys.executable, SCRIPT, *command], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    return done


def test_the_outside_is_unreachable_and_the_loopback_is_not():
    program = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), timeout=5)
try:
    socket.create_connection(("198.51.100.1", 80), timeout=5)
except OSError as error:
    print(error.strerror)
print([name for _, name in socket.if_nameindex()])
"""
    done = run_offline(sys.executable, "-c", program)
    first, interfaces = done.stdout.splitlines()
    assert first == "Network is unreachable"
    assert "eth0" not in interfaces


def test_the_commands_exit_code_and_output_come_through():
    done = run_offline(sys.executable, "-c", "import sys; print('out'); sys.exit(3)")
    assert (done.returncode, done.stdout) == (3, "out\n")


def test_a_missing_command_is_127():
    done = run_offline("no-such-command-here")
    assert done.returncode == 127
    assert "no-such-command-here" in done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_a_machine_without_unshare_says_so_with_77():
    done = subprocess.run(
        [sys.executable, SCRIPT, "true"], capture_output=True, text=True, check=False, env={"PATH": ""}
    )
    assert done.returncode == 77
    assert "unshare" in done.stderr


def test_no_command_shows_how():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "COMMAND" in done.stderr
