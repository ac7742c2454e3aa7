"""What the hostile submissions aim at: traps that a test sets up, or places that every machine has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What the hostile submissions are told, so that they need not search.

    A real attacker would have to guess; these know. All of it is harmless if the sandbox fails: what they write
    are small files in `folder`, what they open is `port` on this computer.

    Attributes
    ----------
    gradebook : str
        The path of the gradebook.
    source : str
        The path of the source notebook, with solutions and hidden tests.
    submissions : str
        The folder of the class.
    folder : str
        A folder in which nothing may change.
    port : int
        A TCP port of this computer on which somebody listens.
    environment : str
        The name of an environment variable of the grader.
    marker : str
        A word on the command line of every process that they start.
    """

    gradebook: str = "/nowhere/gradebook.sqlite"
    source: str = "/nowhere/01_hello_world.ipynb"
    submissions: str = "/nowhere/submissions"
    folder: str = "/nowhere/trap"
    port: int = 9
    environment: str = "TINYML_LABS_TRAP"
    marker: str = "tinyml-labs-hostile"
