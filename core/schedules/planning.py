"""Plan executions one by one; those that are wanted at the same time in one statement, each for itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    and_,
    select,
)
from sqlalchemy.exc import IntegrityError

from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import reading
from core.errors import Conflict, Invalid, Unavailable
from core.instants import check_instant
from core.names import checked_name
from core.parameters import Parameters, checked_text
from core.schedules.records import (
    COLUMNS,
    LATE_POLICIES,
    LatePolicy,
    OwnPlan,
    Schedule,
)
from core.schedules.refusals import refusal
from core.tables import schedules

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

KEY_USED = "Idempotency-Key: was already used for another schedule; choose a new one"


def plan(
    actor: Actor,
    cron_name: str,
    scheduled_at: datetime,
    parameters: Parameters | None = None,
    *,
    created_by: str | None = None,
    idempotency_key: str | None = None,
    not_after: datetime | None = None,
    late_policy: LatePolicy = "fire",
) -> Schedule:
    """Plans one execution.

    Args:
        actor: who plans it.
        cron_name: this and the others as in OwnPlan, but for the key.
        scheduled_at: when.
        parameters: for this run.
        created_by: in whose name.
        idempotency_key: a second call with the same key makes nothing and returns the first one's schedule.
        not_after: its deadline.
        late_policy: what happens after the deadline.

    Returns:
        The schedule, pending.

    Raises:
        NotFound: no such cron.
        Invalid: the instant or the parameters break a rule.
        Conflict: the key was used for a different schedule.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    wanted = OwnPlan(
        cron_name,
        scheduled_at,
        parameters,
        created_by=created_by,
        not_after=not_after,
        late_policy=late_policy,
    )
    return _alone(actor, _checked(actor, wanted, idempotency_key))


def plan_each(actor: Actor, plans: Sequence[OwnPlan]) -> list[Schedule | Exception]:
    """Plans executions that have nothing to do with one another: what can be planned, in one statement.

    Without idempotency keys, for which one would wait while another transaction holds the same.

    Args:
        actor: who plans them.
        plans: any number of them.

    Returns:
        Of each, in their order, what `plan` would return or raise.

    Raises:
        Forbidden.
    """
    require(actor, "schedule")
    rows = [_outcome(partial(_checked, actor), wanted) for wanted in plans]
    fit = [row for row in rows if isinstance(row, _Row)]
    outcomes = iter(_together(actor, fit))
    return [next(outcomes) if isinstance(row, _Row) else row for row in rows]


@dataclass(frozen=True, slots=True)
class _Row:
    """What is written of a plan that keeps all rules."""

    parameters: Parameters
    values: dict[str, Any]


def _checked(actor: Actor, wanted: OwnPlan, idempotency_key: str | None = None) -> _Row:
    cron = catalogue().cron(wanted.cron_name)
    given = {} if wanted.parameters is None else wanted.parameters
    instant = check_instant(wanted.scheduled_at)
    values = {
        "cron_name": cron.name,
        "scheduled_at": instant,
        "parameters": checked_text(given, cron.parameters),
        "checked": cron.fingerprint,
        "created_by": checked_name(wanted.created_by, "createdBy") or actor.name,
        "idempotency_key": checked_name(idempotency_key, "Idempotency-Key"),
        "not_after": _deadline(wanted.not_after, instant, wanted.late_policy),
        "late_policy": wanted.late_policy,
    }
    return _Row(given, values)


def _together(actor: Actor, rows: Sequence[_Row]) -> list[Schedule | Exception]:
    alone = partial(_alone, actor)
    if len(rows) <= 1:
        return [_outcome(alone, row) for row in rows]
    try:
        columns = {name: [row.values[name] for row in rows] for name in _COLUMNS_OF_EACH}
        with reading() as connection:
            made = connection.exec_driver_sql(_PLAN_EACH, {**columns, **_told_of(actor)}).all()
    except Unavailable as error:
        return [error] * len(rows)
    except (IntegrityError, Invalid):
        # Nothing was written. By itself each is told what is wrong with it, and takes no other with it.
        return [_outcome(alone, row) for row in rows]
    known = {place: (schedule_id, created_at) for place, schedule_id, created_at in made}
    return [
        _schedule(row, *known[place]) if place in known else _outcome(alone, row)
        for place, row in enumerate(rows, 1)
    ]


def _alone(actor: Actor, row: _Row) -> Schedule:
    try:
        with reading() as connection:
            made = connection.exec_driver_sql(_PLAN, {**row.values, **_told_of(actor)}).one_or_none()
    except IntegrityError as error:
        # A call that is repeated late may name an instant that has passed since the first.
        known = _planned_before(row)
        if known is None:
            raise refusal(error) from error
        return known
    if made is not None:
        return _schedule(row, *made)
    known = _planned_before(row)
    if known is None:
        raise Conflict(KEY_USED)
    return known


def _told_of(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "role": actor.role, "via": actor.via}


def _outcome(call: Callable[[_Given], _Made], given: _Given) -> _Made | Exception:
    """What a call returns or raises: of many, one that fails must not hide what became of the others."""
    try:
        return call(given)
    except Exception as error:  # noqa: BLE001  it is told to whom it concerns
        return error


_PLAN = """
WITH made AS (
    INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, parameters, checked, created_by,
        idempotency_key, not_after, late_policy)
    VALUES (%(cron_name)s, %(scheduled_at)s, %(scheduled_at)s, %(parameters)s::jsonb, %(checked)s,
        %(created_by)s, %(idempotency_key)s, %(not_after)s, %(late_policy)s)
    ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id, created_at, cron_name, scheduled_at
), told AS (
    INSERT INTO cron_events (actor, role, via, kind, schedule_id, cron_name, details)
    SELECT %(actor)s, %(role)s, %(via)s, 'schedule.created', id, cron_name,
           jsonb_build_object('scheduled_at', scheduled_at)
    FROM made
)
SELECT id, created_at FROM made
"""
# Of many, those that are to come; for one, this would take a quarter longer than the statement above.
_PLAN_EACH = """
WITH wanted AS MATERIALIZED (
    SELECT crondesk_uuid() AS id, each.* FROM unnest(
        %(cron_name)s::text[], %(scheduled_at)s::timestamptz[], %(parameters)s::text[], %(checked)s::text[],
        %(created_by)s::text[], %(not_after)s::timestamptz[], %(late_policy)s::text[]
    ) WITH ORDINALITY AS each (cron_name, scheduled_at, parameters, checked, created_by,
                               not_after, late_policy, place)
), made AS (
    INSERT INTO scheduled_cron_executions (id, cron_name, scheduled_at, due_at, parameters, checked,
        created_by, not_after, late_policy)
    SELECT id, cron_name, scheduled_at, scheduled_at, parameters::jsonb, checked,
           created_by, not_after, late_policy
    FROM wanted WHERE scheduled_at > now()
    RETURNING id, created_at
), told AS (
    INSERT INTO cron_events (actor, role, via, kind, schedule_id, cron_name, details)
    SELECT %(actor)s, %(role)s, %(via)s, 'schedule.created', id, cron_name,
           jsonb_build_object('scheduled_at', scheduled_at)
    FROM wanted JOIN made USING (id)
)
SELECT place, id, created_at FROM wanted JOIN made USING (id)
"""
_COLUMNS_OF_EACH = (
    "cron_name",
    "scheduled_at",
    "parameters",
    "checked",
    "created_by",
    "not_after",
    "late_policy",
)


def _schedule(row: _Row, schedule_id: UUID, created_at: datetime) -> Schedule:
    # What it was given the database need not send back.
    values = row.values
    return Schedule(
        id=schedule_id,
        cron_name=values["cron_name"],
        scheduled_at=values["scheduled_at"],
        due_at=values["scheduled_at"],
        parameters=row.parameters,
        created_by=values["created_by"],
        created_at=created_at,
        not_after=values["not_after"],
        late_policy=values["late_policy"],
    )


def _planned_before(row: _Row) -> Schedule | None:
    values = row.values
    if values["idempotency_key"] is None:
        return None
    # Compared in the database: of numbers, it may keep more digits than Python's floats have.
    same = and_(
        schedules.c.cron_name == values["cron_name"],
        schedules.c.scheduled_at == values["scheduled_at"],
        schedules.c.parameters == row.parameters,
    )
    used = schedules.c.idempotency_key == values["idempotency_key"]
    with reading() as connection:
        known = connection.execute(select(*COLUMNS, same).where(used)).one_or_none()
    if known is None:
        return None
    if not known[-1]:
        raise Conflict(KEY_USED)
    return Schedule(*known[:-1])


def _deadline(not_after: datetime | None, instant: datetime, late_policy: LatePolicy) -> datetime | None:
    if late_policy not in LATE_POLICIES:
        raise Invalid(f"latePolicy: must be one of {', '.join(LATE_POLICIES)}")
    if not_after is None:
        if late_policy != "fire":
            raise Invalid("notAfter: must be given with latePolicy drop or ask")
        return None
    deadline = check_instant(not_after, "notAfter")
    if deadline <= instant:
        raise Invalid("notAfter: must be later than scheduledAt")
    return deadline
