"""Executions: start one now, find them, read what they print, ask for their end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from core import events
from core.actors import Actor, require
from core.catalogue import catalogue, shown
from core.database import reading
from core.errors import Conflict, Invalid, NotFound
from core.ids import first_id_at
from core.paging import FOREIGN_CURSOR, Page, check_limit, count_of, cursor_after, read_cursor
from core.parameters import Parameters, check
from core.schedules.records import FREE
from core.searching import beyond, search
from core.tables import executions, output, schedules, workers

Status = Literal["queued", "running", "completed", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = ("queued", "running", "completed", "failed", "cancelled")
UNFINISHED = ("queued", "running")
OUTPUT_PAGE = 1000
USED = "scheduledId, Idempotency-Key: were already used for another execution; choose new ones"


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a cron: a row of cron_executions.

    Attributes:
        retry_of: the attempt before this one, which failed.
        attempt: which attempt it is; 1 is the first.
        conflicts: how many of those before it met an earlier run that had not ended.
        failures: how many of those before it failed.
        retried_by: the attempt after this one, which failed.
        not_before: when it may begin, where it has to wait.
    """

    id: UUID
    cron_name: str
    parameters: Parameters
    status: Status
    scheduled_id: UUID | None
    triggered_by: str | None
    target: str
    external_id: str | None
    worker: str | None
    queued_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None
    error_message: str | None
    retry_of: UUID | None
    attempt: int
    conflicts: int
    failures: int
    retried_by: UUID | None
    not_before: datetime | None

    def __post_init__(self) -> None:
        # Whoever shows it shows no secret: rows from before its schema had one may hold it in clear.
        object.__setattr__(self, "parameters", shown(self.cron_name, self.parameters))

    @property
    def duration_seconds(self) -> float | None:
        """From its start to its end; None while one of them is missing."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which executions; None leaves a thing open.

    Attributes:
        since: begun (their id made) at this instant or later.
        until: begun before this instant.
        search: text within the cron's name or title, the parameters, who triggered it, or the error.
    """

    status: Status | None = None
    cron_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None
    scheduled_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of what an execution printed; the stream 'crondesk' is the product's own voice."""

    seq: int
    stream: Literal["stdout", "stderr", "crondesk"]
    at: datetime
    content: str


_COLUMNS = [executions.c[field.name] for field in fields(Execution)]
_SEARCHED = [executions.c[name] for name in ("cron_name", "parameters", "triggered_by", "error_message")]


def trigger(
    actor: Actor,
    cron_name: str,
    parameters: Parameters | None = None,
    *,
    scheduled_id: UUID | None = None,
    idempotency_key: str | None = None,
) -> Execution:
    """Starts an execution now: a worker with a free place takes it.

    Args:
        actor: who starts it.
        cron_name: a cron of the catalogue.
        parameters: for this run; checked against the cron's schema.
        scheduled_id: the schedule it comes from, of this database or another; a second call with
            the same one starts nothing and returns the first one's execution.
        idempotency_key: likewise.

    Returns:
        The execution, queued; a noop is completed already.

    Raises:
        NotFound: no such cron.
        Invalid: the parameters break a rule, or the schedule is one of another cron.
        Conflict: an execution of the cron is under way and the catalogue forbids overlap; or the
            schedule or the key was used for a different execution; or the schedule is cancelled, or a
            worker is firing it now.
        Forbidden, Unavailable.
    """
    require(actor, "run")
    cron = catalogue().cron(cron_name)
    asked = check({} if parameters is None else parameters, cron.parameters)
    noop = cron.target == "noop"
    now = func.clock_timestamp()
    values = {
        "cron_name": cron.name,
        "parameters": asked,
        "status": "completed" if noop else "queued",
        "scheduled_id": scheduled_id,
        "triggered_by": actor.name,
        "target": cron.target,
        "exclusive": cron.exclusive,
        "idempotency_key": idempotency_key,
        "started_at": now if noop else None,
        "finished_at": now if noop else None,
    }
    started = (
        insert(executions)
        .from_select(list(values), select(*_typed(values)).where(*_may_come_from(scheduled_id, cron.name)))
        .on_conflict_do_nothing()
        .returning(*_COLUMNS)
        .cte("started")
    )
    told = events.told(
        actor,
        "execution.triggered",
        started,
        schedule_id=started.c.scheduled_id,
        execution_id=started.c.id,
    )
    wake = select(func.pg_notify("crondesk_queue", started.c.cron_name)).select_from(started).cte("wake")
    statement = select(started, select(func.count()).select_from(wake).scalar_subquery()).add_cte(told)
    with reading() as connection:
        row = connection.execute(statement).one_or_none()
        if row is not None:
            return Execution(*row[:-1])
        given = {executions.c.scheduled_id: scheduled_id, executions.c.idempotency_key: idempotency_key}
        used = [column == value for column, value in given.items() if value is not None]
        same = and_(executions.c.cron_name == cron.name, executions.c.parameters == asked)
        # false(), for of nothing given nothing was used: a comparison with NULL would be of all others.
        known = connection.execute(select(*_COLUMNS, same).where(or_(false(), *used))).first()
        if known is not None and not known[-1]:
            raise Conflict(USED)
        if known is not None:
            return Execution(*known[:-1])
        _check_schedule(connection, scheduled_id, cron.name)
        busy = select(executions.c.id).where(
            executions.c.cron_name == cron.name,
            executions.c.exclusive,
            or_(*(executions.c.status == text(f"'{status}'") for status in UNFINISHED)),
        )
        other = connection.execute(busy).scalar()
    raise Conflict(
        f"cronName: {cron.name} is already running, and the catalogue forbids overlap",
        [f"executionId: {other}"] if other else [],
    )


def _typed(values: Mapping[str, Any]) -> Iterator[ColumnElement[Any]]:
    for name, value in values.items():
        known = isinstance(value, ColumnElement)
        yield value if known else literal(value, executions.c[name].type)


# A worker fires it now and is not to be overtaken; a script that has claimed it starts it here itself.
_BEING_FIRED = and_(
    schedules.c.status == "pending", ~FREE, schedules.c.claimed_by.in_(select(workers.c.name))
).label("being_fired")


def _may_come_from(scheduled_id: UUID | None, cron_name: str) -> list[ColumnElement[bool]]:
    """A schedule of this database is one of this cron, not cancelled, not being fired; others are not known.

    Its row is locked: a worker that claims it afterwards finds the execution.
    """
    if scheduled_id is None:
        return []
    held = (
        select(schedules.c.cron_name, schedules.c.status, _BEING_FIRED)
        .where(schedules.c.id == scheduled_id)
        .with_for_update(key_share=True)
        .cte("held")
    )
    unfit = or_(held.c.cron_name != cron_name, held.c.status == "cancelled", held.c.being_fired)
    return [~select(held).where(unfit).exists()]


def _check_schedule(connection: Connection, scheduled_id: UUID | None, cron_name: str) -> None:
    wanted = select(schedules.c.cron_name, schedules.c.status, schedules.c.claimed_by, _BEING_FIRED).where(
        schedules.c.id == scheduled_id
    )
    row = connection.execute(wanted).one_or_none() if scheduled_id else None
    if row is None:
        return
    if row.cron_name != cron_name:
        raise Invalid(f"scheduledId: is a schedule of the cron {row.cron_name}, not of {cron_name}")
    if row.status == "cancelled":
        raise Conflict("scheduledId: the schedule is cancelled; it starts nothing")
    if row.being_fired:
        raise Conflict(f"scheduledId: too late, the schedule is being fired by {row.claimed_by}")


def get(execution_id: UUID) -> Execution:
    """The execution of that id.

    Raises:
        NotFound, Unavailable.
    """
    with reading() as connection:
        row = connection.execute(select(*_COLUMNS).where(executions.c.id == execution_id)).one_or_none()
    if row is None:
        raise NotFound("id: there is no such execution")
    return Execution(*row)


def attempts_of(execution: Execution) -> list[Execution]:
    """All attempts of which it is one, the first one first; those that have been cleaned up are missing.

    Raises:
        Unavailable.
    """
    if execution.retry_of is None and execution.retried_by is None:
        return [execution]
    links = select(executions.c.id, executions.c.retry_of, executions.c.retried_by)
    chain = links.where(executions.c.id == execution.id).cte("chain", recursive=True)
    neighbour = executions.c.id.in_([chain.c.retry_of, chain.c.retried_by])
    chain = chain.union(links.where(neighbour))
    wanted = select(*_COLUMNS).where(executions.c.id.in_(select(chain.c.id)))
    with reading() as connection:
        return [Execution(*row) for row in connection.execute(wanted.order_by(executions.c.attempt))]


def find(wanted: Filter, *, limit: int = 100, cursor: str | None = None) -> Page[Execution]:
    """The executions that match, latest first.

    A search looks through 100,000 rows at most and may find none of them: its cursor searches on.

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
    matching = select(*_COLUMNS).where(*_matching(wanted))
    key = (executions.c.id,)
    begin = None if cursor is None else read_cursor(cursor)
    if begin is not None and begin[0] is not None:
        raise Invalid(FOREIGN_CURSOR)
    after = begin and begin[1:]
    with reading() as connection:
        if wanted.search:
            found, end = search(
                connection,
                matching,
                key,
                _SEARCHED,
                wanted.search,
                begin=after,
                ascending=False,
                limit=limit,
            )
            following = cursor_after(None, *end) if end else None
            return Page([Execution(*row) for row in found], len(found), end is not None, following)
        rest = beyond(matching, key, after, ascending=False)
        rows = [Execution(*row) for row in connection.execute(rest.limit(limit + 1))]
        count, estimated = count_of(connection, matching.with_only_columns(executions.c.id))
    following = cursor_after(None, rows[limit - 1].id) if len(rows) > limit else None
    return Page(rows[:limit], count, estimated, following)


def _matching(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        # Written out, not bound: only then does the planner see that a partial index serves.
        conditions.append(executions.c.status == text(f"'{wanted.status}'"))
        if wanted.status != "completed":
            conditions.append(executions.c.status != text("'completed'"))
    if wanted.cron_name is not None:
        conditions.append(executions.c.cron_name == wanted.cron_name)
    if wanted.since is not None:
        conditions.append(executions.c.id >= first_id_at(wanted.since))
    if wanted.until is not None:
        conditions.append(executions.c.id < first_id_at(wanted.until))
    if wanted.scheduled_id is not None:
        conditions.append(executions.c.scheduled_id == wanted.scheduled_id)
    return conditions


def output_of(execution_id: UUID, *, after: int = -1, limit: int = OUTPUT_PAGE) -> list[Chunk]:
    """What an execution printed, in the order it came.

    Args:
        after: the last seq that is known already; -1 for none.
        limit: how many pieces at most, 1 to 1000.

    Raises:
        Invalid: the limit is none.
        NotFound, Unavailable.
    """
    check_limit(limit)
    wanted = (
        select(output.c.seq, output.c.stream, output.c.at, output.c.content)
        .where(output.c.execution_id == execution_id, output.c.seq > after)
        .order_by(output.c.seq)
        .limit(limit)
    )
    with reading() as connection:
        chunks = [Chunk(*row) for row in connection.execute(wanted)]
    if not chunks:
        get(execution_id)
    return chunks


def cancel(actor: Actor, execution_id: UUID) -> Execution:
    """Ends an execution: a queued one at once; a running one is killed by its worker within seconds.

    Returns:
        The execution: 'cancelled', or still 'running' with cancel_requested_at set.

    Raises:
        NotFound: there is none of that id.
        Conflict: it has ended.
        Forbidden, Unavailable.
    """
    require(actor, "cancel_execution")
    queued = executions.c.status == "queued"
    changed = (
        update(executions)
        .where(executions.c.id == execution_id, executions.c.status.in_(UNFINISHED))
        .values(
            status=case((queued, "cancelled"), else_=executions.c.status),
            finished_at=case((queued, func.clock_timestamp())),
            error_message=case((queued, literal(f"cancelled by {actor.name} before it began", Text))),
            cancel_requested_at=func.coalesce(executions.c.cancel_requested_at, func.clock_timestamp()),
            cancel_requested_by=func.coalesce(executions.c.cancel_requested_by, actor.name),
        )
        .returning(*_COLUMNS)
        .cte("changed")
    )
    told = events.told(
        actor,
        "execution.cancel_requested",
        changed,
        schedule_id=changed.c.scheduled_id,
        execution_id=changed.c.id,
    )
    wake = (
        select(func.pg_notify("crondesk_cancel", cast(changed.c.id, Text) + " " + actor.name))
        .select_from(changed)
        .cte("wake")
    )
    statement = select(changed, select(func.count()).select_from(wake).scalar_subquery()).add_cte(told)
    with reading() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise Conflict(f"id: the execution has ended already: {get(execution_id).status}")
    return Execution(*row[:-1])
