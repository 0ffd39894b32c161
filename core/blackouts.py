"""Blackouts: periods in which series have no occurrence; add, find and remove them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import CTE, Connection, and_, delete, func, insert, or_, select, update

from core import events
from core.actors import Actor, require
from core.bulk import FREE
from core.catalogue import catalogue
from core.database import changing, reading
from core.errors import Invalid, NotFound
from core.series import Blackout
from core.tables import blackouts, schedules
from core.tables import series as series_table

MAX_AT_ONCE = 1000
MAX_NAME = 200
_COLUMNS = [blackouts.c[field.name] for field in fields(Blackout)]


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
    made = insert(blackouts).values(values).returning(*_COLUMNS).cte("made")
    added = connection.execute(select(made).add_cte(_told(actor, "blackout.added", made))).one()
    cancelled = _cancelled(period)
    told = events.told(actor, "schedule.cancelled", cancelled, schedule_id=cancelled.c.id)
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

    Raises:
        Unavailable.
    """
    wanted = select(*_COLUMNS).where(blackouts.c.ends_at > func.now())
    if cron_name is not None:
        wanted = wanted.where(or_(blackouts.c.cron_name.is_(None), blackouts.c.cron_name == cron_name))
    with reading() as connection:
        rows = connection.execute(wanted.order_by(blackouts.c.starts_at, blackouts.c.id).limit(limit))
        return [Blackout(*row) for row in rows]


def remove(actor: Actor, blackout_id: UUID) -> Blackout:
    """Removes a blackout: series have occurrences again from their next one that is not planned yet.

    Raises:
        NotFound: there is none of that id.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    gone = delete(blackouts).where(blackouts.c.id == blackout_id).returning(*_COLUMNS).cte("gone")
    told = _told(actor, "blackout.removed", gone)
    with reading() as connection:
        row = connection.execute(select(gone).add_cte(told)).one_or_none()
    if row is None:
        raise NotFound("id: there is no such blackout")
    return Blackout(*row)


def _told(actor: Actor, kind: str, changed: CTE) -> CTE:
    details = events.object_of(name=changed.c.name, starts_at=changed.c.starts_at, ends_at=changed.c.ends_at)
    return events.told(actor, kind, changed, details=details)
