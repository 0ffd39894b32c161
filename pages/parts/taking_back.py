"""The way back, offered on every page for thirty seconds after runs were planned, changed or cancelled."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import streamlit as st

from core import database, undo
from core.bulk import Act
from core.errors import CrondeskError
from core.undo import UNDO_FOR
from pages.parts import problems, table
from pages.parts.acting import actor
from pages.parts.component import component
from pages.parts.component import words as ticking_words
from pages.parts.language import _, ngettext
from pages.parts.notices import toast_later
from pages.parts.numbers import number

OFFERED = "taking back"
KEY = "offers of undo"

_undo_bar = component("undo")


@dataclass(frozen=True, slots=True)
class _Offer:
    """One act that can be taken back until 30 seconds after `at`."""

    id: str
    told: str
    at: datetime
    verb: Callable[[Any, Any], Act]
    given: UUID | int


def offer_act(act: Act, told: str) -> None:
    """Says what a bulk act did, and offers to take it back."""
    _offer(undo.undo_act, act.id, told)


def offer_event(event_id: int, told: str) -> None:
    """Says what one cancel or change was, and offers to take it back."""
    _offer(undo.undo_event, event_id, told)


def offer_plan(schedule_id: UUID, told: str) -> None:
    """Says what was just planned, and offers to cancel it."""
    _offer(undo.undo_plan, schedule_id, told)


def _offer(verb: Callable[[Any, Any], Act], given: UUID | int, told: str) -> None:
    try:
        now = database.clock()
    except CrondeskError:
        toast_later(told)  # the act is done; for a way back the database is needed
        return
    offer = _Offer(f"{verb.__name__} {given}", told, now, verb, given)
    others = [other for other in _offers() if other.id != offer.id]
    st.session_state[OFFERED] = [offer, *others]


def _offers() -> list[_Offer]:
    offers: list[_Offer] = st.session_state.get(OFFERED, [])
    return offers


def taking_back() -> None:
    """Shows the offers that stand, the latest first; they tick and leave in the browser."""
    if not _offers():
        return
    try:
        now = database.clock()
    except CrondeskError:
        return  # the page itself says that the database is away
    standing = [offer for offer in _offers() if now - offer.at < UNDO_FOR]
    st.session_state[OFFERED] = standing
    if not standing:
        return
    offers = [
        {"id": offer.id, "told": offer.told, "until": table.milliseconds(offer.at + UNDO_FOR)}
        for offer in standing
    ]
    said = {**ticking_words(), "label": _("What can be undone"), "undo": _("Undo")}
    data = {"now": table.milliseconds(now), "offers": offers, "words": said}
    with st.container(key="undo"):
        _undo_bar(key=KEY, data=data, on_undo_change=_asked)


def _asked() -> None:
    asked = st.session_state[KEY].undo
    offer = next((offer for offer in _offers() if offer.id == asked), None)
    if offer is None:
        return
    st.session_state[OFFERED] = [other for other in _offers() if other.id != offer.id]
    try:
        with st.spinner(_("Undoing…")):
            act = offer.verb(actor(), offer.given)
    except CrondeskError as error:
        toast_later(problems.sentence_of(error))
        return
    told = ngettext("Undone: {} run is as it was.", "Undone: {} runs are as they were.", act.changed)
    toast_later(told.format(number(act.changed)))
    if act.too_late:
        late = ngettext("For {} run it was too late.", "For {} runs it was too late.", act.too_late)
        toast_later(late.format(number(act.too_late)))
