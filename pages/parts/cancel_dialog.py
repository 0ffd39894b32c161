"""The dialogs that cancel a planned run or stop one under way, and the way back from the first."""

from datetime import timedelta
from uuid import UUID

import streamlit as st

from core import executions, overview, schedules
from core.errors import CrondeskError
from pages.parts import problems, times
from pages.parts.acting import actor
from pages.parts.language import _
from pages.parts.notices import fresh_key, toast_later
from pages.parts.words import plain, title_of_cron

UNDO_FOR = timedelta(seconds=30)


def cancel(schedule_id: UUID) -> None:
    """Opens the dialog that cancels a planned run."""
    try:
        schedule = schedules.get(schedule_id)
    except CrondeskError as error:
        toast_later(problems.sentence_of(error))
        st.rerun()
    st.dialog(_("Cancel this run?"))(_cancel)(schedule, fresh_key("cancel"))


def _cancel(schedule: schedules.Schedule, key: str) -> None:
    title, when = title_of_cron(schedule.cron_name), times.day_and_time(schedule.scheduled_at)
    st.markdown(f"**{plain(title)}**, {plain(when)}")
    st.markdown(_("It will not run. You can undo this for 30 seconds."))
    if _chosen(_("Cancel the run"), _("Keep it"), key):
        with problems.told():
            cancelled = schedules.cancel(actor(), schedule.id)
            st.session_state["cancelled"] = (cancelled, overview.clock())
            toast_later(_("Cancelled: {cron}, {when}.").format(cron=title, when=when))
            st.rerun()


def _chosen(yes: str, no: str, key: str) -> bool:
    with st.container(horizontal=True):
        confirmed = st.button(yes, type="primary", key=f"{key} confirm")
        if st.button(no, key=f"{key} keep"):
            st.rerun()
    return confirmed


def undo() -> None:
    """Offers, for thirty seconds, to plan again what was cancelled last."""
    if "cancelled" in st.session_state:
        _undo()


@st.fragment(run_every=5)
def _undo() -> None:
    if "cancelled" not in st.session_state:
        return
    schedule, at = st.session_state["cancelled"]
    with problems.told():
        if overview.clock() - at > UNDO_FOR:
            del st.session_state["cancelled"]
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center", border=True, key="undo"):
            when = times.day_and_time(schedule.scheduled_at)
            told = _("Cancelled: {cron}, {when}.").format(cron=title_of_cron(schedule.cron_name), when=when)
            st.markdown(plain(told), width="stretch")
            if st.button(_("Undo"), key=f"undo {schedule.id}"):
                schedules.plan(
                    actor(),
                    schedule.cron_name,
                    schedule.scheduled_at,
                    schedule.parameters,
                    created_by=schedule.created_by,
                    idempotency_key=f"undo:{schedule.id}",
                )
                del st.session_state["cancelled"]
                toast_later(
                    _("Planned again: {cron}, {when}.").format(
                        cron=title_of_cron(schedule.cron_name), when=when
                    )
                )
                st.rerun()


def stop(execution_id: UUID) -> None:
    """Opens the dialog that ends an execution."""
    st.dialog(_("Stop this run?"))(_stop)(execution_id, fresh_key("stop"))


def _stop(execution_id: UUID, key: str) -> None:
    st.markdown(
        _("Its process is ended at once, with all that it started. What it has done so far stays done.")
    )
    if _chosen(_("Stop the run"), _("Let it run"), key):
        with problems.told():
            executions.cancel(actor(), execution_id)
            toast_later(_("Stopping the run…"))
            st.rerun()
