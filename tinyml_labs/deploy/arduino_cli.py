"""``arduino-cli``, as far as a deployment needs it: compile, upload, list boards, and read its JSON.

The formats are those of arduino-cli 1.x: ``internal/cli/compile/compile.go`` (``compileResult``),
``internal/cli/feedback/result/rpc.go`` (``CompileResponse``, ``ExecutableSectionSize``, ``DetectedPort``) and
``internal/cli/feedback/errors.go`` in github.com/arduino/arduino-cli.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_OLDEST = (1, 0)
_MISSING = (
    "arduino-cli is not installed, or not on the PATH. Get it from https://arduino.github.io/arduino-cli (one file, "
    "no administrator needed), or open the folder in the Arduino IDE: its README.md has the steps."
)
_MOST_LINES = 12
_ERROR = re.compile(r"\berror: |undefined reference|region .* overflowed", re.IGNORECASE)
_WORK_S = 1800.0  # the first build fetches a core


@dataclass(frozen=True, kw_only=True)
class Build:
    """What arduino-cli says of a build.

    Attributes
    ----------
    flash_bytes, flash_limit : int or None
        Code and constants, and how much a sketch may have.
    ram_bytes, ram_limit : int or None
        Static variables: stack and heap need some besides.
    platform : str
        The core, with its version.
    libraries : tuple of str
        Those that were used, with their versions.
    build_path : str
    """

    flash_bytes: int | None
    flash_limit: int | None
    ram_bytes: int | None
    ram_limit: int | None
    platform: str = ""
    libraries: tuple[str, ...] = ()
    build_path: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Say how full the board is."""
        return f"flash {_part(self.flash_bytes, self.flash_limit)}, RAM {_part(self.ram_bytes, self.ram_limit)}"

    def to_dict(self) -> dict[str, Any]:
        """Give the figures, for JSON."""
        return asdict(self)


def find_arduino_cli() -> str:
    """Give the path of arduino-cli.

    Raises
    ------
    FileNotFoundError
        If there is none, with where to get it.
    RuntimeError
        If it is older than 1.0.
    """
    program = shutil.which("arduino-cli")
    if program is None:
        raise FileNotFoundError(_MISSING)
    version = str(_ask(program, ["version", "--json"]).get("VersionString", ""))
    numbers = version.lstrip("v").split(".")[:2]
    if all(part.isdigit() for part in numbers) and tuple(map(int, numbers)) < _OLDEST:
        raise RuntimeError(f"{program} is version {version}; sketch.yaml needs 1.0 or later. {_MISSING[-75:]}")
    return program


def compile_sketch(folder: Path, profile: str = "") -> Build:
    """Compile a sketch's folder.

    Parameters
    ----------
    folder : Path
    profile : str
        In ``sketch.yaml``; empty for the board that stands there as default.

    Returns
    -------
    Build

    Raises
    ------
    RuntimeError
        If it does not compile, with the compiler's first errors.
    FileNotFoundError
        If there is no arduino-cli.
    """
    chosen = ["--profile", profile] if profile else []
    return read_build(_ask(find_arduino_cli(), ["compile", "--json", *chosen, os.fspath(folder)]))


def read_build(answer: dict[str, Any]) -> Build:
    """Read what ``arduino-cli compile --json`` has printed.

    Raises
    ------
    RuntimeError
        If it says that the build failed.
    """
    result = answer.get("builder_result") or {}
    if not answer.get("success"):
        said = str(answer.get("compiler_err") or answer.get("error") or "no reason given")
        lines = [line for line in said.splitlines() if _ERROR.search(line)] or said.splitlines()
        raise RuntimeError("The sketch does not compile:\n" + "\n".join(lines[:_MOST_LINES]))
    sizes = {part.get("name"): part for part in result.get("executable_sections_size") or []}
    flash, ram = sizes.get("text", {}), sizes.get("data", {})
    platform = result.get("board_platform") or {}
    used = result.get("used_libraries") or []
    return Build(
        flash_bytes=flash.get("size"),
        flash_limit=flash.get("max_size"),
        ram_bytes=ram.get("size"),
        ram_limit=ram.get("max_size"),
        platform=f"{platform.get('id', '')} {platform.get('version', '')}".strip(),
        libraries=tuple(f"{each.get('name', '')} {each.get('version', '')}".strip() for each in used),
        build_path=str(result.get("build_path", "")),
    )


def upload_sketch(folder: Path, port: str, profile: str = "") -> str:
    """Upload what was compiled.

    Returns
    -------
    str
        The port on which the board is now: many come back under another name.

    Raises
    ------
    RuntimeError
        If it does not go, with the uploader's words.
    """
    chosen = ["--profile", profile] if profile else []
    answer = _ask(find_arduino_cli(), ["upload", "--json", *chosen, "--port", port, os.fspath(folder)])
    moved = (answer.get("updated_upload_port") or {}).get("address")
    return str(moved or port)


def find_port(fqbn: str) -> str:
    """Give the port of the one board of a kind that is plugged in.

    Raises
    ------
    RuntimeError
        If there is none, or more than one, with what there is.
    """
    answer = _ask(find_arduino_cli(), ["board", "list", "--json"])
    ports = read_ports(answer)
    board = ":".join(fqbn.split(":")[:3])
    fitting = [address for address, fqbns in ports.items() if board in fqbns]
    if len(fitting) == 1:
        return fitting[0]
    seen = ", ".join(f"{address} ({', '.join(fqbns) or 'unknown'})" for address, fqbns in ports.items()) or "none"
    count = "No port has" if not fitting else f"{len(fitting)} ports have"
    raise RuntimeError(f"{count} a {board}. Ports found: {seen}. Name one: --port.")


def read_ports(answer: Any) -> dict[str, tuple[str, ...]]:
    """Read what ``arduino-cli board list --json`` has printed: for each serial port the boards it may be."""
    found = answer.get("detected_ports", []) if isinstance(answer, dict) else answer
    ports = {}
    for each in found or []:
        port = each.get("port") or {}
        if port.get("protocol", "serial") == "serial" and port.get("address"):
            boards = each.get("matching_boards") or []
            ports[str(port["address"])] = tuple(str(board.get("fqbn", "")) for board in boards)
    return ports


def _ask(program: str, arguments: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_WORK_S
    )
    for text in (done.stdout, done.stderr):  # errors before a result go to stderr, as JSON too
        try:
            answer = json.loads(text)
        except ValueError:
            continue
        if isinstance(answer, dict) and done.returncode and "builder_result" not in answer:
            raise RuntimeError(f"arduino-cli {arguments[0]}: {answer.get('error') or text.strip()}")
        return answer if isinstance(answer, dict) else {"detected_ports": answer}
    said = (done.stderr or done.stdout).strip() or f"it ended with {done.returncode} and said nothing"
    raise RuntimeError(f"arduino-cli {arguments[0]} printed no JSON: {said[:500]}")


def _part(size: int | None, limit: int | None) -> str:
    if size is None:
        return "unknown"
    return f"{size:,} bytes" + (f" of {limit:,} ({size / limit:.0%})" if limit else "")
