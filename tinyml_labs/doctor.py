"""Look at the installation: what is right, what is not, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:  # imported where it is used: the doctor's patient may lack pyserial
    from tinyml_labs.link.port_list import PortDescription

_T = TypeVar("_T")
Status = Literal["ok", "note", "fail"]
_MARKS = {"ok": "✓", "note": "–", "fail": "✗"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    status : str
        ``"ok"``, ``"note"`` (worth knowing, nothing broken) or ``"fail"``.
    subject, found : str
    mend : str
        What to do about it; empty if nothing.
    """

    status: Status
    subject: str
    found: str
    mend: str = ""


@dataclass(frozen=True)
class Report:
    """All findings, with a view for the terminal and one for the notebook."""

    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether something is broken."""
        return any(finding.status == "fail" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Give the findings for JSON."""
        return {"ok": not self.failed, "findings": [asdict(finding) for finding in self.findings]}

    def __str__(self) -> str:
        width = max(len(finding.subject) for finding in self.findings)
        lines = []
        for finding in self.findings:
            lines.append(f"{_MARKS[finding.status]} {finding.subject:<{width}}  {finding.found}")
            if finding.mend:
                lines.append(f"  {'':<{width}}  → {finding.mend}")
        lines.append(
            "Something needs mending: see the arrows." if self.failed else "Everything the labs need is here."
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_MARKS[f.status]}</td><td style='text-align:left'><b>{escape(f.subject)}</b></td>"
            f"<td style='text-align:left'>{escape(f.found)}"
            + (f"<br>→ {escape(f.mend)}" if f.mend else "")
            + "</td></tr>"
            for f in self.findings
        )
        last = "Something needs mending: see the arrows." if self.failed else "Everything the labs need is here."
        return f"<table>{rows}</table><p>{last}</p>"


def examine() -> Report:
    """Examine Python, the packages, the model runtimes, the bundled data, the emulator and the ports.

    Returns
    -------
    Report
    """
    examinations: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _runtimes,
        _data,
        _virtual_board,
        _emulator,
        _ports,
    )
    findings: list[Finding] = []
    for look in _with_progress(examinations):
        try:
            findings.extend(look())
        except ImportError as error:
            mend = "python -m pip install --no-deps -r requirements.lock"
            name = look.__name__.strip("_").replace("_", " ")
            findings.append(Finding(status="fail", subject=name, found=f"not examined: {error}", mend=mend))
        except Exception as error:  # a doctor who faints helps nobody
            findings.append(
                Finding(status="fail", subject=look.__name__.strip("_"), found=f"{type(error).__name__}: {error}")
            )
    return Report(tuple(findings))


def _with_progress(steps: Iterable[_T]) -> Iterable[_T]:
    try:
        from tqdm.auto import tqdm
    except ImportError:  # the doctor's own patient may lack it
        return steps
    return tqdm(steps, desc="doctor", leave=False, delay=2)


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    here = f"{version} on {platform.system()} {platform.machine()}, {sys.prefix}"
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        yield Finding(
            status="fail",
            subject="Python",
            found=here,
            mend="The labs need Python 3.10, 3.11 or 3.12, for which TensorFlow 2.21 is built.",
        )
    elif sys.platform == "darwin" and platform.machine() == "x86_64":
        yield Finding(
            status="fail",
            subject="Python",
            found=here,
            mend="TensorFlow 2.21 has no build for Macs with an Intel processor. Use Linux in a virtual machine.",
        )
    else:
        yield Finding(status="ok", subject="Python", found=here)


def _packages() -> Iterator[Finding]:
    lock = Path(__file__).parents[1] / "requirements.lock"
    if not lock.exists():
        yield Finding(
            status="note", subject="packages", found="not compared: requirements.lock is not beside the package"
        )
        return
    from packaging.requirements import Requirement

    missing, other = [], []
    count = 0
    for line in lock.read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        count += 1
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(requirement.name)
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            other.append(f"{requirement.name} {found} ({requirement.specifier})")
    mend = "python -m pip install --no-deps -r requirements.lock"
    if missing:
        yield Finding(status="fail", subject="packages", found=f"missing: {', '.join(missing)}", mend=mend)
    if other:
        yield Finding(status="note", subject="packages", found=f"other than the lock: {', '.join(other)}", mend=mend)
    if not missing and not other:
        yield Finding(status="ok", subject="packages", found=f"all {count} as in requirements.lock")


def _runtimes() -> Iterator[Finding]:
    import numpy as np

    from tinyml_labs import inference
    from tinyml_labs.datasets import load_reference_model

    model = load_reference_model("sine")
    every = np.arange(-128, 128, dtype=np.int8)[:, None]
    lite = inference.run(model, every, "litert")
    if inference.tflm_available():
        board = inference.run(model, every, "tflm")
        differ = int((board != lite).sum())
        yield Finding(
            status="ok",
            subject="TensorFlow Lite Micro",
            found="runs, in a child process: the host computes what a board computes",
        )
        yield Finding(
            status="ok", subject="LiteRT", found=f"runs; differs from TFLM in {differ} of {len(every)} inputs"
        )
    else:
        yield Finding(
            status="note",
            subject="TensorFlow Lite Micro",
            found=f"has no wheel for {platform.system()} {platform.machine()}; LiteRT stands in (within 1)",
        )
        yield Finding(status="ok", subject="LiteRT", found="runs")
    version = importlib.metadata.version
    for name in ("tensorflow-cpu", "tensorflow"):
        try:
            yield Finding(status="ok", subject="TensorFlow", found=f"{name} {version(name)}")
            return
        except importlib.metadata.PackageNotFoundError:
            continue
    yield Finding(
        status="fail",
        subject="TensorFlow",
        found="not installed: the labs cannot train",
        mend="python -m pip install --no-deps -r requirements.lock",
    )


def _data() -> Iterator[Finding]:
    from tinyml_labs.datasets import load_recorded_sweep

    signal = load_recorded_sweep()
    yield Finding(
        status="ok", subject="bundled data", found=f"there ({len(signal.samples)} samples of the sweep read)"
    )
    real = os.environ.get("TINYML_LABS_REAL_DATA")
    if real and not Path(real).is_dir():
        yield Finding(
            status="note",
            subject="real data",
            found=f"TINYML_LABS_REAL_DATA is {real}, and there is no such folder",
            mend="Unset it, or point it at the folder. The labs do not need it.",
        )


def _virtual_board() -> Iterator[Finding]:
    from tinyml_labs.link import Board

    with Board("virtual://") as board:
        info = board.info
        found = f"answers: {info.firmware} {info.firmware_version}"
        yield Finding(status="ok", subject="virtual board", found=found)


def _emulator() -> Iterator[Finding]:
    import importlib.util

    modules = {"ziglang": "ziglang", "unicorn": "unicorn", "capstone": "capstone", "elftools": "pyelftools"}
    missing = [package for module, package in modules.items() if importlib.util.find_spec(module) is None]
    if missing:
        yield Finding(
            status="note",
            subject="virtual Cortex-M4",
            found=f"not there: {', '.join(missing)} missing. Only virtual://cortex-m4 needs it.",
            mend="python -m pip install -e '.[emulator]'",
        )
        return
    from tinyml_labs.emulator.block_counter import load_block_counter
    from tinyml_labs.emulator.zig import cache_folder

    load_block_counter()
    version = importlib.metadata.version
    found = f"ready: ziglang {version('ziglang')}, unicorn {version('unicorn')}"
    found += f"; keeps what it compiles in {cache_folder()}"
    yield Finding(status="ok", subject="virtual Cortex-M4", found=found)


def _ports() -> Iterator[Finding]:
    from tinyml_labs.link import list_ports

    yield from examine_ports([port for port in list_ports() if port.usb_id])


def examine_ports(ports: Sequence[PortDescription]) -> Iterator[Finding]:
    """Examine USB serial ports: the board, who may open it, who has it open, and whether a sketch runs.

    Parameters
    ----------
    ports : sequence of PortDescription
    """
    from tinyml_labs.link.diagnosis import explain_modem_manager
    from tinyml_labs.link.port_holders import MODEM_MANAGER, modem_manager_runs

    if not ports:
        yield Finding(
            status="note",
            subject="serial ports",
            found="no USB serial device. No lab needs one: virtual:// is always there.",
        )
    for port in ports:
        yield _examine_port(port)
    if ports and modem_manager_runs():
        yield Finding(
            status="note",
            subject=MODEM_MANAGER,
            found="is running: a board may be busy for some 20 s after it is plugged in",
            mend=explain_modem_manager(ports[0].usb_id),
        )


def _examine_port(port: PortDescription) -> Finding:
    from tinyml_labs.boards import recognise
    from tinyml_labs.link.diagnosis import explain_access, explain_bootloader, name_holders
    from tinyml_labs.link.port_holders import find_holders, look_at_access

    found = f"{port.board or port.description or 'a USB serial device'} [{port.usb_id}]"
    access = look_at_access(port.device)
    if access is not None and not access.allowed:
        mend = explain_access(port.device, access, port.usb_id)
        return Finding(status="fail", subject=port.device, found=f"{found}: this user may not open it", mend=mend)
    holders = find_holders(port.device)
    if holders:
        return Finding(
            status="note",
            subject=port.device,
            found=f"{found}: in use by {name_holders(holders)}",
            mend="Close it there before a notebook opens it.",
        )
    recognition = recognise(port.usb_id)
    if recognition.bootloader:
        return Finding(status="note", subject=port.device, found=found, mend=explain_bootloader(recognition))
    return Finding(status="ok", subject=port.device, found=found)
