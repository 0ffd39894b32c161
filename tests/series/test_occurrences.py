"""Excluded days and blackouts, however long: what comes after them is found, and quickly."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.recurrence import CronExpression, instants, parse_pattern
from core.series import Blackout, Series, to_plan, upcoming
from core.series.occurrences import admitted

NOW = datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC)
DAY = timedelta(days=1)
EACH_MINUTE = {"kind": "cron", "expression": "* * * * *"}


def dark(begin: datetime, length: timedelta) -> Blackout:
    return Blackout(uuid4(), "freeze", begin, begin + length, None)


def of(pattern: dict[str, Any], timezone: str = "UTC", **values: Any) -> Series:
    """A series that has planned nothing yet."""
    whole: dict[str, Any] = {
        "id": UUID(int=1),
        "cron_name": "nothing",
        "parameters": {},
        "pattern": pattern,
        "timezone": timezone,
        "starts_on": NOW.date(),
        "first": None,
        "repeat_until": None,
        "repeat_count": None,
        "excluded_dates": [],
        "missed": "one",
        "fire_within": None,
        "late_policy": "fire",
        "status": "active",
        "planned": 0,
        "last_occurrence": None,
        "created_by": None,
        "created_at": NOW,
        "changed_at": None,
        "changed_by": None,
        "error_message": None,
    }
    return Series(**(whole | values))


@pytest.mark.parametrize("days", [4, 30, 3650])
def test_a_freeze_of_any_length_ends_no_series(days: int) -> None:
    period = dark(NOW - DAY, DAY * (days + 1))
    began = perf_counter()
    plan = to_plan(of(EACH_MINUTE, last_occurrence=NOW), [period], NOW)
    assert perf_counter() - began < 1
    assert plan.following == (period.ends_at + timedelta(seconds=30)).replace(second=0)
    assert not plan.over


def test_periods_that_touch_or_overlap_are_one() -> None:
    periods = [dark(NOW + DAY * place, DAY * 1.5) for place in range(100)]
    following = next(upcoming(of(EACH_MINUTE), periods, NOW + DAY))
    assert following == datetime(2026, 8, 10, 0, 1, tzinfo=UTC)


def test_excluded_days_of_any_number_end_no_series() -> None:
    excluded = [NOW.date() + DAY * place for place in range(1000)]
    following = next(upcoming(of(EACH_MINUTE, "Europe/Paris", excluded_dates=excluded), [], NOW))
    midnight = datetime.combine(excluded[-1] + DAY, datetime.min.time(), ZoneInfo("Europe/Paris"))
    assert following == midnight


def test_a_series_that_a_blackout_keeps_from_its_last_occurrence_is_not_over() -> None:
    daily = {"kind": "daily", "at": "09:00"}
    plan = to_plan(of(daily, repeat_until=NOW + DAY * 3), [dark(NOW, DAY * 10)], NOW)
    assert (plan.following, plan.over) == (None, False)
    later = NOW + DAY * 4
    plan = to_plan(of(daily, repeat_until=NOW + DAY * 3, last_occurrence=later), [], later)
    assert (plan.missed, plan.following, plan.over) == ([], None, True)


def test_a_blackout_until_the_end_of_time_is_looked_through() -> None:
    for_ever = Blackout(uuid4(), "closed", NOW, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), None)
    for pattern in (EACH_MINUTE, {"kind": "daily", "at": "09:00"}):
        assert to_plan(of(pattern), [for_ever], NOW + DAY).following is None


@pytest.mark.parametrize("back", [timedelta(minutes=2), DAY, DAY * 3000])
@pytest.mark.parametrize(
    "pattern",
    [
        EACH_MINUTE,
        {"kind": "cron", "expression": "*/7 3 * * *"},
        {"kind": "cron", "expression": "0 0 29 2 *"},
        {"kind": "monthly", "at": "02:00", "day": -1},
    ],
)
def test_the_newest_that_was_missed_is_found_after_any_outage(
    pattern: dict[str, Any], back: timedelta
) -> None:
    since = NOW - back
    start = since.date()
    every = instants(parse_pattern(pattern), ZoneInfo("UTC"), start, max(since, NOW - DAY * 1500))
    expected = None
    for instant in every:
        if instant > NOW:
            break
        expected = instant
    plan = to_plan(of(pattern, starts_on=start, last_occurrence=since), [], NOW)
    assert plan.missed == ([expected] if expected else [])


@settings(deadline=None, max_examples=60)
@given(
    begins=st.lists(st.integers(0, 20_000), max_size=6),
    lengths=st.lists(st.integers(1, 9000), min_size=6, max_size=6),
    excluded=st.lists(st.integers(0, 20), max_size=5),
    every=st.sampled_from(["* * * * *", "*/10 * * * *", "0 2 * * *", "30 2,3 * * *"]),
)
def test_leaping_over_finds_what_walking_finds(
    begins: list[int], lengths: list[int], excluded: list[int], every: str
) -> None:
    where = ZoneInfo("Europe/Paris")
    start = datetime(2026, 10, 15, tzinfo=UTC)  # the clocks are put back within these days
    periods = [
        dark(start + timedelta(minutes=begin), timedelta(minutes=length))
        for begin, length in zip(begins, lengths, strict=False)
    ]
    days = {start.date() + DAY * place for place in excluded}
    pattern = CronExpression(expression=every)
    walked = (
        at
        for at in islice(instants(pattern, where, start.date(), start), 60_000)
        if not any(period.starts_at <= at < period.ends_at for period in periods)
        and at.astimezone(where).date() not in days
    )
    leapt = admitted(pattern, where, start.date(), start, excluded=days, periods=periods)
    assert list(islice(leapt, 50)) == list(islice(walked, 50))


def test_a_day_whose_end_comes_twice_is_left_out_whole() -> None:
    # In Asuncion, 2020: at midnight of 22 March the clocks went back to 23:00 of the 21st.
    where = ZoneInfo("America/Asuncion")
    begin = datetime(2020, 3, 20, tzinfo=UTC)
    ahead = admitted(
        CronExpression(expression="* * * * *"), where, date(2020, 3, 1), begin, excluded={date(2020, 3, 21)}
    )
    days = {at.astimezone(where).date() for at in islice(ahead, 3000)}
    assert date(2020, 3, 21) not in days
    assert date(2020, 3, 22) in days
