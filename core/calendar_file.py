"""Reads .ics files, such as holidays and change freezes, into periods for blackouts."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from threading import Lock
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event
from icalendar.timezone import tzp

from core.blackouts import Period
from core.calendar_rules import check_cost, listed
from core.errors import Invalid, TooLarge
from core.wallclock import instant_of, midnight, zone, zone_names

MOST_BYTES = 1_048_576
MOST_EVENTS = 2000
MOST_PERIODS = 1000
HORIZON = timedelta(days=3653)
MAX_NAME = 200
WITH_ZONES = ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE")
_ONE_AT_A_TIME = Lock()


def read_ics(text: str, timezone: str = "UTC", *, cron_name: str | None = None) -> list[Period]:
    """The periods of a calendar's events from now on, for ten years, the earliest first.

    Events of whole days, and times without a zone, are meant in the given zone. Cancelled events
    are left out; recurring ones are written out.

    Args:
        text: iCalendar (RFC 5545), at most 1 MiB.
        timezone: IANA name.
        cron_name: whose series pause in them; None for all.

    Returns:
        At most 1,000 periods.

    Raises:
        TooLarge: more than 1 MiB, 2,000 events or 1,000 periods, or rules that recur too often.
        Invalid: no calendar, or one with a mistake; the zone is none.
    """
    where = zone(timezone)
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise TooLarge(f"file: larger than {MOST_BYTES // 1024} KiB")
    now = datetime.now(UTC)
    calendar = _calendar(text)
    try:
        check_cost(calendar, _events(calendar), now + HORIZON)
        for event in _events(calendar):
            _check_zones(event)
            _check_order(event, where)
        periods = list(_periods(calendar, now, where, cron_name))
    # What malformed calendars make of the two libraries' insides cannot be listed more narrowly.
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError) as error:
        raise Invalid(f"file: an event cannot be read: {error}"[:300]) from None
    return sorted(periods, key=lambda period: (period.starts_at, period.ends_at, period.name))


def _calendar(text: str) -> Calendar:
    try:
        with _ONE_AT_A_TIME:
            # The library would know the zones of each file that it has read before.
            tzp.use_default()
            calendar = Calendar.from_ical(text)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise Invalid(f"file: is no iCalendar: {error}"[:300]) from None
    if not isinstance(calendar, Calendar):
        raise Invalid("file: is no iCalendar: it must begin with BEGIN:VCALENDAR")
    events = _events(calendar)
    if not events:
        raise Invalid("file: holds no events")
    if len(events) > MOST_EVENTS:
        raise TooLarge(f"file: holds more than {MOST_EVENTS} events")
    return calendar


def _events(calendar: Calendar) -> list[Event]:
    return [event for event in calendar.walk("VEVENT") if isinstance(event, Event)]


def _check_zones(event: Event) -> None:
    for written in (each for name in WITH_ZONES for each in listed(event.get(name))):
        moments = [each.dt for each in getattr(written, "dts", (written,))]
        first = [moment[0] if isinstance(moment, tuple) else moment for moment in moments]
        # Which the library leaves without a zone where it does not know the one that stands there.
        unknown = any(isinstance(moment, datetime) and not _is_known(moment.tzinfo) for moment in first)
        if unknown and "TZID" in written.params:
            raise Invalid(
                f"file: the event {_shown(event)} goes by the time zone "
                f"{_in_one_line(written.params['TZID'])}, which is unknown; use an IANA name such as "
                "Europe/Paris, or define it in the file as a VTIMEZONE"
            )


def _is_known(where: tzinfo | None) -> bool:
    return where.key in zone_names() if isinstance(where, ZoneInfo) else where is not None


def _check_order(event: Event, where: ZoneInfo) -> None:
    # Or the library would take the one for the other.
    ends = [event.decoded(name) for name in ("DTEND", "DURATION") if name in event]
    backwards = any(_is_backwards(event.decoded("DTSTART"), end, where) for end in ends)
    if backwards and event.get("STATUS") != "CANCELLED":
        raise Invalid(f"file: the event {_shown(event)} ends before it begins")


def _is_backwards(begin: date, end: date | timedelta, where: ZoneInfo) -> bool:
    if isinstance(end, timedelta):
        return end < timedelta(0)
    clocks = [moment.tzinfo if isinstance(moment, datetime) else date for moment in (begin, end)]
    if clocks[0] is clocks[1]:  # by which an event on a night when it jumps is in order, too
        return end < begin
    return _instant(end, where) < _instant(begin, where)


def _shown(event: Event) -> str:
    return _in_one_line(event.get("SUMMARY") or event.get("UID")) or "without a name"


def _periods(calendar: Calendar, now: datetime, where: ZoneInfo, cron_name: str | None) -> Iterator[Period]:
    # A day more on either side: a whole day begins at different instants in different zones.
    begin, end = now - timedelta(days=1), now + HORIZON
    found = 0
    for event in recurring_ical_events.of(calendar).between(begin, end):
        if event.get("STATUS") == "CANCELLED":
            continue
        starts_at = _instant(event.decoded("DTSTART"), where)
        ends_at = _instant(event.decoded("DTEND"), where)
        if ends_at <= max(now, starts_at):
            continue
        found += 1
        if found > MOST_PERIODS:
            raise TooLarge(f"file: makes more than {MOST_PERIODS} periods")
        yield Period(_name_of(event), starts_at, ends_at, cron_name)


def _instant(moment: date, where: ZoneInfo) -> datetime:
    if not isinstance(moment, datetime):
        return midnight(moment, where)
    if moment.tzinfo is None:
        return instant_of(moment, where)
    return moment.astimezone(UTC)


def _name_of(event: Event) -> str:
    return _in_one_line(event.get("SUMMARY")) or "Blackout"


def _in_one_line(text: object) -> str:
    written = "".join(letter if letter.isprintable() else " " for letter in str(text or ""))
    return " ".join(written.split())[:MAX_NAME]
