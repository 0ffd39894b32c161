"""What is planned: each run with its countdown, to be changed or cancelled; and one of them in full."""

from collections.abc import Callable
from uuid import UUID

import streamlit as st

from core import schedules
from core.schedules import Filter, Schedule
from pages.parts import filters, notices, problems, table, times, words
from pages.parts.address import identifier
from pages.parts.bulk_dialogs import cancel_all, move_all
from pages.parts.cancel_dialog import cancel
from pages.parts.confirming import dangerous
from pages.parts.held_list import held_count
from pages.parts.language import _, ngettext
from pages.parts.numbers import number
from pages.parts.one_schedule import one_schedule
from pages.parts.parameters import listed
from pages.parts.schedule_dialog import change, duplicate, plan
from pages.parts.standing import badge, time_left
from pages.parts.trying_again import may_be_tried_again, try_again
from pages.parts.worker_away import watch_workers

REFRESH_SECONDS = 7
# A search reads the whole list.
SEARCH_REFRESH_SECONDS = 20
PAGE = 50


def page() -> None:
    """Shows the page."""
    dialogs: dict[str, Callable[..., None]] = {
        "change": lambda given: change(UUID(given)),
        "cancel": lambda given: cancel(UUID(given)),
        "again": plan,
        "duplicate": lambda given: duplicate(UUID(given)),
        "cancel_all": cancel_all,
        "move_all": move_all,
    }
    notices.answer(dialogs)
    if wanted := st.query_params.get("id"):
        with problems.page(_("Scheduled")):
            one_schedule(identifier(wanted, "schedule"))
    else:
        st.title(_("Scheduled"), anchor=False)
        with problems.page():
            watch_workers()
            _list()


def _list() -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        status = filters.status({name: _(word) for name, word in words.SCHEDULE.items()}, "pending")
        cron = filters.cron()
        since, until = filters.between()
        search = filters.search(_("Cron, parameters or person"))
    every = SEARCH_REFRESH_SECONDS if search else REFRESH_SECONDS
    st.fragment(_rows, run_every=every)(Filter(status, cron, since, until, search))


def _rows(wanted: Filter) -> None:
    with problems.told():
        status = wanted.status
        with filters.searching(wanted.search):
            found = filters.rows_of(lambda cursor: schedules.find(wanted, limit=PAGE, cursor=cursor))
        if found is None:
            return
        if not found.rows and found.cursor:
            filters.found_none_yet("scheduled", found.cursor)
            return
        if not found.rows:
            _nothing(status, narrowed=wanted != Filter(status))
            return
        how_many = number(found.count, found.count_is_estimate)
        told = ngettext("{} planned run", "{} planned runs", found.count).format(how_many)
        if wanted.search and found.cursor:
            told = filters.so_far(found)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(told, width="stretch")
            if wanted == Filter("pending") and (held := held_count()):
                label = ngettext("{} waits for a decision", "{} wait for a decision", held)
                query = {"view": "held"}
                told = f":orange[{label.format(number(held))}]"
                st.page_link("series.py", label=told, icon=":material/front_hand:", query_params=query)
            if status == "pending" and found.count > 1:
                st.button(_("Move all…"), on_click=notices.ask, type="tertiary", args=("move_all", wanted))
                label = dangerous(_("Cancel all…"))
                st.button(label, on_click=notices.ask, type="tertiary", args=("cancel_all", wanted))
        columns = _columns(pending=status == "pending")
        rows = [_row(schedule) for schedule in found.rows]
        table.table("schedules", _("Planned runs"), columns, rows, _act)
        filters.pager("scheduled", found.cursor)


def _act(act: str, schedule_id: str) -> None:
    if act == "retry":
        try_again(UUID(schedule_id))
        st.rerun()
    else:
        notices.ask(act, schedule_id)


def _nothing(status: str | None, *, narrowed: bool) -> None:
    if narrowed:
        st.info(_("No planned run matches. Search more broadly, or choose another cron, time or status."))
        filters.clear("scheduled")
    elif status == "pending":
        st.info(_("Nothing is planned. Choose a cron and press Schedule."))
        st.page_link("crons.py", label=_("To the crons"), icon=":material/arrow_forward:")
    else:
        st.info(_("No planned run has this status."))


def _columns(*, pending: bool) -> list[table.Column]:
    return [
        table.Column("left", _("Starts") if pending else _("Status"), "narrow"),
        table.Column("when", _("When"), "narrow"),
        table.Column("cron", _("Cron"), heads=True),
        table.Column("parameters", _("Parameters") if pending else _("Parameters and error"), "clip"),
        table.Column("by", _("Planned by"), "narrow"),
        table.actions_column(),
    ]


def _row(schedule: Schedule) -> table.Row:
    title = words.title_of_cron(schedule.cron_name)
    when = times.day_and_time(schedule.scheduled_at)
    failed = schedule.status == "failed"
    return table.Row(
        id=str(schedule.id),
        name=f"{title}, {when}",
        cells={
            "left": time_left(schedule) if schedule.status == "pending" else [badge(schedule)],
            "when": [table.text(when, go=table.to("scheduled", id=str(schedule.id)))],
            "cron": [table.text(title, strong=True, tip=schedule.cron_name)],
            "parameters": listed(schedule.parameters, schedule.error_message, failed=failed),
            "by": [table.text(schedule.created_by or "–", quiet=True), *_series(schedule)],
            "actions": _actions(schedule),
        },
    )


def _series(schedule: Schedule) -> list[table.Part]:
    if schedule.series_id is None:
        return []
    return [table.text(_("Its series"), go=table.to("series", id=str(schedule.series_id)))]


def _actions(schedule: Schedule) -> list[table.Part]:
    duplicate = table.action("duplicate", _("Duplicate"), icon="copy")
    if schedule.status == "pending":
        return [
            table.actions(
                table.action("change", _("Change")),
                duplicate,
                table.action("cancel", _("Cancel"), look="danger"),
            )
        ]
    links = []
    if schedule.retried_by:
        again = table.to("scheduled", id=str(schedule.retried_by))
        links.append(table.text(_("Tried again"), go=again))
    if schedule.triggered_execution_id:
        execution = table.to("executions", id=str(schedule.triggered_execution_id))
        links.append(table.text(_("Execution"), go=execution))
    retry = [table.action("retry", _("Try again"))] if may_be_tried_again(schedule) else []
    return [*links, table.actions(*retry, duplicate)]


page()
