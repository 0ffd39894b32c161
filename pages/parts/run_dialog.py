"""The dialog that starts a run now."""

from uuid import uuid4

import streamlit as st

from core import executions
from core.catalogue import catalogue
from core.parameters import Parameters
from pages.parts import problems
from pages.parts.acting import actor
from pages.parts.calls import calls
from pages.parts.comparison import comparison
from pages.parts.confirming import confirmed
from pages.parts.language import _, language
from pages.parts.notices import fresh_key, go, toast_later
from pages.parts.parameters import parameters_editor
from pages.parts.preset_choice import begin_with, keep
from pages.parts.words import plain, title_of_cron
from pages.parts.worker_away import tell_worker_away


def run_now(cron_name: str, parameters: Parameters | None = None) -> None:
    """Opens the dialog that starts a run.

    Args:
        cron_name: of what.
        parameters: those of an earlier run: the form holds them at first, and shows what is changed.
    """
    title = _("Run now: {cron}").format(cron=title_of_cron(cron_name))
    st.dialog(title, width="medium")(_run_now)(cron_name, parameters, fresh_key("run"))


def _run_now(cron_name: str, old: Parameters | None, key: str) -> None:
    with problems.told():
        cron = catalogue().cron(cron_name)
        if cron.description:
            st.caption(plain(cron.description.in_language(language())))
        edited = parameters_editor(cron, begin_with(cron, old, key), key)
        keep(cron, edited, key)
        if old is not None:
            comparison(cron, old, edited.latest, f"{key} compared")
        # There even when it is empty: what stands below keeps its place, and is not drawn twice for a moment.
        with st.container():
            if edited.latest is not None:
                calls(cron, edited.latest)
        tell_worker_away()
        pressed = confirmed(_("Run now"), key, wrong=edited.problems)
        once = st.session_state.setdefault(f"{key} once", f"dashboard:{uuid4()}")
        if pressed and edited.latest is not None:
            started = executions.trigger(actor(), cron.name, edited.latest, idempotency_key=once)
            toast_later(_("Started: {cron}.").format(cron=title_of_cron(cron_name)))
            go("executions", id=str(started.id))
