"""Which files of the Arduino library TinyMLLabs a compiled model needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

LIBRARY_SOURCES = Path(__file__).parents[2] / "arduino_sketches" / "libraries" / "TinyMLLabs" / "src"
KERNELS = LIBRARY_SOURCES / "kernels"


def needed_files(headers: Iterable[str]) -> tuple[str, ...]:
    """Return the names of all kernel files for these headers: what they include, and the sources that implement them.

    Parameters
    ----------
    headers : iterable of str
        As in an ``#include``: ``kernels/pooling.h``.
    """
    implementing: dict[str, list[str]] = {}
    for source in sorted(KERNELS.glob("*.c")):
        for header in _included(source):
            implementing.setdefault(header, []).append(source.name)
    found: set[str] = {"flash.h"}
    wanted = [Path(header).name for header in headers]
    while wanted:
        file = wanted.pop()
        if file in found and file != "flash.h":
            continue
        found.add(file)
        wanted += [other for other in _included(KERNELS / file) if other not in found]
        # A source implements the first header that it includes.
        wanted += [
            name for name in implementing.get(file, []) if _included(KERNELS / name)[0] == file and name not in found
        ]
    return tuple(sorted(found))


def _included(file: Path) -> list[str]:
    return re.findall(r'^#include "(\w+\.h)"', file.read_text(encoding="utf-8"), re.MULTILINE)
