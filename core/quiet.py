"""Quiet slots: when, between two instants, the least is usually under way."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Interval, Text, cast, column, func, literal, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY

from core import overview
from core.catalogue import catalogue
from core.database import clock, reading
from core.errors import Invalid
from core.forecast import forecast
from core.tables import schedules

LONGEST = timedelta(days=2)
MINUTE = timedelta(minutes=1)
EVERY_MINUTES = 5
# What began so long before may still be under way; what begins so long after may be met, or be the nearest.
AROUND = timedelta(hours=6)
PROPOSED = 5


@dataclass(frozen=True, slots=True)
class Quiet:
    """An instant that is proposed.

    Attributes:
        under_way: how many other runs are usually under way at its busiest minute.
        nearest: from the instant to the nearest other begin, before or after; None where there is none.
    """

    at: datetime
    under_way: int
    nearest: timedelta | None


def quietest(since: datetime, until: datetime, cron_name: str | None = None) -> list[Quiet]:
    """The quietest instants between two: by what is planned or forecast, and how long that usually takes.

    Args:
        since: from this instant; a past one counts as the next minute.
        until: and before this one, at most two days later.
        cron_name: what is to be run there, for its usual duration; a minute where it is None.

    Returns:
        Five at most, the quietest first; among equals the one farthest from all other begins.

    Raises:
        Invalid: the instants are the wrong way round, past, or too far apart.
        Unavailable.
    """
    now = clock()
    begin = _full_minute(max(since, now + MINUTE))
    if begin >= until:
        raise Invalid("until: must be later than since, and to come")
    if until - begin > LONGEST:
        raise Invalid("until: must be within two days of since")
    origin, horizon = begin - AROUND, until + AROUND
    begins = _begins(origin, horizon, now)
    usual = {name: record.usual_seconds or 0.0 for name, record in overview.records(list(begins)).items()}
    own = 0.0
    if cron_name is not None:
        own = overview.records([cron_name])[cron_name].usual_seconds or 0.0
    lasts = {name: max(1, ceil(seconds / 60)) for name, seconds in usual.items()}
    load = _load(begins, lasts, ceil((horizon - origin) / MINUTE))
    occupied = sorted({minute for counted in begins.values() for minute in counted})
    first, end = AROUND // MINUTE, ceil((until - origin) / MINUTE)
    candidates = _rated(load, occupied, range(first, end, EVERY_MINUTES), max(1, ceil(own / 60)))
    return [
        Quiet(origin + minute * MINUTE, busiest, None if gap is None else gap * MINUTE)
        for minute, busiest, gap in _apart(candidates, max(15, (end - first) // 12))
    ]


def _full_minute(instant: datetime) -> datetime:
    step = timedelta(minutes=EVERY_MINUTES)
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + ceil((instant - midnight) / step) * step


def _begins(origin: datetime, until: datetime, now: datetime) -> dict[str, dict[int, int]]:
    """For each cron how many of its runs begin in which minute after the origin."""
    found: dict[str, dict[int, int]] = {}
    for name, minute, count in _planned(origin, until):
        found.setdefault(name, {})[minute] = count
    edges = [origin + place * MINUTE for place in range(ceil((until - origin) / MINUTE) + 1)]
    for minute, slot in enumerate(forecast(edges, now, shown=1000)):
        for occurrence in slot.occurrences:
            own = found.setdefault(occurrence.cron_name, {})
            own[minute] = own.get(minute, 0) + 1
    return found


def _planned(origin: datetime, until: datetime) -> list[tuple[str, int, int]]:
    names = sorted(catalogue().crons)
    if not names:
        return []
    listed = func.unnest(cast(names, ARRAY(Text)))
    cron = listed.table_valued(column("name", Text), name="cron").render_derived()
    # Cron by cron, for then an index holds all that is asked for.
    minute = func.date_bin(cast(literal(MINUTE), Interval), schedules.c.due_at, origin)
    counted = (
        select(minute.label("minute"), func.count().label("count"))
        .where(
            schedules.c.status == text("'pending'"),
            schedules.c.cron_name == cron.c.name,
            schedules.c.due_at >= origin,
            schedules.c.due_at < until,
        )
        .group_by(minute)
        .lateral("counted")
    )
    wanted = select(cron.c.name, counted).select_from(cron.join(counted, true()))
    with reading() as connection:
        return [(name, (at - origin) // MINUTE, count) for name, at, count in connection.execute(wanted)]


def _load(begins: dict[str, dict[int, int]], lasts: dict[str, int], minutes: int) -> list[int]:
    """How many runs are under way in each minute."""
    change = [0] * (minutes + 1)
    for name, counted in begins.items():
        for minute, count in counted.items():
            change[minute] += count
            change[min(minutes, minute + lasts[name])] -= count
    load, level = [], 0
    for step in change[:-1]:
        level += step
        load.append(level)
    return load


def _rated(
    load: Sequence[int], occupied: Sequence[int], starts: Iterable[int], lasts: int
) -> list[tuple[int, int, int | None]]:
    """Minute, busiest minute during it, and distance to the nearest begin; the best first."""
    rated = []
    for minute in starts:
        place = bisect_left(occupied, minute)
        gap = min((abs(other - minute) for other in occupied[max(0, place - 1) : place + 1]), default=None)
        rated.append((minute, max(load[minute : minute + lasts], default=0), gap))
    return sorted(rated, key=lambda one: (one[1], -(one[2] if one[2] is not None else 10**6), one[0]))


def _apart(rated: list[tuple[int, int, int | None]], distance: int) -> list[tuple[int, int, int | None]]:
    """The best ones that are not neighbours."""
    chosen: list[tuple[int, int, int | None]] = []
    for one in rated:
        if all(abs(one[0] - other[0]) >= distance for other in chosen):
            chosen.append(one)
        if len(chosen) == PROPOSED:
            break
    return chosen
