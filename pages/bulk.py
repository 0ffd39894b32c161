"""Bulk planning: ten or more at once, in a grid, pasted, or filled in; checked row by row, planned as one."""

import streamlit as st

from core import schedules
from pages.parts import batch_csv, batch_fill, batch_grid, filters, notices, problems
from pages.parts.acting import actor
from pages.parts.address import identifier
from pages.parts.batch_preview import preview
from pages.parts.drafts import Checked, checked, ready
from pages.parts.language import _, marked, ngettext
from pages.parts.numbers import number
from pages.parts.one_batch import one_batch

WAYS = {
    "grid": (marked("Grid"), batch_grid),
    "csv": (marked("Paste CSV"), batch_csv),
    "fill": (marked("Fill a stretch of time"), batch_fill),
}
SHOWN = "way shown"


def page() -> None:
    """Shows the page."""
    with problems.page():
        batch = st.query_params.get("batch")
        if batch:
            one_batch(identifier(batch, "batch"))
        else:
            _planning()


def _planning() -> None:
    st.title(_("Bulk planning"), anchor=False)
    st.caption(_("Many runs at once: nothing is written until you say so, and then all of them or none."))
    labels = {way: _(label) for way, (label, _part) in WAYS.items()}
    before = st.session_state.get(SHOWN) if filters.is_in_sight("way") else None
    way = filters.choice("way", _("How to plan"), labels, "grid")
    st.session_state[SHOWN] = way
    drafts = WAYS[before or way][1].rows()
    if before not in (None, way):
        # What was typed last may come in the same run as the click on another way: now it has been read.
        st.rerun()
    with st.spinner(_("Checking the rows…")):
        rows = checked(drafts)
    if not rows:
        return
    _plan(rows, way)
    preview(rows)


def _plan(rows: list[Checked], way: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        label = ngettext("Plan {} run", "Plan {} runs", len(rows)).format(number(len(rows)))
        if st.button(label, type="primary", disabled=not ready(rows), key="plan"):
            with problems.told(), st.spinner(_("Planning…")):
                planned = schedules.plan_many(actor(), [row.plan for row in rows])
                WAYS[way][1].begin_anew()
                count = number(len(planned))
                notices.toast_later(
                    ngettext("{} run planned.", "{} runs planned together.", len(planned)).format(count)
                )
                notices.go("bulk", batch=str(planned[0].batch_id))
        if way != "grid":
            label = _("Edit in the grid")
            st.button(label, icon=":material/edit:", on_click=_to_the_grid, args=(rows, way), key="edit")


def _to_the_grid(rows: list[Checked], way: str) -> None:
    batch_grid.take_over(rows)
    WAYS[way][1].begin_anew()
    filters.choose("way", "grid", "grid")


page()
