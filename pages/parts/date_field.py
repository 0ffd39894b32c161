"""The field for a day: whatever is written into it arrives, and is refused in words where it is wrong.

Streamlit's own limits are not used: of a day outside them the page would not hear, or would take another.
"""

from datetime import date

import streamlit as st

from core.instants import FURTHEST_AHEAD
from pages.parts import times
from pages.parts.language import _, marked
from pages.parts.words import plain

OUTSIDE_DAYS = marked("A day lies outside its limits: mend it first.")
# As far as programs reach whatever the zone: who writes 26 for 2026 is told so, too.
EARLIEST, LATEST = date(2, 1, 1), date(9998, 12, 31)


def date_within(label: str, start: date, key: str, first: date) -> date | None:
    """Shows the field of a day that is not before another, and within ten years of it.

    Args:
        label: what it is called.
        start: the day at first.
        key: names the field.
        first: the earliest that is taken.

    Returns:
        The day; None while it lies outside its limits, which is told below it.
    """
    day = st.date_input(label, start, EARLIEST, LATEST, key, format=times.date_format())
    last = first + FURTHEST_AHEAD
    # There even when it is empty: what stands below keeps its place.
    with st.container():
        if first <= day <= last:
            return day
        told = _("Must be {} or later.") if day < first else _("Must be {} or earlier.")
        limit = times.date_in_words(first if day < first else last)
        st.markdown(f":red[{plain(told.format(limit))}]")
    return None
