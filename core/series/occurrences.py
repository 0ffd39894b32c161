"""Which instants a series has: its pattern's, without excluded days and blackouts."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from core.errors import Invalid
from core.recurrence import Pattern, instants, parse_pattern
from core.series.records import Blackout, Series, ToPlan
from core.wallclock import midnight, zone

MISSED_AT_MOST = 1000
# So many occurrences in a row that are kept away are walked; the rest of the period is leapt over.
WALKED = 60
MOMENT = timedelta(microseconds=1)
NONE: Set[datetime] = frozenset()


def upcoming(
    series: Series, periods: Sequence[Blackout], now: datetime, kept: Set[datetime] = NONE
) -> Iterator[datetime]:
    """The occurrences of a series that are not planned yet and to come, in order.

    Args:
        series: the series; nothing until its last_occurrence is to come.
        periods: the blackouts of its cron.
        now: the database's clock.
        kept: occurrences that stay as somebody left them.

    Returns:
        None of a series whose row cannot be read: psql writes them, too. The planner says why.
    """
    try:
        return _following(series, periods, now, kept)
    except Invalid:
        return iter(())


def to_plan(series: Series, periods: Sequence[Blackout], now: datetime, kept: Set[datetime] = NONE) -> ToPlan:
    """What is to be planned of a series whose last planned occurrence has come, or will not be one.

    Of those that were missed since, the newest is made up for; of a series that says missed = 'all' the
    newest thousand are.

    Args:
        series: the series; its last_occurrence says until when it has been planned.
        periods: all blackouts of its cron that end after its last_occurrence.
        now: the database's clock.
        kept: occurrences that stay as somebody left them.

    Raises:
        Invalid: its pattern or its zone is none.
    """
    missed: list[datetime] = []
    left_out = None
    if series.last_occurrence is not None and series.last_occurrence < now:
        most = 1 if series.missed == "one" else MISSED_AT_MOST
        missed = _newest(series, periods, series.last_occurrence, now, most, kept)
        if series.missed == "all" and len(missed) == most:
            oldest = next(_of(series, periods, series.last_occurrence))
            left_out = missed[-1] if oldest < missed[-1] else None
    following = next(_following(series, periods, now, kept), None)
    over = following is None and next(_following(series, (), now, kept), None) is None
    return ToPlan(missed, following, left_out, over)


def admitted(
    pattern: Pattern,
    where: ZoneInfo,
    starts_on: date,
    after: datetime,
    *,
    until: datetime | None = None,
    excluded: set[date] = frozenset(),  # type: ignore[assignment]
    periods: Sequence[Blackout] = (),
) -> Iterator[datetime]:
    """The instants of a pattern after one, without those on excluded days of the zone and in the periods."""
    dark = _merged(periods)
    begins = [begin for begin, _ in dark]
    while True:
        walked = 0
        for instant in instants(pattern, where, starts_on, after):
            if until is not None and instant > until:
                return
            place = bisect_right(begins, instant) - 1
            if place >= 0 and instant < dark[place][1]:
                light = dark[place][1]
            elif instant.astimezone(where).date() in excluded:
                light = _day_after(instant, where, excluded)
            else:
                walked = 0
                yield instant
                continue
            walked += 1
            if walked >= WALKED:
                # Where a day's last hour comes twice, its end may lie before the instant.
                after = max(light - MOMENT, instant)
                break
        else:
            return


def _following(
    series: Series, periods: Sequence[Blackout], now: datetime, kept: Set[datetime]
) -> Iterator[datetime]:
    left = None if series.repeat_count is None else max(0, series.repeat_count - series.planned)
    ahead = _of(series, periods, max(now, series.last_occurrence or now))
    return islice((at for at in ahead if at not in kept), left)


def _of(series: Series, periods: Sequence[Blackout], after: datetime) -> Iterator[datetime]:
    begin = after if series.first is None else max(after, series.first - MOMENT)
    return admitted(
        parse_pattern(series.pattern),
        zone(series.timezone),
        series.starts_on,
        begin,
        until=series.repeat_until,
        excluded=set(series.excluded_dates),
        periods=periods,
    )


def _newest(
    series: Series,
    periods: Sequence[Blackout],
    since: datetime,
    now: datetime,
    most: int,
    kept: Set[datetime],
) -> list[datetime]:
    """The latest occurrences after `since` and until now, the newest first.

    Looks back further and further: after an outage of a year the last hour mostly suffices.
    """
    unbounded = replace(series, last_occurrence=None, repeat_count=None)
    length = timedelta(hours=1)
    while True:
        begin = max(since, now - length)
        passed = takewhile(lambda at: at <= now, _of(unbounded, periods, begin))
        found = deque((at for at in passed if at not in kept), maxlen=most)
        if len(found) >= most or begin == since:
            return list(reversed(found))
        length *= 2


def _merged(periods: Sequence[Blackout]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for begin, end in sorted((period.starts_at, period.ends_at) for period in periods):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def _day_after(instant: datetime, where: ZoneInfo, excluded: set[date]) -> datetime:
    day = instant.astimezone(where).date()
    while day in excluded and day < date.max:
        day += timedelta(days=1)
    return midnight(day, where)
