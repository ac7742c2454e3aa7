from __future__ import annotations

import itertools
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from made_up_results import make_result, not_graded

from tinyml_labs.grading.scores.best_labs import best_labs
from tinyml_labs.grading.scores.late_days import LabScore, LatePolicy, days_late, read_time, score_labs

BERLIN = ZoneInfo("Europe/Berlin")
DUE = datetime(2026, 11, 23, 23, 59, tzinfo=BERLIN)
SECOND = timedelta(seconds=1)


def at(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat()


def score(result, policy: LatePolicy | None, **options: str) -> LabScore:
    (found,) = score_labs([result], policy, **options)
    return found


# ---- how late


@pytest.mark.parametrize(
    ("after", "grace", "days"),
    [
        (timedelta(days=-3), 0, 0),
        (-SECOND, 0, 0),
        (timedelta(0), 0, 0),  # exactly then is in time
        (SECOND, 0, 1),
        (timedelta(days=1), 0, 1),
        (timedelta(days=1) + SECOND, 0, 2),
        (timedelta(days=400), 0, 400),
        (timedelta(minutes=15), 15, 0),
        (timedelta(minutes=15) + SECOND, 15, 1),
        (timedelta(days=1, minutes=15), 15, 1),  # grace holds at the end of every day
        (timedelta(days=1, minutes=15) + SECOND, 15, 2),
    ],
)
def test_days_late(after: timedelta, grace: float, days: int) -> None:
    assert days_late(DUE + after, DUE, grace_minutes=grace) == days
    assert days_late((DUE + after).astimezone(timezone.utc), DUE, grace_minutes=grace) == days


@pytest.mark.parametrize(
    ("due", "hours"),
    [
        (datetime(2026, 10, 24, 23, 59, tzinfo=BERLIN), 25),  # the clocks go back that night
        (datetime(2026, 3, 28, 23, 59, tzinfo=BERLIN), 23),  # and forward
        (datetime(2026, 10, 24, 23, 59, tzinfo=timezone.utc), 24),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), 25),  # a time that comes twice: the first
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), 24),  # the second
    ],
)
def test_a_day_ends_when_the_clock_on_the_wall_says_the_same_again(due: datetime, hours: int) -> None:
    start = due.astimezone(timezone.utc)
    assert days_late(start, due) == 0
    assert days_late(start + timedelta(hours=hours), due) == 1
    assert days_late(start + timedelta(hours=hours) + SECOND, due) == 2


def test_days_late_agree_with_counting_them_one_by_one() -> None:
    rng = random.Random(0)
    for _ in range(300):
        due = datetime(2026, rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), 30, tzinfo=BERLIN)
        given = due.astimezone(timezone.utc) + timedelta(seconds=rng.randint(-100_000, 20_000_000))
        counted = 0
        while given.timestamp() > (due + timedelta(days=counted)).timestamp():
            counted += 1
        assert days_late(given, due) == counted


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-23T08:00:00+00:00", datetime(2026, 11, 23, 8, tzinfo=timezone.utc)),
        ("2026-11-23T08:00:00Z", datetime(2026, 11, 23, 8, tzinfo=timezone.utc)),
        ("2026-11-23 09:00:00+01:00", datetime(2026, 11, 23, 8, tzinfo=timezone.utc)),
        ("2026-11-23T08:00:00", datetime(2026, 11, 23, 8, tzinfo=timezone.utc)),
        ("", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),  # cannot be said in UTC
    ],
)
def test_read_time(text: str, time: datetime | None) -> None:
    assert read_time(text) == time


# ---- what it costs


def test_no_policy_and_no_due_time_mean_never_late() -> None:
    late = make_result(submitted_at="2199-01-01T00:00:00Z")
    assert score(late, None).points == 4.0
    assert score(late, LatePolicy(due={"another": DUE}, percent_a_day=50)).days_late == 0


@pytest.mark.parametrize(
    ("days", "policy", "points", "free"),
    [
        (0, {"percent_a_day": 25}, 4.0, 0),
        (1, {"percent_a_day": 25}, 3.0, 0),
        (5, {"percent_a_day": 25}, 0.0, 0),  # never below 0
        (2, {"percent_a_day": 25, "late_days": 1}, 3.0, 1),
        (2, {"percent_a_day": 25, "late_days": 5}, 4.0, 2),
        (2, {"percent_a_day": 100, "late_days": 1}, 0.0, 0),  # the free day would be lost on it
        (3, {"percent_a_day": 10, "at_most_days": 3}, 2.8, 0),
        (4, {"percent_a_day": 10, "at_most_days": 3, "late_days": 9}, 0.0, 0),
        (9, {}, 4.0, 0),  # only said, costs nothing
        (1, {"at_most_days": 0}, 0.0, 0),
    ],
)
def test_what_late_days_cost(days: int, policy: dict, points: float, free: int) -> None:
    found = score(make_result(submitted_at=at(DUE + timedelta(days=days))), LatePolicy(due=DUE, **policy))
    assert (found.points, found.free_days, found.days_late) == (pytest.approx(points), free, days)
    assert found.points_before == 4.0


@pytest.mark.parametrize("text", ["", "soon"])
def test_work_of_unknown_time_is_in_time_and_says_so(text: str) -> None:
    found = score(make_result(submitted_at=text), LatePolicy(due=DUE, at_most_days=0))
    assert (found.points, found.days_late, found.time_known) == (4.0, 0, False)
    assert score(make_result(), LatePolicy(due=DUE)).time_known


def test_free_days_are_spent_in_the_order_of_the_due_dates_whatever_comes_first() -> None:
    # "02" is due before "01", so it is served first.
    due = {"01": DUE, "02": DUE - timedelta(days=7), "03": DUE + timedelta(days=7)}
    policy = LatePolicy(due=due, late_days=3, percent_a_day=10)
    results = [make_result(lab=lab, submitted_at=at(due[lab] + timedelta(days=2))) for lab in due]
    results.append(make_result("ben", lab="03", submitted_at=at(due["03"] + timedelta(days=2))))
    expected = [("ana", "02", 2), ("ana", "01", 1), ("ana", "03", 0), ("ben", "03", 2)]  # a budget for each
    for order in itertools.permutations(results):
        assert [(s.student, s.lab, s.free_days) for s in score_labs(order, policy)] == expected
    without_last = score_labs(results[:2], policy)
    assert [s.points for s in without_last] == [s.points for s in score_labs(results, policy)[:2]]


def test_work_that_earned_nothing_takes_no_free_day() -> None:
    due = {"01": DUE, "02": DUE}
    policy = LatePolicy(due=due, late_days=1, percent_a_day=10)
    late = at(DUE + timedelta(days=1))
    found = score_labs(
        [make_result(lab="01", points=0.0, submitted_at=late), make_result(lab="02", submitted_at=late)], policy
    )
    assert [s.free_days for s in found] == [0, 1]


# ---- which attempt


def attempts(*points_and_days: tuple[float, int]) -> list:
    return [
        make_result(attempt=str(i + 1), points=points, submitted_at=at(DUE + timedelta(days=days)))
        for i, (points, days) in enumerate(points_and_days)
    ]


@pytest.mark.parametrize(
    ("tried", "best", "last"),
    [
        ([(2.0, 0), (4.0, 0), (3.0, 0)], "2", "3"),
        ([(3.0, 0), (4.0, 3)], "1", "2"),  # 4 points three days late are 2.8
        ([(2.0, 0), (4.0, 3)], "2", "2"),
        ([(4.0, 0), (4.0, 0)], "1", "2"),  # among equals the earlier
        ([(4.0, 1), (4.0, 0)], "2", "1"),  # the one that came last is not the one of the higher number
    ],
)
def test_best_or_last_attempt(tried: list, best: str, last: str) -> None:
    policy = LatePolicy(due=DUE, percent_a_day=10)
    for results in (attempts(*tried), attempts(*tried)[::-1]):
        assert [s.attempt for s in score_labs(results, policy)] == [best]
        assert [s.attempt for s in score_labs(results, policy, attempts="last")] == [last]


def test_the_best_attempt_takes_the_fewest_free_days() -> None:
    policy = LatePolicy(due=DUE, percent_a_day=10, late_days=2)
    (found,) = score_labs(attempts((4.0, 2), (4.0, 1)), policy)
    assert (found.attempt, found.free_days) == ("2", 1)


def test_attempts_of_unknown_time_go_by_their_names() -> None:
    results = [make_result(attempt=name, submitted_at="") for name in ("try 10", "try 9", "try 1")]
    assert [s.attempt for s in score_labs(results, attempts="last")] == ["try 10"]


def test_what_may_still_change_is_not_final() -> None:
    open_answer = make_result(written="why", attempt="2")
    assert score(open_answer, None).state == "waits"
    assert score(not_graded(make_result()), None).state == "not graded"
    done = make_result(attempt="1")
    assert score(done, None).state == "final"
    (found,) = score_labs([done, open_answer])  # 4 points, or up to 7 once the second is read
    assert (found.attempt, found.points, found.state) == ("1", 4.0, "waits")
    (found,) = score_labs([done, not_graded(make_result(attempt="2"))])
    assert found.state == "final"  # it has no more points than the first has already
    (found,) = score_labs([make_result(points=3.0, attempt="1"), not_graded(make_result(attempt="2"))])
    assert found.state == "not graded"
    assert score_labs([open_answer, make_result(attempt="3")], attempts="last")[0].state == "final"


# ---- which labs


def test_the_best_labs_of_a_course() -> None:
    results = [make_result(lab=lab, points=points) for lab, points in (("01", 1.0), ("02", 4.0), ("03", 3.0))]
    results.append(make_result("ben", lab="02", points=2.0))
    scores = score_labs(results)
    ana, ben = best_labs(scores, labs=["01", "02", "03"], count=2)
    assert (ana.percent, ana.counted, ana.final) == (87.5, ("02", "03"), True)
    assert (ben.percent, ben.counted) == (25.0, ("01", "02"))  # what he has not handed in is 0
    assert best_labs(scores, labs=["01", "02", "03"])[0].percent == pytest.approx(100 * 8 / 12)
    ties = score_labs([make_result(lab=lab) for lab in ("01", "02", "03")])
    assert best_labs(ties, labs=["03", "01", "02"], count=2)[0].counted == ("03", "01")
    open_too = score_labs([*results, make_result(lab="04", written="why")])
    assert not best_labs(open_too, labs=["01", "02", "04"])[0].final


@pytest.mark.parametrize(
    ("labs", "count", "message"),
    [(["01"], 0, "best 0 of 1"), (["01"], 2, "best 2 of 1"), (["01", "01"], 1, "named twice")],
)
def test_best_labs_that_cannot_be(labs: list[str], count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        best_labs([], labs=labs, count=count)


# ---- settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"due": datetime(2026, 11, 23, 23, 59)}, "2026-11-23 23:59:00 at which work is due has no time zone"),
        ({"due": {"02": datetime(2026, 11, 23)}}, "at which lab 02 is due has no time zone"),
        ({"grace_minutes": -1}, "grace_minutes is -1"),
        ({"grace_minutes": float("nan")}, "grace_minutes is nan"),
        ({"late_days": -1}, "late_days is -1"),
        ({"at_most_days": -1}, "at_most_days is -1"),
        ({"percent_a_day": 101}, "percent_a_day is 101"),
        ({"late_days": 2}, "percent_a_day is 0, so a late day costs nothing"),
    ],
)
def test_policies_that_cannot_be(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatePolicy(**{"due": DUE, **settings})


def test_an_unknown_rule_for_attempts() -> None:
    with pytest.raises(ValueError, match="attempts is 'first'"):
        score_labs([], attempts="first")  # type: ignore[arg-type]
