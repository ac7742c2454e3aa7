"""Text of a student or of a program, made fit to be shown: bounded, and of characters that only stand there.

Nothing is escaped here: the pages' templates do that. What goes is what changes how the rest is read (terminal
colours, control characters, marks that turn the direction of writing) and what names the grading machine.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
import unicodedata
from functools import lru_cache
from html import escape
from pathlib import Path

from markupsafe import Markup

LONGEST_MESSAGE = 4_000  # characters
LONGEST_CODE = 20_000
LONGEST_CODE_LINE = 500
MOST_CODE_LINES = 400

_TERMINAL = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]{0,2000}(?:\x07|\x1b\\|\x9c)?"  # a title, a link
    r"|(?:\x1b\[|\x9b)[0-?]{0,100}[ -/]{0,100}[@-~]?"  # a colour, a move of the cursor
    r"|\x1b[ -/]{0,100}[0-~]?"
)
_JOINERS = "\u200c\u200d"  # Persian and emoji are written with them
_MOST_MARKS = 4  # on one letter; more of them run over the lines above

# A path of a computer: "…/name" is what a student can use of it.
_MACHINE_FOLDERS = (
    "applications builds dev etc home library media mnt nix opt private proc root run scratch snap srv sys tmp users"
    " usr var volumes work workspace workspaces"
)
_PATH_PART = r"[^\s\"'`<>|:;,()\[\]{}*?/\\]"
_POSIX_PATH = re.compile(
    rf"(?<![\w.~/…-])(?:file://)?/(?:{'|'.join(_MACHINE_FOLDERS.split())})(?:/{_PATH_PART}*)+", re.IGNORECASE
)
_WINDOWS_PATH = re.compile(r"(?<![\w/])(?:file:///)?(?:[A-Za-z]:|\\)[\\/]{1,2}(?:[^\s\"'`<>|:;,*?\\/]+[\\/]{1,2})+")


def clean_text(text: str, *, longest: int = LONGEST_MESSAGE) -> str:
    """Return a text without what is not text, cut to a length.

    Terminal sequences, control characters and marks that turn the direction of writing go; a tab becomes four
    blanks; what cannot be stored becomes ``�``.

    Parameters
    ----------
    text : str
    longest : int
        Characters. A longer text is cut, and says how much there was.

    Returns
    -------
    str
        With line feeds alone at line ends, and no blank lines at its ends. Not escaped.
    """
    text = str(text)
    length = len(text)
    head = _TERMINAL.sub("", text[: 4 * longest]).replace("\r\n", "\n").replace("\t", "    ")
    cleaned = _keep_plain(re.sub("[\r\x0b\x0c\x85\u2028\u2029]", "\n", head)).strip("\n").rstrip()
    if len(cleaned) <= longest and length <= 4 * longest:
        return cleaned
    return f"{cleaned[:longest].rstrip()} … (cut here: {length:,} characters in all)"


def clean_line(text: str, *, longest: int = 200) -> str:
    """Return a name or a title: as `clean_text`, in one line."""
    text = " ".join(clean_text(text[: 10 * longest], longest=10 * longest).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def hide_paths(text: str) -> str:
    """Return a text whose paths of this or of another computer are cut to their last part: ``…/features.py``.

    Parameters
    ----------
    text : str
        A message or a trace. A student's code has paths of the student's own, which stay: do not pass it.

    Returns
    -------
    str
    """
    for folder in _folders_of_this_machine():
        text = re.sub(rf"(?<![\w.~/…-]){re.escape(folder)}((?:[\\/]{_PATH_PART}*)*)(?![\w-])", _last_part, text)
    return _WINDOWS_PATH.sub("…/", _POSIX_PATH.sub(_last_part, text))


def clean_message(text: str, *, longest: int = LONGEST_MESSAGE) -> str:
    """Return a message or a trace for a student: as `clean_text`, and no path of the grading machine."""
    return clean_text(hide_paths(clean_text(text, longest=longest)), longest=2 * longest)


def clean_code(code: str) -> tuple[str, str]:
    """Return a student's code to be shown, and a sentence if it is not all of it.

    Returns
    -------
    code : str
        At most `MOST_CODE_LINES` lines and `LONGEST_CODE` characters. Blank lines at its beginning stay, so
        that a line's number is the one that a message names.
    note : str
        What was cut; empty if all is there.
    """
    code = str(code)
    head = _TERMINAL.sub("", code[:LONGEST_CODE]).replace("\r\n", "\n").replace("\t", "    ")
    lines = _keep_plain(re.sub("[\r\x0b\x0c\x85\u2028\u2029]", "\n", head)).rstrip().split("\n")
    is_cut = len(code) > LONGEST_CODE or len(lines) > MOST_CODE_LINES
    shown = [line if len(line) <= LONGEST_CODE_LINE else f"{line[:LONGEST_CODE_LINE]}…" for line in lines]
    note = ""
    if is_cut:
        note = f"Only the first part is shown here. You handed in {len(code):,} characters."
    elif shown != lines:
        note = f"Lines of more than {LONGEST_CODE_LINE} characters are cut here."
    return "\n".join(shown[:MOST_CODE_LINES]), note


def highlight_code(code: str) -> list[str]:
    """Return the lines of Python as HTML, each escaped, with the classes of Pygments around words.

    Parameters
    ----------
    code : str
        From `clean_code`.

    Returns
    -------
    list of str
        One item a line, safe to stand in a page as it is.
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    if not code.strip():
        return []
    try:
        html = highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    except Exception:  # a lexer that gives up: plain text is as good
        html = escape(code)
    return html.removesuffix("\n").split("\n")


def mark_code(text: str) -> Markup:
    """Return a text as HTML, escaped, with what stands in backticks as ``code``."""
    pieces = re.split(r"`([^`\n]{1,200})`", text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if n % 2 else p for n, p in enumerate(pieces))


def _keep_plain(text: str) -> str:
    """Keep what stands in a line; a few marks on a letter; and what cannot be stored becomes a sign."""
    if text.isascii():
        return re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", "", text)
    kept, marks = [], 0
    for letter in text:
        category = unicodedata.category(letter)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if letter == "\n" or letter in _JOINERS:
            kept.append(letter)
        elif category in ("Cs", "Co", "Cn"):
            kept.append("\N{REPLACEMENT CHARACTER}")
        elif category not in ("Cc", "Cf") and marks <= _MOST_MARKS:
            kept.append(letter)
    return "".join(kept)


def _last_part(match: re.Match[str]) -> str:
    """Return ``…/name``; of a person's home, and of a folder that is known in whole, ``…``."""
    parts = [part for part in re.split(r"[\\/]", match[0].rstrip("\\/.")) if part]
    whole = match.re.groups == 1 and not match[1].strip("\\/.")
    return "…" if whole or (len(parts) < 3 and parts[0].casefold() in ("home", "users")) else f"…/{parts[-1]}"


@lru_cache(maxsize=1)
def _folders_of_this_machine() -> tuple[str, ...]:
    """Return where this program, its packages and its files lie, the longest name first."""
    folders = {Path(__file__).parents[3], Path(sys.prefix), Path(sys.base_prefix), Path(tempfile.gettempdir())}
    with contextlib.suppress(RuntimeError):  # nobody's home
        folders.add(Path.home())
    named = {str(each) for folder in folders for each in (folder, folder.resolve())}
    return tuple(sorted((name for name in named if len(Path(name).parts) > 1), key=lambda name: (-len(name), name)))
