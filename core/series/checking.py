"""The rules for what a series is given, whether it is made or changed."""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import date, datetime, timedelta

from core.errors import Invalid
from core.instants import FURTHEST_AHEAD, check_instant
from core.recurrence import parse_pattern, written
from core.series.occurrences import NONE, upcoming
from core.series.records import Blackout, Series
from core.wallclock import zone

MAX_COUNT = 1_000_000
MAX_EXCLUDED = 1000


def checked(draft: Series) -> Series:
    """Lets a series pass that keeps the rules; its parameters are checked apart, as they were given.

    Args:
        draft: as it was given.

    Returns:
        As it is kept: the pattern written out, instants in UTC, each excluded day once, in order.

    Raises:
        Invalid: something breaks a rule.
    """
    zone(draft.timezone)
    if draft.repeat_count is not None and not 1 <= draft.repeat_count <= MAX_COUNT:
        raise Invalid(f"repeatCount: must be 1 to {MAX_COUNT}")
    if draft.fire_within is not None and draft.fire_within <= timedelta(0):
        raise Invalid("fireWithinSeconds: must be more than 0 seconds")
    if draft.fire_within is not None and draft.fire_within > FURTHEST_AHEAD:
        raise Invalid("fireWithinSeconds: is more than ten years")
    excluded = sorted(set(draft.excluded_dates))
    if len(excluded) > MAX_EXCLUDED:
        raise Invalid(f"excludedDates: must be {MAX_EXCLUDED} at most")
    return replace(
        draft,
        pattern=written(parse_pattern(draft.pattern)),
        first=_instant(draft.first, "first"),
        repeat_until=_instant(draft.repeat_until, "repeatUntil"),
        excluded_dates=excluded,
    )


def _instant(given: datetime | None, field: str) -> datetime | None:
    return None if given is None else check_instant(given, field)


def first_day(begin: datetime, timezone: str) -> date:
    """The day from which 'every N' counts, of a series that begins at an instant.

    Raises:
        Invalid: the zone or the instant is none.
    """
    where = zone(timezone)
    return check_instant(begin, "first").astimezone(where).date()


def check_to_come(
    series: Series, periods: Sequence[Blackout], now: datetime, kept: Set[datetime] = NONE
) -> None:
    """Refuses a series that would never happen again.

    Args:
        series: as it is to be.
        periods: the blackouts of its cron.
        now: the database's clock.
        kept: occurrences that stay as somebody left them.

    Raises:
        Invalid: there is no occurrence to come.
    """
    if series.repeat_count is not None and series.planned >= series.repeat_count:
        raise Invalid(f"repeatCount: must be more than the {series.planned} that it has planned already")
    if next(upcoming(series, periods, now, kept), None) is None:
        raise Invalid("repeatPattern: has no occurrence to come")
