"""The dialog that gives a person the address of their calendar feed, renews it, and takes it away."""

import streamlit as st

from core import calendar_address
from core.calendar_address import Address
from pages.parts import problems, times
from pages.parts.acting import actor
from pages.parts.confirming import confirmed, dangerous, foot
from pages.parts.language import _
from pages.parts.notices import fresh_key


def subscribe() -> None:
    """Opens the dialog."""
    st.dialog(_("Subscribe to the calendar"))(_subscribe)(fresh_key("subscribe"))


def _subscribe(key: str) -> None:
    st.markdown(
        _(
            "A calendar program that subscribes to your address shows what is planned, and what series will "
            "plan, and follows each change."
        )
    )
    with problems.told():
        me = actor()
        present = calendar_address.find(me, me.name)
        if present is None:
            _make(key)
        else:
            _shown(present, key)


def _make(key: str) -> None:
    st.caption(_("You have no address yet."))
    if confirmed(_("Make my address"), key):
        calendar_address.give(actor(), actor().name)
        st.rerun(scope="fragment")


def _shown(present: Address, key: str) -> None:
    st.code(present.url, language=None, wrap_lines=True)
    made = _("Made {when}.").format(when=times.day_and_time(present.created_at))
    st.caption(
        f"{made} "
        + _("Whoever has the address can read what is planned: treat it as a password.")
        + " "
        + _(
            "After a question mark it takes mine=true (only what you planned) and cron=NAME (only that cron)."
        )
    )
    wanted = st.session_state.get(f"{key} wanted")
    if wanted is None:
        with foot(key):
            for act, label in (("renew", _("Renew")), ("revoke", dangerous(_("Take away")))):
                if st.button(label, key=f"{key} {act}"):
                    st.session_state[f"{key} wanted"] = act
                    st.rerun(scope="fragment")
            if st.button(_("Close"), key=f"{key} close"):
                st.rerun()
        return
    st.warning(
        _("Every program that uses this address stops seeing the calendar."), icon=":material/warning:"
    )
    with foot(key):
        label = _("Renew the address") if wanted == "renew" else _("Take the address away")
        if st.button(dangerous(label), key=f"{key} confirm"):
            if wanted == "renew":
                calendar_address.give(actor(), present.person, renew=True)
            else:
                calendar_address.revoke(actor(), present.person)
            _forget(key)
        if st.button(_("Keep it"), key=f"{key} keep"):
            _forget(key)


def _forget(key: str) -> None:
    st.session_state.pop(f"{key} wanted", None)
    st.rerun(scope="fragment")
