"""The fields that make a pattern: each day, chosen days, a day of the month, or a cron expression."""

from datetime import time, timedelta
from typing import Any

import streamlit as st
from babel.dates import get_day_names

from core.recurrence import DAYS
from pages.parts.choice import one_of
from pages.parts.language import _, language, marked
from pages.parts.number_field import number_within

KINDS = {
    "daily": marked("Daily"),
    "weekly": marked("Weekly"),
    "monthly": marked("Monthly"),
    "cron": marked("Cron expression"),
}
MONTHLY = {
    "day": marked("On a day"),
    "last": marked("On the last day"),
    "nth": marked("On a weekday"),
}
NTH = {
    1: marked("first"),
    2: marked("second"),
    3: marked("third"),
    4: marked("fourth"),
    5: marked("fifth"),
    -1: marked("last"),
}
WORKDAYS = DAYS[:5]


def pattern_fields() -> dict[str, Any] | None:
    """Shows the fields.

    Returns:
        The pattern, as `core.recurrence` reads it; None while a number in it lies outside its limits.
    """
    words = {kind: _(word) for kind, word in KINDS.items()}
    kind = one_of(_("Repeats"), words, "daily", "kind")
    if kind == "cron":
        expression = st.text_input(
            _("Minute, hour, day, month, weekday"),
            "0 2 * * 1-5",
            help=_("As in crontab; L is the last and # the nth, as in 5L or 2#2. Also @daily and the like."),
            live="400ms",
            key="expression",
        )
        return {"kind": "cron", "expression": expression or ""}
    pattern: dict[str, Any] = {"kind": kind}
    most = {"daily": 366, "weekly": 53, "monthly": 120}[str(kind)]
    if kind == "weekly":
        pattern["days"] = _days()
    elif kind == "monthly":
        pattern |= _of_the_month()
    with st.container(horizontal=True, key="paired at"):
        at = st.time_input(_("At"), time(2), step=timedelta(minutes=1), key="at", width=150)
        every = number_within(_every(str(kind)), 1, most, 1, "every", width=150)
    pattern |= {"at": at.isoformat(), "every": every}
    return None if None in pattern.values() else pattern


def _every(kind: str) -> str:
    return {"daily": _("Every (days)"), "weekly": _("Every (weeks)"), "monthly": _("Every (months)")}[kind]


def _days() -> list[str]:
    names = get_day_names(locale=language())
    chosen = st.pills(
        _("Days"),
        DAYS,
        selection_mode="multi",
        default=WORKDAYS,
        format_func=lambda day: names[DAYS.index(day)],
        key="days",
    )
    return list(chosen)


def _of_the_month() -> dict[str, Any]:
    words = {way: _(word) for way, word in MONTHLY.items()}
    way = one_of(_("Day of the month"), words, "day", "monthly")
    if way == "last":
        return {"day": -1}
    if way == "day":
        return {"day": number_within(_("Day"), 1, 31, 1, "day", width=150)}
    names = get_day_names(locale=language())
    nths = {nth: _(word) for nth, word in NTH.items()}
    with st.container(horizontal=True, key="paired nth"):
        nth = st.selectbox(
            _("Which"), list(nths), index=1, format_func=lambda option: nths[option], key="nth", width=150
        )
        weekday = st.selectbox(
            _("Weekday"),
            DAYS,
            index=1,
            format_func=lambda day: names[DAYS.index(day)],
            key="weekday",
            width=200,
        )
    return {"nth": nth, "weekday": weekday}
