"""The way back: takes a cancel, a move or a whole bulk act back, as far as the database still can."""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Interval,
    Subquery,
    Text,
    and_,
    cast,
    exists,
    extract,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from core.actors import Actor, require
from core.bulk import FREE, Act, cancel_matching, told_of
from core.database import reading
from core.errors import Conflict
from core.schedules import Filter
from core.tables import events as happened
from core.tables import schedules

UNDO_FOR = timedelta(seconds=30)
# A worker polls each minute: what comes back and is due before that wakes it.
POLLED_WITHIN = timedelta(minutes=2)
TAKEN_BACK = ("schedule.cancelled", "schedule.moved")


def undo_act(actor: Actor, act_id: UUID) -> Act:
    """Takes a bulk act back within 30 seconds: what it cancelled is pending again, what it moved is back.

    Args:
        actor: who does it.
        act_id: of the Act that `core.bulk` returned.

    Returns:
        How many are as they were; too late are those whose old instant has passed meanwhile, that are
        being fired, or that somebody has changed since.

    Raises:
        Conflict: the thirty seconds are over, or nothing of it can be taken back.
        Forbidden, Unavailable.
    """
    return _undone(actor, happened.c.batch_id == act_id)


def undo_last(actor: Actor, schedule_id: UUID) -> Act:
    """Takes the last thing done to a schedule, a cancel or a move, back within 30 seconds.

    Raises:
        Conflict: as of `undo_act`.
        Forbidden, Unavailable.
    """
    last = select(func.max(happened.c.id)).where(happened.c.schedule_id == schedule_id).scalar_subquery()
    return _undone(actor, and_(happened.c.schedule_id == schedule_id, happened.c.id == last))


def undo_batch(actor: Actor, batch_id: UUID) -> Act:
    """Cancels what is still pending of the schedules that were planned together.

    Raises:
        Forbidden, Unavailable.
    """
    return cancel_matching(actor, Filter(status="pending", batch_id=batch_id))


def _undone(actor: Actor, which: ColumnElement[bool]) -> Act:
    require(actor, "schedule")
    act = uuid4()
    done = _acted(which)
    cancelled, moved = _restored(done), _moved_back(done)
    told = told_of(actor, "schedule.restored", cancelled, act, {"scheduled_at": cancelled.c.scheduled_at})
    way_back = {"from": moved.c.old, "to": moved.c.scheduled_at}
    told_too = told_of(actor, "schedule.moved_back", moved, act, way_back, name="told_too")
    count = _count(cancelled) + _count(moved)
    statement = select(count, _count(done), _woken(cancelled)).add_cte(told, told_too)
    try:
        with reading() as connection:
            back, found, _ = connection.execute(statement).one()
    except IntegrityError as error:
        raise Conflict("undo: the series has planned this occurrence anew") from error
    if not back:
        raise Conflict("undo: too late, this can no longer be taken back")
    return Act(act, back, found - back)


def _acted(which: ColumnElement[bool]) -> CTE:
    """What was cancelled and moved, and is to be taken back."""
    details = happened.c.details
    # By its end: an act over many takes a while.
    ended = select(func.max(happened.c.at)).where(which).scalar_subquery()
    fresh = ended > func.clock_timestamp() - literal(UNDO_FOR, Interval())
    chosen = select(
        happened.c.schedule_id,
        happened.c.kind,
        cast(details.op("->>")(literal("from", Text)), DateTime(timezone=True)).label("from_"),
        cast(details.op("->>")(literal("to", Text)), DateTime(timezone=True)).label("to_"),
    ).where(which, fresh, happened.c.kind.in_(TAKEN_BACK))
    return chosen.cte("acted").prefix_with("MATERIALIZED")


def _restored(done: CTE) -> CTE:
    again = schedules.alias("again")
    # A series that was paused and resumed has planned the same occurrence once more.
    planned_anew = exists().where(
        again.c.series_id == schedules.c.series_id,
        again.c.occurrence == schedules.c.occurrence,
        again.c.status != "cancelled",
    )
    return (
        update(schedules)
        .where(
            schedules.c.id == done.c.schedule_id,
            done.c.kind == "schedule.cancelled",
            schedules.c.status == "cancelled",
            schedules.c.scheduled_at > func.clock_timestamp(),
            ~planned_anew,
        )
        .values(status="pending", due_at=schedules.c.scheduled_at, held_at=None)
        .returning(schedules.c.id, schedules.c.cron_name, schedules.c.scheduled_at)
        .cte("restored")
    )


def _moved_back(done: CTE) -> CTE:
    distance = done.c.from_ - schedules.c.scheduled_at
    return (
        update(schedules)
        .where(
            schedules.c.id == done.c.schedule_id,
            done.c.kind == "schedule.moved",
            schedules.c.scheduled_at == done.c.to_,
            done.c.from_ > func.clock_timestamp(),
            FREE,
        )
        .values(
            scheduled_at=done.c.from_,
            due_at=done.c.from_,
            not_after=schedules.c.not_after + distance,
            claimed_by=None,
        )
        .returning(schedules.c.id, schedules.c.cron_name, schedules.c.scheduled_at, done.c.to_.label("old"))
        .cte("moved_back")
    )


def _woken(restored: CTE) -> ColumnElement[object]:
    soon = func.clock_timestamp() + literal(POLLED_WITHIN, Interval())
    first: Subquery = (
        select(func.min(restored.c.scheduled_at).label("at")).where(restored.c.scheduled_at < soon).subquery()
    )
    notified = func.pg_notify("crondesk_due", cast(extract("epoch", first.c.at), Text))
    return select(notified).where(first.c.at.is_not(None)).scalar_subquery()


def _count(rows: CTE) -> ColumnElement[int]:
    return select(func.count()).select_from(rows).scalar_subquery()
