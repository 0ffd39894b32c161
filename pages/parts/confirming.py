"""The buttons at the foot of a dialog, and how a button looks everywhere that cancels, ends or removes."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.language import _
from pages.parts.words import heard


def dangerous(label: str) -> str:
    """The label of a button that cancels, stops, ends or removes: red, as in the rows of lists."""
    return f":red[{heard(label)}]"


def confirmed(
    label: str,
    key: str,
    *,
    ready: bool = True,
    danger: bool = False,
    leave: str | None = None,
    form: bool = False,
) -> bool:
    """Shows the button that does it, and the one that closes the dialog.

    Args:
        label: of the one that does it.
        key: names the buttons.
        ready: whether it can be done.
        danger: whether it cancels, stops, ends or removes.
        leave: the label of the other one, where it is not to close.
        form: whether it stands in a form, which Enter then sends.

    Returns:
        Whether it was pressed.
    """
    button = st.form_submit_button if form else st.button
    with foot(key):
        pressed = button(
            dangerous(label) if danger else label,
            type="secondary" if danger else "primary",
            disabled=not ready,
            key=f"{key} confirm",
        )
        if button(leave or _("Close"), key=f"{key} close"):
            st.rerun()
    return pressed


def foot(key: str) -> DeltaGenerator:
    """Where the buttons of a dialog stand: in sight, however long it is."""
    return st.container(horizontal=True, key=f"foot {key}")
