"""Times as people read them: in the browser's zone and language; inside everything is UTC."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo

import streamlit as st
from babel.dates import format_date

from core import wallclock
from core.errors import Invalid
from pages.parts import words
from pages.parts.language import _, language

# Within dates and lengths of time no line ends.
NO_BREAK = "\u00a0"


def browser_zone() -> ZoneInfo:
    """The browser's time zone; UTC where it tells none that is known here."""
    try:
        return wallclock.zone(st.context.timezone or "UTC")
    except Invalid:
        return wallclock.zone("UTC")


def local(instant: datetime) -> datetime:
    """The instant by the browser's clock."""
    return instant.astimezone(browser_zone())


def day_and_time(instant: datetime, *, weekday: bool = True, year: bool | None = None) -> str:
    """Such as 'Mon 24 Nov, 14:30'; with the seconds and the year where they matter."""
    return _day_and_time(local(instant), weekday=weekday, year=year)


def day_and_time_utc(instant: datetime) -> str:
    """The same in UTC."""
    return _day_and_time(instant.astimezone(UTC), weekday=True, year=None)


def day_and_time_in(instant: datetime, where: ZoneInfo) -> str:
    """The same by the clocks of a zone."""
    return _day_and_time(instant.astimezone(where), weekday=True, year=None)


def date_in_words(day: date) -> str:
    """Such as 'Mon 24 Nov 2025'."""
    return written(day, "EEE d MMM y")


def written(day: date, pattern: str) -> str:
    """A day as a pattern of Unicode's CLDR says, such as 'EEEE d MMMM y'."""
    return _date(day, pattern, language())


def _day_and_time(there: datetime, *, weekday: bool, year: bool | None) -> str:
    with_year = year if year is not None else there.year != datetime.now(there.tzinfo).year
    pattern = ("EEE " if weekday else "") + "d MMM" + (" y" if with_year else "")
    return f"{written(there.date(), pattern)}, {time_of_day(there)}"


def time_of_day(there: datetime) -> str:
    """Such as '14:30', or '14:30:05'."""
    return f"{there:%H:%M:%S}" if there.second or there.microsecond else f"{there:%H:%M}"


@lru_cache(maxsize=10_000)
def _date(day: date, pattern: str, code: str) -> str:
    # Lists write the same few days over and over, and Babel takes its time.
    if code == "fr" and day.day == 1:
        pattern = pattern.replace("d", "d'er'")
    return format_date(day, pattern, locale=code).replace(" ", NO_BREAK)


def date_format() -> str:
    """How fields write a date, in Streamlit's words."""
    return "DD/MM/YYYY" if language() == "fr" else "YYYY-MM-DD"


def day(instant: datetime) -> str:
    """Such as 'Monday 24 November 2025'."""
    return words.capital(written(local(instant).date(), "EEEE d MMMM y"))


def to_the_millisecond(instant: datetime) -> str:
    """Such as '14:30:05.123', for timelines."""
    return f"{local(instant):%H:%M:%S.%f}"[:-3]


def zone_name(instant: datetime) -> str:
    """Such as 'Europe/Paris, UTC+1'."""
    there = local(instant)
    offset = there.utcoffset() or timedelta()
    sign = "+" if offset >= timedelta() else "−"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    written = f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "") if offset else "UTC"
    name = browser_zone().key
    return written if name == written else f"{name}, {written}"


def remaining(left: timedelta) -> str:
    """A time to go or gone, as countdowns write it: '45 s', '15 min', '2 h 30 min', '3 d 5 h'."""
    seconds = max(0, ceil(left.total_seconds()))
    return spelled_out(timedelta(seconds=seconds if seconds < 60 else seconds - seconds % 60))


def spelled_out(left: timedelta) -> str:
    """Such as '18 h 20 min': as `remaining`, but exact to the second below an hour."""
    seconds = max(0, round(left.total_seconds()))
    parts = [
        (seconds // 86_400, _day()),
        (seconds // 3600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    ]
    first = next((place for place, (count, _unit) in enumerate(parts) if count), 3)
    shown = [(count, unit) for count, unit in parts[first : first + 2] if count] or [(0, "s")]
    return NO_BREAK.join(f"{count}{NO_BREAK}{unit}" for count, unit in shown)


def lasted(seconds: float | None) -> str:
    """A duration such as '87 ms', '2.4 s', '3 min 20 s'; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}{NO_BREAK}ms"
    if seconds < 60:
        written = f"{seconds:.1f}".removesuffix(".0")
        return (written.replace(".", ",") if language() == "fr" else written) + f"{NO_BREAK}s"
    return spelled_out(timedelta(seconds=seconds))


def _day() -> str:
    # Translators: the letter after a number of days, as in 3 d 5 h.
    return _("d")
