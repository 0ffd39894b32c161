"""Workers as the others see them: who lives, and since when one is silent."""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from core.database import reading
from core.settings import settings
from core.tables import schedules, workers

BEAT_SECONDS = 10
# A worker counts as gone when it has missed three beats and a bit.
BEATS_UNTIL_LOST = 3.5
# `living` in the statements of workers: w is the row of cron_workers, silent is lost_after_seconds().
LIVES = "w.stopped_at IS NULL AND w.beat_at > clock_timestamp() - make_interval(secs => %(silent)s)"


def lost_after_seconds() -> float:
    """How long a worker may be silent until it counts as gone, and its executions as lost."""
    return settings().lost_after_seconds


def beat_seconds() -> float:
    """How often a worker gives a sign of life."""
    return min(BEAT_SECONDS, lost_after_seconds() / BEATS_UNTIL_LOST)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process: a row of cron_workers.

    Attributes:
        beat_at: its last sign of life.
        ticked_at: when it last looked for due schedules.
        clock_offset_ms: the database's clock minus its own.
        slots: how many executions it runs at once at most.
    """

    name: str
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    ticked_at: datetime | None
    clock_offset_ms: float | None
    slots: int
    running: int
    catalogue_error: str | None


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether planned runs will fire.

    Attributes:
        now: the database's clock.
        alive: the workers that live, the freshest first.
        overdue: pending schedules that are due for over five seconds and nobody fires; counted to 1,000.
        last_beat_at: the last sign of life of any worker, also of one that is gone.
    """

    now: datetime
    alive: list[Worker]
    overdue: int
    last_beat_at: datetime | None


def living() -> ColumnElement[bool]:
    """What holds for a row of cron_workers whose worker lives: it has neither ended nor fallen silent."""
    silent = func.make_interval(0, 0, 0, 0, 0, 0, lost_after_seconds())
    return workers.c.stopped_at.is_(None) & (workers.c.beat_at > func.clock_timestamp() - silent)


def any_alive() -> bool:
    """Whether any worker lives.

    Raises:
        Unavailable.
    """
    with reading() as connection:
        return connection.execute(select(workers.c.name).where(living()).limit(1)).first() is not None


def pulse() -> Pulse:
    """The signs of life of all workers.

    Raises:
        Unavailable.
    """
    columns = [workers.c[field.name] for field in fields(Worker)]
    alive_ones = select(*columns).where(living()).order_by(workers.c.beat_at.desc())
    late = (
        select(schedules.c.id)
        .where(
            schedules.c.status == "pending",
            schedules.c.due_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 5),
        )
        .limit(1000)
        .subquery()
    )
    with reading() as connection:
        alive = [Worker(*row) for row in connection.execute(alive_ones)]
        now, overdue, last_beat_at = connection.execute(
            select(
                func.now(),
                select(func.count()).select_from(late).scalar_subquery(),
                select(func.max(workers.c.beat_at)).scalar_subquery(),
            )
        ).one()
    return Pulse(now, alive, overdue, last_beat_at)
