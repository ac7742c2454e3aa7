"""What a process in the sandbox sees: a read-only system, the Python that runs this, the kit, and an empty folder.

Nothing else of the file system is there: no home folder, no notebooks beside the kit, no submissions, no gradebook.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from tinyml_labs.grading.isolation.limits import Limits

SCRATCH = "/student"
"""The only folder that can be written to: home, working folder and temporary files in one, in memory."""

_SHARED_MEMORY_MB = 16
_OF_THE_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_OF_A_PREFIX = ("bin", "lib", "lib32", "lib64", "libexec", "pyvenv.cfg")
_SINGLE_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/nix/store", "/gnu/store")


def view_arguments(
    *, limits: Limits, user: int, files: Mapping[str, int], readable: Sequence[Path], passwd: int, group: int
) -> list[str]:
    """Return the arguments of bubblewrap that make the view.

    Parameters
    ----------
    limits : Limits
    user : int
        Who the process is, seen from inside.
    files : mapping of str to int
        Name in the scratch folder, and the file descriptor that holds the content.
    readable : sequence of Path
        Further files and folders to see, at their own place.
    passwd, group : int
        File descriptors of what `user_files` returns.
    """
    arguments = [*_system_arguments(), "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    arguments += _memory_folder("/dev/shm", min(_SHARED_MEMORY_MB, limits.scratch_mb))
    arguments += ["--remount-ro", "/dev"]
    arguments += ["--perms", "0644", "--ro-bind-data", str(passwd), "/etc/passwd"]
    arguments += ["--perms", "0644", "--ro-bind-data", str(group), "/etc/group"]
    shown: set[str] = set()
    python = _python_paths()
    more = _without_covered((Path(os.path.normpath(path.absolute())) for path in readable), python)
    for path in [*python, *more]:
        arguments += [*_parents(path, shown), "--ro-bind", str(path), str(path)]
    answers = str(_answers_folder())
    arguments += ["--perms", "0755", "--size", "4096", "--tmpfs", answers, "--remount-ro", answers]  # empty
    arguments += _memory_folder(SCRATCH, limits.scratch_mb)
    if "/tmp" not in shown:
        arguments += ["--symlink", SCRATCH, "/tmp"]
    for name in files:
        check_file_name(name)
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents if str(parent) != "."}
    folders |= {".cache", ".cache/matplotlib"}
    for folder in sorted(folders):
        arguments += ["--perms", "0777", "--dir", f"{SCRATCH}/{folder}"]
    for path in _font_lists():
        arguments += ["--ro-bind", str(path), f"{SCRATCH}/.cache/matplotlib/{path.name}"]
    for name, descriptor in files.items():
        arguments += ["--perms", "0666", "--file", str(descriptor), f"{SCRATCH}/{name}"]
    return [*arguments, "--chdir", SCRATCH, "--remount-ro", "/"]


def user_files(user: int) -> tuple[bytes, bytes]:
    """Return /etc/passwd and /etc/group with one user, so that Python finds a name and a home folder."""
    return f"student:x:{user}:{user}:student:{SCRATCH}:/bin/sh\n".encode(), f"student:x:{user}:\n".encode()


def environment(folder: str = SCRATCH) -> dict[str, str]:
    """Return the environment of a student's process: nothing of the grader's own."""
    one_thread = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")
    return {
        "HOME": folder, "TMPDIR": folder, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "LANG": "C.UTF-8", "TZ": "UTC", "USER": "student", "LOGNAME": "student",
        "MPLBACKEND": "agg", "MPLCONFIGDIR": f"{folder}/.cache/matplotlib", "IPYTHONDIR": f"{folder}/.ipython",
        "PYTHONPATH": _python_path(), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0",
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1", "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "MALLOC_ARENA_MAX": "2",
        **{f"{name}_NUM_THREADS": "1" for name in one_thread},
    }  # fmt: skip


def check_file_name(name: str) -> None:
    """Refuse a name that leaves the working folder.

    Raises
    ------
    ValueError
        If it is empty or absolute, or has `..` in it.
    """
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name or "\\" in name:
        raise ValueError(f"{name!r} is no name of a file in the working folder: give a relative one without '..'.")


def _memory_folder(path: str, size_mb: int) -> list[str]:
    return ["--perms", "1777", "--size", str(size_mb * 2**20), "--tmpfs", path]


@functools.cache
def _system_arguments() -> tuple[str, ...]:
    arguments: list[str] = []
    shown: set[str] = set()
    places = [Path("/") / name for name in _OF_THE_SYSTEM]
    places += [Path("/usr") / name for name in (*_OF_THE_SYSTEM, "libexec", "include", "share")]
    places += [Path("/usr/local") / name for name in _OF_THE_SYSTEM]  # not its share: nbgrader's exchange lies there
    for place in [*places, *map(Path, _SINGLE_FILES)]:
        if place.is_symlink():
            arguments += [*_parents(place, shown), "--symlink", str(place.readlink()), str(place)]
        elif place.exists():
            arguments += [*_parents(place, shown), "--ro-bind", str(place), str(place)]
    return tuple(arguments)


@functools.cache
def _python_paths() -> tuple[Path, ...]:
    """Return what this Python is made of: its interpreter with all links to it, its libraries, the kit."""
    import tinyml_labs

    prefixes = dict.fromkeys([sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix])
    paths = [Path(prefix) / name for prefix in _with_real(prefixes) for name in _OF_A_PREFIX]
    link = Path(sys.executable)
    for _ in range(20):
        paths.append(link)
        if not link.is_symlink():
            break
        link = Path(os.path.normpath(link.parent / link.readlink()))
    real = Path(sys.executable).resolve()
    paths += [real.parent.parent / name for name in _OF_A_PREFIX] if real.parent.name == "bin" else [real]
    paths += _package_folders()
    paths.append(Path(tinyml_labs.__file__).parent)
    return tuple(_without_covered(path for path in paths if path.exists()))


def _package_folders() -> list[Path]:
    return [Path(folder) for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]


def _answers_folder() -> Path:
    """Return the one folder of the kit that has right answers in it: those of the made-up class."""
    import tinyml_labs

    return Path(tinyml_labs.__file__).parent / "grading" / "made_up"


def _python_path() -> str:
    """Return where a Python that does not know this one's settings and home finds the kit and all packages."""
    import tinyml_labs

    folders = [*_package_folders(), Path(tinyml_labs.__file__).parents[1]]
    return os.pathsep.join(dict.fromkeys(map(str, folders)))


def _with_real(prefixes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(path for prefix in prefixes for path in (prefix, os.path.realpath(prefix))))


def _without_covered(paths: Iterable[Path], seen: Iterable[Path] = ()) -> list[Path]:
    """Return the paths without those that lie in another one, or in what can be seen already."""
    arguments = _system_arguments()
    covered = {Path(arguments[i + 2]) for i, word in enumerate(arguments) if word == "--ro-bind"} | set(seen)
    kept: list[Path] = []
    for path in sorted(dict.fromkeys(paths), key=lambda path: len(path.parts)):
        if not covered & {path, *path.parents}:
            covered.add(path)
            kept.append(path)
    return kept


def _parents(path: Path, shown: set[str]) -> list[str]:
    """Return arguments that make the folders above a path, which everybody may pass through."""
    arguments: list[str] = []
    for parent in reversed(path.parents[:-1]):
        if str(parent) not in shown:
            shown.add(str(parent))
            arguments += ["--perms", "0755", "--dir", str(parent)]
    return arguments


@functools.cache
def _font_lists() -> tuple[Path, ...]:
    """Return the lists of fonts that Matplotlib has made here: making one takes it seconds."""
    folders = [os.environ.get("MPLCONFIGDIR"), "~/.cache/matplotlib"]
    places = [Path(os.path.expanduser(folder)) for folder in folders if folder]  # noqa: PTH111 -- not all have a home
    found = [path for place in places for path in place.glob("fontlist-v*.json")]
    return tuple({path.name: path for path in found if os.access(path, os.R_OK)}.values())
