"""What active series will plan: their occurrences beyond the one that is pending, slot by slot."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from core import series
from core.series import Blackout, Series

# Of each series so many are worked out one by one; how many follow is reckoned from how close they lie.
EACH = 400
ALL = 6000
# Whoever only counts stops there.
COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A run that a series will plan, if nobody changes it before."""

    series_id: UUID
    cron_name: str
    at: datetime


@dataclass(slots=True)
class Forecast:
    """What series will plan in a slot.

    Attributes:
        occurrences: the first ones, in order of time.
        count: how many in all.
        reckoned: whether count is reckoned from how close the ones before lay.
    """

    occurrences: list[Occurrence] = field(default_factory=list)
    count: int = 0
    reckoned: bool = False


def forecast(
    edges: Sequence[datetime], now: datetime, cron_name: str | None = None, *, shown: int = 4
) -> list[Forecast]:
    """What active series will plan in each slot.

    Args:
        edges: where the slots begin, in order, and where the last one ends.
        now: the database's clock.
        cron_name: of this cron; of all where it is None.
        shown: how many occurrences each slot holds at most.

    Returns:
        One for each slot.

    Raises:
        Unavailable.
    """
    found = [Forecast() for _ in edges[1:]]
    if edges[-1] <= now:
        return found
    periods = series.blackouts_of(after=edges[0])
    left = ALL
    active = series.find(status="active", cron_name=cron_name)
    kept = series.touched_of(active, now)
    for one in active:
        own = [period for period in periods if period.holds_for(one.cron_name)]
        # At least two of each: the last ones are reckoned rather than left out.
        listed, density = _of(one, own, edges, now, max(2, min(EACH, left)), kept[one.id])
        left -= len(listed)
        for at in listed:
            slot = found[bisect_right(edges, at) - 1]
            slot.count += 1
            slot.occurrences.append(Occurrence(one.id, one.cron_name, at))
        if density:
            _reckon(found, edges, listed[-1], density)
    for slot in found:
        slot.occurrences = sorted(slot.occurrences, key=lambda occurrence: occurrence.at)[:shown]
    return found


def count_until(
    active: Iterable[Series],
    periods: Sequence[Blackout],
    now: datetime,
    until: datetime,
    *,
    most: int = COUNTED,
) -> int:
    """How many occurrences active series will plan from now until an instant, beyond those planned already.

    Args:
        active: the series.
        periods: the blackouts.
        now: the database's clock.
        until: the first instant that is not counted.
        most: the count ends there.
    """
    count = 0
    for one in active:
        own = [period for period in periods if period.holds_for(one.cron_name)]
        listed, _ = _of(one, own, (now, until), now, most - count)
        count += len(listed)
        if count >= most:
            break
    return count


def _of(
    one: Series,
    periods: Sequence[Blackout],
    edges: Sequence[datetime],
    now: datetime,
    most: int,
    kept: Set[datetime] = frozenset(),
) -> tuple[list[datetime], float]:
    """The occurrences within the edges, and how many a second follow where there are more than `most`."""
    # One that counts its occurrences has to be followed from now on.
    begin = now if one.repeat_count is not None else max(now, edges[0] - timedelta(microseconds=1))
    ahead = series.upcoming(one, periods, begin, kept)
    to_come: Iterator[datetime] = (at for at in ahead if at >= edges[0])
    listed: list[datetime] = []
    for at in islice(to_come, most):
        if at >= edges[-1]:
            return listed, 0.0
        listed.append(at)
    length = (listed[-1] - listed[0]).total_seconds() if len(listed) == most and most > 1 else 0.0
    return listed, (len(listed) - 1) / length if length else 0.0


def _reckon(found: list[Forecast], edges: Sequence[datetime], after: datetime, density: float) -> None:
    for slot, since, until in zip(found, edges, edges[1:], strict=False):
        length = (until - max(since, after)).total_seconds()
        if length > 0:
            slot.count += round(length * density)
            slot.reckoned = True
