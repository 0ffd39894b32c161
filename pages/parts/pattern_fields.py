"""The fields that make a pattern: each day, chosen days, a day of the month, or a cron expression."""

from collections.abc import Mapping
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


def pattern_fields(start: Mapping[str, Any]) -> dict[str, Any] | None:
    """Shows the fields.

    Args:
        start: the pattern that they show at first; of one that is empty the usual.

    Returns:
        The pattern, as `core.recurrence` reads it; None while a number in it lies outside its limits.
    """
    words = {kind: _(word) for kind, word in KINDS.items()}
    kind = one_of(_("Repeats"), words, start.get("kind", "daily"), "kind")
    if kind == "cron":
        expression = st.text_input(
            _("Minute, hour, day, month, weekday"),
            start.get("expression", "0 2 * * 1-5"),
            help=_("As in crontab; L is the last and # the nth, as in 5L or 2#2. Also @daily and the like."),
            live="400ms",
            key="expression",
        )
        return {"kind": "cron", "expression": expression or ""}
    pattern: dict[str, Any] = {"kind": kind}
    most = {"daily": 366, "weekly": 53, "monthly": 120}[kind]
    if kind == "weekly":
        pattern["days"] = _days(start)
    elif kind == "monthly":
        pattern |= _of_the_month(start)
    begin = time.fromisoformat(start.get("at", "02:00"))
    step = timedelta(seconds=1) if begin.second else timedelta(minutes=1)
    with st.container(horizontal=True, key="paired at"):
        at = st.time_input(_("At"), begin, step=step, key="at", width=150)
        # Each kind has its own: every 90 days is not every 90 weeks.
        given = start.get("every", 1) if kind == start.get("kind") else 1
        every = number_within(_every(kind), 1, most, given, f"every {kind}", width=150)
    pattern |= {"at": at.isoformat(), "every": every}
    return None if None in pattern.values() else pattern


def _every(kind: str) -> str:
    return {"daily": _("Every (days)"), "weekly": _("Every (weeks)"), "monthly": _("Every (months)")}[kind]


def _days(start: Mapping[str, Any]) -> list[str]:
    names = get_day_names(locale=language())
    chosen = st.pills(
        _("Days"),
        DAYS,
        selection_mode="multi",
        default=start.get("days", WORKDAYS),
        format_func=lambda day: names[DAYS.index(day)],
        key="days",
    )
    return list(chosen)


def _of_the_month(start: Mapping[str, Any]) -> dict[str, Any]:
    words = {way: _(word) for way, word in MONTHLY.items()}
    day = start.get("day", 1)
    begin = "nth" if "nth" in start else "last" if day == -1 else "day"
    way = one_of(_("Day of the month"), words, begin, "monthly")
    if way == "last":
        return {"day": -1}
    if way == "day":
        return {"day": number_within(_("Day"), 1, 31, max(1, day), "day", width=150)}
    names = get_day_names(locale=language())
    nths = {nth: _(word) for nth, word in NTH.items()}
    with st.container(horizontal=True, key="paired nth"):
        nth = st.selectbox(
            _("Which"),
            list(nths),
            index=list(nths).index(start.get("nth", 2)),
            format_func=lambda option: nths[option],
            key="nth",
            width=150,
        )
        weekday = st.selectbox(
            _("Weekday"),
            DAYS,
            index=DAYS.index(start.get("weekday", DAYS[1])),
            format_func=lambda day: names[DAYS.index(day)],
            key="weekday",
            width=200,
        )
    return {"nth": nth, "weekday": weekday}
