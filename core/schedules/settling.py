"""Settle schedules that workers of other makes have fired."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    Select,
    func,
    select,
)

from core.actors import Actor, require
from core.database import changing, reading
from core.errors import Conflict, Invalid
from core.schedules.reading import get
from core.schedules.records import Schedule, Status
from core.tables import schedules


def mark_triggered(actor: Actor, schedule_id: UUID, execution_id: UUID) -> Schedule:
    """Settles a schedule that a worker of another make has fired; a second call changes nothing.

    Args:
        execution_id: the run that it made, wherever that is kept.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it was settled otherwise before.
    """
    call = select(func.mark_scheduled_cron_triggered(schedule_id, execution_id))
    settled = _settle(actor, schedule_id, call, "triggered")
    # Of an execution that is not in this database only execution_id tells; of one that was deleted, neither.
    made = select(schedules.c.execution_id, schedules.c.triggered_execution_id)
    with reading() as connection:
        known = connection.execute(made.where(schedules.c.id == schedule_id)).one_or_none()
    if known is not None and any(known) and execution_id not in known:
        raise Conflict("executionId: the schedule was triggered before, by another execution")
    return settled


def mark_failed(actor: Actor, schedule_id: UUID, error: str) -> Schedule:
    """Writes down that a worker of another make could not fire a schedule, and why.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it was settled otherwise before.
    """
    if "\x00" in error:
        raise Invalid("error: contains a NUL byte")
    return _settle(actor, schedule_id, select(func.mark_scheduled_cron_failed(schedule_id, error)), "failed")


def _settle(actor: Actor, schedule_id: UUID, call: Select[Any], outcome: Status) -> Schedule:
    require(actor, "settle")
    with changing(actor) as connection:
        connection.execute(call)
    schedule = get(schedule_id)
    if schedule.status != outcome:
        raise Conflict(f"id: the schedule is {schedule.status} already, not pending")
    return schedule
