"""Which slots a view of the calendar has: the days of a month, or the hours of a week or a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from core.calendar import Slot
from core.wallclock import midnight

View = Literal["month", "week", "day"]
VIEWS: tuple[View, ...] = ("month", "week", "day")
ONE_DAY = timedelta(days=1)
FIRST_DAY = date(1970, 1, 1)
# As far ahead as can be planned, and the month that this day is in.
YEARS_AHEAD = 10


@dataclass(frozen=True, slots=True)
class Span:
    """What a view shows.

    Attributes:
        days: its days, from its first Monday to its last Sunday, or one.
        slots: of each day, in order: itself in a month, else its hours.
    """

    view: View
    day: date
    days: list[date]
    slots: list[list[Slot]]

    @property
    def flat(self) -> list[Slot]:
        """All slots, in order."""
        return [slot for of_day in self.slots for slot in of_day]


def span(view: View, day: date, where: ZoneInfo) -> Span:
    """The days that a view shows around a day, by the clock of a zone."""
    if view == "month":
        first = day.replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1) - ONE_DAY
        begin, end = _monday(first), _monday(last) + timedelta(days=6)
    elif view == "week":
        begin, end = _monday(day), _monday(day) + timedelta(days=6)
    else:
        begin = end = day
    days = [begin + place * ONE_DAY for place in range((end - begin).days + 1)]
    return Span(view, day, days, [_slots(view, each, where) for each in days])


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _slots(view: View, day: date, where: ZoneInfo) -> list[Slot]:
    since, until = midnight(day, where), midnight(day + ONE_DAY, where)
    if view == "month":
        return [Slot(since, until)]
    # By elapsed time: a day on which the clocks change has 23 hours, or 25.
    hours = max(1, round((until - since) / timedelta(hours=1)))
    edges = [since + place * timedelta(hours=1) for place in range(hours)] + [until]
    return [Slot(begin, end) for begin, end in pairwise(edges)]


def last_day(today: date) -> date:
    """The last day that the calendar shows."""
    return date(today.year + YEARS_AHEAD, today.month, 1) + timedelta(days=31)


def clamped(day: date, today: date) -> date:
    """The day itself, or the nearest one that the calendar shows."""
    return min(max(day, FIRST_DAY), last_day(today))


def stepped(view: View, day: date, direction: int, today: date) -> date:
    """The day that the view after (1) or before (-1) is around; at the calendar's ends the day itself."""
    if view == "month":
        months = day.year * 12 + day.month - 1 + direction
        there = date(months // 12, months % 12 + 1, 1)
    else:
        there = day + direction * (7 if view == "week" else 1) * ONE_DAY
    return there if FIRST_DAY <= there <= last_day(today) else day
