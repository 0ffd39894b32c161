"""What tests of series do as a worker would, and how they let time pass: by data."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import psycopg

from core import advancing, firing, schedules
from core.actors import Actor
from core.catalogue import catalogue
from core.lane import Lane
from core.schedules import Schedule
from core.series import Series
from tests.asynchronous import finish

Result = TypeVar("Result")
ALICE = Actor("alice", "operator", "dashboard")
DAILY = {"kind": "daily", "at": "09:00"}
EACH_MINUTE = {"kind": "cron", "expression": "* * * * *"}


def pending_of(made: Series) -> list[Schedule]:
    found = schedules.find(schedules.Filter(status="pending"), limit=1000).rows
    return [one for one in found if one.series_id == made.id]


def as_worker(url: str, act: Callable[[Lane], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        lane = Lane(url, "test")
        try:
            return await act(lane)
        finally:
            await lane.close()

    return finish(run())


def plan_next(url: str, worker: str = "w") -> int:
    return as_worker(url, lambda lane: advancing.plan_next(lane, worker))


def catch_up(url: str, worker: str = "w") -> None:
    as_worker(url, lambda lane: advancing.catch_up(lane, worker))


def decide_late(url: str, worker: str = "w") -> int:
    return as_worker(url, lambda lane: advancing.decide_late(lane, worker))


def fire(url: str, *names: str, slots: int = 0) -> list[firing.Fired]:
    """Fires what is due of these crons, as a worker does after it has caught up."""
    crons = [catalogue().cron(name) for name in names]
    return as_worker(url, lambda lane: firing.fire(lane, "w", crons, limit=500, slots=slots, told=500))


def miss(database: psycopg.Connection, schedule_id: UUID, hours: float, series_id: UUID) -> None:
    """Lets the occurrence of a series lie in the past, as if no worker had been there."""
    database.execute("ALTER TABLE scheduled_cron_executions DISABLE TRIGGER USER")
    back = timedelta(hours=hours)
    database.execute(
        "UPDATE scheduled_cron_executions "
        "SET created_at = created_at - %s, scheduled_at = scheduled_at - %s, "
        "due_at = due_at - %s, occurrence = occurrence - %s, not_after = not_after - %s WHERE id = %s",
        (back * 2, back, back, back, back, schedule_id),
    )
    database.execute(
        "UPDATE cron_series SET last_occurrence = last_occurrence - %s WHERE id = %s", (back, series_id)
    )
    database.execute("ALTER TABLE scheduled_cron_executions ENABLE TRIGGER USER")


def series_is_behind(database: psycopg.Connection, series_id: UUID, back: timedelta) -> None:
    """Nothing has been planned for so long, and nothing waits."""
    database.execute("DELETE FROM scheduled_cron_executions WHERE series_id = %s", (series_id,))
    database.execute(
        "UPDATE cron_series SET last_occurrence = date_trunc('minute', now()) - %s WHERE id = %s",
        (back, series_id),
    )


def rows_of(database: psycopg.Connection, series_id: UUID, status: str = "pending") -> list[datetime]:
    """The occurrences of a series in that state, in the order in which they are due."""
    found = database.execute(
        "SELECT occurrence FROM scheduled_cron_executions WHERE series_id = %s AND status = %s "
        "ORDER BY due_at",
        (series_id, status),
    ).fetchall()
    return [row[0] for row in found]
