"""Code as a row of tokens that renaming and laying out anew do not change, and its fingerprints.

Winnowing: S. Schleimer, D. S. Wilkerson, A. Aiken, *Winnowing: Local Algorithms for Document Fingerprinting*,
SIGMOD 2003. Of each window of hashes of runs of tokens the smallest is kept: whoever shares a long enough run
shares a fingerprint, wherever the run stands.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import keyword
import re
import tokenize
from collections.abc import Iterator, Sequence

RUN_TOKENS = 8
"""How many tokens make a run: shorter ones are everybody's, such as ``for i in range(n):``."""

WINDOW_RUNS = 4
"""Of so many runs in a row one is kept: a shared row of RUN_TOKENS + WINDOW_RUNS - 1 tokens is always found."""

MOST_TOKENS = 5_000
_LONGEST_CODE = 50_000  # characters
_LONG_TEXT = 60  # characters: a string this long may be the answer itself, such as a function in C

_KEPT_NAMES = frozenset(keyword.kwlist) | frozenset(dir(builtins))
_C_NAMES = re.compile(
    "auto|bool|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long"
    "|register|return|short|signed|sizeof|static|struct|switch|typedef|union|unsigned|void|volatile|while"
    r"|u?int(?:8|16|32|64)_t|size_t"
)
_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}
_WORDS_OF_TEXT = re.compile(r"(?P<name>[^\W\d]\w*)|(?P<number>\.?\d[\w.]*)|(?P<sign>[-+*/%&|^<>=!]+|[^\w\s])")
_BROKEN_CODE = re.compile(
    r"(?P<comment>\#[^\n]*)"
    r"|(?P<string>(?:\b[rbfuRBFU]{1,2})?(?:'''.*?(?:'''|\Z)|\"\"\".*?(?:\"\"\"|\Z))"
    r"|(?:\b[rbfuRBFU]{1,2})?(?:'(?:\\.|[^'\\\n])*(?:'|$)|\"(?:\\.|[^\"\\\n])*(?:\"|$)))"
    r"|(?P<name>[^\W\d]\w*)|(?P<number>\.?\d(?:[eE][-+]|[\w.])*)"
    r"|(?P<sign>\*\*=|//=|>>=|<<=|\.\.\.|->|:=|[-+*/%@&|^<>=!]=|\*\*|//|<<|>>|[^\w\s\\])"
    r"|(?P<newline>\n)",
    re.DOTALL | re.MULTILINE,
)


def read_tokens(code: str) -> list[str]:
    """Return the tokens of Python code with its names and literals made equal.

    Comments, docstrings, layout and magic lines go. A name becomes ``I``, unless it is a keyword, a builtin or
    stands behind a dot (``np.clip`` is ``I . clip``); a number becomes ``0``, a string ``S``, and a long string
    its own words: of a text as they are, of code in another language made equal in the same way.

    Parameters
    ----------
    code : str
        It need not be valid: what Python's tokenizer refuses is read by a plainer one.

    Returns
    -------
    list of str
        At most `MOST_TOKENS`.
    """
    text = code[:_LONGEST_CODE].replace("\r\n", "\n").replace("\t", "    ").replace("\0", " ")
    plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in text.split("\n"))
    try:
        read = list(_read_valid(plain))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError, MemoryError):
        read = list(_read_broken(plain))
    tokens: list[str] = []
    before = ""
    for kind, word in _drop_docstrings(read):
        if kind == "name":
            tokens.append(word if word in _KEPT_NAMES or before == "." else "I")
        elif kind == "number":
            tokens.append("0")
        elif kind == "string":
            tokens += _read_long_text(word) if len(word) >= _LONG_TEXT else ["S"]
        else:
            tokens.append(word)
        before = word
    return tokens[:MOST_TOKENS]


def read_words(text: str) -> list[str]:
    """Return the words of a written answer in small letters, as tokens; at most `MOST_TOKENS`."""
    return re.findall(r"\w+", text[:_LONGEST_CODE].casefold())[:MOST_TOKENS]


def hash_runs(tokens: Sequence[str]) -> list[int]:
    """Return a 64-bit hash of each run of `RUN_TOKENS` tokens, by where it begins; the same on every machine."""
    words = [token.encode("utf-8", "backslashreplace") for token in tokens]
    runs = (b"\0".join(words[at : at + RUN_TOKENS]) for at in range(len(words) - RUN_TOKENS + 1))
    return [int.from_bytes(hashlib.blake2b(run, digest_size=8).digest(), "big") for run in runs]


def winnow(hashes: Sequence[int]) -> set[int]:
    """Return the fingerprints: of each `WINDOW_RUNS` hashes in a row the smallest.

    Parameters
    ----------
    hashes : sequence of int
        From `hash_runs`.

    Returns
    -------
    set of int
        Empty if there is no run; of fewer runs than a window, the smallest.
    """
    last = max(1, len(hashes) - WINDOW_RUNS + 1)
    return {min(hashes[at : at + WINDOW_RUNS]) for at in range(last)} if hashes else set()


def _read_valid(text: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, word) from Python's tokenizer; an f-string is one string on every Python."""
    depth = 0
    start, end = getattr(tokenize, "FSTRING_START", -1), getattr(tokenize, "FSTRING_END", -1)  # from Python 3.12
    parts: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == start:
            depth += 1
        if depth:
            parts.append(token.string)
            if token.type == end:
                depth -= 1
                if not depth:
                    yield "string", " ".join(parts)
                    parts = []
        elif token.type == tokenize.NAME:
            yield "name", token.string
        elif token.type == tokenize.NUMBER:
            yield "number", token.string
        elif token.type == tokenize.STRING:
            yield "string", token.string
        elif token.type == tokenize.NEWLINE:
            yield "newline", "\n"
        elif token.type not in _LAYOUT and token.string.strip():
            yield "sign", token.string


def _read_broken(text: str) -> Iterator[tuple[str, str]]:
    """Yield the same of code that Python cannot read; a line's end within brackets ends no statement."""
    depth = 0
    for match in _BROKEN_CODE.finditer(text):
        kind, word = str(match.lastgroup), match[0]
        if kind == "sign":
            depth += (word in "([{") - (word in ")]}")
            depth = max(depth, 0)
        if kind == "newline":
            if not depth:
                yield kind, "\n"
        elif kind != "comment":
            yield kind, word


def _drop_docstrings(read: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out strings that are a statement of their own, and all but one of several ends of lines."""
    ended = True
    for at, (kind, word) in enumerate(read):
        is_last = at + 1 == len(read) or read[at + 1][0] == "newline"
        is_docstring = kind == "string" and ended and is_last
        if not is_docstring and not (kind == "newline" and ended):
            yield kind, word
        ended = (ended and is_docstring) or kind == "newline"


def _read_long_text(text: str) -> Iterator[str]:
    if not re.search(r"[;{]", text):
        yield from read_words(text)
        return
    for match in _WORDS_OF_TEXT.finditer(text):
        kind, word = match.lastgroup, match[0]
        yield word if kind == "sign" or _C_NAMES.fullmatch(word) else "I" if kind == "name" else "0"
