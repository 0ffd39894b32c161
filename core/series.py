"""Series: make schedules again and again; pause, resume and end them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from core import events
from core.actors import Actor, require
from core.catalogue import catalogue, shown
from core.database import changing, reading
from core.errors import Conflict, Invalid, NotFound
from core.instants import check_instant
from core.parameters import Parameters, check
from core.recurrence import Pattern, instants, parse_pattern, written
from core.schedules import LatePolicy
from core.tables import blackouts, schedules
from core.tables import series as table
from core.wallclock import zone

Status = Literal["active", "paused", "ended"]
Missed = Literal["one", "all"]
PREVIEWED = 10
MISSED_AT_MOST = 1000
# A pattern of which this many occurrences in a row are excluded has none left.
LOOKED_THROUGH = 5000


@dataclass(frozen=True, slots=True)
class Series:
    """What makes schedules again and again: a row of cron_series.

    Attributes:
        pattern: what repeats, as `core.recurrence` reads it.
        timezone: IANA name of the zone whose wall clock the pattern goes by.
        starts_on: the day from which 'every N' counts.
        repeat_until: no occurrence after this instant.
        repeat_count: how many occurrences in all at most.
        excluded_dates: days, in the zone, without an occurrence.
        missed: after an outage fire 'one', or 'all' that were missed, the newest first.
        fire_within: how late an occurrence may fire; late_policy says what happens after that.
        planned: how many occurrences have been planned so far.
    """

    id: UUID
    cron_name: str
    parameters: Parameters
    pattern: dict[str, Any]
    timezone: str
    starts_on: date
    repeat_until: datetime | None
    repeat_count: int | None
    excluded_dates: list[date]
    missed: Missed
    fire_within: timedelta | None
    late_policy: LatePolicy
    status: Status
    planned: int
    last_occurrence: datetime | None
    created_by: str | None
    created_at: datetime
    error_message: str | None

    def __post_init__(self) -> None:
        # Whoever shows it shows no secret: rows from before its schema had one may hold it in clear.
        object.__setattr__(self, "parameters", shown(self.cron_name, self.parameters))


@dataclass(frozen=True, slots=True)
class Blackout:
    """A period without occurrences of series: of one cron, or of all where cron_name is None."""

    id: UUID
    name: str
    starts_at: datetime
    ends_at: datetime
    cron_name: str | None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next pending schedule of a series."""

    schedule_id: UUID
    at: datetime


COLUMNS = [table.c[field.name] for field in fields(Series)]
_BLACKOUTS = [blackouts.c[field.name] for field in fields(Blackout)]


def create(
    actor: Actor,
    cron_name: str,
    pattern: Any,
    timezone: str,
    *,
    first: datetime | None = None,
    parameters: Parameters | None = None,
    repeat_until: datetime | None = None,
    repeat_count: int | None = None,
    excluded_dates: Sequence[date] = (),
    missed: Missed = "one",
    fire_within: timedelta | None = None,
    late_policy: LatePolicy = "fire",
    created_by: str | None = None,
) -> Series:
    """Makes a series and plans its first occurrence.

    Args:
        actor: who makes it.
        cron_name: a cron of the catalogue.
        pattern: such as {'kind': 'weekly', 'at': '02:00', 'days': ['monday', 'thursday']}.
        timezone: IANA name of the zone whose wall clock it goes by.
        first: no occurrence before this instant; now where it is not given.
        parameters: of every run; checked against the cron's schema.
        repeat_until: no occurrence after this instant.
        repeat_count: how many occurrences in all at most.
        excluded_dates: days, in the zone, without an occurrence.
        missed: after an outage fire 'one', or 'all' that were missed.
        fire_within: how late an occurrence may fire.
        late_policy: what happens to one that is later: 'fire' it all the same, 'drop' it, or 'ask'.
        created_by: in whose name; the actor's where it is not given.

    Returns:
        The series, active.

    Raises:
        NotFound: no such cron.
        Invalid: something breaks a rule, or the pattern has no occurrence to come.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    cron = catalogue().cron(cron_name)
    where = zone(timezone)
    now = datetime.now(UTC)
    begin = check_instant(first, "first") if first else now
    if repeat_count is not None and not 1 <= repeat_count <= 1_000_000:
        raise Invalid("repeatCount: must be 1 or more")
    if fire_within is not None and fire_within <= timedelta(0):
        raise Invalid("fireWithin: must be more than 0 seconds")
    draft = Series(
        id=UUID(int=0),
        cron_name=cron.name,
        parameters=check({} if parameters is None else parameters, cron.parameters),
        pattern=written(parse_pattern(pattern)),
        timezone=timezone,
        starts_on=begin.astimezone(where).date(),
        repeat_until=check_instant(repeat_until, "repeatUntil") if repeat_until else None,
        repeat_count=repeat_count,
        excluded_dates=sorted(set(excluded_dates)),
        missed=missed,
        fire_within=fire_within,
        late_policy=late_policy,
        status="active",
        planned=0,
        last_occurrence=begin - timedelta(microseconds=1) if begin > now else None,
        created_by=created_by or actor.name,
        created_at=now,
        error_message=None,
    )
    if next(upcoming(draft, blackouts_of(cron.name), now), None) is None:
        raise Invalid("repeat: has no occurrence to come")
    generated = ("id", "created_at", "planned", "status", "error_message")
    values = {
        field.name: getattr(draft, field.name) for field in fields(Series) if field.name not in generated
    }
    made = insert(table).values(values).returning(*COLUMNS).cte("made")
    details = events.object_of(series_id=made.c.id, pattern=made.c.pattern, timezone=made.c.timezone)
    told = events.told(actor, "series.created", made, details=details)
    with changing(actor) as connection:
        series = Series(*connection.execute(select(made).add_cte(told)).one())
        _plan_next(connection, actor, series, now)
    return get(series.id)


def preview(
    pattern: Any,
    timezone: str,
    *,
    cron_name: str | None = None,
    first: datetime | None = None,
    repeat_until: datetime | None = None,
    repeat_count: int | None = None,
    excluded_dates: Sequence[date] = (),
    count: int = PREVIEWED,
) -> list[datetime]:
    """The next instants that a series would have.

    Raises:
        Invalid: the pattern or the zone is none.
        Unavailable.
    """
    now = datetime.now(UTC)
    begin = first or now
    where = zone(timezone)
    found = _admitted(
        parse_pattern(pattern),
        timezone,
        begin.astimezone(where).date(),
        max(now, begin - timedelta(microseconds=1)),
        repeat_until,
        set(excluded_dates),
        blackouts_of(cron_name) if cron_name else (),
    )
    return list(islice(found, min(count, repeat_count or count)))


def upcoming(series: Series, periods: Sequence[Blackout], now: datetime) -> Iterator[datetime]:
    """The occurrences of a series that are not planned yet and to come, in order."""
    after = max(now, series.last_occurrence or now)
    left = None if series.repeat_count is None else max(0, series.repeat_count - series.planned)
    found = _admitted(
        parse_pattern(series.pattern),
        series.timezone,
        series.starts_on,
        after,
        series.repeat_until,
        set(series.excluded_dates),
        periods,
    )
    return islice(found, left)


def _admitted(
    pattern: Pattern,
    timezone: str,
    starts_on: date,
    after: datetime,
    until: datetime | None,
    excluded: set[date],
    periods: Sequence[Blackout],
) -> Iterator[datetime]:
    where = zone(timezone)
    passed_over = 0
    for instant in instants(pattern, where, starts_on, after):
        if (until is not None and instant > until) or passed_over > LOOKED_THROUGH:
            return
        dark = any(period.starts_at <= instant < period.ends_at for period in periods)
        if dark or instant.astimezone(where).date() in excluded:
            passed_over += 1
            continue
        passed_over = 0
        yield instant


def next_batch(series: Series, periods: Sequence[Blackout], now: datetime) -> list[tuple[datetime, datetime]]:
    """What to plan next of a series that has nothing pending.

    Of the occurrences that were missed while no worker was there, none is made up for: the one
    that was pending has fired late in their stead. A series that says missed = 'all' gets each
    of them, the newest first, and then the next one to come.

    Returns:
        Pairs of the occurrence and the instant it is planned for; none when the series has ended.
    """
    chosen: list[tuple[datetime, datetime]] = []
    if series.missed == "all" and series.last_occurrence is not None:
        gone = replace(series, last_occurrence=None)
        missed: list[datetime] = []
        for instant in upcoming(gone, periods, series.last_occurrence):
            if instant > now or len(missed) >= MISSED_AT_MOST:
                break
            missed.append(instant)
        soon = now + timedelta(seconds=1)
        chosen = [
            (instant, soon + timedelta(milliseconds=place)) for place, instant in enumerate(reversed(missed))
        ]
    if series.repeat_count is None or series.planned + len(chosen) < series.repeat_count:
        following = next(upcoming(series, periods, now), None)
        if following is not None:
            chosen.append((following, following))
    return chosen


def newest_missed(series: Series, now: datetime) -> datetime | None:
    """The latest occurrence after the last one planned that should have been by now, if there is one."""
    if series.last_occurrence is None:
        return None
    newest = None
    gone = replace(series, last_occurrence=None, repeat_count=None)
    for instant in islice(upcoming(gone, (), series.last_occurrence), LOOKED_THROUGH):
        if instant > now:
            break
        newest = instant
    return newest


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


def find(*, cron_name: str | None = None, status: Status | None = None, limit: int = 1000) -> list[Series]:
    """The series, latest made first.

    Raises:
        Unavailable.
    """
    wanted = select(*COLUMNS).order_by(table.c.id.desc()).limit(limit)
    if cron_name is not None:
        wanted = wanted.where(table.c.cron_name == cron_name)
    if status is not None:
        wanted = wanted.where(table.c.status == status)
    with reading() as connection:
        return [Series(*row) for row in connection.execute(wanted)]


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


def pause(actor: Actor, series_id: UUID) -> Series:
    """Pauses a series: what it has pending is cancelled, and nothing is planned until it is resumed.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it is not active.
    """
    return _change(actor, series_id, "active", "paused", "series.paused")


def resume(actor: Actor, series_id: UUID) -> Series:
    """Resumes a paused series from now on; what it would have done in the meantime is not made up for.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it is not paused.
    """
    return _change(actor, series_id, "paused", "active", "series.resumed")


def end(actor: Actor, series_id: UUID) -> Series:
    """Ends a series for good: what it has pending is cancelled.

    Raises:
        NotFound, Forbidden, Unavailable.
        Conflict: it has ended.
    """
    return _change(actor, series_id, None, "ended", "series.ended")


def _change(actor: Actor, series_id: UUID, before: Status | None, after: Status, kind: str) -> Series:
    require(actor, "schedule")
    state = table.c.status == before if before else table.c.status != after
    changed = (
        update(table)
        .where(table.c.id == series_id, state)
        .values(status=after, last_occurrence=func.clock_timestamp(), error_message=None)
        .returning(*COLUMNS)
        .cte("changed")
    )
    told = events.told(actor, kind, changed, details=events.object_of(series_id=changed.c.id))
    with changing(actor) as connection:
        row = connection.execute(select(changed).add_cte(told)).one_or_none()
        if row is not None and after == "active":
            _plan_next(connection, actor, Series(*row), datetime.now(UTC))
        elif row is not None:
            _cancel_pending(connection, actor, series_id)
    present = get(series_id)
    if row is None:
        raise Conflict(f"id: the series is {present.status}")
    return present


def _cancel_pending(connection: Connection, actor: Actor, series_id: UUID) -> None:
    cancelled = (
        update(schedules)
        .where(
            schedules.c.series_id == series_id,
            schedules.c.status == "pending",
            or_(schedules.c.claimed_by.is_(None), schedules.c.due_at <= func.clock_timestamp()),
        )
        .values(status="cancelled", claimed_by=None)
        .returning(schedules.c.id, schedules.c.cron_name)
        .cte("cancelled")
    )
    told = events.told(actor, "schedule.cancelled", cancelled, schedule_id=cancelled.c.id)
    count = len(connection.execute(select(cancelled).add_cte(told)).all())
    # They were planned and will not happen: they do not count towards repeat_count.
    connection.execute(update(table).where(table.c.id == series_id).values(planned=table.c.planned - count))


def _plan_next(connection: Connection, actor: Actor, series: Series, now: datetime) -> None:
    batch = next_batch(series, _read_blackouts(connection, series.cron_name), now)
    if not batch:
        connection.execute(update(table).where(table.c.id == series.id).values(status="ended"))
        return
    call = func.crondesk_plan_occurrences(
        series.id,
        series.last_occurrence,
        [occurrence for occurrence, _ in batch],
        [instant for _, instant in batch],
        catalogue().cron(series.cron_name).fingerprint,
        actor.name,
        actor.via,
    )
    connection.execute(select(call))


def blackouts_of(cron_name: str) -> list[Blackout]:
    """The periods to come, or under way, in which series of a cron pause.

    Raises:
        Unavailable.
    """
    with reading() as connection:
        return _read_blackouts(connection, cron_name)


def _read_blackouts(connection: Connection, cron_name: str) -> list[Blackout]:
    wanted = (
        select(*_BLACKOUTS)
        .where(
            blackouts.c.ends_at > func.now(),
            or_(blackouts.c.cron_name.is_(None), blackouts.c.cron_name == cron_name),
        )
        .order_by(blackouts.c.starts_at)
    )
    return [Blackout(*row) for row in connection.execute(wanted)]
