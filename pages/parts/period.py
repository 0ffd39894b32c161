"""The time that figures are about: the last day, week or month, or days of one's own choice."""

from datetime import date, datetime, timedelta

import streamlit as st

from core.metrics import Window
from core.wallclock import midnight
from pages.parts import filters, times
from pages.parts.address import is_news, keep
from pages.parts.date_field import EARLIEST, LATEST
from pages.parts.language import _
from pages.parts.remembered import within
from pages.parts.words import plain

LENGTHS = {"24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
OWN = "own"
LONGEST = timedelta(days=400)


def period(now: datetime) -> tuple[datetime, datetime]:
    """Lets the reader choose; what is chosen lives in the URL.

    Args:
        now: the database's clock.

    Returns:
        The first instant, and the one after the last.
    """
    choices = {"24h": _("24 hours"), "7d": _("7 days"), "30d": _("30 days"), OWN: _("Custom dates")}
    chosen = filters.choice("range", _("Time"), choices, "7d")
    if chosen != OWN:
        return now - LENGTHS[chosen], now
    first, last = _own(times.local(now).date())
    where = times.browser_zone()
    return midnight(first, where), midnight(last + timedelta(days=1), where)


def _own(today: date) -> tuple[date, date]:
    key, earliest = "own dates", today - LONGEST
    if is_news(key, "from", "to"):
        first, last = _day("from", today - timedelta(days=13)), _day("to", today)
        st.session_state[key] = tuple(within(day, EARLIEST, LATEST) for day in (first, last))

    def kept() -> None:
        chosen = st.session_state[key]
        if len(chosen) == 2:
            first, last = (day.isoformat() for day in chosen)
            keep(key, {"from": first, "to": last})

    with st.container(width=260):
        chosen = st.date_input(
            _("From and to"),
            value=st.session_state[key],
            key=key,
            min_value=EARLIEST,
            max_value=LATEST,
            format=times.date_format(),
            label_visibility="collapsed",
            on_change=kept,
        )
        first, last = (within(day, earliest, today) for day in _ends(chosen, today))
        if (first, last) != _ends(chosen, today):
            told = _("Shown from {first} to {last}: there is nothing else to show.")
            told = told.format(first=times.date_in_words(first), last=times.date_in_words(last))
            st.caption(plain(told))
    return first, last


def _ends(chosen: tuple[date, ...], today: date) -> tuple[date, date]:
    days = sorted(chosen) or [today]
    return days[0], days[-1]


def _day(name: str, fallback: date) -> date:
    try:
        return date.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        return fallback


def window(now: datetime) -> Window:
    """The same with the reader's zone and the cron that is chosen."""
    since, until = period(now)
    return Window(since, until, times.browser_zone().key, filters.cron())
