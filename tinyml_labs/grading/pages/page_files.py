"""Pages as files: a template of ``pages/`` and its values in, one HTML file out that needs nothing else.

A page asks for nothing on the network, and its Content-Security-Policy forbids it to: what a student wrote
stands in it as text, and were it ever more, a browser would not run it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent
_LONGEST_PART_BYTES = 60
_KEPT_BY_WINDOWS = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def render_page(template: str, values: Mapping[str, Any]) -> str:
    """Fill a template; every value is escaped unless it is a ``markupsafe.Markup``.

    Parameters
    ----------
    template : str
        The name of a file in ``pages/``. It gets ``style`` and ``script`` (``pages/NAME.css`` and ``NAME.js``,
        if there) and ``policy``, which allows these two and nothing else.
    values : mapping

    Returns
    -------
    str
        The same for the same values.
    """
    from markupsafe import Markup

    name = template.partition(".")[0]
    style = _read("page.css") + _read(f"{name}.css")
    script = _read(f"{name}.js")
    policy = [
        "default-src 'none'",
        f"style-src {_hash_source(style)}",
        *([f"script-src {_hash_source(script)}"] if script else []),
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    given = {"style": Markup(style), "script": Markup(script), "policy": Markup("; ".join(policy))}  # our own files
    return _environment().get_template(template).render({**values, **given})


def write_page(path: Path, text: str) -> Path:
    """Write a page at once: whoever looks finds the old one or the new one, and never half of it.

    Parameters
    ----------
    path : Path
        Its folder is made if it is not there.
    text : str

    Returns
    -------
    Path
        The same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with partial.open("x", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def make_file_name(*parts: str, suffix: str) -> str:
    """Return a file name for a student, a lab and so on: safe on every system, and another one for other parts.

    Parameters
    ----------
    *parts : str
        Empty ones are left out. Letters and digits of every script, ``-``, ``_`` and ``.`` stay.
    suffix : str
        With its dot, such as ``".html"``.

    Returns
    -------
    str
        Such as ``anna__02_gesture_recognition.html``. Where a part had to be changed, or holds a capital
        letter, which not every disk tells from a small one, eight hexadecimal digits of its hash follow.

    Examples
    --------
    >>> make_file_name("anna", "02", suffix=".html")
    'anna__02.html'
    >>> make_file_name("../Anna B", "02", suffix=".html")
    'Anna-B__02__a86f3d80.html'
    """
    given = [part for part in parts if part]
    cleaned = [_clean_part(part) for part in given]
    name = "__".join(part for part in cleaned if part) or "page"
    if cleaned != given or name != name.casefold():
        told = "\0".join(given).encode("utf-8", "backslashreplace")
        name = f"{name}__{hashlib.sha256(told).hexdigest()[:8]}"
    if _KEPT_BY_WINDOWS.fullmatch(name.partition(".")[0]):
        name = f"_{name}"
    return name + suffix


def _clean_part(part: str) -> str:
    """Keep letters, digits, and single ``-_.`` within; a run of others is one ``-``."""
    text = unicodedata.normalize("NFKC", part[:1000].encode("utf-8", "replace").decode())
    kept = "".join(each if unicodedata.category(each)[0] in "LMN" or each in "-_." else " " for each in text)
    name = re.sub(r"_+", "_", re.sub(r"\.+", ".", re.sub(r"[ -]+", "-", kept)))
    return name.encode()[:_LONGEST_PART_BYTES].decode("utf-8", "ignore").strip("-._")


def _hash_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache(maxsize=8)
def _read(name: str) -> str:
    path = _TEMPLATES / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
