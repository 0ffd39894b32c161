"""Change, pause, resume and end series."""

from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from core import events
from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import changing, clock, reading
from core.errors import Conflict, Invalid
from core.parameters import Parameters, check
from core.schedules import LatePolicy
from core.schedules.records import FREE
from core.series.checking import check_to_come, checked, first_day
from core.series.occurrences import upcoming
from core.series.planning import plan_first, plan_missed
from core.series.reading import get, read_blackouts, touched
from core.series.records import COLUMNS, PREVIEWED, Missed, Series, Status
from core.tables import events as events_table
from core.tables import schedules
from core.tables import series as table
from core.undo import UNDOES

TURNED: dict[Status, str] = {"paused": "series.paused", "active": "series.resumed", "ended": "series.ended"}
_edit, _back = events_table.alias("edit"), events_table.alias("back")
# What has been moved or edited by hand, or has come and waits, is none of a change's business.
TO_COME = (
    schedules.c.scheduled_at == schedules.c.occurrence,
    schedules.c.scheduled_at > func.clock_timestamp(),
    ~exists().where(
        _edit.c.schedule_id == schedules.c.id,
        _edit.c.kind.in_(("schedule.edited", "schedule.moved_and_edited")),
        ~exists().where(
            _back.c.schedule_id == schedules.c.id,
            _back.c.details.op("->>")(literal(UNDOES, Text)) == cast(_edit.c.id, Text),
        ),
    ),
)


class Changes(TypedDict, total=False):
    """What can be different about a series, as `create` takes it; what is not given stays as it is."""

    parameters: Parameters
    pattern: Any
    timezone: str
    first: datetime | None
    repeat_until: datetime | None
    repeat_count: int | None
    excluded_dates: list[date]
    missed: Missed
    fire_within: timedelta | None
    late_policy: LatePolicy


def change(actor: Actor, series_id: UUID, **given: Unpack[Changes]) -> Series:
    """Changes what a series does from now on; what it has planned is planned anew.

    What somebody moved or edited by hand stays as it is, what somebody cancelled is not planned again, and
    what is due already, or was missed, runs as the series was. `repeat_count` counts from the first
    occurrence ever.

    Args:
        actor: who does it.
        series_id: which one.
        given: what shall be different.

    Returns:
        The series as it is now; a paused one is paused still. Where nothing differs, nothing is done.

    Raises:
        NotFound: there is none of that id, or its cron has left the catalogue.
        Invalid: something breaks a rule, nothing is given, or it would have no occurrence to come.
        Conflict: it has ended.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    present = get(series_id)
    values = _changed(present, given)
    with changing(actor) as connection:
        _keep_blackouts_out(connection)
        _make_up(connection, actor, series_id, values)
        changed = connection.execute(_writing(actor, present, values)).one_or_none()
        if changed is not None:
            if changed.status == "active":
                _cancel_pending(connection, actor, series_id, "series changed", *TO_COME)
            after = Series(*connection.execute(select(*COLUMNS).where(table.c.id == series_id)).one())
            periods, now = read_blackouts(connection, after.cron_name), clock(connection)
            check_to_come(after, periods, now, touched(connection, after, now))
            if after.status == "active":
                plan_first(connection, actor, after)
    present = get(series_id)
    if changed is None and present.status == "ended":
        raise Conflict("id: the series has ended; make a new one like it")
    return present


def preview_change(series_id: UUID, **given: Unpack[Changes]) -> list[datetime]:
    """The next instants of a series if it were changed so; the first ones that `change` would plan.

    Raises:
        NotFound, Invalid, Unavailable.
    """
    present = get(series_id)
    draft = replace(present, **_changed(present, given)) if given else present
    with reading() as connection:
        now = clock(connection)
        waiting = select(schedules.c.occurrence).where(schedules.c.series_id == series_id, FREE, *TO_COME)
        anew = set(connection.execute(waiting).scalars())
        kept = touched(connection, present, now) - anew
        periods = read_blackouts(connection, draft.cron_name)
    draft = replace(draft, last_occurrence=None, planned=draft.planned - len(anew))
    return list(islice(upcoming(draft, periods, now, kept), PREVIEWED))


def _changed(present: Series, given: Changes) -> dict[str, Any]:
    """The columns that are to be written."""
    if not given:
        raise Invalid("series: give what shall be different, such as repeatPattern or parameters")
    cron = catalogue().cron(present.cron_name)
    if "parameters" in given:
        check(given["parameters"], cron.parameters)
    draft = checked(replace(present, **given))
    values = {name: getattr(draft, name) for name in given}
    if draft.first != present.first:
        values["starts_on"] = first_day(draft.first or clock(), draft.timezone)
    return values


def _make_up(connection: Connection, actor: Actor, series_id: UUID, values: dict[str, Any]) -> None:
    """Plans what it has missed while no worker was there, as it is before the change."""
    behind = select(*COLUMNS).where(
        table.c.id == series_id,
        table.c.status == "active",
        table.c.last_occurrence < func.clock_timestamp(),
        _differs(values),
    )
    row = connection.execute(behind.with_for_update()).one_or_none()
    if row is not None:
        # What keeps it from being planned may be what is changed.
        with suppress(Invalid):
            plan_missed(connection, actor, Series(*row))


def _differs(values: dict[str, Any]) -> ColumnElement[bool]:
    return or_(*(table.c[name].is_distinct_from(value) for name, value in values.items()))


def _writing(actor: Actor, present: Series, values: dict[str, Any]) -> Select[tuple[Status]]:
    """The statement that writes a change and its event, where there is one, and gives the series' state."""
    old = (
        select(table.c.id, *(table.c[name] for name in values))
        .where(table.c.id == present.id, table.c.status != "ended", _differs(values))
        .with_for_update()
        .cte("old")
        .prefix_with("MATERIALIZED")
    )
    columns = [table.c[name] for name in values]
    before = {name: old.c[name].label(f"old_{name}") for name in values}
    changed = (
        update(table)
        .where(table.c.id == old.c.id)
        .values(
            **values,
            last_occurrence=func.clock_timestamp(),
            changed_at=func.clock_timestamp(),
            changed_by=actor.name,
            error_message=None,
        )
        .returning(table.c.id, table.c.cron_name, table.c.status, *columns, *before.values())
        .cte("changed")
    )
    was: dict[str, ColumnElement[Any]] = {name: changed.c[label.name] for name, label in before.items()}
    if "parameters" in was and catalogue().cron(present.cron_name).secrets:
        # As it was read: events are for ever, and a row from before may hold a secret in clear.
        was["parameters"] = literal(present.parameters, JSONB)
    details = {
        "series_id": changed.c.id,
        "from": events.object_of(**was),
        "to": events.object_of(**{name: changed.c[name] for name in values}),
    }
    told = events.told(actor, "series.changed", changed, details=events.object_of(**details))
    return select(changed.c.status).add_cte(told)


def pause(actor: Actor, series_id: UUID) -> Series:
    """Pauses a series: what it has pending is cancelled, and nothing is planned until it is resumed.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it is not active.
    """
    return _turn(actor, series_id, "active", "paused")


def resume(actor: Actor, series_id: UUID) -> Series:
    """Resumes a paused series from now on; what it would have done in the meantime is not made up for.

    Raises:
        NotFound, Forbidden, Unavailable.
        Invalid: its parameters do not fit the cron's schema of today.
        Conflict: it is not paused.
    """
    return _turn(actor, series_id, "paused", "active")


def end(actor: Actor, series_id: UUID) -> Series:
    """Ends a series for good: what it has pending is cancelled.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it has ended.
    """
    return _turn(actor, series_id, None, "ended")


def _turn(actor: Actor, series_id: UUID, before: Status | None, after: Status) -> Series:
    require(actor, "schedule")
    state = table.c.status == before if before else table.c.status != after
    changed = (
        update(table)
        .where(table.c.id == series_id, state)
        .values(status=after, last_occurrence=func.clock_timestamp(), error_message=None)
        .returning(*COLUMNS)
        .cte("changed")
    )
    told = events.told(actor, TURNED[after], changed, details=events.object_of(series_id=changed.c.id))
    with changing(actor) as connection:
        _keep_blackouts_out(connection)
        row = connection.execute(select(changed).add_cte(told)).one_or_none()
        if row is not None and after == "active":
            plan_first(connection, actor, Series(*row))
        elif row is not None:
            _cancel_pending(connection, actor, series_id, f"series {after}")
    present = get(series_id)
    if row is None:
        raise Conflict(f"id: the series is {present.status}")
    return present


def _keep_blackouts_out(connection: Connection) -> None:
    # Whoever changes blackouts locks schedules before series: they wait for one another here.
    connection.execute(select(func.pg_advisory_xact_lock_shared(func.crondesk_blackouts_lock())))


def _cancel_pending(
    connection: Connection, actor: Actor, series_id: UUID, reason: str, *conditions: ColumnElement[bool]
) -> None:
    cancelled = (
        update(schedules)
        .where(schedules.c.series_id == series_id, FREE, *conditions)
        .values(status="cancelled", claimed_by=None)
        .returning(schedules.c.id, schedules.c.cron_name)
        .cte("cancelled")
    )
    details = events.object_of(reason=literal(reason, Text))
    told = events.told(actor, "schedule.cancelled", cancelled, schedule_id=cancelled.c.id, details=details)
    count = len(connection.execute(select(cancelled).add_cte(told)).all())
    # They were planned and will not happen: they do not count towards repeat_count.
    connection.execute(update(table).where(table.c.id == series_id).values(planned=table.c.planned - count))
