"""The fields of a series: what repeats, in which zone, from when until when; what happens to what is late."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, cast

import streamlit as st

from core import series, wallclock
from core.errors import CrondeskError, Invalid
from core.parameters import Parameters
from core.recurrence import parse_pattern, written
from core.schedules import LatePolicy
from core.series import Changes, Missed, Series
from pages.parts import times
from pages.parts.choice import one_of
from pages.parts.date_field import OUTSIDE_DAYS, date_within
from pages.parts.language import _, language, marked
from pages.parts.lateness import deadline
from pages.parts.number_field import OUTSIDE, number_within
from pages.parts.pattern_fields import pattern_fields
from pages.parts.words import plain

BEGINS = {"now": marked("Now"), "day": marked("On a day")}
ENDS = {"never": marked("Never"), "until": marked("On a day"), "count": marked("After a number of runs")}
MISSED = {"one": marked("Once"), "all": marked("Every missed one, the newest first")}


@dataclass(slots=True)
class Wanted:
    """What the fields say.

    Attributes:
        pattern: what repeats; None while it cannot be read, which is one of the problems.
        problems: what is wrong, in the reader's language.
    """

    pattern: dict[str, Any] | None
    timezone: str
    first: datetime | None = None
    repeat_until: datetime | None = None
    repeat_count: int | None = None
    excluded: list[date] = field(default_factory=list)
    missed: Missed = "one"
    fire_within: timedelta | None = None
    late_policy: LatePolicy = "fire"
    problems: list[str] = field(default_factory=list)

    def given(self, parameters: Parameters) -> Changes:
        """As core takes it, with the parameters."""
        return {
            "parameters": parameters,
            "pattern": _written(self.pattern),
            "timezone": self.timezone,
            "first": self.first,
            "repeat_until": self.repeat_until,
            "repeat_count": self.repeat_count,
            "excluded_dates": self.excluded,
            "missed": self.missed,
            "fire_within": self.fire_within,
            "late_policy": self.late_policy,
        }


def series_fields(cron_name: str, start: Series | None) -> Wanted:
    """Shows the fields.

    Args:
        cron_name: whose series it is.
        start: the series that they show at first; what is left as it is, is kept to the second.
    """
    wanted = Wanted(pattern_fields(_pattern_of(start)), _zone(start))
    _begin(wanted, start)
    _end(wanted, start)
    wanted.excluded = _excluded(wanted, cron_name, start)
    late = _lateness(wanted, start)
    if wanted.pattern is None or not late:
        wanted.problems.append(_(OUTSIDE))
    return wanted


def _written(pattern: Any) -> Any:
    """A pattern in full, as it is kept; as it is, where it is none."""
    with suppress(Invalid):
        return written(parse_pattern(pattern))
    return pattern


def _pattern_of(start: Series | None) -> dict[str, Any]:
    # psql writes them, too.
    return _written(start.pattern) if start and start.in_words("en") else {}


def _zone(start: Series | None) -> str:
    zones = sorted(wallclock.zone_names())
    here = start.timezone if start else times.browser_zone().key
    label = _("Time zone")
    chosen = st.selectbox(label, zones, index=zones.index(here) if here in zones else None, key="zone")
    return chosen or times.browser_zone().key


def _begin(wanted: Wanted, start: Series | None) -> None:
    where = wallclock.zone(wanted.timezone)
    today = datetime.now(where).date()
    kept = start.first if start else None
    begun = kept is None or kept.astimezone(where).date() <= today
    words = {way: _(word) for way, word in BEGINS.items()}
    if one_of(_("Begins"), words, "now" if begun else "day", "begins") == "now":
        wanted.first = kept if begun else None
        return
    shown = today + timedelta(days=1) if begun or kept is None else kept.astimezone(where).date()
    day = date_within(_("First day"), shown, "first", today)
    if day is None:
        wanted.problems.append(_(OUTSIDE_DAYS))
    else:
        same = kept is not None and kept.astimezone(where).date() == day
        wanted.first = kept if same else wallclock.midnight(day, where)


def _end(wanted: Wanted, start: Series | None) -> None:
    words = {way: _(word) for way, word in ENDS.items()}
    until, count = (start.repeat_until, start.repeat_count) if start else (None, None)
    way = one_of(_("Ends"), words, "count" if count else "until" if until else "never", "ends")
    if way == "count":
        if count and until:  # both come from elsewhere: the fields offer one
            wanted.repeat_until = until
            last = times.day_and_time_in(until, wallclock.zone(wanted.timezone))
            st.caption(plain(_("And at the latest until {}.").format(last)))
        wanted.repeat_count = number_within(_("Number of runs"), 1, series.MAX_COUNT, count or 10, "count")
        if wanted.repeat_count is None:
            wanted.problems.append(_(OUTSIDE))
    elif way == "until":
        where = wallclock.zone(wanted.timezone)
        today = datetime.now(where).date()
        shown = until.astimezone(where).date() if until else today + timedelta(days=30)
        day = date_within(_("Last day"), shown, "until", min(shown, today))
        if day is None:
            wanted.problems.append(_(OUTSIDE_DAYS))
        else:
            same = until is not None and until.astimezone(where).date() == day
            wanted.repeat_until = until if same else datetime.combine(day, time.max, where)


def _excluded(wanted: Wanted, cron_name: str, start: Series | None) -> list[date]:
    where = wallclock.zone(wanted.timezone)
    ahead: list[datetime] = []
    if wanted.pattern is not None:
        with suppress(CrondeskError):
            ahead = series.preview(
                wanted.pattern, wanted.timezone, cron_name=cron_name, first=wanted.first, count=60
            )
    left_out = [day.isoformat() for day in start.excluded_dates] if start else []
    offered = (instant.astimezone(where).date().isoformat() for instant in ahead)
    # The browser sends their words: of a day that is offered no more, none could tell which it is.
    before = st.session_state.get("excluded", [])
    chosen = st.multiselect(
        _("Except on"),
        list(dict.fromkeys([*left_out, *before, *offered])),
        default=left_out,
        format_func=_day,
        accept_new_options=True,
        placeholder=_("Choose days, or write one such as 2030-12-25"),
        key="excluded",
    )
    found = []
    for day in chosen:
        try:
            found.append(_read(day))
        except ValueError:
            told = _("“{}” is no day: write it such as 2030-12-25.")
            wanted.problems.append(told.format(day))
    return found


def _day(written: str) -> str:
    try:
        return times.date_in_words(_read(written))
    except ValueError:
        return written


def _read(written: str) -> date:
    # Elsewhere than in French a month may come before the day.
    if language() == "fr" and "/" in written:
        return datetime.strptime(written, "%d/%m/%Y").date()  # noqa: DTZ007  a day, by no clock
    return date.fromisoformat(written)


def _lateness(wanted: Wanted, start: Series | None) -> bool:
    """Whether all of it can be read."""
    with st.expander(_("When it could not run in time")):
        words = {way: _(word) for way, word in MISSED.items()}
        missed = st.radio(
            _("After an outage it runs"),
            list(words),
            index=list(words).index(start.missed) if start else 0,
            format_func=words.get,
            horizontal=True,
            key="missed",
        )
        wanted.missed = cast(Missed, missed)
        within, policy = (start.fire_within, start.late_policy) if start else (None, "fire")
        late = deadline(within=within, policy=policy if within else "drop")
    if late is None:
        return False
    wanted.fire_within, wanted.late_policy = late
    if within is None and wanted.fire_within is None:  # it says nothing, and stays
        wanted.late_policy = policy
    return True
