"""What has run and runs: the history, and one execution in full."""

from typing import Final, Literal

import streamlit as st

from core import executions, overview
from core.executions import Execution, Filter, Status
from core.overview import Record
from pages.parts import filters, notices, problems, table, times, words
from pages.parts.address import identifier
from pages.parts.cancel_dialog import stop
from pages.parts.language import _, ngettext
from pages.parts.numbers import number
from pages.parts.one_execution import exit_code, one_execution
from pages.parts.parameters import listed
from pages.parts.run_dialog import run_now
from pages.parts.schedule_dialog import plan

REFRESH_SECONDS = 4
# A search reads the whole list.
SEARCH_REFRESH_SECONDS = 20
PAGE = 50
ANY: Final = "any"


def page() -> None:
    """Shows the page."""
    notices.answer({"stop": stop, "run": run_now, "again": plan})
    if wanted := st.query_params.get("id"):
        with problems.page(_("Executions")):
            one_execution(identifier(wanted, "execution"))
    else:
        st.title(_("Executions"), anchor=False)
        with problems.page():
            _list()


def _list() -> None:
    choices: dict[Status | Literal["any"], str] = {
        ANY: _("All"),
        **{name: _(word) for name, word in words.EXECUTION.items()},
    }
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        status = filters.status(choices, ANY)
        cron = filters.cron()
        since, until = filters.between()
        search = filters.search(_("Cron, parameters, person or error"))
    every = SEARCH_REFRESH_SECONDS if search else REFRESH_SECONDS
    wanted = Filter(None if status == ANY else status, cron, since, until, search)
    st.fragment(_rows, run_every=every)(wanted)


def _rows(wanted: Filter) -> None:
    with problems.told():
        with filters.searching(wanted.search):
            found = filters.rows_of(lambda cursor: executions.find(wanted, limit=PAGE, cursor=cursor))
        if found is None:
            return
        if not found.rows and found.cursor:
            filters.found_none_yet("executions", found.cursor)
            return
        if not found.rows:
            _nothing(narrowed=wanted != Filter())
            return
        how_many = number(found.count, found.count_is_estimate)
        told = ngettext("{} execution", "{} executions", found.count).format(how_many)
        st.caption(filters.so_far(found) if wanted.search and found.cursor else told)
        columns = [
            table.Column("status", _("Status"), "narrow"),
            table.Column("started", _("Begun"), "narrow"),
            table.Column("cron", _("Cron"), heads=True),
            table.Column("parameters", _("Parameters and error"), "clip"),
            table.Column("lasted", _("Duration"), "number"),
            table.Column("exit", _("Exit code"), "number"),
            table.Column("by", _("Started by"), "narrow"),
        ]
        records = overview.records({run.cron_name for run in found.rows if run.status == "running"})
        rows = [_row(run, records.get(run.cron_name)) for run in found.rows]
        table.table("executions", _("Executions"), columns, rows)
        filters.pager("executions", found.cursor)


def _nothing(*, narrowed: bool) -> None:
    if narrowed:
        st.info(_("No execution matches. Search more broadly, or choose another cron, time or status."))
        filters.clear("executions")
    else:
        st.info(_("Nothing has run yet. Choose a cron and press Run now."))
        st.page_link("crons.py", label=_("To the crons"), icon=":material/arrow_forward:")


def _row(run: Execution, record: Record | None) -> table.Row:
    title = words.title_of_cron(run.cron_name)
    begun = run.started_at or run.queued_at
    when = times.day_and_time(begun.replace(microsecond=0))
    return table.Row(
        id=str(run.id),
        name=f"{title}, {when}",
        cells={
            "status": [table.badge(run.status, words.of_execution(run.status))],
            "started": [table.text(when, go=table.to("executions", id=str(run.id)))],
            "cron": [table.text(title, strong=True, tip=run.cron_name)],
            "parameters": listed(run.parameters, run.error_message, failed=run.status == "failed"),
            "lasted": [_lasted(run, record)],
            "exit": exit_code(run),
            "by": [table.text(run.triggered_by or "–", quiet=True)],
        },
    )


def _lasted(run: Execution, record: Record | None) -> table.Part:
    if run.status == "running" and run.started_at:
        return table.elapsed(run.started_at, record.slow_after_seconds if record else None)
    return table.text(times.lasted(run.duration_seconds))


page()
