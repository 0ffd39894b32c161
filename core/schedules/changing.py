"""Cancel, move and edit schedules, and decide about held ones; nothing fires meanwhile."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from core import events
from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import reading
from core.errors import Conflict, Invalid
from core.instants import check_instant, past
from core.parameters import Parameters, check
from core.schedules.reading import get
from core.schedules.records import COLUMNS, FREE, Changed, Schedule
from core.schedules.refusals import refusal
from core.tables import schedules


def cancel(actor: Actor, schedule_id: UUID) -> Changed:
    """Cancels a schedule that nobody is firing yet: it will not fire.

    Returns:
        The schedule, cancelled, with what takes that back.

    Raises:
        NotFound: there is none of that id.
        Conflict: it is being fired now, or is no longer pending.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    changed = (
        update(schedules)
        .where(schedules.c.id == schedule_id, FREE)
        .values(status="cancelled", claimed_by=None)
        .returning(*COLUMNS)
        .cte("changed")
    )
    told = events.told(actor, "schedule.cancelled", changed, schedule_id=changed.c.id)
    with reading() as connection:
        row: Any = connection.execute(select(changed, _event_of(told))).one_or_none()
    if row is None:
        raise _too_late(get(schedule_id), "cancelled")
    return Changed(*row[:-1], event_id=row[-1])


def change(
    actor: Actor,
    schedule_id: UUID,
    *,
    scheduled_at: datetime | None = None,
    parameters: Parameters | None = None,
) -> Changed:
    """Moves a schedule that nobody is firing yet, or gives it other parameters, or both.

    Args:
        actor: who does it.
        schedule_id: which one.
        scheduled_at: the new instant, to come; None leaves it.
        parameters: the new ones, whole; None leaves them.

    Returns:
        The schedule as it is now, pending, with what takes the change back.

    Raises:
        NotFound: there is none of that id, or its cron has left the catalogue.
        Invalid: the instant or the parameters break a rule, or neither is given.
        Conflict: it is being fired now, or is no longer pending.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    if scheduled_at is None and parameters is None:
        raise Invalid("scheduledAt, parameters: give at least one of them")
    values: dict[str, Any] = {"claimed_by": None}
    kinds: list[str] = []
    if scheduled_at is not None:
        instant = check_instant(scheduled_at)
        values |= {"scheduled_at": instant, "due_at": instant, "held_at": None, "error_message": None}
        # The deadline says how late it may be: it moves along.
        values["not_after"] = schedules.c.not_after + (literal(instant) - schedules.c.scheduled_at)
        kinds.append("schedule.moved")
    if parameters is not None:
        present = get(schedule_id)
        cron = catalogue().cron(present.cron_name)
        values |= {"parameters": check(parameters, cron.parameters), "checked": cron.fingerprint}
        kinds.append("schedule.edited")
    conditions = [schedules.c.id == schedule_id, FREE]
    if scheduled_at is not None:
        conditions.append(func.clock_timestamp() < values["scheduled_at"])
    old = select(*COLUMNS).where(*conditions).with_for_update().cte("old").prefix_with("MATERIALIZED")
    changed = (
        update(schedules)
        .where(schedules.c.id == old.c.id)
        .values(values)
        .returning(
            *COLUMNS,
            old.c.scheduled_at.label("old_instant"),
            old.c.parameters.label("old_parameters"),
        )
        .cte("changed")
    )
    moved = {"from": changed.c.old_instant, "to": changed.c.scheduled_at} if scheduled_at else {}
    edited = {"old": changed.c.old_parameters, "new": changed.c.parameters} if parameters is not None else {}
    if parameters is not None and cron.secrets:
        # As it was read: events are for ever, and a row from before may hold a secret in clear.
        edited["old"] = literal(present.parameters, JSONB)
    kind = kinds[0] if len(kinds) == 1 else "schedule.moved_and_edited"
    told = events.told(
        actor, kind, changed, schedule_id=changed.c.id, details=events.object_of(**moved, **edited)
    )
    statement = select(*(changed.c[column.name] for column in COLUMNS), _event_of(told))
    try:
        with reading() as connection:
            row: Any = connection.execute(statement).one_or_none()
    except IntegrityError as error:
        raise refusal(error) from error
    if row is None:
        present = get(schedule_id)
        if present.status == "pending" and present.claimed_by is None and scheduled_at is not None:
            raise past()
        raise _too_late(present, "changed")
    return Changed(*row[:-1], event_id=row[-1])


def decide(actor: Actor, schedule_id: UUID, *, fire: bool) -> Schedule:
    """Answers for a schedule that is held because its deadline passed: fire it now, or drop it.

    Raises:
        NotFound: there is none of that id.
        Conflict: it is not held.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    values: dict[str, Any] = (
        {
            "held_at": None,
            "late_policy": "fire",
            "due_at": func.clock_timestamp(),
            "error_message": None,
            "attempts_before": schedules.c.attempts,
            "conflicts": 0,
            "failures": 0,
        }
        if fire
        else {"held_at": None, "status": "failed", "error_message": _dropped_by(actor)}
    )
    held = (schedules.c.status == "pending", schedules.c.held_at.is_not(None))
    changed = (
        update(schedules)
        .where(schedules.c.id == schedule_id, *held)
        .values(values)
        .returning(*COLUMNS)
        .cte("changed")
    )
    kind = "schedule.released" if fire else "schedule.expired"
    told = events.told(actor, kind, changed, schedule_id=changed.c.id)
    with reading() as connection:
        row = connection.execute(select(changed).add_cte(told)).one_or_none()
    if row is None:
        raise Conflict(f"id: the schedule is {get(schedule_id).status} and waits for no decision")
    return Schedule(*row)


def _dropped_by(actor: Actor) -> ColumnElement[str]:
    dropped = literal(f"expired: dropped by {actor.name}")
    # What did fire and failed keeps its own error.
    failed = func.substring(schedules.c.error_message, r"\d+ attempts? failed.*")
    return func.concat_ws("; ", dropped, failed)


def _event_of(told: CTE) -> ColumnElement[int]:
    return select(told.c.id).scalar_subquery()


def _too_late(schedule: Schedule, verb: str) -> Conflict:
    if schedule.status == "pending":
        return Conflict(f"id: too late, the schedule is being fired now and can no longer be {verb}")
    return Conflict(f"id: the schedule is {schedule.status} already and can no longer be {verb}")
