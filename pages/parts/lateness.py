"""What shall happen to a run that could not begin in time."""

from datetime import timedelta
from typing import cast

import streamlit as st

from core.schedules import LatePolicy
from pages.parts.language import _, marked

POLICIES = {
    "fire": marked("Run it all the same"),
    "drop": marked("Drop it"),
    "ask": marked("Hold it until somebody decides"),
}


def deadline(key: str = "") -> tuple[timedelta | None, LatePolicy]:
    """Asks how late it may begin at most, and what happens after that.

    Args:
        key: begins the keys of the fields.

    Returns:
        How late, None without a deadline; and the policy.
    """
    minutes = st.number_input(
        _("Deadline: at most so many minutes late"),
        1,
        525_600,
        None,
        placeholder=_("no deadline"),
        key=f"{key}deadline",
    )
    if not minutes:
        return None, "fire"
    told = {way: _(word) for way, word in POLICIES.items()}
    policy = st.radio(_("After its deadline"), list(told), index=1, format_func=told.get, key=f"{key}policy")
    return timedelta(minutes=minutes), cast(LatePolicy, policy)
