"""How many cycles a processor takes, beside one whose cycles are counted: with the measurements that say so.

>>> from tinyml_labs.cores import find_core
>>> find_core("Cortex-M7").counted_as, find_core("Cortex-M7").most
('Cortex-M4F', 0.95)
>>> find_core("Xtensa LX6").why_not
'Nothing here runs or counts the instructions of an Xtensa.'
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Core:
    """A processor.

    Attributes
    ----------
    name : str
    counted_as : str
        A core of :data:`tinyml_labs.core_counts.CORES`; empty if its time cannot be estimated.
    least, typical, most : float
        The cycles of that core, without any wait for memory, times this.
    how : str
        Where the three come from, in a sentence or two.
    why_not : str
        Why there is no estimate; empty if there is one.
    sources : tuple of str
        Documents.
    """

    name: str
    counted_as: str = ""
    least: float = 0.0
    typical: float = 0.0
    most: float = 0.0
    how: str = ""
    why_not: str = ""
    sources: tuple[str, ...] = ()


def find_core(name: str) -> Core:
    """Give what is known of a core; one that is not known has ``why_not``."""
    found = _read()["cores"].get(name)
    if found is None:
        return Core(name=name, why_not=f"The core {name!r} is not known." if name else "Its core is not known.")
    documents = tuple(_read()["sources"][key] for key in found.get("sources", ()))
    return Core(name=name, **{key: value for key, value in found.items() if key != "sources"}, sources=documents)


def find_source(key: str) -> str:
    """Give a document of ``boards.json`` by its short name."""
    text: str = _read()["sources"][key]
    return text


@cache
def _read() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(resources.files("tinyml_labs").joinpath("boards.json").read_text("utf-8"))
    return table
