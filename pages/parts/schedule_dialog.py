"""The dialog that plans a run, or moves and edits one that is planned."""

from datetime import datetime
from uuid import UUID, uuid4

import streamlit as st

from core import schedules
from core.catalogue import Cron, catalogue
from core.parameters import Parameters
from pages.parts import problems, times
from pages.parts.acting import actor
from pages.parts.calls import calls
from pages.parts.comparison import comparison
from pages.parts.confirming import confirmed
from pages.parts.language import _, language
from pages.parts.lateness import deadline
from pages.parts.notices import fresh_key, go
from pages.parts.number_field import OUTSIDE
from pages.parts.parameters import parameters_editor
from pages.parts.preset_choice import begin_with, keep
from pages.parts.taking_back import offer_event, offer_plan
from pages.parts.verdict import verdict
from pages.parts.when import choose_instant
from pages.parts.words import plain, title_of_cron


def plan(cron_name: str, parameters: Parameters | None = None, start: datetime | None = None) -> None:
    """Opens the dialog that plans a run.

    Args:
        cron_name: of what.
        parameters: those of an earlier run: the form holds them at first, and shows what is changed.
        start: the instant it shows at first; in an hour where it is not given.
    """
    title = _("Schedule: {cron}").format(cron=title_of_cron(cron_name))
    st.dialog(title, width="medium")(_plan)(cron_name, parameters, fresh_key("plan"), start)


def plan_at(start: datetime) -> None:
    """Opens the dialog that plans a run at an instant; of which cron is chosen in it."""
    title = _("Schedule: {cron}").format(cron=times.day_and_time(start))
    st.dialog(title, width="medium")(_plan_at)(start, fresh_key("plan"))


def _plan_at(start: datetime, key: str) -> None:
    chosen = st.selectbox(
        _("Cron"),
        sorted(catalogue().crons, key=title_of_cron),
        index=None,
        format_func=title_of_cron,
        placeholder=_("Choose a cron"),
        key=f"{key} cron",
    )
    if chosen:
        _plan(chosen, None, f"{key} {chosen}", start)


def _plan(cron_name: str, old: Parameters | None, key: str, start: datetime | None = None) -> None:
    with problems.told():
        cron = catalogue().cron(cron_name)
        if cron.description:
            st.caption(plain(cron.description.in_language(language())))
        instant = choose_instant(key, start)
        edited = parameters_editor(cron, begin_with(cron, old, key), key)
        keep(cron, edited, key)
        if old is not None:
            comparison(cron, old, edited.latest, f"{key} compared")
        # There even when they are empty: what stands below keeps its place, and is not drawn twice.
        judged = st.container()
        with st.expander(_("If it is late")):
            late = deadline(f"{key} ")
        wrong = edited.problems if late else [*edited.problems, _(OUTSIDE)]
        within, policy = late or (None, "fire")
        with judged:
            _judge(cron, instant, wrong)
        with st.container():
            if instant is not None and edited.latest is not None and late is not None:
                calls(cron, edited.latest, instant, within, policy)
        if st.button(_("Make it a series…"), icon=":material/repeat:", type="tertiary", key=f"{key} repeat"):
            go("series", new=cron.name)
        again = st.session_state.setdefault(f"{key} once", f"dashboard:{uuid4()}")
        pressed = confirmed(_("Schedule"), key, ready=instant is not None, wrong=wrong)
        if pressed and instant is not None and edited.latest is not None:
            made = schedules.plan(
                actor(),
                cron.name,
                instant,
                edited.latest,
                idempotency_key=again,
                not_after=instant + within if within else None,
                late_policy=policy,
            )
            when = times.day_and_time(made.scheduled_at)
            title = title_of_cron(cron_name)
            offer_plan(made.id, _("Planned: {cron}, {when}.").format(cron=title, when=when))
            st.rerun()


def duplicate(schedule_id: UUID) -> None:
    """Opens the dialog that plans the same again.

    Raises:
        NotFound, Unavailable.
    """
    schedule = schedules.get(schedule_id)
    plan(schedule.cron_name, schedule.parameters)


def change(schedule_id: UUID) -> None:
    """Opens the dialog that moves or edits a planned run.

    Raises:
        NotFound, Unavailable.
    """
    schedule = schedules.get(schedule_id)
    title = _("Change: {cron}").format(cron=title_of_cron(schedule.cron_name))
    st.dialog(title, width="medium")(_change)(schedule, fresh_key("change"))


def _change(schedule: schedules.Schedule, key: str) -> None:
    with problems.told():
        cron = catalogue().cron(schedule.cron_name)
        instant = choose_instant(key, schedule.scheduled_at, planned=True)
        edited = parameters_editor(cron, begin_with(cron, schedule.parameters, key), key)
        keep(cron, edited, key)
        with st.container():
            _judge(cron, instant, edited.problems, schedule.id)
        pressed = confirmed(_("Save"), key, ready=instant is not None, wrong=edited.problems)
        if pressed and instant is not None and edited.latest is not None:
            _save(schedule, instant, edited.latest)
            st.rerun()


def _save(schedule: schedules.Schedule, instant: datetime, parameters: Parameters) -> None:
    moved = instant if instant != schedule.scheduled_at else None
    edited = parameters if parameters != schedule.parameters else None
    if moved is None and edited is None:
        return
    changed = schedules.change(actor(), schedule.id, scheduled_at=moved, parameters=edited)
    title = title_of_cron(schedule.cron_name)
    if moved is not None:
        told = _("Moved: {cron}, now {when}.").format(cron=title, when=times.day_and_time(moved))
    else:
        told = _("Changed: {cron}.").format(cron=title)
    offer_event(changed.event_id, told)


def _judge(cron: Cron, instant: datetime | None, wrong: list[str], moved: UUID | None = None) -> None:
    # That nothing is in its way is not said of what cannot be planned.
    if instant is not None and not wrong:
        verdict(cron, instant, moved)
