"""Pause, resume and end series."""

from uuid import UUID

from sqlalchemy import Connection, func, select, update

from core import events
from core.actors import Actor, require
from core.database import changing
from core.errors import Conflict
from core.schedules.records import FREE
from core.series.planning import plan_first
from core.series.reading import get
from core.series.records import COLUMNS, Series, Status
from core.tables import schedules
from core.tables import series as table


def pause(actor: Actor, series_id: UUID) -> Series:
    """Pauses a series: what it has pending is cancelled, and nothing is planned until it is resumed.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it is not active.
    """
    return _change(actor, series_id, "active", "paused", "series.paused")


def resume(actor: Actor, series_id: UUID) -> Series:
    """Resumes a paused series from now on; what it would have done in the meantime is not made up for.

    Raises:
        NotFound, Forbidden, Unavailable.
        Invalid: its parameters do not fit the cron's schema of today.
        Conflict: it is not paused.
    """
    return _change(actor, series_id, "paused", "active", "series.resumed")


def end(actor: Actor, series_id: UUID) -> Series:
    """Ends a series for good: what it has pending is cancelled.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it has ended.
    """
    return _change(actor, series_id, None, "ended", "series.ended")


def _change(actor: Actor, series_id: UUID, before: Status | None, after: Status, kind: str) -> Series:
    require(actor, "schedule")
    state = table.c.status == before if before else table.c.status != after
    changed = (
        update(table)
        .where(table.c.id == series_id, state)
        .values(status=after, last_occurrence=func.clock_timestamp(), error_message=None)
        .returning(*COLUMNS)
        .cte("changed")
    )
    told = events.told(actor, kind, changed, details=events.object_of(series_id=changed.c.id))
    with changing(actor) as connection:
        # Whoever changes blackouts locks schedules before series: they wait for one another here.
        connection.execute(select(func.pg_advisory_xact_lock_shared(func.crondesk_blackouts_lock())))
        row = connection.execute(select(changed).add_cte(told)).one_or_none()
        if row is not None and after == "active":
            plan_first(connection, actor, Series(*row))
        elif row is not None:
            _cancel_pending(connection, actor, series_id)
    present = get(series_id)
    if row is None:
        raise Conflict(f"id: the series is {present.status}")
    return present


def _cancel_pending(connection: Connection, actor: Actor, series_id: UUID) -> None:
    cancelled = (
        update(schedules)
        .where(
            schedules.c.series_id == series_id,
            FREE,
        )
        .values(status="cancelled", claimed_by=None)
        .returning(schedules.c.id, schedules.c.cron_name)
        .cte("cancelled")
    )
    told = events.told(actor, "schedule.cancelled", cancelled, schedule_id=cancelled.c.id)
    count = len(connection.execute(select(cancelled).add_cte(told)).all())
    # They were planned and will not happen: they do not count towards repeat_count.
    connection.execute(update(table).where(table.c.id == series_id).values(planned=table.c.planned - count))
