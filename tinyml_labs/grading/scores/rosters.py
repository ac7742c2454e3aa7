"""The roster of a course: who is in it, as a CSV file.

::

    student,name,email,id
    ana,Ana López,ana@example.org,7042311

``student`` is the name that work is handed in under, most often the login. The other columns may be missing or
empty; a learning platform needs the one that it knows people by.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinyml_labs.grading.scores.csv_cells import TableError, printable, read_table
from tinyml_labs.grading.scores.people_matching import Matching, Person, match_people, person_of, plain_name


@dataclass(frozen=True, kw_only=True)
class RosterEntry:
    """One student of a course.

    Attributes
    ----------
    student : str
        The name that work is handed in under.
    name, email, id : str
        What else is known; empty if it is not.
    """

    student: str
    name: str = ""
    email: str = ""
    id: str = ""

    @property
    def person(self) -> Person:
        """What the student is known by."""
        return Person(sure=(self.student, self.email, self.id), names=(self.name,))


def read_roster(path: str | os.PathLike[str]) -> tuple[RosterEntry, ...]:
    """Read a roster.

    Parameters
    ----------
    path : str or path
        A CSV file with the columns ``student``, ``name``, ``email`` and ``id`` in any order; others are ignored.

    Raises
    ------
    TableError
        If there is no column ``student``, or a row has no student, or two rows share a student, an e-mail address
        or an id. The text lists every such row.
    """
    table = read_table(path)
    table.need("student")
    columns = {name: table.find(name) for name in ("student", "name", "email", "id")}
    entries: list[RosterEntry] = []
    seen: dict[tuple[str, str], str] = {}
    wrong: list[str] = []
    for row in table.rows:
        cells = {name: "" if place is None else row.cells[place].strip() for name, place in columns.items()}
        if not cells["student"]:
            wrong.append(f"{row.place}: the column 'student' is empty")
        for kind in ("student", "email", "id"):
            text = plain_name(cells[kind])
            if text and seen.setdefault((kind, text), row.place) != row.place:
                wrong.append(f"{row.place}: the {kind} {printable(cells[kind])!r} stands in {seen[kind, text]} too")
        entries.append(RosterEntry(**cells))
    if wrong:
        raise TableError(f"{table.path.name}: " + "; ".join(wrong[:20]) + ".")
    return tuple(entries)


def match_roster(students: Iterable[str], roster: Sequence[RosterEntry]) -> Matching:
    """Find the students that have handed in on a roster."""
    return match_people({student: person_of(student) for student in students}, [entry.person for entry in roster])


def known_by(students: Iterable[str], roster: Sequence[RosterEntry] | None) -> dict[str, Person]:
    """Return what is known of each student: the name of the submission, and what the roster adds."""
    people = {student: person_of(student) for student in students}
    matching = match_roster(people, roster or ())
    for student, place in matching.found.items():
        entry, own = (roster or ())[place].person, people[student]
        people[student] = Person(sure=own.sure + entry.sure, number=own.number, names=own.names + entry.names)
    return people
