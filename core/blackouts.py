"""Blackouts: periods in which series have no occurrence; add, find and remove them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from uuid import UUID

from sqlalchemy import CTE, Connection, and_, delete, func, insert, literal, select, update

from core import events
from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import changing, clock, reading
from core.errors import Invalid, NotFound
from core.schedules.records import FREE
from core.series import COLUMNS, Blackout, Series, upcoming
from core.series.reading import read_blackouts, touched
from core.series.records import BLACKOUTS
from core.tables import blackouts, schedules
from core.tables import series as series_table

MAX_AT_ONCE = 1000
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Period:
    """A period that is not kept yet; both instants name their zone."""

    name: str
    starts_at: datetime
    ends_at: datetime
    cron_name: str | None = None


def add(actor: Actor, periods: Sequence[Period]) -> list[Blackout]:
    """Adds periods, all of them or none; occurrences of series that are pending in them are cancelled.

    One that a person has moved there by itself stays.

    Args:
        actor: who adds them.
        periods: 1 to 1000 of them; of one cron's series, or of all where cron_name is None.

    Returns:
        The blackouts, in the order of the periods.

    Raises:
        Invalid: some period breaks a rule; the details name each by its place where there are many.
        NotFound: no such cron.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    if not 1 <= len(periods) <= MAX_AT_ONCE:
        raise Invalid(f"periods: must be 1 to {MAX_AT_ONCE}")
    problems = [
        f"periods.{place}.{problem}" if len(periods) > 1 else problem
        for place, period in enumerate(periods)
        if (problem := _problem(period))
    ]
    if problems:
        raise Invalid(problems[0], problems)
    with changing(actor) as connection:
        _keep_planners_out(connection)
        return [_add(connection, actor, period) for period in periods]


@dataclass(frozen=True, slots=True)
class Missing:
    """Of some periods those that are not kept yet.

    Attributes:
        new: each once, in the order given.
        present: how many of the periods are kept already.
    """

    new: list[Period]
    present: int


def missing(periods: Sequence[Period]) -> Missing:
    """Looks which periods are not kept yet: whoever imports a calendar again adds only what is new.

    Raises:
        Unavailable.
    """
    wanted = list(dict.fromkeys(periods))
    if not wanted:
        return Missing([], 0)
    columns = (blackouts.c.name, blackouts.c.starts_at, blackouts.c.ends_at, blackouts.c.cron_name)
    kept = select(*columns).where(blackouts.c.ends_at >= min(period.ends_at for period in wanted))
    with reading() as connection:
        known = {Period(*row) for row in connection.execute(kept)}
    new = [period for period in wanted if replace(period, name=period.name.strip()) not in known]
    return Missing(new, len(wanted) - len(new))


def _problem(period: Period) -> str | None:
    name = period.name.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        return f"name: must be 1 to {MAX_NAME} printable characters"
    for field, instant in (("startsAt", period.starts_at), ("endsAt", period.ends_at)):
        if instant.tzinfo is None or instant.utcoffset() is None:
            return f"{field}: names no zone"
        if not 1970 < instant.year < 9998:  # the table takes it, whatever the zone
            return f"{field}: lies outside the years 1971 to 9997"
    if period.ends_at <= period.starts_at:
        return "endsAt: must be later than startsAt"
    if period.ends_at <= datetime.now(UTC):
        return "endsAt: is in the past"
    if period.cron_name is not None:
        catalogue().cron(period.cron_name)
    return None


def _add(connection: Connection, actor: Actor, period: Period) -> Blackout:
    values = {
        "name": period.name.strip(),
        "starts_at": period.starts_at,
        "ends_at": period.ends_at,
        "cron_name": period.cron_name,
        "created_by": actor.name,
    }
    made = insert(blackouts).values(values).returning(*BLACKOUTS).cte("made")
    added = connection.execute(select(made).add_cte(_told(actor, "blackout.added", made))).one()
    cancelled = _cancelled(period)
    details = events.object_of(blackout=str(added.id))
    told = events.told(actor, "schedule.cancelled", cancelled, schedule_id=cancelled.c.id, details=details)
    # They were planned and will not happen: they do not count towards repeat_count.
    count = select(cancelled.c.series_id, func.count().label("count")).group_by(cancelled.c.series_id).cte()
    uncounted = (
        update(series_table)
        .where(series_table.c.id == count.c.series_id)
        .values(planned=series_table.c.planned - count.c.count)
    )
    connection.execute(uncounted.add_cte(told))
    return Blackout(*added)


def _cancelled(period: Period) -> CTE:
    conditions = [
        FREE,
        schedules.c.series_id.is_not(None),
        schedules.c.scheduled_at == schedules.c.occurrence,
        schedules.c.scheduled_at >= period.starts_at,
        schedules.c.scheduled_at < period.ends_at,
    ]
    if period.cron_name is not None:
        conditions.append(schedules.c.cron_name == period.cron_name)
    return (
        update(schedules)
        .where(and_(*conditions))
        .values(status="cancelled", claimed_by=None)
        .returning(schedules.c.id, schedules.c.cron_name, schedules.c.series_id)
        .cte("cancelled")
    )


def find(*, cron_name: str | None = None, limit: int = 1000) -> list[Blackout]:
    """The blackouts under way and to come, the next one first.

    Args:
        cron_name: those that hold for this cron's series; all where it is not given.
        limit: how many at most.

    Raises:
        Unavailable.
    """
    with reading() as connection:
        return read_blackouts(connection, cron_name, limit=limit)


def remove(actor: Actor, blackout_id: UUID) -> Blackout:
    """Removes a blackout: series have the occurrences again that it kept away and that are still to come.

    One that a person cancelled or moved by hand stays as it is.

    Raises:
        NotFound: there is none of that id.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    gone = delete(blackouts).where(blackouts.c.id == blackout_id).returning(*BLACKOUTS).cte("gone")
    told = _told(actor, "blackout.removed", gone)
    with changing(actor) as connection:
        _keep_planners_out(connection)
        row = connection.execute(select(gone).add_cte(told)).one_or_none()
        if row is None:
            raise NotFound("id: there is no such blackout")
        removed = Blackout(*row)
        _bring_back(connection, actor, removed)
    return removed


def _keep_planners_out(connection: Connection) -> None:
    # Until the end of this transaction: who plans meanwhile would not see what it changes.
    connection.execute(select(func.pg_advisory_xact_lock(func.crondesk_blackouts_lock())))


def _bring_back(connection: Connection, actor: Actor, removed: Blackout) -> None:
    now = clock(connection)
    if removed.ends_at <= now:
        return
    active = select(*COLUMNS).where(series_table.c.status == "active")
    if removed.cron_name is not None:
        active = active.where(series_table.c.cron_name == removed.cron_name)
    begin = max(now, removed.starts_at) - timedelta(microseconds=1)
    for row in connection.execute(active.with_for_update()).all():
        one = Series(*row)
        # What is planned for before it, or waits for it to come, goes on by itself.
        if one.last_occurrence is None or one.last_occurrence < removed.starts_at:
            continue
        back = _first_kept_away(connection, one, removed, begin)
        if back is not None:
            _rewind(connection, actor, one, back)
    connection.execute(select(func.pg_notify("crondesk_series", "")))


def _first_kept_away(
    connection: Connection, one: Series, removed: Blackout, begin: datetime
) -> datetime | None:
    """The first occurrence that it alone kept away and that nobody has touched."""
    others = read_blackouts(connection, one.cron_name)
    kept = touched(connection, one, begin)
    ahead = upcoming(replace(one, last_occurrence=None, repeat_count=None), others, begin, kept)
    return next(takewhile(lambda at: at < removed.ends_at, ahead), None)


def _rewind(connection: Connection, actor: Actor, one: Series, back: datetime) -> None:
    """What stands pending after it is moved there; where nothing does, the planner plans from there on."""
    standing = (
        select(schedules.c.id, schedules.c.scheduled_at)
        .where(
            FREE,
            schedules.c.series_id == one.id,
            schedules.c.scheduled_at == schedules.c.occurrence,
            schedules.c.scheduled_at > back,
            schedules.c.held_at.is_(None),
        )
        .order_by(schedules.c.scheduled_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("standing")
        .prefix_with("MATERIALIZED")
    )
    moved = (
        update(schedules)
        .where(schedules.c.id == standing.c.id)
        .values(
            scheduled_at=back,
            occurrence=back,
            due_at=back,
            not_after=schedules.c.not_after + (literal(back) - schedules.c.scheduled_at),
            claimed_by=None,
        )
        .returning(schedules.c.id, schedules.c.cron_name, standing.c.scheduled_at.label("old"))
        .cte("moved")
    )
    details = events.object_of(**{"from": moved.c.old, "to": literal(back), "reason": "blackout removed"})
    told = events.told(actor, "schedule.moved", moved, schedule_id=moved.c.id, details=details)
    found = connection.execute(select(moved.c.id).add_cte(told)).all()
    until = back if found else back - timedelta(microseconds=1)
    connection.execute(update(series_table).where(series_table.c.id == one.id).values(last_occurrence=until))


def _told(actor: Actor, kind: str, changed: CTE) -> CTE:
    details = events.object_of(name=changed.c.name, starts_at=changed.c.starts_at, ends_at=changed.c.ends_at)
    return events.told(actor, kind, changed, details=details)
