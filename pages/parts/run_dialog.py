"""The dialog that starts a run now."""

from uuid import uuid4

import streamlit as st

from core import executions
from core.catalogue import catalogue
from core.parameters import Parameters
from pages.parts import problems
from pages.parts.acting import actor
from pages.parts.language import _, language
from pages.parts.notices import fresh_key, go, toast_later
from pages.parts.parameters import parameters_editor
from pages.parts.verdict import curl_trigger
from pages.parts.words import plain, title_of_cron
from pages.parts.worker_away import tell_worker_away


def run_now(cron_name: str, parameters: Parameters | None = None) -> None:
    """Opens the dialog that starts a run.

    Args:
        cron_name: of what.
        parameters: what the form holds at first, such as those of an earlier run.
    """
    title = _("Run now: {cron}").format(cron=title_of_cron(cron_name))
    st.dialog(title, width="medium")(_run_now)(cron_name, parameters or {}, fresh_key("run"))


def _run_now(cron_name: str, parameters: Parameters, key: str) -> None:
    with problems.told():
        cron = catalogue().cron(cron_name)
        if cron.description:
            st.caption(plain(cron.description.in_language(language())))
        draft = parameters_editor(cron, parameters, key)
        tell_worker_away()
        if draft.problems:
            st.error("\n".join(f"- {plain(problem)}" for problem in draft.problems), icon=":material/error:")
        with st.container(horizontal=True):
            confirmed = st.button(
                _("Run now"), type="primary", disabled=bool(draft.problems), key=f"{key} confirm"
            )
            if st.button(_("Close"), key=f"{key} close"):
                st.rerun()
        once = st.session_state.setdefault(f"{key} once", f"dashboard:{uuid4()}")
        if confirmed and draft.latest is not None:
            started = executions.trigger(actor(), cron.name, draft.latest, idempotency_key=once)
            toast_later(_("Started: {cron}.").format(cron=title_of_cron(cron_name)))
            go("executions", id=str(started.id))
        if draft.latest is not None:
            with st.expander(_("The same with curl")):
                st.code(curl_trigger(cron, draft.latest), language=None, wrap_lines=True)
