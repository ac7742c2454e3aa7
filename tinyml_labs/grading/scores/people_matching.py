"""Who is who: the names that work was handed in under, a roster, and the rows of a learning platform.

Work comes in folders that are called ``ana``, ``7042311``, ``Ana López`` or, from Moodle,
``Ana López_1234_assignsubmission_file``, from Canvas in files ``lopezana_1234_…``; the roster and the platform have
e-mail addresses, ids and names. What fits several people, or nobody, is said and never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NUMBERED = re.compile(r"(?P<name>.*\D)_(?P<number>\d+)(_assignsubmission_.*)?", re.DOTALL)
_CHECKSUM = re.compile(r"~[0-9a-f]{6}")  # behind a name of which not every character could be kept
_HIDDEN_NAMES = frozenset({"", "participant"})  # what Moodle writes where it hides the names


@dataclass(frozen=True, kw_only=True)
class Person:
    """What somebody is known by.

    Attributes
    ----------
    sure : tuple of str
        Login, e-mail address, id: what belongs to one person alone.
    number : str
        The number that Moodle and Canvas put behind the name of a folder or a file: that of the participant in
        Moodle's grading worksheet, the ``ID`` in Canvas's gradebook.
    names : tuple of str
        Names, which several people may share.
    """

    sure: tuple[str, ...] = ()
    number: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Matching:
    """Who is who.

    Attributes
    ----------
    found : dict of str to int
        For a name that work was handed in under, the place of the person.
    strangers : dict of str to str
        For each of the others, why nobody was found.
    """

    found: dict[str, int]
    strangers: dict[str, str]


def person_of(student: str) -> Person:
    """Return what the name says that work was handed in under."""
    bare = _CHECKSUM.sub("", student)
    numbered = _NUMBERED.fullmatch(bare)
    if numbered is None:
        return Person(sure=(student,), names=(bare,))
    return Person(sure=(student,), number=numbered["number"], names=(bare, numbered["name"]))


def match_people(wanted: Mapping[str, Person], people: Sequence[Person]) -> Matching:
    """Find each of the wanted among the people, by what is sure, then by number, then by a name that only one has.

    Case, Unicode form and underscores in place of spaces make no difference. Nobody is found twice.
    """
    found: dict[str, int] = {}
    why: dict[str, str] = {}
    taken: dict[int, str] = {}
    for kind in ("sure", "number", "names"):
        index: dict[str, set[int]] = {}
        for place, person in enumerate(people):
            for form in _forms(person, kind):
                index.setdefault(form, set()).add(place)
        for key in sorted(wanted):
            if key in found:
                continue
            places = {place for form in _forms(wanted[key], kind) for place in index.get(form, ())}
            if kind == "number":
                places = {place for place in places if _names_agree(wanted[key], people[place])}
            if len(places) > 1:
                why.setdefault(key, f"{len(places)} people are called so")
            for place in places if len(places) == 1 else ():
                if place in taken:
                    why.setdefault(key, f"the same person has also handed in as {taken[place]}")
                else:
                    found[key] = place
                    taken[place] = key
    return Matching(
        found=found,
        strangers={key: why.get(key, "nobody is called so") for key in sorted(wanted) if key not in found},
    )


def plain_name(text: str) -> str:
    """Return a name in the form in which names are compared."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().replace("_", " ").split())


def _forms(person: Person, kind: str) -> set[str]:
    if kind == "number":
        return {person.number} - {""}
    forms = {plain_name(text) for text in (person.sure if kind == "sure" else person.names)}
    if kind == "names":  # "López, Ana" is "Ana López"
        forms |= {" ".join(reversed(form.split(", "))) for form in forms if form.count(", ") == 1}
    return forms - {""}


def _names_agree(one: Person, other: Person) -> bool:
    # Canvas keeps the small letters of "López, Ana" alone; where nothing is left to compare, the number decides.
    mine, others = ({_letters(form) for form in _forms(person, "names")} for person in (one, other))
    return not others - {""} or bool(mine & others) or bool(mine & _HIDDEN_NAMES)


def _letters(text: str) -> str:
    return re.sub("[^a-z]", "", unicodedata.normalize("NFKD", text.casefold()))
