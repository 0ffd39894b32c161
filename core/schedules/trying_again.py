"""Try a failed schedule again by hand: a new one, due now, that leads to the one that failed."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Interval, Uuid, func, insert, literal, select, update

from core import events
from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import reading
from core.errors import Conflict, NotFound
from core.parameters import check
from core.schedules.reading import get
from core.schedules.records import COLUMNS, Schedule
from core.tables import schedules

_COPIED = ("cron_name", "parameters", "checked")


def try_again(actor: Actor, schedule_id: UUID) -> Schedule:
    """Plans what a failed schedule was to run once more, due now, with the same parameters.

    Of one failed schedule it is done once, however often and by however many it is asked for. Deadline and
    series stay with the failed one.

    Args:
        actor: who does it.
        schedule_id: the failed one.

    Returns:
        The new schedule; the same one for each further call.

    Raises:
        NotFound: there is none of that id, or its cron has left the catalogue.
        Invalid: its parameters no longer fit the cron's schema.
        Conflict: it has not failed.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    present = get(schedule_id)
    if present.status == "failed" and present.retried_by is None:
        check(present.parameters, catalogue().cron(present.cron_name).parameters)
    failed = (
        update(schedules)
        .where(
            schedules.c.id == schedule_id, schedules.c.status == "failed", schedules.c.retried_by.is_(None)
        )
        .values(retried_by=func.crondesk_uuid(type_=Uuid))
        .returning(schedules.c.id, schedules.c.retried_by, *(schedules.c[name] for name in _COPIED))
        .cte("failed")
    )
    # The database refuses what is not to come when it is made.
    soon = func.clock_timestamp() + literal(timedelta(milliseconds=1), Interval)
    made = (
        insert(schedules)
        .from_select(
            ["id", "retry_of", *_COPIED, "scheduled_at", "created_by"],
            select(
                failed.c.retried_by,
                failed.c.id,
                *(failed.c[name] for name in _COPIED),
                soon,
                literal(actor.name),
            ),
        )
        .returning(*COLUMNS)
        .cte("made")
    )
    details = events.object_of(
        retry_of=made.c.retry_of, retried_by=made.c.id, scheduled_at=made.c.scheduled_at
    )
    kind = "schedule.tried_again"
    told = [
        events.told(actor, kind, made, schedule_id=of, details=details, name=name)
        for name, of in (("told_of_it", made.c.id), ("told_of_the_failed", made.c.retry_of))
    ]
    with reading() as connection:
        row = connection.execute(select(made).add_cte(*told)).one_or_none()
    return Schedule(*row) if row is not None else _tried_before(schedule_id)


def _tried_before(schedule_id: UUID) -> Schedule:
    present = get(schedule_id)
    if present.retried_by is None:
        raise Conflict(f"id: only a failed schedule can be tried again, and this one is {present.status}")
    try:
        return get(present.retried_by)
    except NotFound:
        raise Conflict("id: the schedule was tried again long ago: plan the same once more") from None
