"""The sandbox, tried from inside: what can be seen, written, sent and taken; as root, as a user, without groups."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import uuid
from pathlib import Path

import pytest
from sandbox_here import groups_of, marked, no_groups, no_sandbox, sandbox_here, wait_for

import tinyml_labs
from tinyml_labs.grading.isolation import bubblewrap, cgroups
from tinyml_labs.grading.isolation.limits import Limits
from tinyml_labs.grading.isolation.sandbox import (
    PYTHON,
    NoSandbox,
    ProcessOutcome,
    find_sandbox,
    run_in_sandbox,
    why_not,
)
from tinyml_labs.grading.isolation.sandbox_view import environment

__all__ = ["no_groups", "no_sandbox", "sandbox_here"]  # fixtures

SMALL = Limits(total_seconds=60, memory_mb=300, processes=24, scratch_mb=8, output_kb=64)
pytestmark = pytest.mark.loud  # fork bombs

in_sandbox = pytest.mark.usefixtures("sandbox_here")


def run(code: str, limits: Limits = SMALL, **more: object) -> ProcessOutcome:
    return run_in_sandbox([PYTHON, "-c", textwrap.dedent(code)], limits=limits, **more)  # type: ignore[arg-type]


@pytest.fixture(params=["as it is", "user namespace"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox_here: None) -> None:
    """The sandbox as this user has it, and as a user has it who is not root."""
    if request.param == "user namespace":
        program = find_sandbox()
        monkeypatch.setattr(bubblewrap, "probe", lambda: (program, "user namespace", ""))


@pytest.mark.usefixtures("both_ways")
def test_it_sees_the_system_and_the_kit_and_no_more(tmp_path: Path) -> None:
    secret = tmp_path / "gradebook.sqlite"
    secret.write_text("396 of 8")
    home = os.path.expanduser("~")  # noqa: PTH111 -- not every user has one
    outcome = run(f"""
        import os, sys, tinyml_labs.grading.checks
        kit = os.path.dirname(os.path.dirname(tinyml_labs.__file__))
        inside = [path for path in (sys.prefix, *sys.path) if path.startswith(kit + "/")]
        of_python = {{path[len(kit):].split("/")[1] for path in inside}}
        assert os.path.basename(kit) == "site-packages" or set(os.listdir(kit)) <= {{"tinyml_labs", *of_python}}
        for path in ({str(secret)!r}, "{home}/.bashrc", "/etc/shadow", "/sys/fs/cgroup", "/var", "/usr/local/share"):
            assert not os.path.exists(path), path
        assert os.listdir() == [".cache"] and os.getcwd() == os.path.expanduser("~")
        print(os.getuid(), os.getpid(), open("/etc/passwd").read())
    """)
    assert (outcome.verdict, outcome.stderr, outcome.sandboxed) == ("ok", "", True)
    user, process_id, name = outcome.stdout.split(maxsplit=2)
    assert int(user) > 1000 and int(process_id) < 10 and name.startswith(f"student:x:{user}:")


@in_sandbox
def test_the_notebooks_beside_the_kit_are_not_there() -> None:
    notebooks = Path(tinyml_labs.__file__).parents[1] / "notebooks"
    if not notebooks.is_dir():
        pytest.skip("the kit is no checkout")
    assert run(f"import os; print(os.path.exists({str(notebooks)!r}))").stdout == "False\n"
    assert run(f"import os; print(os.path.exists({str(notebooks)!r}))", readable=[notebooks]).stdout == "True\n"


@pytest.mark.usefixtures("both_ways")
def test_nothing_of_the_graders_environment_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADEBOOK_TOKEN", "hunter2")
    outcome = run("""
        import os
        print(dict(os.environ))
        for process in filter(str.isdigit, os.listdir("/proc")):
            for name in ("environ", "cmdline"):
                try:
                    print(open(f"/proc/{process}/{name}").read())
                except PermissionError:
                    pass
    """)
    assert outcome.verdict == "ok" and "'HOME': '/student'" in outcome.stdout
    assert "hunter2" not in outcome.stdout and "TOKEN" not in outcome.stdout


@pytest.mark.usefixtures("both_ways")
def test_it_can_write_to_its_scratch_alone() -> None:
    outcome = run("""
        import os
        written = []
        for folder, folders, _ in os.walk("/"):
            folders[:] = [name for name in folders if (folder, name) != ("/", "proc")]
            if folder.count("/") > 4:
                folders.clear()
            try:
                open(f"{folder}/written", "w").close()
                written.append(folder)
            except OSError:
                pass
        print(sorted(written))
        for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/oom_score_adj"):
            try:
                with open(path, "w") as file:
                    file.write("-500" if "oom" in path else "x")
                print("wrote to", path)
            except OSError:
                pass
    """)
    expected = ["/dev/shm", "/student", "/student/.cache", "/student/.cache/matplotlib"]
    assert (outcome.verdict, outcome.stdout) == ("ok", f"{expected}\n"), outcome


@pytest.mark.usefixtures("both_ways")
def test_the_network_is_empty() -> None:
    name = f"\0grader-{uuid.uuid4()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(name)
        local.listen()
        outcome = run(f"""
            import socket
            for family, address in (
                (socket.AF_INET, ("127.0.0.1", {server.getsockname()[1]})), (socket.AF_INET, ("192.0.2.1", 80)),
                (socket.AF_UNIX, {name!r}), (socket.AF_VSOCK, (2, 1)), (socket.AF_PACKET, None),
            ):
                try:
                    socket.socket(family, socket.SOCK_STREAM).connect(address)
                    print("connected", family)
                except OSError as error:
                    print(error.strerror)
            print(socket.if_nameindex())
        """)
    assert "connected" not in outcome.stdout and outcome.verdict == "ok"
    assert outcome.stdout.endswith("[(1, 'lo')]\n")


@pytest.mark.usefixtures("both_ways")
def test_it_has_no_powers_and_cannot_get_any() -> None:
    outcome = run("""
        import ctypes, os
        status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        print(*(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")), status["NoNewPrivs"])
        libc = ctypes.CDLL(None, use_errno=True)
        calls = {
            "another user": lambda: libc.setuid(0) if os.getuid() else -1,
            "user namespace": lambda: libc.unshare(0x10000000),
            "mount": lambda: libc.mount(b"none", b"/student", b"tmpfs", 0, None),
            "ptrace": lambda: libc.ptrace(16, 1, 0, 0),
            "outlive the grader": lambda: libc.prctl(1, 0, 0, 0, 0),
            "limits": lambda: libc.setrlimit(2, (ctypes.c_long * 2)(-1, -1)),
            "keys": lambda: libc.syscall({"x86_64": 250, "aarch64": 219}[os.uname().machine], 0, -3, 1),
            "io_uring": lambda: libc.syscall(425, 8, 0),
        }
        for name, call in calls.items():
            if call() != -1:
                print(name)
    """)
    assert outcome.verdict == "ok", outcome
    powers, *worked = outcome.stdout.splitlines()
    assert worked == []
    assert powers in ("0 0 0 0 1", f"0 0 {int(powers.split()[2])} 0 1")  # a user's bounding set gives nobody anything


@in_sandbox
def test_the_memory_of_all_processes_together_is_limited() -> None:
    outcome = run("""
        import os, time
        children = []
        for _ in range(6):
            child = os.fork()
            if child == 0:
                kept = bytearray(os.urandom(1)) * 80_000_000
                time.sleep(60)
            children.append(child)
        os.wait()
    """, Limits(total_seconds=30, memory_mb=200))  # fmt: skip
    assert outcome.verdict == "out of memory"


@pytest.mark.usefixtures("both_ways")
def test_one_large_piece_of_memory_is_refused() -> None:
    outcome = run("kept = bytearray(4_000_000_000)")
    assert (outcome.verdict, outcome.stderr.splitlines()[-1]) == ("out of memory", "MemoryError")


@in_sandbox
@pytest.mark.parametrize("groups", [True, False])
def test_a_fork_bomb_ends_at_the_limit(groups: bool, request: pytest.FixtureRequest) -> None:
    if not groups:
        request.getfixturevalue("no_groups")
    mark = f"bomb-{uuid.uuid4()}"
    outcome = run(f"""
        import os, subprocess, sys, time
        count = 0
        try:
            while True:
                subprocess.Popen(["/bin/sh", "-c", "sleep 100; : {mark}"])
                count += 2
                print(count, flush=True)
        except OSError as error:
            time.sleep(30)
    """, Limits(total_seconds=6, memory_mb=500, processes=24))  # fmt: skip
    assert outcome.verdict in ("timeout", "killed")
    assert 4 < int(outcome.stdout.split()[-1]) <= 80  # the watch comes a moment later than a limit
    assert wait_for(lambda: not marked(mark))


@pytest.mark.usefixtures("no_groups")
@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("import os, time\nfor _ in range(9):\n  if not os.fork(): x = bytearray(b'x') * 6**10; time.sleep(60)",
         "out of memory"),
        ("for n in range(10**7): open(str(n), 'w').close()", "killed"),
    ],
)  # fmt: skip
def test_without_control_groups_the_watch_ends_it(sandbox_here: None, code: str, verdict: str) -> None:
    assert run(f"{code}\nimport time; time.sleep(60)").verdict == verdict


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("folder", ["/student", "/dev/shm", "/tmp"])
def test_the_scratch_is_as_large_as_it_may_be(folder: str) -> None:
    if Path(folder) in Path(tinyml_labs.__file__).parents:
        pytest.skip(f"the kit lies in {folder}, which is no scratch then")
    outcome = run(f"""
        import errno
        written = 0
        try:
            for number in range(100):
                with open("{folder}/" + str(number), "wb", buffering=0) as file:
                    written += file.write(bytes(2**20))
        except OSError as error:
            print(written, errno.errorcode[error.errno])
    """)
    written, reason = outcome.stdout.split()
    assert 2**20 <= int(written) <= SMALL.scratch_mb * 2**20 and reason == "ENOSPC"


@in_sandbox
def test_its_files_lie_in_its_folder_and_are_its_own() -> None:
    code = "print(open('a.txt').read(), open('b/c.bin', 'rb').read()); open('a.txt', 'w').write('x')"
    outcome = run(code, files={"a.txt": b"one", "b/c.bin": b"\x00"})
    assert (outcome.stdout, outcome.verdict) == ("one b'\\x00'\n", "ok")
    for name in ("../a", "/etc/a", "", "a/../../b"):
        with pytest.raises(ValueError, match="no name of a file"):
            run("", files={name: b""})


@in_sandbox
@pytest.mark.parametrize(
    ("code", "verdict", "returncode"),
    [
        ("pass", "ok", 0),
        ("raise SystemExit(3)", "error", 3),
        ("1/0", "error", 1),
        ("import os; os.kill(os.getpid(), 9)", "killed", -9),
        ("import os; os.abort()", "killed", -6),
        ("import ctypes; ctypes.string_at(0)", "killed", -11),
        ("import signal, time; signal.signal(2, lambda *_: None); time.sleep(60)", "timeout", -9),
        ("import os, time; os.kill(os.getpid(), 19)", "timeout", -9),
        ("raise MemoryError", "out of memory", 1),
    ],
)
def test_every_end_has_its_verdict(code: str, verdict: str, returncode: int) -> None:
    outcome = run(code, Limits(total_seconds=2))
    assert (outcome.verdict, outcome.returncode) == (verdict, returncode)


@in_sandbox
def test_of_endless_output_the_beginning_is_kept() -> None:
    code = "import sys\nfor n in range(200): sys.stdout.write('x' * 10**6); sys.stderr.write('\\x1b[31m\\xff')"
    outcome = run(code, Limits(total_seconds=20, output_kb=2))
    assert outcome.verdict == "ok" and outcome.stdout == "x" * 2048 and len(outcome.stderr) <= 2048


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("groups", [True, False])
def test_what_leaves_its_parents_ends_all_the_same(groups: bool, request: pytest.FixtureRequest) -> None:
    if not groups:
        request.getfixturevalue("no_groups")
    mark = f"daemon-{uuid.uuid4()}"
    outcome = run(f"""
        import os, subprocess, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv("/bin/sh", ["sh", "-c", "trap '' HUP INT TERM; while true; do sleep 1; done; : {mark}"])
            os._exit(0)
        time.sleep(0.5)
        print(open("/proc/self/status").read().count("Pid"))
    """)
    assert outcome.verdict == "ok"
    assert wait_for(lambda: not marked(mark))
    assert groups_of(os.getpid()) == []


GRADER = """
import sys
from tinyml_labs.grading.isolation.confined_process import Confined
from tinyml_labs.grading.isolation.limits import Limits
confined = Confined(["/bin/sh", "-c", "echo ready >&2; while true; do sleep 1; done; : MARK"], limits=Limits())
print(confined.streams[-1].readline().decode(), flush=True)
sys.stdin.read()
"""


@in_sandbox
def test_the_sandbox_of_a_killed_grader_dies_and_its_groups_are_removed_later() -> None:
    mark = f"orphan-{uuid.uuid4()}"
    code = GRADER.replace("MARK", mark)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as grader:
        assert grader.stdout is not None
        assert grader.stdout.readline() == "ready\n"
        assert marked(mark)
        grader.send_signal(signal.SIGKILL)
    assert wait_for(lambda: len(marked(mark)) == 0)
    for _, parents in cgroups._find_parents():
        for parent in set(parents.values()):
            cgroups.remove_leftovers(parent)
    assert groups_of(grader.pid) == []


def test_a_group_of_a_living_grader_is_left_alone() -> None:
    group = cgroups.make_group(Limits())
    if group is None:
        pytest.skip("nobody may make control groups here")
    folder = group.folders["pids"]
    assert cgroups.remove_leftovers(folder.parent) == 0 and folder.is_dir()
    assert group.remove() and not folder.exists()


def test_version_2_is_used_where_a_group_was_handed_on(tmp_path: Path) -> None:
    """As systemd lays it out for a user; the files of the tree are real, the tree is not."""
    manager = tmp_path / "user.slice" / "user@1000.service"
    own = manager / "app.slice" / "terminal.scope"
    own.mkdir(parents=True)
    handed_on = {tmp_path: "cpu memory pids", tmp_path / "user.slice": "cpu memory pids", manager: "memory pids",
                 manager / "app.slice": "pids", own: ""}  # fmt: skip
    for folder, controllers in handed_on.items():
        (folder / "cgroup.subtree_control").write_text(f"{controllers}\n")
    mounts = f"30 23 0:26 / {tmp_path} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    text = "0::/user.slice/user@1000.service/app.slice/terminal.scope\n"
    found = cgroups.find_parents_2(mounts, text)
    assert found[0] == (2, {"memory": manager, "pids": manager})
    assert cgroups.find_parents_1(mounts, text) == [] and cgroups.find_parents_2("", text) == []


@pytest.mark.usefixtures("no_sandbox")
def test_without_bubblewrap_it_refuses_unless_it_is_told() -> None:
    assert find_sandbox() is None and "not installed" in why_not()
    with pytest.raises(NoSandbox, match="apt install bubblewrap.*Containerfile.*--unsafe"):
        run("pass")
    outcome = run("import os; print(os.getcwd(), open('a').read())", files={"a": b"here"}, unsafe=True)
    assert (outcome.verdict, outcome.sandboxed) == ("ok", False)
    folder, text = outcome.stdout.split()
    assert text == "here" and not Path(folder).exists()


@pytest.mark.usefixtures("no_sandbox")
@pytest.mark.parametrize("groups", [True, False])
def test_without_a_sandbox_everything_below_it_ends_too(groups: bool, request: pytest.FixtureRequest) -> None:
    if not groups:
        request.getfixturevalue("no_groups")
    mark = f"unsafe-{uuid.uuid4()}"
    code = f"""
        import os, subprocess, time
        subprocess.Popen(["/bin/sh", "-c", "trap '' HUP INT TERM; while true; do sleep 1; done; : {mark}"],
                         start_new_session=True)
        time.sleep(60)
    """
    assert run(code, Limits(total_seconds=2), unsafe=True).verdict == "timeout"
    assert wait_for(lambda: not marked(mark))


@pytest.mark.usefixtures("no_sandbox")
def test_the_folder_of_a_killed_grader_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    old, living = tmp_path / f"tinyml-labs-grading-{ended.pid}-x", tmp_path / f"tinyml-labs-grading-{os.getpid()}-x"
    old.mkdir()
    living.mkdir()
    assert run("pass", unsafe=True).verdict == "ok"
    assert not old.exists() and living.exists()


@pytest.mark.slow
def test_a_user_who_is_not_root_has_the_same_sandbox(sandbox_here: None) -> None:
    """The tests above once more by another user, with the system's Python: root's own may be closed to others."""
    python = f"/usr/bin/python3.{sys.version_info[1]}"
    if os.getuid() != 0 or not Path(python).exists() or not shutil.which("setpriv"):
        pytest.skip("only root can try to be somebody else, with setpriv and a Python that all may use")
    chosen = "sees or environment or write or network or powers or refused or fork or watch or scratch or leaves"
    chosen = f"({chosen}) and not namespace"
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 1234, 1234)
        outcome = subprocess.run(
            ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", python, "-m", "pytest", "-q", "-rs",
             "-o", "addopts=", "-p", "no:cacheprovider", f"--basetemp={folder}/tests", "-k", chosen, __file__],
            capture_output=True, text=True, check=False, timeout=300,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": environment()["PYTHONPATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    if "No module named" in outcome.stderr or "Permission" in outcome.stderr:
        pytest.skip(f"the packages are closed to other users: {outcome.stderr.splitlines()[-1]}")
    last = outcome.stdout.splitlines()[-1]
    assert outcome.returncode == 0 and "passed" in last and "no sandbox" not in outcome.stdout, outcome.stdout


@in_sandbox
def test_the_answers_of_the_made_up_class_cannot_be_imported():
    code = "import tinyml_labs.grading.later_imports; import tinyml_labs.grading.made_up.sample_answers"
    outcome = run_in_sandbox(["python", "-c", code], limits=Limits())
    assert outcome.verdict == "error"
    assert "made_up" in outcome.stderr
    assert "later_imports" not in outcome.stderr.splitlines()[-1]
