"""A virtual board's settings as people write them: in a URL, or as NAME=VALUE."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tinyml_labs.link.errors import PortError
from tinyml_labs.virtual.settings import VirtualBoardSettings

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
            f"{url}: a virtual board has no address. Settings go after a question mark: virtual://?speed=10"
        )
    try:
        return VirtualBoardSettings(**read_settings(url, parse_qsl(parts.query, keep_blank_values=True)))
    except PortError:
        raise
    except ValueError as error:
        raise PortError(f"{url}: {error}") from None


def read_settings(source: str, texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Turn names and texts into settings.

    Parameters
    ----------
    source : str
        Where they come from, for the message.
    texts : iterable of (name, text)

    Returns
    -------
    dict
        Keyword arguments of :class:`VirtualBoardSettings`.

    Raises
    ------
    PortError
    """
    defaults = {field.name: field.default for field in dataclasses.fields(VirtualBoardSettings)}
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
