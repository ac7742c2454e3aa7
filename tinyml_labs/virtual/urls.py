"""A virtual board's settings as people write them: in a URL, or as NAME=VALUE."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from tinyml_labs.link.errors import PortError
from tinyml_labs.virtual.emulated_settings import EmulatedBoardSettings
from tinyml_labs.virtual.settings import VirtualBoardSettings

EMULATED = "cortex-m4"
"""The address of the emulated board: ``virtual://cortex-m4``."""

_Settings = TypeVar("_Settings", VirtualBoardSettings, EmulatedBoardSettings)
_TRUE, _FALSE = ("on", "yes", "true", "1"), ("off", "no", "false", "0")


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
    if parts.netloc or parts.path not in ("", "/"):
        raise PortError(
            f"{url}: a virtual board has no address but {EMULATED}, the emulated one. Settings go after a question "
            f"mark: virtual://?speed=10 or virtual://{EMULATED}?model=sine.tflite"
        )
    return _make_settings(url, VirtualBoardSettings)


def is_emulated(url: str) -> bool:
    """Say whether a ``virtual://`` URL is that of the emulated Cortex-M4.

    >>> is_emulated("virtual://cortex-m4?model=sine.tflite"), is_emulated("virtual://?model=sine.tflite")
    (True, False)
    """
    parts = urlsplit(url)
    return parts.netloc == EMULATED and parts.path in ("", "/")


def parse_emulator_url(url: str) -> EmulatedBoardSettings:
    """Read the settings of an emulated board, as :func:`parse_url` does.

    Raises
    ------
    PortError

    >>> parse_emulator_url("virtual://cortex-m4?model=sine.tflite&speed=0").model
    'sine.tflite'
    """
    return _make_settings(url, EmulatedBoardSettings)


def _make_settings(url: str, kind: type[_Settings]) -> _Settings:
    try:
        texts = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        return kind(**read_settings(url, texts, kind))
    except PortError:
        raise
    except ValueError as error:
        raise PortError(f"{url}: {error}") from None


def read_settings(
    source: str, texts: Iterable[tuple[str, str]], kind: type[Any] = VirtualBoardSettings
) -> dict[str, Any]:
    """Turn names and texts into settings.

    Parameters
    ----------
    source : str
        Where they come from, for the message.
    texts : iterable of (name, text)
    kind : type
        Which settings: a dataclass.

    Returns
    -------
    dict
        Its keyword arguments.

    Raises
    ------
    PortError
    """
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    settings: dict[str, Any] = {}
    for name, text in texts:
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, 1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise PortError(
                f"{source}: a virtual board has no setting {name!r}.{meant} It has: {', '.join(defaults)}."
            )
        settings[name] = _convert(source, name, text, defaults[name])
    return settings


def _convert(source: str, name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        raise PortError(f"{source}: {name} is on or off, and not {text!r}.")
    try:
        return type(default)(text)
    except ValueError:
        raise PortError(
            f"{source}: {name} takes a number ({type(default).__name__}), and {text!r} is none."
        ) from None
