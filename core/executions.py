"""Executions: start one now, find them, read what they print, ask for their end."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
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
from core.catalogue import catalogue
from core.database import reading
from core.errors import Conflict, Invalid, NotFound
from core.ids import first_id_at
from core.paging import FOREIGN_CURSOR, Page, check_limit, count_of, cursor_after, read_cursor
from core.parameters import Parameters, check
from core.tables import executions, output

Status = Literal["queued", "running", "completed", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = ("queued", "running", "completed", "failed", "cancelled")
UNFINISHED = ("queued", "running")
OUTPUT_PAGE = 1000
USED = "scheduledId, Idempotency-Key: were already used for another execution; choose new ones"


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a cron: a row of cron_executions."""

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
        search: text within the cron's name, the parameters, who triggered it, or the error.
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
        Invalid: the parameters break a rule.
        Conflict: an execution of the cron is under way and the catalogue forbids overlap; or the
            schedule or the key was used for a different execution.
        Forbidden, Unavailable.
    """
    require(actor, "run")
    cron = catalogue().cron(cron_name)
    asked = check({} if parameters is None else parameters, cron.parameters)
    noop = cron.target == "noop"
    now = func.clock_timestamp()
    started = (
        insert(executions)
        .values(
            cron_name=cron.name,
            parameters=asked,
            status="completed" if noop else "queued",
            scheduled_id=scheduled_id,
            triggered_by=actor.name,
            target=cron.target,
            exclusive=cron.exclusive,
            idempotency_key=idempotency_key,
            started_at=now if noop else None,
            finished_at=now if noop else None,
        )
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


def find(wanted: Filter, *, limit: int = 100, cursor: str | None = None) -> Page[Execution]:
    """The executions that match, latest first.

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
    page = matching.order_by(executions.c.id.desc()).limit(limit + 1)
    if cursor is not None:
        instant, row_id = read_cursor(cursor)
        if instant is not None:
            raise Invalid(FOREIGN_CURSOR)
        page = page.where(executions.c.id < row_id)
    with reading() as connection:
        rows = [Execution(*row) for row in connection.execute(page)]
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
    if wanted.search:
        searched = (
            executions.c.cron_name,
            cast(executions.c.parameters, Text),
            executions.c.triggered_by,
            executions.c.error_message,
        )
        conditions.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in searched)))
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
