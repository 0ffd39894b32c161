"""The rule for days when the clocks change, held against another make of time zone rules."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
import whenever
from hypothesis import given
from hypothesis import strategies as st

from core.recurrence import DAYS, CronExpression, Daily, Monthly, Pattern, Weekly, instants
from core.wallclock import instant_of

YEARS = 20
PARIS = ZoneInfo("Europe/Paris")
ZONES = sorted(
    name for name in available_timezones() if "/" in name and name.split("/")[0] not in ("posix", "right")
)


def transitions(name: str) -> list[tuple[datetime, datetime]]:
    """Pairs of instants an hour apart between which a zone's offset changes, over the next twenty years."""
    where = ZoneInfo(name)
    found = []
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    end = moment.replace(year=moment.year + YEARS)
    offset = moment.astimezone(where).utcoffset()
    while moment < end:
        following = moment + timedelta(days=5)
        if following.astimezone(where).utcoffset() != offset:
            low, high = moment, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                if middle.astimezone(where).utcoffset() == offset:
                    low = middle
                else:
                    high = middle
            found.append((low, high))
            offset = following.astimezone(where).utcoffset()
        moment = following
    return found


@lru_cache(maxsize=10_000)
def reference(wall: datetime, name: str) -> datetime:
    """The same rule by `whenever`: the earlier of two, and the first instant after a gap."""
    plain = whenever.PlainDateTime(wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second)
    try:
        return plain.assume_tz(name, disambiguation="raise").to_instant().to_stdlib()
    except whenever.RepeatedTime:
        return plain.assume_tz(name, disambiguation="earlier").to_instant().to_stdlib()
    except whenever.SkippedTime:
        # Ahead, minute by minute, to the first wall-clock time that exists.
        probe = wall.replace(second=0)
        while True:
            probe += timedelta(minutes=1)
            ahead = whenever.PlainDateTime(probe.year, probe.month, probe.day, probe.hour, probe.minute)
            try:
                return ahead.assume_tz(name, disambiguation="raise").to_instant().to_stdlib()
            except (whenever.SkippedTime, whenever.RepeatedTime):
                continue


@pytest.mark.parametrize("name", ZONES)
def test_around_every_change_of_the_clocks_a_time_names_the_instant_that_the_reference_names(
    name: str,
) -> None:
    where = ZoneInfo(name)
    for before, after in transitions(name):
        around = {
            edge.astimezone(where).replace(tzinfo=None, second=0, microsecond=0, fold=0)
            for edge in (before, after)
        }
        for wall in around:
            for minutes in (-61, -30, -1, 0, 1, 29, 59, 61):
                asked = wall + timedelta(minutes=minutes)
                assert instant_of(asked, where) == reference(asked, name), (asked, name)


def test_a_daily_run_inside_the_gap_happens_at_the_first_instant_after_it() -> None:
    paris = ZoneInfo("Europe/Paris")
    found = instants(Daily(at=time(2, 30)), paris, date(2026, 3, 1), datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert next(found) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 03:00 summer time
    assert next(found) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


def test_a_daily_run_on_the_day_of_the_fold_happens_once() -> None:
    paris = ZoneInfo("Europe/Paris")
    found = instants(Daily(at=time(2, 30)), paris, date(2026, 10, 1), datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert next(found) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next(found) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


PATTERNS: list[Pattern] = [
    Daily(at=time(2, 30)),
    Weekly(at=time(0, 0), days=DAYS),
    Monthly(at=time(2, 0), nth=-1, weekday="sunday"),
    CronExpression(expression="*/10 2 * * *"),
    CronExpression(expression="0 */2 * * *"),
    CronExpression(expression="5-59/25 * * * *"),
    CronExpression(expression="30 1-3 * * 6,0"),
]


def matches(pattern: Pattern, wall: datetime) -> bool:
    """Whether the clocks' showing this means an occurrence, said anew."""
    last_of_month = (wall + timedelta(days=7)).month != wall.month
    match pattern:
        case Daily() | Weekly():
            return wall.time() == pattern.at
        case Monthly():
            return wall.time() == pattern.at and wall.weekday() == 6 and last_of_month
        case CronExpression(expression="*/10 2 * * *"):
            return wall.hour == 2 and wall.minute % 10 == 0
        case CronExpression(expression="0 */2 * * *"):
            return wall.hour % 2 == 0 and wall.minute == 0
        case CronExpression(expression="5-59/25 * * * *"):
            return wall.minute in (5, 30, 55)
        case _:
            return wall.hour in (1, 2, 3) and wall.minute == 30 and wall.weekday() in (5, 6)


def distinct_rules() -> list[str]:
    """One zone of each set that change their clocks at the same instants, by the same amount."""
    found: dict[tuple[object, ...], str] = {}
    for name in ZONES:
        where = ZoneInfo(name)
        changes = transitions(name)
        key = tuple(
            (after, before.astimezone(where).utcoffset(), after.astimezone(where).utcoffset())
            for before, after in changes
        )
        if key:
            found.setdefault(key, name)
    return sorted(found.values())


@pytest.mark.parametrize("name", distinct_rules())
def test_around_every_change_of_the_clocks_patterns_happen_when_the_reference_says(name: str) -> None:
    where = ZoneInfo(name)
    for before, after in transitions(name):
        begin, end = before - timedelta(hours=5), after + timedelta(hours=5)
        # More than the two hours that a change may take, on each side.
        first = begin.astimezone(where).replace(tzinfo=None, second=0, microsecond=0) - timedelta(hours=3)
        walls = [first + timedelta(minutes=5 * step) for step in range(17 * 12)]
        walls = [wall - timedelta(minutes=wall.minute % 5) for wall in walls]
        for pattern in PATTERNS:
            named = {reference(wall, name) for wall in walls if matches(pattern, wall)}
            expected = sorted(instant for instant in named if begin < instant <= end)
            ahead = instants(pattern, where, date(2026, 1, 1), begin)
            assert list(takewhile(lambda instant: instant <= end, ahead)) == expected, (pattern, after)  # noqa: B023


def test_on_the_day_of_the_gap_an_expression_of_hours_runs_at_the_first_instant_after_it() -> None:
    midnight = datetime(2026, 3, 29, tzinfo=PARIS)
    for expression in ("*/10 2 * * *", "0 2 * * *", "15,45 2 * * *"):
        [instant] = of_the_day(expression, midnight)
        assert instant == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert datetime(2026, 3, 29, 1, tzinfo=UTC) in of_the_day("0 */2 * * *", midnight)


def test_on_the_day_of_the_fold_an_expression_of_hours_runs_once() -> None:
    midnight = datetime(2026, 10, 25, tzinfo=PARIS)
    assert len(of_the_day("*/10 2 * * *", midnight)) == 6
    assert len(of_the_day("0 */2 * * *", midnight)) == 12
    assert len(of_the_day("0 * * * *", midnight)) == 24


def of_the_day(expression: str, midnight: datetime) -> list[datetime]:
    begin = midnight.astimezone(UTC) - timedelta(seconds=1)
    end = (midnight + timedelta(days=1)).astimezone(UTC)
    found = instants(CronExpression(expression=expression), PARIS, midnight.date(), begin)
    return list(takewhile(lambda instant: instant < end, found))


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_cron_expression_of_every_quarter_of_an_hour_goes_by_elapsed_time_through_gap_and_fold(
    day: date,
) -> None:
    paris = ZoneInfo("Europe/Paris")
    begin = datetime.combine(day, time(), paris).astimezone(UTC) - timedelta(seconds=1)
    end = datetime.combine(day + timedelta(days=1), time(), paris).astimezone(UTC)
    found = []
    for instant in instants(CronExpression(expression="*/15 * * * *"), paris, day, begin):
        if instant >= end:
            break
        found.append(instant)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=15)}


@given(
    name=st.sampled_from(
        ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Africa/Cairo"]
    ),
    at=st.times().map(lambda at: at.replace(microsecond=0)),
    after=st.integers(1_767_225_600, 2_208_988_800),
    every=st.integers(1, 40),
)
def test_a_pattern_names_later_and_later_instants_all_after_the_given_one(
    name: str, at: time, after: int, every: int
) -> None:
    begin = datetime.fromtimestamp(after, UTC)
    found = instants(Daily(at=at, every=every), ZoneInfo(name), begin.date(), begin)
    first, second, third = next(found), next(found), next(found)
    assert begin < first < second < third
