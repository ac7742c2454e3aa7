"""Open the course in JupyterLab: make the students' copies, then start the server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COURSE = Path(__file__).parents[1]
FIRST_NOTEBOOK = "00_start_here.ipynb"

# Nothing here may need the network: no news, no look for updates, no list of extensions to install.
_QUIET_OFFLINE = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--LabApp.expose_app_in_browser=False",
)


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
    if not (source / FIRST_NOTEBOOK).exists():
        raise FileNotFoundError(
            f"The course is not beside the package: no {FIRST_NOTEBOOK} in {source}. "
            "Install from a clone of the repository: python -m pip install --no-deps -e ."
        )
    folder = source if solutions else folder or COURSE / "lab"
    if not solutions:
        from tinyml_labs.grading.release import build_student_copies

        for delivery in build_student_copies(source, folder):
            if delivery.action != "unchanged":
                print(delivery.message)
        print(f"Your copies are in {folder}. No update of the course ever changes them.", flush=True)
    if copies_only:
        return 0
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={folder}",
        f"--port={port}",
        *_QUIET_OFFLINE,
    ]
    command.append(f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}")
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container, or a machine of one's own
        command.append("--allow-root")
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:
        return 0
