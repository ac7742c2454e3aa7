"""Who is alone, and who waits: with real processes, for locks of files count between these."""

import select
import subprocess
import sys
from pathlib import Path

import pytest
import quiet_machine

pytestmark = pytest.mark.skipif(quiet_machine.fcntl is None, reason="flock is of POSIX")

PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import quiet_machine
quiet_machine.folder = Path(sys.argv[2])
with getattr(quiet_machine, sys.argv[3])():
    print("in", flush=True)
    sys.stdin.readline()
print("out", flush=True)
"""


def start(folder: Path, how: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", PROGRAM, str(Path(quiet_machine.__file__).parent), str(folder), how]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def is_in(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether it says so within that time."""
    return bool(select.select([process.stdout], [], [], seconds)[0]) and process.stdout.readline() == "in\n"


def leave(process: subprocess.Popen[str]) -> None:
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "out\n"
    process.wait(10)


def test_one_alone_waits_for_the_others_and_keeps_new_ones_out(tmp_path):
    first, second = start(tmp_path, "beside_others"), start(tmp_path, "beside_others")
    assert is_in(first, 20) and is_in(second, 20)
    loud = start(tmp_path, "alone")
    assert not is_in(loud, 0.7)
    late = start(tmp_path, "beside_others")
    leave(first)
    assert not is_in(loud, 0.3)
    leave(second)
    assert is_in(loud, 20)
    assert not is_in(late, 0.3)
    leave(loud)
    assert is_in(late, 20)
    leave(late)
