"""Plan executions, one or many; each verb is one statement, and the database decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import (
    Select,
    and_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from core import events
from core.actors import Actor, require
from core.catalogue import Cron, catalogue
from core.database import reading
from core.errors import Conflict, CrondeskError, Invalid
from core.instants import check_instant, past
from core.parameters import Parameters, check
from core.schedules.records import (
    COLUMNS,
    LATE_POLICIES,
    MAX_BATCH,
    MAX_NAME,
    LatePolicy,
    Plan,
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
    values = {
        "cron_name": cron.name,
        "scheduled_at": (instant := check_instant(scheduled_at)),
        "due_at": instant,
        "parameters": check({} if parameters is None else parameters, cron.parameters),
        "checked": cron.fingerprint,
        "created_by": _name(created_by, "createdBy") or actor.name,
        "idempotency_key": _name(idempotency_key, "Idempotency-Key"),
        "not_after": _deadline(not_after, instant, late_policy),
        "late_policy": late_policy,
    }
    given = {f"given_{name}": value for name, value in values.items()}
    try:
        with reading() as connection:
            row = connection.execute(_plan_one(), given | events.who(actor)).one_or_none()
    except IntegrityError as error:
        # A call that is repeated late may name an instant that has passed since the first.
        known = _planned_before(values)
        if known is None:
            raise refusal(error) from error
        return known
    known = Schedule(*row) if row is not None else _planned_before(values)
    if known is None:
        raise Conflict(KEY_USED)
    return known


@cache
def _plan_one() -> Select[Any]:
    # Built once: building it costs as much as all the rest that Python does for a plan.
    made = (
        insert(schedules)
        .values({name: bindparam(f"given_{name}", type_=schedules.c[name].type) for name in _PLANNED})
        .on_conflict_do_nothing(
            index_elements=[schedules.c.idempotency_key],
            index_where=schedules.c.idempotency_key.is_not(None),
        )
        .returning(*COLUMNS)
        .cte("made")
    )
    details = events.object_of(scheduled_at=made.c.scheduled_at)
    told = events.told(None, "schedule.created", made, schedule_id=made.c.id, details=details)
    return select(made).add_cte(told)


_PLANNED = (
    "cron_name",
    "scheduled_at",
    "due_at",
    "parameters",
    "checked",
    "created_by",
    "idempotency_key",
    "not_after",
    "late_policy",
)


def _planned_before(values: Mapping[str, Any]) -> Schedule | None:
    if values["idempotency_key"] is None:
        return None
    # Compared in the database: of numbers, it may keep more digits than Python's floats have.
    same = and_(*(schedules.c[name] == values[name] for name in ("cron_name", "scheduled_at", "parameters")))
    used = schedules.c.idempotency_key == values["idempotency_key"]
    with reading() as connection:
        row = connection.execute(select(*COLUMNS, same).where(used)).one_or_none()
    if row is None:
        return None
    if not row[-1]:
        raise Conflict(KEY_USED)
    return Schedule(*row[:-1])


def plan_many(actor: Actor, plans: Sequence[Plan], *, created_by: str | None = None) -> list[Schedule]:
    """Plans many executions in one transaction: all of them or none.

    Args:
        actor: who plans them.
        plans: 1 to 10,000 of them.
        created_by: in whose name; the actor's where it is not given.

    Returns:
        The schedules, in the order of the plans, with one batch_id.

    Raises:
        Invalid: some plan breaks a rule; the details name each by its place, as in 'items.3.scheduledAt: …'.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    if not 1 <= len(plans) <= MAX_BATCH:
        raise Invalid(f"items: must be 1 to {MAX_BATCH} schedules")
    crons = catalogue()
    checked: list[tuple[Plan, Cron]] = []
    problems: list[str] = []
    for place, item in enumerate(plans):
        try:
            cron = crons.cron(item.cron_name)
            check_instant(item.scheduled_at)
            check(item.parameters or {}, cron.parameters)
            checked.append((item, cron))
        except CrondeskError as error:
            problems += [f"items.{place}.{detail}" for detail in error.details or [error.message]]
            if len(problems) >= 100:
                break
    if problems:
        raise Invalid("items: nothing was planned, for some break a rule", problems)
    values = {
        "crons": [cron.name for _, cron in checked],
        "instants": [item.scheduled_at for item, _ in checked],
        "parameters": [psycopg.types.json.Jsonb(item.parameters or {}) for item, _ in checked],
        "fingerprints": [cron.fingerprint for _, cron in checked],
        "created_by": _name(created_by, "createdBy") or actor.name,
        "actor": actor.name,
        "role": actor.role,
        "via": actor.via,
    }
    try:
        with reading() as connection:
            rows = connection.exec_driver_sql(_PLAN_MANY, values).all()
    except IntegrityError as error:
        raise _past_ones(plans) from error
    return [Schedule(*row) for row in rows]


# %b: as text, each string of an array would be escaped by a regular expression.
_PLAN_MANY = f"""
WITH batch AS MATERIALIZED (
    SELECT crondesk_uuid() AS id
), made AS (
    INSERT INTO scheduled_cron_executions
        (cron_name, scheduled_at, due_at, parameters, checked, created_by, batch_id)
    SELECT cron_name, scheduled_at, scheduled_at, parameters, checked, %(created_by)s, batch.id
    FROM batch, unnest(%(crons)b::text[], %(instants)b::timestamptz[], %(parameters)b::jsonb[],
                       %(fingerprints)b::text[])
        WITH ORDINALITY AS item (cron_name, scheduled_at, parameters, checked, place)
    ORDER BY place
    RETURNING {", ".join(column.name for column in COLUMNS)}
), told AS (
    INSERT INTO cron_events (actor, role, via, kind, batch_id, details)
    SELECT %(actor)s, %(role)s, %(via)s, 'schedules.created', batch.id,
           jsonb_build_object('count', cardinality(%(crons)b::text[]))
    FROM batch
)
SELECT * FROM made
"""  # noqa: S608  the columns are our own


def _name(given: str | None, field: str) -> str | None:
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
    if check_instant(not_after, "notAfter") <= instant:
        raise Invalid("notAfter: must be later than scheduledAt")
    return not_after


def _past_ones(plans: Sequence[Plan]) -> Invalid:
    with reading() as connection:
        now = connection.execute(select(func.clock_timestamp())).scalar_one()
    late = [place for place, item in enumerate(plans) if item.scheduled_at <= now][:100]
    problems = [f"items.{place}.{past().message}" for place in late]
    return Invalid("items: nothing was planned, for some break a rule", problems)
