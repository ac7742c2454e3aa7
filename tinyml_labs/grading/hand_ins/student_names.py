"""Students' names from file names, which anybody can choose: cleaned, bounded, and still one name a student."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST_NAME = 80
_NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows cannot make such files


def clean_name(raw: str) -> str:
    """Return a name that can be a file's name on every system, and shows what it is.

    Parameters
    ----------
    raw : str
        Part of a file's name, as the system has it.

    Returns
    -------
    str
        At most `LONGEST_NAME` characters: no separators, no control or invisible characters, no dots at its
        ends. If anything had to be changed, it ends with ``~`` and six digits of a checksum of `raw`, so that
        two names stay two names.
    """
    name = unicodedata.normalize("NFC", raw)  # macOS takes é apart; that alone is no change
    tidy = "".join(c for c in name if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029")
    tidy = _NOT_IN_FILE_NAMES.sub("_", tidy).strip(". ~")[:LONGEST_NAME].strip(". ~")
    if tidy == name and tidy and not _RESERVED.fullmatch(tidy):
        return tidy
    return f"{tidy[: LONGEST_NAME - 7] or 'unnamed'}~{_checksum(raw)}"


def distinct_names(raw_names: Iterable[str]) -> dict[str, str]:
    """Return a clean name for each raw one, no two of them equal, not even where case does not count."""
    raw_names = list(dict.fromkeys(raw_names))
    clean = {raw: clean_name(raw) for raw in raw_names}
    total = Counter(name.casefold() for name in clean.values())
    return {
        raw: name if total[name.casefold()] == 1 else f"{name[: LONGEST_NAME - 7]}~{_checksum(raw)}"
        for raw, name in clean.items()
    }


def _checksum(raw: str) -> str:
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:6]
