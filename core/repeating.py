"""A schedule that repeats: a series that begins with it, told by its instant alone."""

from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from core import overview, schedules, series
from core.actors import Actor
from core.errors import Invalid
from core.instants import check_instant, past
from core.parameters import Parameters
from core.recurrence import DAYS
from core.schedules import LatePolicy, Schedule
from core.wallclock import zone

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

    Returns:
        Its first schedule.

    Raises:
        Invalid: something breaks a rule.
        NotFound, Forbidden, Unavailable.
    """
    begin = check_instant(scheduled_at).replace(microsecond=0)  # patterns go by the second
    if begin <= overview.clock():
        raise past()
    within = None if not_after is None else not_after - begin
    if within is not None and within <= timedelta(0):
        raise Invalid("notAfter: must be later than scheduledAt")
    made = series.create(
        actor,
        cron_name,
        pattern_at(repeats, begin, timezone),
        timezone,
        first=begin,
        parameters=parameters,
        repeat_until=repeat_until,
        fire_within=within,
        late_policy=late_policy,
        created_by=created_by,
    )
    return schedules.get(series.next_of([made.id])[made.id].schedule_id)


def pattern_at(repeats: str | dict[str, Any], begin: datetime, timezone: str) -> dict[str, Any]:
    """The pattern that repeats an instant daily, weekly or monthly; a pattern object as it is."""
    if isinstance(repeats, dict):
        return repeats
    wall = begin.astimezone(zone(timezone))
    pattern: dict[str, Any] = {"kind": repeats, "at": wall.time().isoformat()}
    if repeats == "weekly":
        pattern["days"] = [DAYS[wall.weekday()]]
    elif repeats == "monthly":
        pattern["day"] = wall.day
    return pattern
