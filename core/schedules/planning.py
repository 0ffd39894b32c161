"""Plan executions, one or many; each verb is one statement, and the database decides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    and_,
    select,
)
from sqlalchemy.exc import IntegrityError

from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import reading
from core.errors import Conflict, Invalid
from core.instants import check_instant
from core.parameters import Parameters, checked_text
from core.schedules.records import (
    COLUMNS,
    LATE_POLICIES,
    MAX_NAME,
    LatePolicy,
    Schedule,
)
from core.schedules.refusals import refusal
from core.tables import schedules

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
        cron_name: a cron of the catalogue.
        scheduled_at: when; names its zone, and is to come by the database's clock.
        parameters: for this run; checked against the cron's schema, kept as given.
        created_by: in whose name; the actor's where it is not given.
        idempotency_key: a second call with the same key makes nothing and returns the first one's schedule.
        not_after: its deadline, where it could not fire in time.
        late_policy: what happens after the deadline: 'fire' it all the same, 'drop' it (it becomes
            failed, 'expired'), or 'ask' (it is held until a person decides).

    Returns:
        The schedule, pending.

    Raises:
        NotFound: no such cron.
        Invalid: the instant or the parameters break a rule.
        Conflict: the key was used for a different schedule.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    cron = catalogue().cron(cron_name)
    given = {} if parameters is None else parameters
    instant = check_instant(scheduled_at)
    values: dict[str, Any] = {
        "cron_name": cron.name,
        "scheduled_at": instant,
        "parameters": checked_text(given, cron.parameters),
        "checked": cron.fingerprint,
        "created_by": checked_name(created_by, "createdBy") or actor.name,
        "idempotency_key": checked_name(idempotency_key, "Idempotency-Key"),
        "not_after": _deadline(not_after, instant, late_policy),
        "late_policy": late_policy,
        "actor": actor.name,
        "role": actor.role,
        "via": actor.via,
    }
    try:
        with reading() as connection:
            row = connection.exec_driver_sql(_PLAN, values).one_or_none()
    except IntegrityError as error:
        # A call that is repeated late may name an instant that has passed since the first.
        known = _planned_before(values, given)
        if known is None:
            raise refusal(error) from error
        return known
    if row is not None:
        # What it was given the database need not send back.
        return Schedule(
            id=row[0],
            cron_name=cron.name,
            scheduled_at=instant,
            due_at=instant,
            parameters=given,
            created_by=values["created_by"],
            created_at=row[1],
            not_after=values["not_after"],
            late_policy=late_policy,
        )
    known = _planned_before(values, given)
    if known is None:
        raise Conflict(KEY_USED)
    return known


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


def _planned_before(values: Mapping[str, Any], parameters: Parameters) -> Schedule | None:
    if values["idempotency_key"] is None:
        return None
    # Compared in the database: of numbers, it may keep more digits than Python's floats have.
    same = and_(
        schedules.c.cron_name == values["cron_name"],
        schedules.c.scheduled_at == values["scheduled_at"],
        schedules.c.parameters == parameters,
    )
    used = schedules.c.idempotency_key == values["idempotency_key"]
    with reading() as connection:
        row = connection.execute(select(*COLUMNS, same).where(used)).one_or_none()
    if row is None:
        return None
    if not row[-1]:
        raise Conflict(KEY_USED)
    return Schedule(*row[:-1])


def checked_name(given: str | None, field: str) -> str | None:
    """Lets a name pass that people can read, or none.

    Raises:
        Invalid: it is empty, too long, or holds what cannot be printed.
    """
    if given is None:
        return None
    if not given.strip() or len(given) > MAX_NAME or not given.isprintable():
        raise Invalid(f"{field}: must be 1 to {MAX_NAME} printable characters")
    return given


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
