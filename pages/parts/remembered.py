"""What a field shows, told to the browser on every run.

The browser may draw a field long after the run that made it, as its code is loaded only then, and it
draws what the last run told: a field that a run tells the value of once, because the session was given
it, then shows the default, and sends it as if the reader had chosen it.
"""

from datetime import date
from typing import TypeVar

import streamlit as st

Value = TypeVar("Value")


def remembered(key: str, start: Value) -> Value:
    """What to give the field as its value: what the session holds for it, else what it starts with.

    Args:
        key: of the field.
        start: its value at first.
    """
    held: Value = st.session_state.get(key, start)
    return held


def forget(beginning: str) -> None:
    """Lets fields that keep their values while they are out of sight begin anew when they are next seen.

    Args:
        beginning: of their keys.
    """
    for key in [key for key in st.session_state if str(key).startswith(beginning)]:
        del st.session_state[key]


def within(day: date, first: date, last: date) -> date:
    """The day, or the nearest of those that the field offers; one may be left behind at midnight."""
    return min(max(day, first), last)
