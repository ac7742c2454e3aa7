"""A collection of sittings of many people: what a course's worth of volunteers would have recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tinyml_labs.simulation.sessions import REPEATED, SINGLE, Session, simulate_session
from tinyml_labs.simulation.subjects import make_subject

_PLAN = 7  # what a person's random numbers are for


def make_plan(random: np.random.Generator, *, singles: int = 3, others: int = 5) -> list[tuple[str, float]]:
    """Make up the order of a sitting: everything in it, shuffled.

    Parameters
    ----------
    random : numpy.random.Generator
    singles : int
        How often each single gesture is done.
    others : int
        How many stretches of other motion there are.

    Returns
    -------
    list of (label, seconds)
        For :func:`~tinyml_labs.simulation.sessions.simulate_session`; a single gesture is done once an entry.
    """
    plan = [("idle", random.uniform(2.5, 4.0)) for _ in range(2)]
    plan += [(label, random.uniform(2.4, 3.2)) for label in REPEATED for _ in range(2)]
    plan += [(label, 0.1) for label in SINGLE for _ in range(singles)]
    plan += [("other", random.uniform(3.0, 4.5)) for _ in range(others)]
    return [plan[k] for k in random.permutation(len(plan))]


def simulate_collection(seeds: Iterable[int], *, sessions: int = 1) -> Iterator[Session]:
    """Let people sit down, each some times, with the board mounted differently each time.

    Parameters
    ----------
    seeds : iterable of int
        The people.
    sessions : int
        How often each one comes.

    Yields
    ------
    Session
    """
    for seed in seeds:
        for number in range(sessions):
            person = make_subject(seed, mounting=number)
            yield simulate_session(person, make_plan(person.random(_PLAN, number)), session=number)
