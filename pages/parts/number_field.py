"""Fields for numbers: whatever is written into them arrives, and is refused in words where it is wrong.

Streamlit's own limits are not used. A number outside them stays in the browser, where its field turns red,
and the page goes on with the number before it.
"""

import sys
from typing import Any

import streamlit as st

from pages.parts.language import _, marked
from pages.parts.numbers import number as spaced
from pages.parts.words import capital

LARGEST_EXACT = 2**53 - 1
OUTSIDE = marked("A number lies outside its limits: mend it first.")


def number_within(
    label: str,
    least: int,
    most: int,
    start: int,
    key: str,
    *,
    lasting: bool = False,
    width: int | None = None,
) -> int | None:
    """Shows the field of a whole number that has to be there.

    Args:
        label: what it is called.
        least: the smallest that is taken.
        most: the largest.
        start: the one at first.
        key: names the field.
        lasting: whether it is kept while it is out of sight, until the page is left.
        width: of the field, in pixels; as wide as there is room where it is not given.

    Returns:
        The number; None while it lies outside its limits, which is told below it.
    """
    with st.container(width=width or "stretch"):
        found = whole_number(label, start, key, persist_state="page" if lasting else None)
        return None if found is None or outside(found, least, most) else found


def whole_number(
    label: str, start: int | None, key: str, *, first: int = 0, step: int = 1, **options: Any
) -> int | None:
    """Shows the field of any whole number.

    Args:
        label: what it is called.
        start: the one at first; None for an empty field.
        key: names the field.
        first: the one that + and − begin with in an empty field.
        step: how far they go.
        options: what else Streamlit's field is given.
    """
    found: int | None = st.number_input(
        label, value=start, step=step, key=key, on_change=begin_with, args=(key, first, step), **options
    )
    return found


def begin_with(key: str, first: float, step: float) -> None:
    """Lets + and − begin with a number in an empty field: in the browser they begin with its utmost ones."""
    utmost = {LARGEST_EXACT - step, -LARGEST_EXACT + step, sys.float_info.max, -sys.float_info.max}
    if st.session_state[key] in utmost:
        st.session_state[key] = first


def outside(number: int | None, least: int, most: int) -> bool:
    """Whether a number lies outside its limits, which is told where this stands."""
    # There even when it is empty: what stands below keeps its place.
    with st.container():
        if number is None or least <= number <= most:
            return False
        told = _("must be at least {}") if number < least else _("must be at most {}")
        st.markdown(f":red[{capital(told.format(spaced(least if number < least else most)))}.]")
    return True
