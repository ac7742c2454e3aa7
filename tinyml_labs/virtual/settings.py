"""What a virtual board can be told to be."""

from __future__ import annotations

import dataclasses
import difflib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tinyml_labs.link.errors import PortError

_TRUE, _FALSE = ("on", "yes", "true", "1"), ("off", "no", "false", "0")


@dataclass(frozen=True, kw_only=True)
class VirtualBoardSettings:
    """Settings of a virtual board; each is also a parameter of the URL: ``virtual://?boot_ms=500``.

    Attributes
    ----------
    baud_pacing : bool
        Let bytes pass no faster than the baud rate that the host has set, as a UART does. A board on USB, such as
        the Nano 33 BLE, ignores the baud rate: off.
    reset_on_open : bool
        Start anew each time the port is opened, as an Uno does: RAM, and so a loaded model, is gone.
    boot_ms : int, milliseconds
        How long the board takes from a reset to its first answer. What comes before is lost.
    boot_text : str
        What the board prints when it starts, before the first frame.
    ram_kb : int, KiB
        Memory for a loaded model and its arena together. The default is large enough for every model of the
        course; a Nano 33 BLE has 256.
    model : str
        Path of a ``.tflite`` that is on the board from the start, as in a sketch.
    play : str
        Path of a CSV file that the sensor plays, over and over. By default the bundled sweep of a potentiometer.
    speed : float
        How many times faster than real time the sensor runs.
    """

    baud_pacing: bool = False
    reset_on_open: bool = False
    boot_ms: int = 0
    boot_text: str = "TinyML lab kit, virtual board\r\n"
    ram_kb: int = 8192
    model: str = ""
    play: str = ""
    speed: float = 1.0

    def __post_init__(self) -> None:
        for name, low, high in (("boot_ms", 0, 600_000), ("ram_kb", 1, 1024 * 1024)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; it goes from {low} to {high}.")
        if not 0 < self.speed <= 1000:
            raise ValueError(f"speed is {self.speed}; it has to be more than 0, and 1000 at most.")

    def to_json(self) -> str:
        """Give the settings as JSON, for the board's process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> VirtualBoardSettings:
        """Read what :meth:`to_json` gave."""
        return cls(**json.loads(text))


def parse_url(url: str) -> VirtualBoardSettings:
    """Read the settings from a ``virtual://`` URL.

    Raises
    ------
    PortError
        For a setting that does not exist or a value that does not fit, with what there is instead.

    >>> parse_url("virtual://?boot_ms=500&baud_pacing=on").boot_ms
    500
    """
    parts = urlsplit(url)
    fields = {field.name: field.default for field in dataclasses.fields(VirtualBoardSettings)}
    if parts.netloc or parts.path not in ("", "/"):
        raise PortError(
            f"{url}: a virtual board has no address. Settings go after a question mark: virtual://?speed=10"
        )
    settings: dict[str, Any] = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise PortError(f"{url}: a virtual board has no setting {name!r}.{meant} It has: {', '.join(fields)}.")
        settings[name] = _convert(url, name, text, fields[name])
    try:
        return VirtualBoardSettings(**settings)
    except ValueError as error:
        raise PortError(f"{url}: {error}") from None


def _convert(url: str, name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        raise PortError(f"{url}: {name} is on or off, and not {text!r}.")
    try:
        return type(default)(text)
    except ValueError:
        raise PortError(f"{url}: {name} takes a number ({type(default).__name__}), and {text!r} is none.") from None
