"""Metrics: how many ended and how, how long they took, how late they were, over hours to months.

All of it is read from cron_hourly, where the database counts what ends by the hour, in buckets of
duration and lateness: a reading of weeks costs milliseconds, whatever the number of rows was. Of
a bucket the middle is told, which is within 10 % of every value in it (DDSketch: Masson, Rim and
Lee, 2019). Hours are UTC's: in zones that are half an hour off, so are the first and last of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Subquery,
    Table,
    cast,
    extract,
    func,
    literal,
    select,
    text,
    union_all,
)

from core.database import reading
from core.lane import Lane
from core.tables import hourly, hourly_changes, hourly_lengths

Kind = Literal["execution", "schedule"]
Step = Literal["hour", "quarter", "day"]
GROWTH = 1.2
PRECISION = (GROWTH - 1) / (GROWTH + 1)
FOLDED_AT_ONCE = 5000
KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Window:
    """What the figures are about.

    Attributes:
        since: from the hour of this instant.
        until: before this instant.
        zone: IANA name of the zone by whose clock hours and days are told.
        cron_name: of this cron; of all where it is None.
    """

    since: datetime
    until: datetime
    zone: str
    cron_name: str | None = None

    @property
    def step(self) -> Step:
        """What a chart over it goes by: hours up to two days, quarters of a day up to ten, then days."""
        length = self.until - self.since
        if length <= timedelta(days=2):
            return "hour"
        return "quarter" if length <= timedelta(days=10) else "day"


@dataclass(frozen=True, slots=True)
class Count:
    """How many ended with a status.

    Attributes:
        at: the begin of the step, by the clock of the window's zone (naive).
    """

    at: datetime
    status: str
    count: int


@dataclass(frozen=True, slots=True)
class HourOfDay:
    """How many executions of a cron began in an hour of the day (0 to 23), and how many of them failed."""

    cron_name: str
    hour: int
    count: int
    failed: int


@dataclass(frozen=True, slots=True)
class Duration:
    """How long the completed executions of a cron took; seconds."""

    cron_name: str
    count: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late schedules fired: fired minus scheduled, seconds.

    Attributes:
        at: the begin of the step, by the clock of the window's zone (naive).
    """

    at: datetime
    count: int
    p50: float
    p95: float
    p99: float


def counts(window: Window, kind: Kind) -> dict[str, int]:
    """How many ended, by status.

    Args:
        window: when, and of which cron; executions by when they began, schedules by when they were
            planned for.
        kind: of what.

    Raises:
        Unavailable.
    """
    rows = _counted(window, kind)
    total = func.sum(rows.c.count)
    chosen = select(rows.c.status, total).group_by(rows.c.status).having(total > 0)
    return {status: int(count) for status, count in _read(chosen)}


def over_time(window: Window) -> list[Count]:
    """How many executions began in each step, by how they ended; a step without any has no row.

    Raises:
        Unavailable.
    """
    # Summed by the hour first: a zone's clock is then asked for hundreds of rows, not for thousands.
    by_hour = _by(_counted(window, "execution"), "hour", "status")
    step, total = _step(window, by_hour.c.hour), func.sum(by_hour.c.count)
    chosen = select(step, by_hour.c.status, total).group_by(step, by_hour.c.status).having(total > 0)
    return [Count(at, status, int(count)) for at, status, count in _read(chosen.order_by(step))]


def by_hour_of_day(window: Window) -> list[HourOfDay]:
    """How many executions of each cron began in each hour of the day.

    Raises:
        Unavailable.
    """
    rows = _counted(window, "execution")
    keys, count = (rows.c.hour, rows.c.cron_name), func.sum(rows.c.count)
    bad = func.coalesce(count.filter(rows.c.status == "failed"), 0)
    by_hour = select(*keys, count.label("count"), bad.label("failed")).group_by(*keys).subquery()
    name, hour = by_hour.c.cron_name, extract("hour", func.timezone(window.zone, by_hour.c.hour))
    total = func.sum(by_hour.c.count)
    chosen = select(name, hour, total, func.sum(by_hour.c.failed)).group_by(name, hour).having(total > 0)
    return [
        HourOfDay(cron_name, int(of_day), int(began), int(failed))
        for cron_name, of_day, began, failed in _read(chosen.order_by(name, hour))
    ]


def durations(window: Window) -> list[Duration]:
    """How long completed executions took, by cron; the longest median first.

    Raises:
        Unavailable.
    """
    lengths = _by(_measured(window, "execution"), "cron_name", "bucket")
    found = [
        Duration(name, int(count), *map(middle, buckets))
        for name, count, *buckets in _quantiles(lengths, lengths.c.cron_name, (0.5, 0.95))
    ]
    return sorted(found, key=lambda one: (-one.median, one.cron_name))


def lateness(window: Window) -> list[Lateness]:
    """How late schedules fired, in each step; a step without any has no row.

    Raises:
        Unavailable.
    """
    by_hour = _by(_measured(window, "schedule"), "hour", "bucket")
    step = _step(window, by_hour.c.hour)
    lengths = (
        select(step.label("step"), by_hour.c.bucket, func.sum(by_hour.c.count).label("count"))
        .group_by(step, by_hour.c.bucket)
        .subquery()
    )
    rows = _quantiles(lengths, lengths.c.step, (0.5, 0.95, 0.99))
    return [Lateness(at, int(count), *map(middle, buckets)) for at, count, *buckets in rows]


def total_lateness(window: Window) -> Lateness | None:
    """How late schedules fired, in the whole window; None where none did.

    Raises:
        Unavailable.
    """
    lengths = _by(_measured(window, "schedule"), "kind", "bucket")
    for _kind, count, *buckets in _quantiles(lengths, lengths.c.kind, (0.5, 0.95, 0.99)):
        return Lateness(window.since, int(count), *map(middle, buckets))
    return None


def middle(bucket: int) -> float:
    """The length that stands for a bucket, in seconds: no more than 10 % from any in it."""
    return 0.0 if bucket <= 0 else 2 * GROWTH**bucket / (GROWTH + 1) / 1000


async def fold(lane: Lane) -> int:
    """Adds what ended since the last time to the hours; returns how many notes there were.

    Raises:
        Unavailable.
    """
    [(count,)] = await lane.fetch("SELECT crondesk_fold_hours(%s)", (FOLDED_AT_ONCE,))
    return int(count)


async def forget_old(lane: Lane, before: datetime) -> None:
    """Deletes the hours before the instant.

    Raises:
        Unavailable.
    """
    for table in (hourly, hourly_lengths):
        kinds = "kind IN ('execution', 'schedule')"  # the key begins with it
        await lane.fetch(f"DELETE FROM {table.name} WHERE {kinds} AND hour < %s", (before,))  # noqa: S608  our own


def _counted(window: Window, kind: Kind) -> Subquery:
    """Counts by status. What was folded and what was not yet: together they are all, at any moment."""
    return _all(window, kind, (hourly, hourly_changes), "status")


def _measured(window: Window, kind: Kind) -> Subquery:
    """Counts by bucket, likewise."""
    return _all(window, kind, (hourly_lengths, hourly_changes), "bucket")


def _all(window: Window, kind: Kind, tables: Sequence[Table], name: str) -> Subquery:
    parts = []
    for table in tables:
        conditions = [
            # Written out, not bound: the planner then knows how many rows there are.
            table.c.kind == text(f"'{kind}'"),
            table.c.hour >= window.since.replace(minute=0, second=0, microsecond=0),
            table.c.hour < window.until,
            table.c[name].is_not(None),
        ]
        if window.cron_name is not None:
            conditions.append(table.c.cron_name == window.cron_name)
        columns = [table.c[column] for column in ("kind", "hour", "cron_name", name, "count")]
        parts.append(select(*columns).where(*conditions))
    return union_all(*parts).subquery()


def _by(rows: Subquery, *names: str) -> Subquery:
    keys = [rows.c[name] for name in names]
    return select(*keys, func.sum(rows.c.count).label("count")).group_by(*keys).subquery()


def _step(window: Window, hour: ColumnElement[Any]) -> ColumnElement[Any]:
    there = func.timezone(window.zone, hour)
    if window.step == "quarter":
        origin = cast(literal("2000-01-01"), DateTime(timezone=False))
        return func.date_bin(text("interval '6 hours'"), there, origin)
    return func.date_trunc(text(f"'{window.step}'"), there)


def _quantiles(lengths: Subquery, key: ColumnElement[Any], shares: Sequence[float]) -> list[Any]:
    """For each key its count, and the bucket that holds the value at each share of the ranks."""
    upto = func.sum(lengths.c.count).over(partition_by=key, order_by=lengths.c.bucket).label("upto")
    total = func.sum(lengths.c.count).over(partition_by=key).label("total")
    ranked = select(key.label("key"), lengths.c.bucket, upto, total).where(lengths.c.count > 0).subquery()
    found = [
        func.min(ranked.c.bucket).filter(ranked.c.upto > share * (ranked.c.total - 1)) for share in shares
    ]
    chosen = select(ranked.c.key, func.max(ranked.c.total), *found).group_by(ranked.c.key)
    return _read(chosen.order_by(ranked.c.key))


def _read(chosen: Any) -> list[Any]:
    with reading() as connection:
        return list(connection.execute(chosen))
