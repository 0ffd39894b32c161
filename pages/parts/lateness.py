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


def deadline(key: str = "") -> tuple[timedelta | None, LatePolicy] | None:
    """Asks how late it may begin at most, and what happens after that.

    Args:
        key: begins the keys of the fields.

    Returns:
        How late, None without a deadline; and the policy. None while its number lies outside its limits,
        which is told below it.
    """
    label = _("Deadline: at most so many minutes late")
    minutes = whole_number(label, None, f"{key}deadline", first=1, placeholder=_("no deadline"))
    wrong = outside(minutes, 1, LATEST)
    if minutes is None:
        return None, "fire"
    told = {way: _(word) for way, word in POLICIES.items()}
    policy = st.radio(_("After its deadline"), list(told), index=1, format_func=told.get, key=f"{key}policy")
    return None if wrong else (timedelta(minutes=minutes), cast(LatePolicy, policy))
