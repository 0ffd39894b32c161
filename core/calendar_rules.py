"""What following the rules of a calendar costs, reckoned before they are followed: none may take long."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component, Event

from core.errors import Invalid, TooLarge

# How many days a rule goes at a time, and what such a step costs. Finer ones are refused.
STEPS = {"DAILY": (1, 1), "WEEKLY": (7, 1), "MONTHLY": (28, 4), "YEARLY": (365, 30)}
# What a file's rules may cost in all: a few seconds.
MOST_STEPS = 1_000_000
# Of one time zone that a file defines; Outlook's have 900, for they begin in 1601.
MOST_CHANGES = 2000
# How much of one of these costs as much again as a step by itself.
VALUES_A_STEP = 10
CHANGES_A_STEP = 50
MOVED_A_STEP = 20


def check_cost(calendar: Calendar, events: list[Event], horizon: datetime) -> None:
    """Lets a calendar pass whose rules can be followed in a few seconds.

    Raises:
        TooLarge: they cannot.
        Invalid: a rule is none, or one that a blackout cannot have.
    """
    changes = {str(zone.get("TZID")): _changes(zone, horizon) for zone in calendar.walk("VTIMEZONE")}
    if any(count > MOST_CHANGES for count in changes.values()):
        raise TooLarge("file: its time zones change too often")
    steps = sum(_steps_of(event, horizon, changes) for event in events)
    # Whether such a moved occurrence is one of its series is found by following the series again.
    moved = sum("RECURRENCE-ID" in event and ("RDATE" in event or "EXDATE" in event) for event in events)
    if steps * (1 + moved // MOVED_A_STEP) > MOST_STEPS:
        raise TooLarge("file: its events recur too often")


def _changes(zone: Component, horizon: datetime) -> int:
    """How many changes of its clocks are gone through to tell the time in a zone."""
    count = 0
    for part in zone.subcomponents:
        for rule in listed(part.get("RRULE")):
            frequency = _frequency(rule)
            if frequency != "YEARLY":
                raise Invalid(
                    f"file: the time zone {zone.get('TZID')} changes other than yearly ({frequency})"
                )
            step_days, _effort = STEPS[frequency]
            count += _days(rule, part.decoded("DTSTART"), horizon) // step_days
        count += _dates(part)
    return count


def _steps_of(event: Event, horizon: datetime, changes: dict[str, int]) -> int:
    """How many steps following an event's rules takes at most."""
    begin = event.decoded("DTSTART")
    steps = sum(_steps(rule, begin, horizon) for rule in listed(event.get("RRULE"))) + _dates(event)
    if isinstance(getattr(begin, "tzinfo", None), ZoneInfo):  # and not one that the file defines
        return steps
    return steps * (1 + changes.get(str(event["DTSTART"].params.get("TZID")), 0) // CHANGES_A_STEP)


def _steps(rule: Any, begin: date, horizon: datetime) -> int:
    frequency = _frequency(rule)
    if frequency not in STEPS or any(part in rule for part in ("BYHOUR", "BYMINUTE", "BYSECOND")):
        raise Invalid(f"file: an event recurs more often than daily ({frequency}), which a blackout cannot")
    step_days, effort = STEPS[frequency]
    values = sum(len(rule[part]) for part in rule if part.startswith("BY"))
    return max(1, _days(rule, begin, horizon) // step_days) * effort * (1 + values // VALUES_A_STEP)


def _dates(component: Component) -> int:
    """How many dates are added and left out one by one."""
    return sum(len(dates.dts) for name in ("RDATE", "EXDATE") for dates in listed(component.get(name)))


def _frequency(rule: Any) -> str:
    """How often a rule comes; one that gets no further is none."""
    for interval in rule.get("INTERVAL", [1]):
        if interval < 1:
            raise Invalid(f"file: a rule has the INTERVAL {interval}; it must be 1 or more")
    [frequency] = rule["FREQ"]
    return str(frequency)


def _days(rule: Any, begin: date, horizon: datetime) -> int:
    """For how many days a rule is followed."""
    end = date.max
    # A rule that names a date that never comes is followed to the last year there is.
    if _surely_recurs(rule):
        end = min(_day_of(until) for until in (horizon, *rule.get("UNTIL", ())))
    return max(0, (end - _day_of(begin)).days)


def _surely_recurs(rule: Any) -> bool:
    """Whether a rule names a date that comes again soon; the usual ones of holidays and freezes do."""
    narrowing = {part for part in rule if part.startswith("BY")}
    if not narrowing:
        return True
    if narrowing == {"BYDAY"} and rule["FREQ"] == ["WEEKLY"]:
        return True
    if rule.get("INTERVAL", [1]) != [1] or not narrowing <= {"BYMONTH", "BYMONTHDAY", "BYDAY"}:
        return False
    if "BYMONTHDAY" in narrowing:
        return "BYDAY" not in narrowing and any(1 <= abs(day) <= 28 for day in rule["BYMONTHDAY"])
    return "BYDAY" not in narrowing or any((day.relative or 1) <= 4 for day in rule["BYDAY"])


def listed(properties: Any) -> list[Any]:
    """A property that may be there once, several times or not at all."""
    if properties is None:
        return []
    return properties if isinstance(properties, list) else [properties]


def _day_of(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
