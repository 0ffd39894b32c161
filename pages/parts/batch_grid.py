"""Rows of a batch in an editable grid; cells may be pasted from a spreadsheet."""

import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.catalogue import catalogue
from pages.parts import times
from pages.parts.drafts import Checked, Draft
from pages.parts.language import _
from pages.parts.words import title_of_cron

FIRST_ROWS = 10
TALLEST = 520
COLUMNS = ("cron", "when", "parameters")
START, LATEST = "grid start", "grid latest"


def rows() -> list[Draft]:
    """Shows the grid.

    Returns:
        Its rows that are not empty.
    """
    if START not in st.session_state:
        begin_anew()
    version, first = st.session_state[START]
    if f"grid {version}" not in st.session_state and LATEST in st.session_state:
        # Streamlit forgets what was typed into a grid that was out of sight.
        version, first = st.session_state[START] = (version + 1, st.session_state[LATEST])
    told = _(
        "Choose a cron for each row and write when it runs, such as {example} ({zone}); "
        "the button that plans them all appears below."
    )
    st.caption(told.format(example=_("2030-01-31 22:00"), zone=times.browser_zone().key))
    # A name that is none can be chosen too where it was pasted: so it is seen, and can be mended.
    unknown = sorted({name for name in map(_text, first["cron"]) if name} - catalogue().crons.keys())
    names = [*sorted(catalogue().crons, key=title_of_cron), *unknown]
    edited = st.data_editor(
        first,
        num_rows="dynamic",
        hide_index=False,
        height=min(TALLEST, 35 * (len(first) + 2) + 3),
        key=f"grid {version}",
        placeholder="",
        column_config={
            "_index": st.column_config.NumberColumn(_("Row"), width=60),
            "cron": st.column_config.SelectboxColumn(
                _("Cron"), options=names, format_func=lambda name: title_of_cron(str(name)), width=150
            ),
            "when": st.column_config.TextColumn(
                _("When"), help=_("Such as {example}").format(example=_("2030-01-31 22:00")), width="medium"
            ),
            "parameters": st.column_config.TextColumn(
                _("Parameters (JSON)"),
                help=_("Such as {example}").format(example='{"keep": 7}'),
                width="large",
            ),
        },
    )
    st.session_state[LATEST] = edited
    written = [[_text(value) for value in row] for row in edited[list(COLUMNS)].itertuples(index=False)]
    return [
        Draft(place, cron, when, parameters)
        for place, (cron, when, parameters) in enumerate(written, 1)
        if cron or when or parameters
    ]


def begin_anew() -> None:
    """Empties the grid: its rows are planned."""
    _start([])


def take_over(given: Sequence[Checked]) -> None:
    """Lets the grid begin anew with rows that were pasted or filled."""
    _start([[row.cron.name if row.cron else row.draft.cron, _when(row), _parameters(row)] for row in given])


def _start(given: Sequence[Sequence[str]]) -> None:
    version = st.session_state.get(START, (0, None))[0] + 1
    empty = [[None, None, None]] * max(0, FIRST_ROWS - len(given))
    frame = pd.DataFrame([*given, *empty], columns=list(COLUMNS), dtype=object)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    st.session_state[START] = (version, frame)
    st.session_state.pop(LATEST, None)


def _when(row: Checked) -> str:
    if row.instant is None:
        return str(row.draft.when)
    # With its offset: it then names the same instant whatever the clocks do.
    return times.local(row.instant).isoformat(" ", "seconds")


def _parameters(row: Checked) -> str:
    given = row.draft.parameters
    if isinstance(given, str):
        return given
    return json.dumps(given, ensure_ascii=False) if given else ""


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
