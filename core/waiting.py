"""Why something that is planned or queued has not run yet, read from the rows as they are now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, func, or_, select, text

from core.catalogue import catalogue
from core.database import reading
from core.executions import UNFINISHED, Execution
from core.schedules import Schedule
from core.tables import executions, workers
from core.workers import living, lost_after_seconds

Reason = Literal[
    "not_due",
    "held",
    "unknown_cron",
    "firing",
    "earlier_run",
    "retry",
    "no_worker",
    "lease",
    "no_place",
    "soon",
    "silent",
    "stopping",
]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why something has not run yet, or has not ended.

    Attributes:
        reason: 'not_due' (its instant `at` is to come), 'held' (a person must decide), 'unknown_cron'
            (the catalogue lacks its cron), 'firing' (`worker` has claimed it until `at`), 'earlier_run'
            (`execution_id` must end first; tried again at `at`), 'retry' (tried again at `at`),
            'no_worker' (none is alive), 'lease' (`worker` had claimed it and fell silent), 'no_place'
            (all `places` of the workers are taken), 'soon' (a worker takes it next), 'silent' (`worker`
            has given no sign of life since `at`), or 'stopping' (its end was asked for).
        now: the database's clock.
        worker_alive: whether any worker is.
    """

    reason: Reason
    now: datetime
    worker_alive: bool
    at: datetime | None = None
    worker: str | None = None
    execution_id: UUID | None = None
    places: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Workers:
    now: datetime
    alive: int
    places: int
    running: int


def why_not_yet(schedule: Schedule) -> Waiting | None:
    """Why a pending schedule has not run yet; None for one that is settled.

    Raises:
        Unavailable.
    """
    if schedule.status != "pending":
        return None
    with reading() as connection:
        state = _workers(connection)
        earlier = _earlier_run(connection, schedule) if schedule.attempts else None
    told: dict[str, Any] = {"now": state.now, "worker_alive": state.alive > 0}
    if schedule.held_at is not None:
        return Waiting("held", at=schedule.held_at, **told)
    if schedule.cron_name not in catalogue().crons:
        return Waiting("unknown_cron", at=schedule.due_at, **told)
    due = schedule.due_at <= state.now
    if schedule.claimed_by is not None and not due:
        return Waiting("firing", at=schedule.due_at, worker=schedule.claimed_by, **told)
    if not due and schedule.attempts:
        if earlier is not None:
            return Waiting("earlier_run", at=schedule.due_at, execution_id=earlier, **told)
        return Waiting("retry", at=schedule.due_at, error=schedule.error_message, **told)
    if not due:
        return Waiting("not_due", at=schedule.due_at, **told)
    if not state.alive:
        return Waiting("no_worker", at=schedule.due_at, **told)
    if schedule.claimed_by is not None:
        return Waiting("lease", at=schedule.due_at, worker=schedule.claimed_by, **told)
    return Waiting("soon", at=schedule.due_at, **told)


def why_not_ended(run: Execution) -> Waiting | None:
    """Why a queued execution has not begun, or a running one may not end; None where all is well.

    Raises:
        Unavailable.
    """
    if run.status not in UNFINISHED:
        return None
    with reading() as connection:
        state = _workers(connection)
        lives = connection.execute(
            select(func.count()).where(workers.c.name == run.worker, living())
        ).scalar_one()
    told: dict[str, Any] = {"now": state.now, "worker_alive": state.alive > 0}
    if run.status == "running":
        silent = timedelta(seconds=lost_after_seconds())
        if not lives and run.heartbeat_at is not None and run.heartbeat_at < state.now - silent:
            return Waiting("silent", at=run.heartbeat_at, worker=run.worker, **told)
        if run.cancel_requested_at is not None:
            return Waiting("stopping", at=run.cancel_requested_at, worker=run.worker, **told)
        return None
    if run.cron_name not in catalogue().crons:
        return Waiting("unknown_cron", at=run.queued_at, **told)
    if not state.alive:
        return Waiting("no_worker", at=run.queued_at, **told)
    if state.running >= state.places:
        return Waiting("no_place", at=run.queued_at, places=state.places, **told)
    return Waiting("soon", at=run.queued_at, **told)


def _workers(connection: Connection) -> _Workers:
    # What runs is counted itself: the workers' own count is as old as their last sign of life.
    running = (
        select(func.count())
        .where(executions.c.status == text("'running'"), executions.c.status.in_(UNFINISHED))
        .scalar_subquery()
    )
    slots = func.coalesce(func.sum(workers.c.slots), 0)
    counted = select(func.clock_timestamp(), func.count(), slots, running).select_from(workers)
    now, alive, places, begun = connection.execute(counted.where(living())).one()
    return _Workers(now, alive, places, begun)


def _earlier_run(connection: Connection, schedule: Schedule) -> UUID | None:
    unfinished = or_(*(executions.c.status == text(f"'{status}'") for status in UNFINISHED))
    earlier = select(executions.c.id).where(
        executions.c.cron_name == schedule.cron_name, executions.c.exclusive, unfinished
    )
    return connection.execute(earlier.limit(1)).scalar()
