"""Schedules: plan, find, move, cancel; each verb is one statement, and the database decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

import psycopg
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from core import events
from core.actors import Actor, require
from core.catalogue import Cron, catalogue
from core.database import changing, reading
from core.errors import Conflict, CrondeskError, Invalid, NotFound
from core.instants import check_instant, past
from core.paging import Page, check_limit, count_of, cursor_after, read_cursor
from core.parameters import Parameters, check
from core.tables import schedules

Status = Literal["pending", "triggered", "cancelled", "failed"]
LatePolicy = Literal["fire", "drop", "ask"]
LATE_POLICIES: tuple[LatePolicy, ...] = ("fire", "drop", "ask")
STATUSES: tuple[Status, ...] = ("pending", "triggered", "cancelled", "failed")
MAX_BATCH = 10_000
# What is held for a decision is due then: never, until somebody decides.
HELD_UNTIL = datetime(9999, 1, 1, tzinfo=UTC)
MAX_NAME = 200
KEY_USED = "Idempotency-Key: was already used for another schedule; choose a new one"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The intention to run a cron once at an instant: a row of scheduled_cron_executions."""

    id: UUID
    cron_name: str
    scheduled_at: datetime
    parameters: Parameters
    created_by: str | None
    created_at: datetime
    status: Status
    triggered_at: datetime | None
    triggered_execution_id: UUID | None
    error_message: str | None
    due_at: datetime
    claimed_by: str | None
    attempts: int
    batch_id: UUID | None
    not_after: datetime | None
    late_policy: LatePolicy
    held_at: datetime | None
    series_id: UUID | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall be planned; `scheduled_at` names its zone."""

    cron_name: str
    scheduled_at: datetime
    parameters: Parameters | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which schedules; None leaves a thing open.

    Attributes:
        since: planned for this instant or later.
        until: planned for before this instant.
        search: text within the cron's name, the parameters or who made it.
        batch_id: planned together in this batch.
        held: True for those that wait for a person to decide, since their deadline passed.
    """

    status: Status | None = None
    cron_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None
    batch_id: UUID | None = None
    held: bool | None = None


_COLUMNS = [schedules.c[field.name] for field in fields(Schedule)]
_FREE = and_(
    schedules.c.status == "pending",
    # The lease of a worker that died has ended: nobody is firing it.
    or_(schedules.c.claimed_by.is_(None), schedules.c.due_at <= func.clock_timestamp()),
)


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
            raise _refusal(error) from error
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
        .returning(*_COLUMNS)
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
        row = connection.execute(select(*_COLUMNS, same).where(used)).one_or_none()
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
    RETURNING {", ".join(column.name for column in _COLUMNS)}
), told AS (
    INSERT INTO cron_events (actor, role, via, kind, batch_id, details)
    SELECT %(actor)s, %(role)s, %(via)s, 'schedules.created', batch.id,
           jsonb_build_object('count', cardinality(%(crons)b::text[]))
    FROM batch
)
SELECT * FROM made
"""  # noqa: S608  the columns are our own


def get(schedule_id: UUID) -> Schedule:
    """The schedule of that id.

    Raises:
        NotFound, Unavailable.
    """
    with reading() as connection:
        row = connection.execute(select(*_COLUMNS).where(schedules.c.id == schedule_id)).one_or_none()
    if row is None:
        raise NotFound("id: there is no such schedule")
    return Schedule(*row)


def find(wanted: Filter, *, limit: int = 100, cursor: str | None = None) -> Page[Schedule]:
    """The schedules that match: pending ones next first, all others latest first.

    Args:
        wanted: which ones.
        limit: how many at most, 1 to 1000.
        cursor: of the page before.

    Raises:
        Invalid: the limit, the cursor or the status is none.
        Unavailable.
    """
    check_limit(limit)
    if wanted.status is not None and wanted.status not in STATUSES:
        raise Invalid(f"status: must be one of {', '.join(STATUSES)}")
    matching = select(*_COLUMNS).where(*conditions_of(wanted))
    ahead = wanted.status == "pending"
    key = schedules.c.due_at if ahead else schedules.c.scheduled_at
    page = matching.order_by(*((key, schedules.c.id) if ahead else (key.desc(), schedules.c.id.desc())))
    if cursor is not None:
        after, here = tuple_(*read_cursor(cursor)), tuple_(key, schedules.c.id)
        page = page.where(here > after if ahead else here < after)
    with reading() as connection:
        rows = [Schedule(*row) for row in connection.execute(page.limit(limit + 1))]
        count, estimated = count_of(connection, matching.with_only_columns(schedules.c.id))
    last = rows[limit - 1] if len(rows) > limit else None
    following = cursor_after(last.due_at if ahead else last.scheduled_at, last.id) if last else None
    return Page(rows[:limit], count, estimated, following)


def conditions_of(wanted: Filter) -> list[ColumnElement[bool]]:
    """The filter as conditions over the table of schedules."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        # Written out, not bound: only then does the planner see that a partial index serves.
        conditions.append(schedules.c.status == text(f"'{wanted.status}'"))
    if wanted.cron_name is not None:
        conditions.append(schedules.c.cron_name == wanted.cron_name)
    if wanted.since is not None:
        conditions.append(schedules.c.scheduled_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(schedules.c.scheduled_at < wanted.until)
    if wanted.search:
        searched = (
            schedules.c.cron_name,
            cast(schedules.c.parameters, Text),
            schedules.c.created_by,
        )
        conditions.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in searched)))
    if wanted.batch_id is not None:
        conditions.append(schedules.c.batch_id == wanted.batch_id)
    if wanted.held:
        # Their due_at is the year 9999: the index of pending ones finds them at its end.
        conditions += [schedules.c.due_at >= HELD_UNTIL, schedules.c.held_at.is_not(None)]
    elif wanted.held is not None:
        conditions.append(schedules.c.held_at.is_(None))
    return conditions


def cancel(actor: Actor, schedule_id: UUID) -> Schedule:
    """Cancels a schedule that nobody is firing yet: it will not fire.

    Returns:
        The schedule, cancelled.

    Raises:
        NotFound: there is none of that id.
        Conflict: it is being fired now, or is no longer pending.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    changed = (
        update(schedules)
        .where(schedules.c.id == schedule_id, _FREE)
        .values(status="cancelled", claimed_by=None)
        .returning(*_COLUMNS)
        .cte("changed")
    )
    told = events.told(actor, "schedule.cancelled", changed, schedule_id=changed.c.id)
    with reading() as connection:
        row = connection.execute(select(changed).add_cte(told)).one_or_none()
    if row is None:
        raise _too_late(get(schedule_id), "cancelled")
    return Schedule(*row)


def change(
    actor: Actor,
    schedule_id: UUID,
    *,
    scheduled_at: datetime | None = None,
    parameters: Parameters | None = None,
) -> Schedule:
    """Moves a schedule that nobody is firing yet, or gives it other parameters, or both.

    Args:
        actor: who does it.
        schedule_id: which one.
        scheduled_at: the new instant, to come; None leaves it.
        parameters: the new ones, whole; None leaves them.

    Returns:
        The schedule as it is now, pending.

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
        cron = catalogue().cron(get(schedule_id).cron_name)
        values |= {"parameters": check(parameters, cron.parameters), "checked": cron.fingerprint}
        kinds.append("schedule.edited")
    conditions = [schedules.c.id == schedule_id, _FREE]
    if scheduled_at is not None:
        conditions.append(func.clock_timestamp() < values["scheduled_at"])
    old = select(*_COLUMNS).where(*conditions).with_for_update().cte("old").prefix_with("MATERIALIZED")
    changed = (
        update(schedules)
        .where(schedules.c.id == old.c.id)
        .values(values)
        .returning(
            *_COLUMNS,
            old.c.scheduled_at.label("old_instant"),
            old.c.parameters.label("old_parameters"),
        )
        .cte("changed")
    )
    moved = {"from": changed.c.old_instant, "to": changed.c.scheduled_at} if scheduled_at else {}
    edited = {"old": changed.c.old_parameters, "new": changed.c.parameters} if parameters is not None else {}
    kind = kinds[0] if len(kinds) == 1 else "schedule.moved_and_edited"
    told = events.told(
        actor, kind, changed, schedule_id=changed.c.id, details=events.object_of(**moved, **edited)
    )
    statement = select(*(changed.c[column.name] for column in _COLUMNS)).add_cte(told)
    try:
        with reading() as connection:
            row = connection.execute(statement).one_or_none()
    except IntegrityError as error:
        raise _refusal(error) from error
    if row is None:
        present = get(schedule_id)
        if present.status == "pending" and present.claimed_by is None and scheduled_at is not None:
            raise past()
        raise _too_late(present, "changed")
    return Schedule(*row)


def decide(actor: Actor, schedule_id: UUID, *, fire: bool) -> Schedule:
    """Answers for a schedule that is held because its deadline passed: fire it now, or drop it.

    Raises:
        NotFound: there is none of that id.
        Conflict: it is not held.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    values: dict[str, Any] = (
        {"held_at": None, "late_policy": "fire", "due_at": func.clock_timestamp(), "error_message": None}
        if fire
        else {"held_at": None, "status": "failed", "error_message": f"expired: dropped by {actor.name}"}
    )
    held = (schedules.c.status == "pending", schedules.c.held_at.is_not(None))
    changed = (
        update(schedules)
        .where(schedules.c.id == schedule_id, *held)
        .values(values)
        .returning(*_COLUMNS)
        .cte("changed")
    )
    kind = "schedule.released" if fire else "schedule.expired"
    told = events.told(actor, kind, changed, schedule_id=changed.c.id)
    with reading() as connection:
        row = connection.execute(select(changed).add_cte(told)).one_or_none()
    if row is None:
        raise Conflict(f"id: the schedule is {get(schedule_id).status} and waits for no decision")
    return Schedule(*row)


def mark_triggered(actor: Actor, schedule_id: UUID, execution_id: UUID) -> Schedule:
    """Settles a schedule that a worker of another make has fired; a second call changes nothing.

    Args:
        execution_id: the run that it made, wherever that is kept.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it was settled otherwise before.
    """
    call = select(func.mark_scheduled_cron_triggered(schedule_id, execution_id))
    return _settle(actor, schedule_id, call, "triggered")


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


def _too_late(schedule: Schedule, verb: str) -> Conflict:
    if schedule.status == "pending":
        return Conflict(f"id: too late, the schedule is being fired now and can no longer be {verb}")
    return Conflict(f"id: the schedule is {schedule.status} already and can no longer be {verb}")


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


def _refusal(error: IntegrityError) -> CrondeskError:
    if isinstance(error.orig, psycopg.errors.CheckViolation):
        return past()
    raise error


def _past_ones(plans: Sequence[Plan]) -> Invalid:
    with reading() as connection:
        now = connection.execute(select(func.clock_timestamp())).scalar_one()
    late = [place for place, item in enumerate(plans) if item.scheduled_at <= now][:100]
    problems = [f"items.{place}.{past().message}" for place in late]
    return Invalid("items: nothing was planned, for some break a rule", problems)
