"""What shall happen to a run that could not begin in time."""

from datetime import timedelta
from typing import cast

import streamlit as st

from core.schedules import LatePolicy
from pages.parts.language import _, marked
from pages.parts.number_field import outside, whole_number

LATEST = 525_600
POLICIES = {
    "fire": marked("Run it all the same"),
    "drop": marked("Drop it"),
    "ask": marked("Hold it until somebody decides"),
}


def deadline(
    key: str = "", within: timedelta | None = None, policy: LatePolicy = "drop"
) -> tuple[timedelta | None, LatePolicy] | None:
    """Asks how late it may begin at most, and what happens after that.

    Args:
        key: begins the keys of the fields.
        within: the deadline at first; left as it is, it is kept to the second.
        policy: what happens after it, at first.

    Returns:
        How late, None without a deadline; and the policy. None while its number lies outside its limits,
        which is told below it.
    """
    label = _("Deadline: at most so many minutes late")
    start = None if within is None else max(1, round(within / timedelta(minutes=1)))
    minutes = whole_number(label, start, f"{key}deadline", first=1, placeholder=_("no deadline"))
    wrong = outside(minutes, 1, LATEST)
    if minutes is None:
        return None, "fire"
    told = {way: _(word) for way, word in POLICIES.items()}
    chosen = st.radio(
        _("After its deadline"),
        list(told),
        index=list(told).index(policy),
        format_func=told.get,
        key=f"{key}policy",
    )
    exact = within if within is not None and minutes == start else timedelta(minutes=minutes)
    return None if wrong else (exact, cast(LatePolicy, chosen))
