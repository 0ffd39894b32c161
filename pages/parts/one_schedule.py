"""One planned run in full: its parameters, what happened to it, and its execution."""

from uuid import UUID

import streamlit as st

from core import schedules, series
from core.errors import NotFound
from core.schedules import Schedule
from pages.parts import facts, notices, problems, table, times, words
from pages.parts.confirming import dangerous
from pages.parts.held_list import decide
from pages.parts.language import _
from pages.parts.lateness import POLICIES
from pages.parts.rewording import reworded
from pages.parts.standing import badge, is_held
from pages.parts.timeline import of_schedule, timeline
from pages.parts.trying_again import may_be_tried_again, try_again
from pages.parts.worker_away import watch_workers

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
    if is_held(schedule):
        _decision(schedule)
    with st.container(horizontal=True):
        if schedule.status == "pending":
            st.button(_("Change"), on_click=notices.ask, args=("change", str(schedule.id)))
        if may_be_tried_again(schedule) and st.button(_("Try again"), type="primary"):
            tried = try_again(schedule.id)
            notices.go("scheduled", id=str(tried.id if tried else schedule.id))
        again = (schedule.cron_name, schedule.parameters)
        st.button(_("Duplicate"), on_click=notices.ask, args=("again", *again))
        if schedule.status == "pending":
            st.button(dangerous(_("Cancel the run")), on_click=notices.ask, args=("cancel", str(schedule.id)))
        if schedule.triggered_execution_id and st.button(_("To its execution"), type="primary"):
            notices.go("executions", id=str(schedule.triggered_execution_id))
    if schedule.status == "pending":
        watch_workers()
    _state(schedule_id)


def _decision(schedule: Schedule) -> None:
    st.warning(_("Too late: held until somebody decides whether it still runs."), icon=":material/schedule:")
    with st.container(horizontal=True):
        if st.button(_("Run now"), type="primary"):
            decide("fire", str(schedule.id))
        if st.button(dangerous(_("Drop it"))):
            decide("drop", str(schedule.id))


@st.fragment(run_every=REFRESH_SECONDS)
def _state(schedule_id: UUID) -> None:
    with problems.told():
        schedule = schedules.get(schedule_id)
        state = (schedule.status, schedule.held_at)
        if st.session_state.setdefault(f"status of {schedule_id}", state) != state:
            st.session_state[f"status of {schedule_id}"] = state
            st.rerun()
        left = [badge(schedule)]
        if schedule.status == "pending" and not is_held(schedule):
            left.append(table.countdown(schedule.scheduled_at, alone=True))
        facts.facts(
            "schedule",
            [
                (_("Status"), left),
                (_("When"), facts.instant(schedule.scheduled_at)),
                (_("Deadline"), _deadline(schedule)),
                (_("Cron"), facts.cron(schedule.cron_name)),
                (_("Series"), _series(schedule)),
                (_("Planned by"), [table.text(schedule.created_by or "–")]),
                (_("Attempts"), [table.text(str(schedule.tries))] if schedule.tries > 1 else []),
                (
                    _("Error"),
                    [table.text(reworded(schedule.error_message), bad=True)]
                    if schedule.error_message
                    else [],
                ),
                (_("Tried again"), _link(schedule.retried_by, _("The run that tries it again"))),
                (_("Tries again"), _link(schedule.retry_of, _("The run that had failed"))),
                (_("Identifier"), [table.text(str(schedule.id), mono=True, quiet=True)]),
            ],
        )
        facts.parameters(schedule.parameters, schedule.cron_name)
        timeline(of_schedule(schedule))


def _deadline(schedule: Schedule) -> list[table.Part]:
    if schedule.not_after is None:
        return []
    policy = table.text(_(POLICIES[schedule.late_policy]), quiet=True)
    return [table.text(times.day_and_time(schedule.not_after)), policy]


def _series(schedule: Schedule) -> list[table.Part]:
    if schedule.series_id is None:
        return []
    try:
        one = series.get(schedule.series_id)
        said = words.repeats(one)
    except NotFound:
        said = _("To its series")
    return [table.text(said, go=table.to("series", id=str(schedule.series_id)))]


def _link(schedule_id: UUID | None, label: str) -> list[table.Part]:
    if schedule_id is None:
        return []
    return [table.text(label, go=table.to("scheduled", id=str(schedule_id)))]
