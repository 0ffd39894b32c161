"""Several rows of a list chosen together; the choice lives in the URL's query."""

from collections.abc import Callable, Collection

import streamlit as st

from pages.parts import table
from pages.parts.address import is_news, keep
from pages.parts.language import _, ngettext
from pages.parts.numbers import number

SELECTED = "selected"


def selected(known: Collection[str]) -> list[str]:
    """Those that are chosen, as far as they are among the known ones."""
    if SELECTED not in st.session_state:
        follow_the_url()
    return [name for name in dict.fromkeys(st.session_state[SELECTED]) if name in known]


def follow_the_url() -> None:
    """Takes over what the URL says where Back or Forward changed it; for runs of the whole page."""
    if is_news(SELECTED, SELECTED):
        st.session_state[SELECTED] = st.query_params.get(SELECTED, "").split(",")


def toggle(name: str, known: Collection[str]) -> None:
    """Chooses one in a callback, or no longer."""
    chosen = selected(known)
    _choose([other for other in chosen if other != name] if name in chosen else [*chosen, name])


def clear() -> None:
    """Chooses none."""
    _choose([])


def _choose(names: list[str]) -> None:
    # Kept beside the URL: of two clicks in a row the second comes with the URL from before the first.
    st.session_state[SELECTED] = names
    _into_the_url(names)


def _into_the_url(names: list[str]) -> None:
    keep(SELECTED, {SELECTED: ",".join(names) or None})


def column() -> table.Column:
    """The column with the boxes to tick."""
    return table.Column("select", _("Select"), "narrow", hidden=True)


def box(*, ticked: bool) -> table.Part:
    """A box to tick; ticking it asks for the action 'select'."""
    return {"kind": "check", "label": _("Select"), "on": ticked}


def bar(chosen: list[str], label: str, act: Callable[[], None]) -> None:
    """Shows how many are chosen, with a button for what is done with them.

    Args:
        chosen: those that are.
        label: of the button.
        act: what it does; called while the page runs.
    """
    _into_the_url(chosen)
    if not chosen:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="selection"):
        told = ngettext("{} selected", "{} selected", len(chosen)).format(number(len(chosen)))
        st.markdown(told, width="stretch")
        st.button(_("Select none"), type="tertiary", on_click=clear)
        if st.button(label, type="primary", icon=":material/playlist_add:", key="act on the selection"):
            act()
