"""The dialogs that cancel a planned run or stop one under way."""

from uuid import UUID

import streamlit as st

from core import executions, schedules
from pages.parts import problems, times
from pages.parts.acting import actor
from pages.parts.confirming import confirmed
from pages.parts.language import _
from pages.parts.notices import fresh_key, toast_later
from pages.parts.taking_back import offer_event
from pages.parts.words import plain, title_of_cron


def cancel(schedule_id: UUID) -> None:
    """Opens the dialog that cancels a planned run.

    Raises:
        NotFound, Unavailable.
    """
    schedule = schedules.get(schedule_id)
    st.dialog(_("Cancel this run?"))(_cancel)(schedule, fresh_key("cancel"))


def _cancel(schedule: schedules.Schedule, key: str) -> None:
    title, when = title_of_cron(schedule.cron_name), times.day_and_time(schedule.scheduled_at)
    st.markdown(f"**{plain(title)}**, {plain(when)}")
    st.markdown(_("It will not run. You can undo this for 30\u00a0seconds."))
    if schedule.series_id:
        st.markdown(_("Its series goes on, with the run after it."))
    if confirmed(_("Cancel the run"), key, danger=True, leave=_("Keep it")):
        with problems.told():
            cancelled = schedules.cancel(actor(), schedule.id)
            told = _("Cancelled: {cron}, {when}.").format(cron=title, when=when)
            offer_event(cancelled.event_id, told)
            st.rerun()


def stop(execution_id: UUID) -> None:
    """Opens the dialog that ends an execution."""
    st.dialog(_("Stop this run?"))(_stop)(execution_id, fresh_key("stop"))


def _stop(execution_id: UUID, key: str) -> None:
    st.markdown(
        _("Its process is ended at once, with all that it started. What it has done so far stays done.")
    )
    if confirmed(_("Stop the run"), key, danger=True, leave=_("Let it run")):
        with problems.told():
            executions.cancel(actor(), execution_id)
            toast_later(_("Stopping the run…"))
            st.rerun()
