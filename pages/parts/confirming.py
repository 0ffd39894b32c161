"""The buttons at the foot of a dialog, and how a button looks everywhere that cancels, ends or removes."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.language import _, ngettext
from pages.parts.numbers import number
from pages.parts.words import heard, plain

# So many lines at most: on a phone the dialog itself is to be seen.
TOLD = 3


def dangerous(label: str) -> str:
    """The label of a button that cancels, stops, ends or removes: red, as in the rows of lists."""
    return f":red[{heard(label)}]"


def confirmed(
    label: str,
    key: str,
    *,
    ready: bool = True,
    wrong: Sequence[str] = (),
    danger: bool = False,
    leave: str | None = None,
    form: bool = False,
) -> bool:
    """Shows the button that does it, and the one that closes the dialog.

    Args:
        label: of the one that does it.
        key: names the buttons.
        ready: whether it can be done.
        wrong: what keeps it from being done, which is told above the buttons.
        danger: whether it cancels, stops, ends or removes.
        leave: the label of the other one, where it is not to close.
        form: whether it stands in a form, which Enter then sends.

    Returns:
        Whether it was pressed.
    """
    button = st.form_submit_button if form else st.button
    with st.container(key=f"foot {key}"):
        _tell(wrong)
        with st.container(horizontal=True):
            pressed = button(
                dangerous(label) if danger else label,
                type="secondary" if danger else "primary",
                disabled=not ready or bool(wrong),
                key=f"{key} confirm",
            )
            if button(leave or _("Close"), key=f"{key} close"):
                st.rerun()
    return pressed


def _tell(wrong: Sequence[str]) -> None:
    # There even when it is empty: the buttons keep their place among the elements, and what is pressed.
    with st.container():
        if not wrong:
            return
        told = list(map(plain, wrong[:TOLD]))
        if more := len(wrong) - len(told):
            told.append(ngettext("… and {} more", "… and {} more", more).format(number(more)))
        st.error("\n".join(f"- {one}" for one in told) if len(told) > 1 else told[0], icon=":material/error:")


def foot(key: str) -> DeltaGenerator:
    """Where the buttons of a dialog stand: in sight, however long it is."""
    return st.container(horizontal=True, key=f"foot {key}")
