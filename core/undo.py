"""The way back: takes a cancel, a change, a plan or a whole bulk act back, as far as the database still can.

Each way back writes which event it undoes, so that one who changed a schedule twice may go back twice,
and nobody's change is taken back by the undoing of an older one.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Interval,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    exists,
    extract,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

from core import events
from core.actors import Actor, require
from core.bulk import Act, cancel_matching, told_of
from core.database import reading
from core.errors import Conflict
from core.schedules import Filter
from core.schedules.records import FREE
from core.tables import events as happened
from core.tables import schedules

UNDO_FOR = timedelta(seconds=30)
# A worker polls each minute: what comes back and is due before that wakes it.
POLLED_WITHIN = timedelta(minutes=2)
CHANGES = ("schedule.moved", "schedule.edited", "schedule.moved_and_edited")
TAKEN_BACK = ("schedule.cancelled", *CHANGES)
UNDOES = "undoes"
TOO_LATE = "undo: too late, this can no longer be taken back"


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


def undo_event(actor: Actor, event_id: int) -> Act:
    """Takes one cancel, move or edit back within 30 seconds.

    Args:
        actor: who does it.
        event_id: of what `core.schedules.cancel` or `change` returned.

    Raises:
        Conflict: the thirty seconds are over, somebody has changed the schedule since, or it is too late.
        Forbidden, Unavailable.
    """
    try:
        return _undone(actor, happened.c.id == event_id)
    except Conflict as error:
        raise _overtaken(event_id) or error from None


def undo_plan(actor: Actor, schedule_id: UUID) -> Act:
    """Cancels what has just been planned, if nobody has done anything to it since.

    Raises:
        Conflict: the thirty seconds are over, somebody has changed it since, or it is too late.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    made = select(happened.c.id).where(
        happened.c.schedule_id == schedule_id, happened.c.kind == "schedule.created"
    )
    changed_since = exists().where(
        happened.c.schedule_id == schedule_id, happened.c.kind != "schedule.created"
    )
    cancelled = (
        update(schedules)
        .where(
            schedules.c.id == schedule_id,
            schedules.c.created_at > func.clock_timestamp() - literal(UNDO_FOR, Interval()),
            FREE,
            ~changed_since,
        )
        .values(status="cancelled", claimed_by=None)
        .returning(schedules.c.id, schedules.c.cron_name)
        .cte("cancelled")
    )
    act = uuid4()
    undoes = {UNDOES: made.order_by(happened.c.id).limit(1).scalar_subquery()}
    told = told_of(actor, "schedule.cancelled", cancelled, act, undoes)
    with reading() as connection:
        back = connection.execute(select(_count(cancelled)).add_cte(told)).scalar_one()
        event_id = None if back else connection.execute(made).scalar()
    if not back:
        raise (_overtaken(event_id) if event_id else None) or Conflict(TOO_LATE)
    return Act(act, 1, 0)


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
    cancelled, changed = _restored(done), _changed_back(done)
    restored = {"scheduled_at": cancelled.c.scheduled_at, UNDOES: cancelled.c.event_id}
    told = told_of(actor, "schedule.restored", cancelled, act, restored)
    told_too = told_of(actor, changed.c.kind + "_back", changed, act, _way_back(changed), name="told_too")
    count = _count(cancelled) + _count(changed)
    statement = select(count, _count(done), _woken(cancelled)).add_cte(told, told_too)
    try:
        with reading() as connection:
            back, found, _ = connection.execute(statement).one()
    except IntegrityError as error:
        raise Conflict("undo: the series has planned this occurrence anew") from error
    if not back:
        raise Conflict(TOO_LATE)
    return Act(act, back, found - back)


def _acted(which: ColumnElement[bool]) -> CTE:
    """What was cancelled and changed, and is to be taken back."""
    details = happened.c.details
    # By its end: an act over many takes a while.
    ended = select(func.max(happened.c.at)).where(which).scalar_subquery()
    fresh = ended > func.clock_timestamp() - literal(UNDO_FOR, Interval())
    chosen = select(
        happened.c.id.label("event_id"),
        happened.c.schedule_id,
        happened.c.kind,
        cast(details.op("->>")(literal("from", Text)), DateTime(timezone=True)).label("from_"),
        cast(details.op("->>")(literal("to", Text)), DateTime(timezone=True)).label("to_"),
        details.op("->")(literal("old", Text)).label("old"),
        details.op("->")(literal("new", Text)).label("new"),
        _standing(happened.c.schedule_id, happened.c.id).label("standing"),
    ).where(which, fresh, happened.c.kind.in_(TAKEN_BACK))
    return chosen.cte("acted").prefix_with("MATERIALIZED")


def _standing(schedule_id: ColumnElement[Any], event_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the event is the last thing done to the schedule, leaving aside what was undone since."""
    return ~exists(_later(schedule_id, event_id))


def _later(schedule_id: ColumnElement[Any], event_id: ColumnElement[Any]) -> Select[Any]:
    """What was done to the schedule after the event and stands; undoing the event itself counts too."""
    later, undoing = happened.alias("later"), happened.alias("undoing")
    undoes = later.c.details.op("->>")(literal(UNDOES, Text))
    taken_back = exists().where(
        undoing.c.schedule_id == schedule_id,
        undoing.c.id > later.c.id,
        undoing.c.details.op("->>")(literal(UNDOES, Text)) == cast(later.c.id, Text),
    )
    return select(later.c.id).where(
        later.c.schedule_id == schedule_id,
        later.c.id > event_id,
        or_(undoes == cast(event_id, Text), and_(undoes.is_(None), ~taken_back)),
    )


def _overtaken(event_id: int) -> Conflict | None:
    """The error for an event that is not the last one: who did what since."""
    later = happened.alias("newer")
    schedule_id = select(happened.c.schedule_id).where(happened.c.id == event_id).scalar_subquery()
    newer = (
        select(later.c.actor)
        .where(later.c.id.in_(_later(schedule_id, literal(event_id))))
        .order_by(later.c.id.desc())
        .limit(1)
    )
    with reading() as connection:
        by = connection.execute(newer).scalar()
    return Conflict(f"undo: {by} has changed it since") if by is not None else None


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
            done.c.standing,
            schedules.c.status == "cancelled",
            schedules.c.scheduled_at > func.clock_timestamp(),
            ~planned_anew,
        )
        .values(status="pending", due_at=schedules.c.scheduled_at, held_at=None)
        .returning(schedules.c.id, schedules.c.cron_name, schedules.c.scheduled_at, done.c.event_id)
        .cte("restored")
    )


def _changed_back(done: CTE) -> CTE:
    there = func.coalesce(done.c.from_, schedules.c.scheduled_at)
    moved, edited = done.c.from_.is_not(None), done.c.old.is_not(None)
    return (
        update(schedules)
        .where(
            schedules.c.id == done.c.schedule_id,
            done.c.kind.in_(CHANGES),
            done.c.standing,
            or_(~moved, and_(schedules.c.scheduled_at == done.c.to_, done.c.from_ > func.clock_timestamp())),
            or_(~edited, schedules.c.parameters == done.c.new),
            FREE,
        )
        .values(
            scheduled_at=there,
            due_at=case((moved, there), else_=schedules.c.due_at),
            not_after=schedules.c.not_after + (there - schedules.c.scheduled_at),
            parameters=func.coalesce(done.c.old, schedules.c.parameters),
            # Whether the old ones fit the schema of today is looked at when it fires.
            checked=case((~edited, schedules.c.checked)),
            claimed_by=None,
        )
        .returning(
            schedules.c.id,
            schedules.c.cron_name,
            done.c.event_id,
            done.c.kind,
            done.c.from_,
            done.c.to_,
            done.c.old,
            done.c.new,
        )
        .cte("changed_back")
    )


def _way_back(changed: CTE) -> ColumnElement[Any]:
    moved = events.object_of(**{"from": changed.c.to_, "to": changed.c.from_})
    edited = events.object_of(old=changed.c.new, new=changed.c.old)
    nothing = cast(literal("{}", Text), JSONB)
    return (
        events.object_of(**{UNDOES: changed.c.event_id})
        .op("||")(case((changed.c.from_.is_not(None), moved), else_=nothing))
        .op("||")(case((changed.c.old.is_not(None), edited), else_=nothing))
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
