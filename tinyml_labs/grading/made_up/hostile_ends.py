"""Statements that end, stop or exhaust the process that runs them. Points for none of them, and the batch goes on.

Each is tried twice: where the cell runs, and inside the function, where its line is all there is. The bombs are
bounded: should a limit be missing, a machine survives them.
"""

from __future__ import annotations

Ender = tuple[str, str, tuple[str, ...], str]  # a name, a story, the verdicts that it may get, the statements

ENDERS: tuple[Ender, ...] = (
    ("os-exit", "os._exit(0)", ("killed",), "import os; os._exit(0)"),
    ("system-exit", "raise SystemExit", ("killed", "error"), "raise SystemExit(0)"),
    ("keyboard-interrupt", "raise KeyboardInterrupt", ("killed", "error"), "raise KeyboardInterrupt"),
    ("segfault", "reads address 0 by ctypes", ("killed",), "import ctypes; ctypes.string_at(0)"),
    ("kills-itself", "SIGKILL to itself", ("killed",), "import os; os.kill(os.getpid(), 9)"),
    ("kills-the-parent", "SIGKILL to its parent, its group and itself", ("killed", "error"), """\
import os
os.kill(os.getppid(), 9)
os.killpg(0, 9)
os.kill(os.getpid(), 9)"""),
    ("alarm", "an alarm that ends it a moment later", ("killed",), """\
import signal, time
signal.signal(signal.SIGALRM, signal.SIG_DFL)
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(9)"""),
    ("stops-itself", "SIGSTOP to itself", ("timeout", "killed"), """\
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)"""),
    ("endless-loop", "while True", ("timeout",), "while True: pass"),
    ("endless-sleep", "sleeps for ever", ("timeout",), "import time; time.sleep(10**6)"),
    ("endless-in-c", "a power that no signal interrupts", ("timeout", "out of memory", "killed"), "10 ** 10 ** 9"),
    ("ignores-sigint", "a loop that ignores SIGINT", ("timeout",), """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    pass"""),
    ("swallows-sigint", "a loop that swallows every error", ("timeout",), """\
while True:
    try:
        while True: pass
    except BaseException:
        pass"""),
    ("four-gigabytes", "fills 4 GB", ("out of memory",), "import numpy; numpy.ones(2**29)"),
    ("grows-slowly", "a list that grows to 8 GB", ("out of memory", "timeout"), """\
kept = []
for number in range(512):
    kept.append(bytearray(2**24))"""),
    ("memory-of-many", "eight processes of 600 MB each", ("out of memory", "killed", "timeout"), """\
import os, time
for _ in range(8):
    if os.fork() == 0:
        kept = bytearray(b"x") * (600 * 2**20)
        time.sleep(3600)
time.sleep(3600)"""),
    ("fork-bomb", "forks without an end", ("timeout", "killed", "out of memory"), """\
import os, time
for _ in range(12):
    try:
        os.fork()
    except OSError:
        pass
time.sleep(3600)"""),
    ("process-bomb", "starts programs that start programs", ("timeout", "killed", "out of memory", "error"), """\
import subprocess, sys, time
program = "import os, time; [os.fork() for _ in range(4)]; time.sleep(3600)"
for _ in range(200):
    try:
        subprocess.Popen([sys.executable, "-c", program])
    except OSError:
        pass
time.sleep(3600)"""),
    ("thread-bomb", "starts five thousand threads", ("error", "timeout", "killed", "out of memory"), """\
import threading, time
for _ in range(5000):
    threading.Thread(target=time.sleep, args=(3600,)).start()
time.sleep(3600)"""),
    ("crashes-the-stack", "recursion below Python's limit", ("killed", "error", "out of memory"), """\
import sys
sys.setrecursionlimit(10**9)
class Deep:
    def __repr__(self):
        return repr(self)
repr(Deep())"""),
)  # fmt: skip
