"""The way back, offered for thirty seconds after runs were cancelled or moved."""

import time
from dataclasses import dataclass
from uuid import UUID

import streamlit as st

from core import undo
from core.bulk import Act
from core.undo import UNDO_FOR
from pages.parts import problems
from pages.parts.acting import actor
from pages.parts.figures import number
from pages.parts.language import _, ngettext
from pages.parts.notices import toast_later
from pages.parts.words import plain

OFFERED = "taking back"


@dataclass(frozen=True, slots=True)
class _Offer:
    told: str
    # Of this process: how long it shows. Whether it is too late is the database's to say.
    offered: float
    id: UUID
    many: bool


def offer_act(act: Act, told: str) -> None:
    """Offers to take a bulk act back; `told` says what it did."""
    st.session_state[OFFERED] = _Offer(told, time.monotonic(), act.id, many=True)


def offer_last(schedule_id: UUID, told: str) -> None:
    """Offers to take back what was done last to one schedule; `told` says what that was."""
    st.session_state[OFFERED] = _Offer(told, time.monotonic(), schedule_id, many=False)


def taking_back() -> None:
    """Shows the offer, as long as it stands."""
    if OFFERED in st.session_state:
        _bar()


@st.fragment(run_every=5)
def _bar() -> None:
    offer: _Offer | None = st.session_state.get(OFFERED)
    if offer is None:
        return
    if time.monotonic() - offer.offered > UNDO_FOR.total_seconds():
        del st.session_state[OFFERED]
        st.rerun()
    with (
        problems.told(),
        st.container(horizontal=True, vertical_alignment="center", border=True, key="undo"),
    ):
        st.markdown(plain(offer.told), width="stretch")
        if st.button(_("Undo"), icon=":material/undo:", key=f"undo {offer.id}"):
            with st.spinner(_("Undoing…")):
                _undo(offer)
            del st.session_state[OFFERED]
            st.rerun()


def _undo(offer: _Offer) -> None:
    act = undo.undo_act(actor(), offer.id) if offer.many else undo.undo_last(actor(), offer.id)
    told = ngettext("Undone: {} run is as it was.", "Undone: {} runs are as they were.", act.changed)
    toast_later(told.format(number(act.changed)))
    if act.too_late:
        late = ngettext("For {} run it was too late.", "For {} runs it was too late.", act.too_late)
        toast_later(late.format(number(act.too_late)))
