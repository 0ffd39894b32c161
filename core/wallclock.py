"""Wall clocks: which instants a local date and time names, on days when the clocks change too."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from core.errors import Invalid

# They lie beside the zones and can be read like them: the machine's own, and what stands for none.
NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})


@cache
def zone_names() -> frozenset[str]:
    """The IANA names of the time zones that are known here, old ones such as US/Eastern among them."""
    return frozenset(available_timezones()) - NO_ZONES


@cache
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        Invalid: there is none.
    """
    if name not in zone_names():
        raise Invalid(f"timezone: {name[:100]} is no IANA time zone, such as Europe/Paris")
    return ZoneInfo(name)


def instants_of(wall: datetime, where: ZoneInfo) -> list[datetime]:
    """The instants at which the clocks of a zone show a date and time.

    PEP 495's `fold` chooses between the two readings; one that does not survive the way to UTC
    and back is none.

    Args:
        wall: naive.
        where: the zone.

    Returns:
        In UTC: one; none where the clocks jump over it; two, earlier first, where they show it
        twice.
    """
    readings = [wall.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1)]
    real = [at for at in readings if at.astimezone(where).replace(tzinfo=None, fold=0) == wall]
    return sorted(set(real))


def instant_of(wall: datetime, where: ZoneInfo, which: int = 0) -> datetime:
    """The instant that a date and time by the clocks of a zone names; there always is one.

    Args:
        wall: naive.
        where: the zone.
        which: where the clocks show it twice 0 takes the first instant, -1 the second.

    Returns:
        In UTC: where the clocks jump over it, the first instant after their jump.

    Raises:
        OverflowError: it lies outside the years 1 to 9999.
    """
    return (instants_of(wall, where) or instants_of(next_that_exists(wall, where), where))[which]


def midnight(day: date, where: ZoneInfo) -> datetime:
    """The first instant of a day by the clocks of a zone.

    Args:
        day: the day.
        where: the zone.

    Returns:
        In UTC: where the clocks jump over midnight, the first instant after their jump.

    Raises:
        OverflowError: it lies outside the years 1 to 9999.
    """
    return instant_of(datetime.combine(day, time()), where)


def next_that_exists(wall: datetime, where: ZoneInfo) -> datetime:
    """The first date and time, not before the given one, that the clocks of a zone show.

    Args:
        wall: naive.
        where: the zone.

    Returns:
        Naive: the given one where it exists, else what the clocks show right after their jump.
    """
    if instants_of(wall, where):
        return wall
    # Read with the offset from after the jump it lies before the jump, and the other way round.
    before = wall.replace(tzinfo=where, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=where, fold=0).astimezone(UTC)
    old_offset = before.astimezone(where).utcoffset()
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(where).utcoffset() == old_offset:
            before = middle
        else:
            after = middle
    return after.astimezone(where).replace(tzinfo=None, fold=0)
