"""Find series, what they have planned, and what keeps them from happening."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from core.database import reading
from core.errors import NotFound
from core.lane import Lane
from core.series.records import BLACKOUTS, COLUMNS, Blackout, Repeats, Series, Status, Upcoming
from core.tables import blackouts, schedules
from core.tables import series as table

_BLACKOUTS_AFTER = (
    f"SELECT {', '.join(each.name for each in BLACKOUTS)} FROM cron_blackouts "  # noqa: S608  the columns are our own
    "WHERE ends_at > least(statement_timestamp(), %s::timestamptz)"
)
# LATERAL and OFFSET 0: each series by its index, however many there are.
_TOUCHED = """
SELECT wanted.id, s.occurrence
FROM unnest(%(many)s::uuid[], %(after)s::timestamptz[]) AS wanted (id, after), LATERAL (
    SELECT id, status, occurrence FROM scheduled_cron_executions
    WHERE series_id = wanted.id AND occurrence > wanted.after OFFSET 0
) s
WHERE s.status <> 'cancelled' OR NOT coalesce((
    SELECT kind = 'schedule.cancelled' AND details ?| ARRAY['blackout', 'reason']
    FROM cron_events WHERE schedule_id = s.id ORDER BY id DESC LIMIT 1), false)
"""


def get(series_id: UUID) -> Series:
    """The series of that id.

    Raises:
        NotFound, Unavailable.
    """
    with reading() as connection:
        row = connection.execute(select(*COLUMNS).where(table.c.id == series_id)).one_or_none()
    if row is None:
        raise NotFound("id: there is no such series")
    return Series(*row)


def find(
    *, cron_name: str | None = None, status: Status | None = None, limit: int | None = None
) -> list[Series]:
    """The series, latest made first.

    Args:
        cron_name: of this cron.
        status: in this state.
        limit: how many at most; all of them where it is not given.

    Raises:
        Unavailable.
    """
    wanted = select(*COLUMNS).where(*_conditions(cron_name, status)).order_by(table.c.id.desc()).limit(limit)
    with reading() as connection:
        return [Series(*row) for row in connection.execute(wanted)]


def count(*, cron_name: str | None = None, status: Status | None = None) -> int:
    """How many series there are, of a cron and in a state.

    Raises:
        Unavailable.
    """
    wanted = select(func.count()).select_from(table).where(*_conditions(cron_name, status))
    with reading() as connection:
        return connection.execute(wanted).scalar_one()


def _conditions(cron_name: str | None, status: Status | None) -> Iterator[ColumnElement[bool]]:
    if cron_name is not None:
        yield table.c.cron_name == cron_name
    if status is not None:
        yield table.c.status == status


def made_with(idempotency_key: str) -> Series | None:
    """The series that was made with that key, if there is one.

    Raises:
        Unavailable.
    """
    with reading() as connection:
        wanted = select(*COLUMNS).where(table.c.idempotency_key == idempotency_key)
        row = connection.execute(wanted).one_or_none()
    return Series(*row) if row is not None else None


def next_of(series_ids: Sequence[UUID]) -> dict[UUID, Upcoming]:
    """The next pending schedule of each series that has one.

    Raises:
        Unavailable.
    """
    pending = (
        select(schedules.c.series_id, schedules.c.id, schedules.c.scheduled_at)
        .where(schedules.c.status == text("'pending'"), schedules.c.series_id.in_(series_ids))
        .ext(distinct_on(schedules.c.series_id))
        .order_by(schedules.c.series_id, schedules.c.scheduled_at)
    )
    with reading() as connection:
        return {row.series_id: Upcoming(row.id, row.scheduled_at) for row in connection.execute(pending)}


def pending_of(connection: Connection, series_id: UUID, most: int) -> list[datetime]:
    """For when a series has schedules pending, in order: several where one was moved or missed.

    Args:
        connection: asks through it.
        series_id: which one.
        most: how many of them at most.
    """
    pending = (
        select(schedules.c.scheduled_at)
        .where(schedules.c.status == text("'pending'"), schedules.c.series_id == series_id)
        .order_by(schedules.c.scheduled_at)
        .limit(most)
    )
    return list(connection.execute(pending).scalars())


def first_of(series_id: UUID) -> UUID:
    """The schedule that a series planned first, whatever became of it.

    Raises:
        NotFound: it is no longer kept.
        Unavailable.
    """
    first = (
        select(schedules.c.id)
        .where(schedules.c.series_id == series_id)
        # Not by occurrence: one that was planned later may come earlier, once the series has been changed.
        .order_by(schedules.c.created_at, schedules.c.id)
        .limit(1)
    )
    with reading() as connection:
        found: UUID | None = connection.execute(first).scalar_one_or_none()
    if found is None:
        raise NotFound(f"seriesId: the first schedule of series {series_id} is no longer kept")
    return found


def repeats_of(series_ids: Collection[UUID]) -> dict[UUID, Repeats]:
    """How these series repeat.

    Raises:
        Unavailable.
    """
    if not series_ids:
        return {}
    kind = func.coalesce(table.c.pattern["kind"].astext, "unknown")
    wanted = select(table.c.id, kind, table.c.repeat_until).where(table.c.id.in_(series_ids))
    with reading() as connection:
        return {series_id: Repeats(*told) for series_id, *told in connection.execute(wanted)}


def blackouts_of(cron_name: str | None = None, after: datetime | None = None) -> list[Blackout]:
    """The periods to come, or under way, in which series pause; the one that begins first comes first.

    Args:
        cron_name: those that hold for this cron's series; all where it is not given.
        after: those as well that ended since this instant.

    Raises:
        Unavailable.
    """
    with reading() as connection:
        return read_blackouts(connection, cron_name, after)


def read_blackouts(
    connection: Connection,
    cron_name: str | None = None,
    after: datetime | None = None,
    *,
    limit: int | None = None,
) -> list[Blackout]:
    """As `blackouts_of`, through a connection; at most so many of them as `limit` says."""
    wanted = select(*BLACKOUTS).where(blackouts.c.ends_at > func.least(func.now(), after))
    if cron_name is not None:
        wanted = wanted.where(or_(blackouts.c.cron_name.is_(None), blackouts.c.cron_name == cron_name))
    rows = connection.execute(wanted.order_by(blackouts.c.starts_at, blackouts.c.id).limit(limit))
    return [Blackout(*row) for row in rows]


def touched(connection: Connection, one: Series, after: datetime) -> set[datetime]:
    """The occurrences after an instant that are planned, or that somebody cancelled by hand.

    One that a blackout, or a change of its series, has cancelled is none of them: it may be planned again.
    """
    return {at for _, at in connection.exec_driver_sql(_TOUCHED, {"many": [one.id], "after": [after]})}


def touched_of(many: Sequence[Series], after: datetime) -> dict[UUID, set[datetime]]:
    """As `touched`, of many series.

    Raises:
        Unavailable.
    """
    found: dict[UUID, set[datetime]] = {one.id: set() for one in many}
    with reading() as connection:
        wanted = {"many": list(found), "after": [after] * len(found)}
        for series_id, at in connection.exec_driver_sql(_TOUCHED, wanted):
            found[series_id].add(at)
    return found


async def fetch_touched(lane: Lane, many: Sequence[Series], now: datetime) -> dict[UUID, set[datetime]]:
    """As `touched`, of many series since each was last planned, through a worker's connection.

    Raises:
        Unavailable.
    """
    found: dict[UUID, set[datetime]] = {one.id: set() for one in many}
    after = [min(now, one.last_occurrence or now) for one in many]
    for series_id, at in await lane.fetch(_TOUCHED, {"many": list(found), "after": after}):
        found[series_id].add(at)
    return found


async def fetch_blackouts(lane: Lane, after: datetime | None = None) -> list[Blackout]:
    """As `blackouts_of`, of all crons, through a worker's connection; in no order.

    Args:
        lane: the connection.
        after: those as well that ended since this instant.

    Raises:
        Unavailable.
    """
    return [Blackout(*row) for row in await lane.fetch(_BLACKOUTS_AFTER, (after,))]
