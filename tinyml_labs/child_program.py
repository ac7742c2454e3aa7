"""Start one of the kit's own programs in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path


def child_program(module: str) -> list[str]:
    """Give the command that runs the function ``main`` of a module of the kit; its arguments follow.

    Not ``python -m``: that looks into the current folder first, and the folder that a notebook runs in may hold a
    ``queue.py``. This very copy of the kit is run, installed or not.
    """
    home = str(Path(__file__).parents[1])
    program = f"import sys; sys.path.pop(0); sys.path.append({home!r}); from {module} import main; sys.exit(main())"
    return [sys.executable, "-c", program]
