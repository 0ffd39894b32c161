"""Rows of a batch pasted as CSV, with a header."""

import csv
from io import StringIO
from typing import Any

import streamlit as st

from core.catalogue import catalogue
from core.errors import Invalid
from core.parameters import Parameters, parse_json
from core.schedules import MAX_BATCH
from pages.parts.drafts import Draft
from pages.parts.language import _
from pages.parts.remembered import forget
from pages.parts.rules import resolved

HEADINGS = {
    "cron": ("cron", "cron_name", "cronname"),
    "when": ("when", "scheduled_at", "scheduledat", "instant", "quand", "date"),
    "parameters": ("parameters", "paramètres", "parametres"),
}
EXAMPLE = """\
cron,when,parameters
backup-database,2030-01-31 22:00,"{""keep"": 7}"
disk-usage,2030-01-31 22:10,
"""
MAX_TEXT = 4_000_000
KEY = "pasted"


def rows() -> list[Draft]:
    """Shows the field.

    Returns:
        The rows pasted into it.
    """
    text = st.text_area(
        _("CSV with a header"), placeholder=EXAMPLE, height=220, key=KEY, persist_state="session"
    )
    st.caption(
        _(
            "Columns: cron, when, parameters (JSON). Any other column is a parameter of that name. "
            "Separated by commas, semicolons or tabs."
        )
    )
    if not text or not text.strip():
        return []
    try:
        pasted = read(text)
    except Invalid as error:
        st.error(error.message, icon=":material/error:")
        return []
    if not pasted:
        st.info(_("No row yet: each line below the header plans a run."))
    return pasted


def begin_anew() -> None:
    """Empties the field: its rows are planned, or in the grid."""
    forget(KEY)


def read(text: str) -> list[Draft]:
    """The rows of a CSV; what cannot be read is said beside its row.

    Raises:
        Invalid: the header lacks a column, or there are too many rows.
    """
    if len(text) > MAX_TEXT:
        raise Invalid(_("This is too large: paste at most {} rows.").format(MAX_BATCH))
    first = text.strip().split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.reader(StringIO(text.strip().lstrip("\ufeff")), delimiter=delimiter)
    try:
        filled = [line for line in lines if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise Invalid(_("This is no CSV: {}").format(error)) from None
    if not filled:
        return []
    columns = [_column(heading) for heading in filled[0]]
    for needed in ("cron", "when"):
        if needed not in columns:
            raise Invalid(_("The first line must name the columns; “{}” is missing.").format(needed))
    if len(filled) - 1 > MAX_BATCH:
        raise Invalid(_("This is too large: paste at most {} rows.").format(MAX_BATCH))
    return [_draft(place, columns, line) for place, line in enumerate(filled[1:], 1)]


def _column(heading: str) -> str:
    wanted = heading.strip().casefold()
    return next((name for name, ways in HEADINGS.items() if wanted in ways), heading.strip())


def _draft(place: int, columns: list[str], line: list[str]) -> Draft:
    cells = dict(zip(columns, [cell.strip() for cell in line], strict=False))
    problems = []
    if len(line) > len(columns):
        told = _("There are {found} cells, but {expected} columns: quote a cell that holds a separator.")
        problems.append(told.format(found=len(line), expected=len(columns)))
    named = {name: text for name, text in cells.items() if name not in HEADINGS and name and text}
    parameters: str | Parameters = cells.get("parameters", "")
    if named:
        parameters = _joined(cells.get("cron", ""), str(parameters), named)
    return Draft(place, cells.get("cron", ""), cells.get("when", ""), parameters, tuple(problems))


def _joined(cron_name: str, written: str, named: dict[str, str]) -> str | Parameters:
    try:
        whole = parse_json(written) if written else {}
    except Invalid:
        return written
    if not isinstance(whole, dict):
        return written
    cron = catalogue().crons.get(cron_name)
    schema = cron.parameters if cron else {}
    rules = schema.get("properties", {})
    read_as = {name: _value(text, resolved(rules.get(name, {}), schema)) for name, text in named.items()}
    return {**whole, **read_as}


def _value(text: str, rule: dict[str, Any]) -> Any:
    """The text as its schema wants it; as it is where it wants text, or where it cannot be read."""
    if rule.get("type", "string") == "string":
        return text
    try:
        return parse_json(text)
    except Invalid:
        return text
