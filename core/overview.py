"""Readings for the pages: how things stand, and how each cron fared lately.

Each is a handful of index look-ups, so that a page costs with a million finished rows what it
costs with none: counts above `paging.COUNTED_EXACTLY` are the planner's estimate, and per
cron only the newest rows are read.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Text, cast, column, func, select, text, true

from core import metrics
from core.database import clock, reading
from core.executions import Status
from core.ids import all_of
from core.metrics import Window
from core.paging import count_of
from core.tables import executions, schedules

RATE_OVER = timedelta(days=7)
STRIP_LENGTH = 20
# What a few runs took is no measure yet.
SLOW_AFTER_RUNS = 5


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next pending schedule of all, or of one cron."""

    id: UUID
    cron_name: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand.

    Attributes:
        now: the database's clock.
        pending: how many schedules are pending.
        pending_is_estimate: whether that is the planner's estimate.
        next: the pending schedule that is due next.
        running: executions that run now.
        queued: executions that wait for a free worker.
        success_rate: the share (0 to 1) of completed among completed and failed executions that
            began within seven days; None where there are none.
    """

    now: datetime
    pending: int
    pending_is_estimate: bool
    next: Upcoming | None
    running: int
    queued: int
    success_rate: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """One of the last executions of a cron, as far as the catalogue shows it."""

    id: UUID
    status: Status
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """From its start to its end; None while one of them is missing."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(slots=True)
class Record:
    """How a cron fared lately and what it has before it.

    Attributes:
        runs: its last executions, at most 20, latest first.
        next: its next pending schedule that is neither being fired nor held for a decision.
    """

    runs: list[Run] = field(default_factory=list)
    next: Upcoming | None = None

    @property
    def usual_seconds(self) -> float | None:
        """The median duration of the completed ones among its last runs."""
        lasted = [run.seconds for run in self.runs if run.status == "completed"]
        known = [seconds for seconds in lasted if seconds is not None]
        return median(known) if known else None

    @property
    def slow_after_seconds(self) -> float | None:
        """From when on a run takes longer than usual, by the rule of the notification that tells it.

        None while too few have completed to say.
        """
        completed = sum(run.status == "completed" for run in self.runs)
        if self.usual_seconds is None or completed < SLOW_AFTER_RUNS:
            return None
        return max(2 * self.usual_seconds, self.usual_seconds + 30)


# Of these due_at is the instant; of the others the end of a lease, or the year 9999.
_TO_COME = (schedules.c.claimed_by.is_(None), schedules.c.held_at.is_(None))


def figures() -> Figures:
    """How things stand now.

    Raises:
        Unavailable.
    """
    pending = schedules.c.status == text("'pending'")
    with reading() as connection:
        now = clock(connection)
        count, estimated = count_of(connection, select(schedules.c.id).where(pending))
        soonest = (
            select(schedules.c.id, schedules.c.cron_name, schedules.c.due_at)
            .where(pending, *_TO_COME)
            .order_by(schedules.c.due_at)
            .limit(1)
        )
        row = connection.execute(soonest).one_or_none()
        running, queued = _count(connection, "running"), _count(connection, "queued")
    return Figures(
        now=now,
        pending=count,
        pending_is_estimate=estimated,
        next=Upcoming(*row) if row else None,
        running=running,
        queued=queued,
        success_rate=_success_rate(now),
    )


def _count(connection: Connection, status: Status) -> int:
    # Written out, not bound: only then does the planner see that a partial index serves.
    return count_of(connection, select(executions.c.id).where(executions.c.status == text(f"'{status}'")))[0]


def _success_rate(now: datetime) -> float | None:
    ended = metrics.counts(Window(now - RATE_OVER, now, "UTC"), "execution")
    decided = ended.get("completed", 0) + ended.get("failed", 0)
    return ended.get("completed", 0) / decided if decided else None


def records(cron_names: Collection[str]) -> dict[str, Record]:
    """How each of the crons fared lately.

    Args:
        cron_names: names of crons, also of such as never ran.

    Returns:
        A record for each name.

    Raises:
        Unavailable.
    """
    found = {name: Record() for name in cron_names}
    if not found:
        return found
    names = func.unnest(cast(list(found), ARRAY(Text))).table_valued(column("name", Text), name="names")
    name = names.c.name
    recent = (
        select(
            executions.c.id,
            executions.c.status,
            executions.c.queued_at,
            executions.c.started_at,
            executions.c.finished_at,
        )
        .where(*all_of(name, executions.c.cron_name, executions.c.id))
        .order_by(executions.c.cron_name.desc(), executions.c.id.desc())
        .limit(STRIP_LENGTH)
        .lateral("recent")
    )
    soonest = (
        select(schedules.c.id, schedules.c.due_at)
        .where(
            schedules.c.status == text("'pending'"),
            *_TO_COME,
            *all_of(
                name, schedules.c.cron_name, schedules.c.due_at, (text("'-infinity'"), text("'infinity'"))
            ),
        )
        .order_by(schedules.c.cron_name, schedules.c.due_at, schedules.c.id)
        .limit(1)
        .lateral("soonest")
    )
    with reading() as connection:
        ran = select(names.c.name, recent).select_from(names.join(recent, true()))
        for row in connection.execute(ran.order_by(names.c.name, recent.c.id.desc())):
            found[row[0]].runs.append(Run(*row[1:]))
        due = select(soonest.c.id, names.c.name, soonest.c.due_at)
        for row in connection.execute(due.select_from(names.join(soonest, true()))):
            found[row[1]].next = Upcoming(*row)
    return found
