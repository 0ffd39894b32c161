"""One planned run in full: its parameters, what happened to it, and its execution."""

from uuid import UUID

import streamlit as st

from core import schedules
from pages.parts import facts, notices, problems, table, times, words
from pages.parts.language import _
from pages.parts.timeline import of_schedule, timeline

REFRESH_SECONDS = 3


def one_schedule(schedule_id: UUID) -> None:
    """Shows the schedule of that id.

    Raises:
        NotFound, Unavailable.
    """
    schedule = schedules.get(schedule_id)
    if st.button(_("All planned runs"), icon=":material/arrow_back:", type="tertiary"):
        notices.go("scheduled")
    facts.heading(words.title_of_cron(schedule.cron_name), times.day_and_time(schedule.scheduled_at))
    with st.container(horizontal=True):
        if schedule.status == "pending":
            identifier = str(schedule.id)
            st.button(_("Change"), on_click=notices.ask, args=("change", identifier))
            st.button(_("Cancel the run"), on_click=notices.ask, args=("cancel", identifier))
        again = (schedule.cron_name, schedule.parameters)
        st.button(_("Plan the same again"), on_click=notices.ask, args=("again", *again))
        if schedule.triggered_execution_id and st.button(_("To its execution"), type="primary"):
            notices.go("executions", id=str(schedule.triggered_execution_id))
    _state(schedule_id)


@st.fragment(run_every=REFRESH_SECONDS)
def _state(schedule_id: UUID) -> None:
    with problems.told():
        schedule = schedules.get(schedule_id)
        if st.session_state.setdefault(f"status of {schedule_id}", schedule.status) != schedule.status:
            st.session_state[f"status of {schedule_id}"] = schedule.status
            st.rerun()
        left = [table.badge(schedule.status, words.of_schedule(schedule.status))]
        if schedule.status == "pending":
            left.append(table.countdown(schedule.scheduled_at))
        facts.facts(
            "schedule",
            {
                _("Status"): left,
                _("When"): facts.instant(schedule.scheduled_at),
                _("Cron"): [table.text(schedule.cron_name, mono=True)],
                _("Planned by"): [table.text(schedule.created_by or "–")],
                _("Attempts"): [table.text(str(schedule.attempts))] if schedule.attempts > 1 else [],
                _("Error"): [table.text(schedule.error_message or "", bad=True)]
                if schedule.error_message
                else [],
                _("Identifier"): [table.text(str(schedule.id), mono=True, quiet=True)],
            },
        )
        facts.parameters(schedule.parameters)
        timeline(of_schedule(schedule))
