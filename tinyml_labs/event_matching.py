"""Pair events with gestures: hits, repeats, wrong ones and false alarms. `event_evaluation` says the rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["FALSE_ALARM", "HIT", "REPEAT", "WRONG", "Event", "JudgedEvent", "TruthInterval", "judge_events"]

HIT, REPEAT, WRONG, FALSE_ALARM = "hit", "repeat", "wrong", "false alarm"


class Event(NamedTuple):
    """Something that was found in a stream: its label, and when, in seconds since the beginning."""

    label: str
    time_s: float


class TruthInterval(NamedTuple):
    """Something that was done: its label, its beginning and its end, in seconds since the beginning."""

    label: str
    start_s: float
    end_s: float

    def later(self, seconds: float) -> TruthInterval:
        """Give the same, so many seconds later."""
        return TruthInterval(self.label, self.start_s + seconds, self.end_s + seconds)


class JudgedEvent(NamedTuple):
    """An event, its verdict (``"hit"``, ``"repeat"``, ``"wrong"`` or ``"false alarm"``), and the gesture it is in."""

    label: str
    time_s: float
    verdict: str
    gesture: TruthInterval | None

    def later(self, seconds: float) -> JudgedEvent:
        """Give the same, so many seconds later."""
        gesture = None if self.gesture is None else self.gesture.later(seconds)
        return self._replace(time_s=self.time_s + seconds, gesture=gesture)


def judge_events(events: Sequence[Event], gestures: Sequence[TruthInterval], tolerance_s: float) -> list[JudgedEvent]:
    """Give each event its verdict, by time.

    Parameters
    ----------
    events : sequence of Event
        In any order.
    gestures : sequence of TruthInterval
        By their beginning; none overlaps another.
    tolerance_s : float
        An event belongs to a gesture if ``start <= time <= end + tolerance_s``.
    """
    judged: list[JudgedEvent] = []
    for label in {event.label for event in events}:
        times = sorted(event.time_s for event in events if event.label == label)
        own = [gesture for gesture in gestures if gesture.label == label]
        hits = _pair(times, own, tolerance_s)
        for index, time_s in enumerate(times):
            mine = [g for g in own if g.start_s <= time_s <= g.end_s + tolerance_s]
            others = [g for g in gestures if g.start_s <= time_s <= g.end_s + tolerance_s]
            if index in hits:
                judged.append(JudgedEvent(label, time_s, HIT, hits[index]))
            elif mine:
                judged.append(JudgedEvent(label, time_s, REPEAT, mine[-1]))
            elif others:
                judged.append(JudgedEvent(label, time_s, WRONG, others[-1]))
            else:
                judged.append(JudgedEvent(label, time_s, FALSE_ALARM, None))
    return sorted(judged, key=lambda each: (each.time_s, each.label))


def _pair(times: Sequence[float], gestures: Sequence[TruthInterval], tolerance_s: float) -> dict[int, TruthInterval]:
    """Pair the times with gestures of their label: the most pairs, then the smallest sum of latencies.

    Beginnings and ends are in the same order, so two pairs that cross can be uncrossed without harm: the best pairing
    of the first i times with the first j gestures follows from those of one time or gesture less.
    """
    pairs: dict[int, TruthInterval] = {}
    for chain in _chains(gestures, tolerance_s):
        inside = [i for i, t in enumerate(times) if chain[0].start_s <= t <= chain[-1].end_s + tolerance_s]
        # best[i][j]: pairs, and the negative sum of their latencies, of the first i times and j gestures
        best = [[(0, 0.0)] * (len(chain) + 1) for _ in range(len(inside) + 1)]
        for i, index in enumerate(inside, 1):
            for j, gesture in enumerate(chain, 1):
                best[i][j] = max(best[i - 1][j], best[i][j - 1])
                if gesture.start_s <= times[index] <= gesture.end_s + tolerance_s:
                    count, minus_latency = best[i - 1][j - 1]
                    paired = (count + 1, minus_latency - (times[index] - gesture.start_s))
                    best[i][j] = max(best[i][j], paired)
        i, j = len(inside), len(chain)
        while i and j:
            if best[i][j] == best[i - 1][j]:
                i -= 1
            elif best[i][j] == best[i][j - 1]:
                j -= 1
            else:
                i, j = i - 1, j - 1
                pairs[inside[i]] = chain[j]
    return pairs


def _chains(gestures: Sequence[TruthInterval], tolerance_s: float) -> list[list[TruthInterval]]:
    """Put gestures together whose tails reach into the next: only there is a choice."""
    chains: list[list[TruthInterval]] = []
    for gesture in gestures:
        if chains and gesture.start_s <= chains[-1][-1].end_s + tolerance_s:
            chains[-1].append(gesture)
        else:
            chains.append([gesture])
    return chains
