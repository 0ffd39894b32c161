"""Many at once: cancel or move all that is pending and matches, in one statement; see also core.undo."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    FromClause,
    Interval,
    and_,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from core import events
from core.actors import Actor, require
from core.database import reading
from core.errors import Invalid
from core.instants import FURTHEST_AHEAD, check_instant
from core.schedules import Filter, Status, conditions_of
from core.schedules.records import FREE
from core.tables import events as events_table
from core.tables import schedules


@dataclass(frozen=True, slots=True)
class Matching:
    """What a bulk act would do now.

    Attributes:
        free: how many it would change.
        too_late: how many match and would stay: they are being fired, or would be moved into the past.
    """

    free: int
    too_late: int


@dataclass(frozen=True, slots=True)
class Act:
    """What a bulk act did.

    Attributes:
        id: names the act; its events carry it as batch_id, and `core.undo` takes it back.
        changed: how many schedules it changed.
        too_late: how many matched and stayed as they were.
    """

    id: UUID
    changed: int
    too_late: int


def count_matching(wanted: Filter, *, by: timedelta | None = None, to: datetime | None = None) -> Matching:
    """How many a bulk act would change.

    Args:
        wanted: which ones.
        by, to: of a move: counts those too late that would end in the past.

    Raises:
        Invalid: the filter is about finished ones.
        Unavailable.
    """
    free = FREE
    if by is not None or to is not None:
        free = and_(FREE, _possible(_moved_to(by, to)))
    counted = select(func.count().filter(free), func.count().filter(~free)).where(*_pending(wanted))
    with reading() as connection:
        return Matching(*connection.execute(counted).one())


def cancel_matching(actor: Actor, wanted: Filter) -> Act:
    """Cancels everything that matches, is pending, and that nobody is firing yet.

    Args:
        actor: who does it.
        wanted: which ones; its status is 'pending' or left open.

    Raises:
        Invalid: the filter is about finished ones.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    free = _locked(wanted, FREE)
    changed = (
        update(schedules)
        .where(schedules.c.id == free.c.id)
        .values(status="cancelled", claimed_by=None)
        .returning(schedules.c.id, schedules.c.cron_name)
        .cte("changed")
    )
    return _acted(actor, wanted, changed, "cancelled", {}, {})


def move_matching(
    actor: Actor, wanted: Filter, *, by: timedelta | None = None, to: datetime | None = None
) -> Act:
    """Moves everything that matches, is pending, and that nobody is firing yet.

    A deadline moves along; one that was held for a decision is no longer. What would end in the
    past, or more than ten years ahead, stays where it is and counts as too late.

    Args:
        actor: who does it.
        wanted: which ones; its status is 'pending' or left open.
        by: how far, forth or back; or
        to: the instant to which all of them move.

    Raises:
        Invalid: neither or both are given, one of them breaks a rule, or the filter is about finished ones.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    moved_to = _moved_to(by, to)
    free = _locked(wanted, and_(FREE, _possible(moved_to)), schedules.c.scheduled_at)
    distance = moved_to - schedules.c.scheduled_at
    changed = (
        update(schedules)
        .where(schedules.c.id == free.c.id)
        .values(
            scheduled_at=moved_to,
            due_at=moved_to,
            not_after=schedules.c.not_after + distance,
            held_at=None,
            error_message=None,
            claimed_by=None,
        )
        .returning(
            schedules.c.id, schedules.c.cron_name, schedules.c.scheduled_at, free.c.scheduled_at.label("old")
        )
        .cte("changed")
    )
    details = {"from": changed.c.old, "to": changed.c.scheduled_at}
    how = {"to": to.isoformat()} if to is not None else {"by_seconds": by.total_seconds() if by else 0}
    return _acted(actor, wanted, changed, "moved", details, how)


def _pending(wanted: Filter) -> list[ColumnElement[bool]]:
    if wanted.status not in (None, "pending"):
        raise Invalid("status: only pending ones can be cancelled or moved")
    return conditions_of(Filter(**{**asdict(wanted), "status": "pending"}))


def _moved_to(by: timedelta | None, to: datetime | None) -> ColumnElement[datetime]:
    if (by is None) == (to is None):
        raise Invalid("by, to: give one of them")
    if to is not None:
        return literal(check_instant(to, "to"), DateTime(timezone=True))
    assert by is not None
    if not by or abs(by) > FURTHEST_AHEAD:
        raise Invalid("by: must be a duration of at most ten years, forth or back")
    return schedules.c.scheduled_at + literal(by, Interval())


def _possible(moved_to: ColumnElement[datetime]) -> ColumnElement[bool]:
    clock = func.clock_timestamp()
    return and_(moved_to > clock, moved_to < clock + literal(FURTHEST_AHEAD, Interval()))


def _locked(wanted: Filter, free: ColumnElement[bool], *columns: ColumnElement[Any]) -> CTE:
    # Waits for a row that is just being claimed, and then looks at it again. In one order, so that
    # two acts at once do not wait for each other in a circle.
    chosen = select(schedules.c.id, *columns).where(*_pending(wanted), free).order_by(schedules.c.id)
    return chosen.with_for_update().cte("free").prefix_with("MATERIALIZED")


def _acted(
    actor: Actor, wanted: Filter, changed: CTE, verb: str, details: dict[str, Any], how: dict[str, Any]
) -> Act:
    act = uuid4()
    told = told_of(actor, f"schedule.{verb}", changed, act, details)
    matched = select(func.count()).where(*_pending(wanted)).scalar_subquery()
    count = select(func.count()).select_from(changed).scalar_subquery()
    # The filter as it was given, for whoever asks later what the act was.
    given = {name: _readable(value) for name, value in asdict(wanted).items() if value is not None}
    summary = (
        insert(events_table)
        .from_select(
            ["actor", "role", "via", "kind", "batch_id", "cron_name", "details"],
            select(
                literal(actor.name),
                literal(actor.role),
                literal(actor.via),
                literal(f"schedules.{verb}"),
                literal(act),
                literal(wanted.cron_name),
                literal({"filter": given, **how}, JSONB).op("||")(events.object_of(count=count)),
            ).where(count > 0),
        )
        .cte("summary")
    )
    statement = select(count, matched).add_cte(told, summary)
    with reading() as connection:
        done, found = connection.execute(statement).one()
    return Act(act, done, max(0, found - done))


def told_of(
    actor: Actor,
    kind: str | ColumnElement[str],
    changed: FromClause,
    act: UUID,
    details: dict[str, Any] | ColumnElement[Any],
    *,
    name: str = "told",
) -> CTE:
    """As `events.told`, of one act over many: its id stands in batch_id."""
    chosen = select(
        literal(actor.name),
        literal(actor.role),
        literal(actor.via),
        literal(kind) if isinstance(kind, str) else kind,
        changed.c.id,
        literal(act),
        changed.c.cron_name,
        events.object_of(**details) if isinstance(details, dict) else details,
    ).select_from(changed)
    columns = ["actor", "role", "via", "kind", "schedule_id", "batch_id", "cron_name", "details"]
    return insert(events_table).from_select(columns, chosen).cte(name)


def _readable(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def count_by_status(wanted: Filter) -> dict[Status, int]:
    """How many of those that match have each status; for filters that name few rows, such as a batch.

    Raises:
        Unavailable.
    """
    counted = (
        select(schedules.c.status, func.count()).where(*conditions_of(wanted)).group_by(schedules.c.status)
    )
    with reading() as connection:
        return {status: count for status, count in connection.execute(counted)}  # noqa: C416  names the pair
