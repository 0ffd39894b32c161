"""Make series, and see beforehand when they would happen."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert

from core import events
from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import changing, clock, reading
from core.errors import Conflict
from core.names import checked_name
from core.parameters import Parameters, check
from core.recurrence import parse_pattern
from core.schedules import LatePolicy
from core.series.checking import check_to_come, checked, first_day
from core.series.occurrences import MOMENT, admitted
from core.series.planning import plan_first
from core.series.reading import blackouts_of, get
from core.series.records import COLUMNS, PREVIEWED, Missed, Series
from core.tables import series as table
from core.wallclock import zone

KEY_USED = "Idempotency-Key: was already used for another series; choose a new one"
# What a call gives; a second one with the same key gives the same.
GIVEN = (
    "cron_name",
    "parameters",
    "pattern",
    "timezone",
    "first",
    "repeat_until",
    "repeat_count",
    "excluded_dates",
    "missed",
    "fire_within",
    "late_policy",
    "created_by",
)


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
    idempotency_key: str | None = None,
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
        idempotency_key: a second call with the same key makes nothing and returns the first one's series.

    Returns:
        The series, active.

    Raises:
        NotFound: no such cron.
        Invalid: something breaks a rule, or the pattern has no occurrence to come.
        Conflict: the key was used for a different series.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    cron = catalogue().cron(cron_name)
    now = clock()
    draft = checked(
        Series(
            id=UUID(int=0),
            cron_name=cron.name,
            parameters=check({} if parameters is None else parameters, cron.parameters),
            pattern=pattern,
            timezone=timezone,
            starts_on=first_day(first or now, timezone),
            first=first,
            repeat_until=repeat_until,
            repeat_count=repeat_count,
            excluded_dates=list(excluded_dates),
            missed=missed,
            fire_within=fire_within,
            late_policy=late_policy,
            status="active",
            planned=0,
            last_occurrence=None,
            created_by=checked_name(created_by, "createdBy") or actor.name,
            created_at=now,
            changed_at=None,
            changed_by=None,
            error_message=None,
        )
    )
    checked_name(idempotency_key, "Idempotency-Key")
    known = _made_before(draft, idempotency_key)
    if known is not None:
        return known
    check_to_come(draft, blackouts_of(cron.name), now)
    values = {field.name: getattr(draft, field.name) for field in fields(Series) if field.name in GIVEN}
    made = (
        insert(table)
        .values(values | {"starts_on": draft.starts_on, "idempotency_key": idempotency_key})
        .on_conflict_do_nothing(
            index_elements=[table.c.idempotency_key],
            index_where=table.c.idempotency_key.is_not(None),
        )
        .returning(*COLUMNS)
        .cte("made")
    )
    details = events.object_of(series_id=made.c.id, pattern=made.c.pattern, timezone=made.c.timezone)
    told = events.told(actor, "series.created", made, details=details)
    with changing(actor) as connection:
        row = connection.execute(select(made).add_cte(told)).one_or_none()
        if row is not None:
            plan_first(connection, actor, Series(*row))
    if row is not None:
        return get(row.id)
    known = _made_before(draft, idempotency_key)  # two calls with one key met
    if known is None:
        raise Conflict(KEY_USED)
    return known


def _made_before(draft: Series, key: str | None) -> Series | None:
    if key is None:
        return None
    # Compared in the database: of numbers, it may keep more digits than Python's floats have.
    same = and_(*(table.c[name].is_not_distinct_from(getattr(draft, name)) for name in GIVEN))
    # One that has been changed since is what the key made all the same.
    changed = and_(table.c.cron_name == draft.cron_name, table.c.changed_at.is_not(None))
    with reading() as connection:
        wanted = select(*COLUMNS, or_(same, changed)).where(table.c.idempotency_key == key)
        row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    if not row[-1]:
        raise Conflict(KEY_USED)
    return Series(*row[:-1])


def preview(
    pattern: Any,
    timezone: str,
    *,
    cron_name: str | None = None,
    first: datetime | None = None,
    starts_on: date | None = None,
    repeat_until: datetime | None = None,
    repeat_count: int | None = None,
    excluded_dates: Sequence[date] = (),
    count: int = PREVIEWED,
) -> list[datetime]:
    """The next instants that a series would have.

    Args:
        pattern, timezone, first, repeat_until, repeat_count, excluded_dates: as `create` takes them.
        cron_name: whose blackouts keep it from happening; none do where it is not given.
        starts_on: the day from which 'every N' counts; the first's, or today, where it is not given.
        count: how many at most.

    Raises:
        Invalid: the pattern or the zone is none.
        Unavailable.
    """
    now = clock()
    begin = first or now
    where = zone(timezone)
    found = admitted(
        parse_pattern(pattern),
        where,
        starts_on or begin.astimezone(where).date(),
        max(now, begin - MOMENT),
        until=repeat_until,
        excluded=set(excluded_dates),
        periods=blackouts_of(cron_name) if cron_name else (),
    )
    return list(islice(found, min(count, repeat_count or count)))
