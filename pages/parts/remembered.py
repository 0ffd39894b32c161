"""What a field shows, told to the browser on every run.

The browser may draw a field long after the run that made it, as its code is loaded only then, and it
draws what the last run told: a field that a run tells the value of once, because the session was given
it, then shows the default, and sends it as if the reader had chosen it.

Streamlit forgets what a field held that is out of sight for a run; here it is kept for its return.
"""

from datetime import date
from typing import TypeVar

import streamlit as st

Value = TypeVar("Value")

HELD = "fields held"


def remembered(key: str, start: Value) -> Value:
    """What to give the field as its value: what it holds, or held when it was last seen, else its start.

    Args:
        key: of the field.
        start: its value at first.
    """
    held: dict[str, Value] = st.session_state.setdefault(HELD, {})
    if key in st.session_state:
        held[key] = st.session_state[key]
    return held.get(key, start)


def forget(key: str) -> None:
    """Lets a field begin with its start again when it is next seen."""
    st.session_state.get(HELD, {}).pop(key, None)


def within(day: date, first: date, last: date) -> date:
    """The day, or the nearest of those that the field offers; one may be left behind at midnight."""
    return min(max(day, first), last)
