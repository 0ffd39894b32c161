"""A schedule that repeats: a series that begins with it, told by its instant alone."""

from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from core import schedules, series
from core.actors import Actor
from core.database import clock
from core.errors import Invalid
from core.instants import check_instant, past
from core.parameters import Parameters
from core.recurrence import DAYS
from core.schedules import LatePolicy, Schedule
from core.wallclock import instant_of, zone

# 'once' does not repeat: it is a word for those who always say how often.
Repeats = Literal["once", "daily", "weekly", "monthly"]
REPEATS: tuple[Repeats, ...] = get_args(Repeats)


def plan(
    actor: Actor,
    cron_name: str,
    scheduled_at: datetime,
    repeats: str | dict[str, Any],
    timezone: str,
    *,
    parameters: Parameters | None = None,
    repeat_until: datetime | None = None,
    not_after: datetime | None = None,
    late_policy: LatePolicy = "fire",
    created_by: str | None = None,
    idempotency_key: str | None = None,
) -> Schedule:
    """Makes a series of a schedule that repeats.

    Args:
        actor: who plans it.
        cron_name: a cron of the catalogue.
        scheduled_at: its first instant, to come.
        repeats: 'daily', 'weekly' or 'monthly', at its time of day, on its day; or a pattern as it is.
        timezone: IANA name of the zone whose wall clock it goes by.
        parameters: of every run.
        repeat_until: no occurrence after this instant.
        not_after: the first one's deadline; the others' are as far from their instants.
        late_policy: what happens after the deadline.
        created_by: in whose name.
        idempotency_key: a second call with the same one makes nothing.

    Returns:
        Its first schedule; of a call that is repeated, the same, whatever became of it.

    Raises:
        Invalid: something breaks a rule.
        Conflict: the key was used for something else.
        NotFound, Forbidden, Unavailable.
    """
    begin = check_instant(scheduled_at).replace(microsecond=0)  # patterns go by the second
    known = idempotency_key is not None and series.made_with(idempotency_key) is not None
    if begin <= clock() and not known:
        raise past()
    within = None if not_after is None else check_instant(not_after, "notAfter") - begin
    if within is not None and within <= timedelta(0):
        raise Invalid("notAfter: must be later than scheduledAt")
    made = series.create(
        actor,
        cron_name,
        pattern_at(repeats, begin, timezone, "scheduledAt"),
        timezone,
        first=begin,
        parameters=parameters,
        repeat_until=repeat_until,
        fire_within=within,
        late_policy=late_policy,
        created_by=created_by,
        idempotency_key=idempotency_key,
    )
    return schedules.get(series.first_of(made.id))


def pattern_at(asked: str | dict[str, Any], begin: datetime, timezone: str, field: str) -> dict[str, Any]:
    """The pattern that repeats an instant daily, weekly or monthly; a pattern object as it is.

    Raises:
        Invalid: it is the second of two that the clocks show alike: what repeats happens the first time.
    """
    if isinstance(asked, dict):
        return asked
    where = zone(timezone)
    wall = begin.astimezone(where).replace(tzinfo=None, fold=0)
    earlier = instant_of(wall, where)
    if earlier != begin:
        raise Invalid(
            f"{field}: the clocks of {timezone} show {wall:%H:%M} twice that day, and what repeats happens "
            f"the first time: give {earlier.astimezone(where).isoformat()}, or another time"
        )
    pattern: dict[str, Any] = {"kind": asked, "at": wall.time().isoformat()}
    if asked == "weekly":
        pattern["days"] = [DAYS[wall.weekday()]]
    elif asked == "monthly":
        pattern["day"] = wall.day
    return pattern
