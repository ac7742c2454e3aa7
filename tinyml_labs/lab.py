"""Open the course in JupyterLab: make the students' copies, then start the server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COURSE = Path(__file__).parents[1]
FIRST_NOTEBOOK = "00_start_here.ipynb"

# JupyterLab as students need it: no news, no look for updates, no instructors' menus. Nothing asks the network.
CONFIG = Path(__file__).with_name("jupyter_config")


def open_lab(
    *,
    folder: Path | None = None,
    solutions: bool = False,
    copies_only: bool = False,
    browser: bool = True,
    port: int = 8888,
) -> int:
    """Make the students' copies and open them in JupyterLab.

    Parameters
    ----------
    folder : Path, optional
        Where the copies live; ``lab/`` beside ``notebooks/`` by default. What is there is never overwritten.
    solutions : bool
        Open the source notebooks instead.
    copies_only : bool
        Make the copies, and start nothing.
    browser : bool
        Open a browser.
    port : int
        The first port that JupyterLab tries.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    FileNotFoundError
        If the course's notebooks are not beside the package.
    """
    source = COURSE / "notebooks"
    if not (source / FIRST_NOTEBOOK).is_file():
        raise FileNotFoundError(
            f"The course is not beside the package: no {FIRST_NOTEBOOK} in {source}. "
            "Install from a clone of the repository: python -m pip install --no-deps -e ."
        )
    folder = source if solutions else folder or COURSE / "lab"
    if not solutions:
        print("Preparing your copies of the labs ...", flush=True)
        from tinyml_labs.grading.release import build_student_copies

        for delivery in build_student_copies(source, folder):
            if delivery.action != "unchanged":
                print(delivery.message)
        print(f"Your copies are in {folder}. No update of the course ever changes them.", flush=True)
    if copies_only:
        return 0
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", f"--port={port}"]
    command.append(f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}")
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container, or a machine of one's own
        command.append("--allow-root")
    if sys.platform != "win32":
        os.execve(command[0], command, _environment())  # become the server, so that Ctrl-C and kill reach it
    return subprocess.call(command, env=_environment())


def _environment() -> dict[str, str]:
    paths = [str(CONFIG), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(path for path in paths if path)}
