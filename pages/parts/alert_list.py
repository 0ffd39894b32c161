"""What is out of order with the whole: in full where figures stand, in brief where people land."""

from typing import Literal

import streamlit as st

from core import alerts
from core.alerts import Alert, Severity
from core.notifications.message import sentence
from pages.parts import problems, times, words
from pages.parts.language import _, language
from pages.parts.worker_away import worker_away

REFRESH_SECONDS = 15
ICONS = {"critical": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}
COLOURS: dict[Severity, Literal["red", "orange", "blue"]] = {
    "critical": "red",
    "warning": "orange",
    "info": "blue",
}


@st.fragment(run_every=REFRESH_SECONDS)
def alert_list() -> None:
    """Shows each alert, since when, or that there is none."""
    with problems.told():
        looks = {"critical": st.error, "warning": st.warning, "info": st.info}
        found = alerts.current()
        for alert in found:
            told = sentence(alert.kind, alert.details, language())
            # What is to come is no state that began.
            if alert.since and alert.severity != "info":
                told = _("{alert}, since {when}").format(alert=told, when=times.day_and_time(alert.since))
            if alert.kind == "no_worker":
                told = worker_away()
            looks[alert.severity](words.plain(words.capital(told)), icon=ICONS[alert.severity])
        if not found:
            st.caption(_("No alerts."))


@st.fragment(run_every=REFRESH_SECONDS)
def alerts_in_brief() -> None:
    """Shows the alerts in one line; nothing while there is none."""
    with problems.told():
        # That no worker is alive, the heartbeat below says already, and louder.
        found = [alert for alert in alerts.current() if alert.kind != "no_worker"]
        if found:
            with st.container(horizontal=True, vertical_alignment="center", key="alerts"):
                for alert in found:
                    _badge(alert)
                st.page_link("metrics.py", label=_("Alerts"), icon=":material/arrow_forward:")


def _badge(alert: Alert) -> None:
    told = words.plain(words.capital(sentence(alert.kind, alert.details, language())))
    st.badge(told, icon=ICONS[alert.severity], color=COLOURS[alert.severity])
