"""Parameters of a run: as a form and as JSON, in step with each other."""

import json
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.catalogue import Cron
from core.errors import CrondeskError, Invalid
from core.parameters import Parameters, check, parse_json
from pages.parts import table
from pages.parts.choice import one_of
from pages.parts.language import _
from pages.parts.problems import sentence_of
from pages.parts.rewording import reworded
from pages.parts.rules import broken
from pages.parts.schema_form import schema_form

TALLEST = 20


@dataclass(slots=True)
class Edited:
    """The parameters that are being written.

    Attributes:
        start: what the view began with; it stays, so that its fields keep what is typed into them.
        latest: what they are now; None while they cannot be read.
        version: of the view; another one begins with new fields.
        view: 'form' or 'json'.
    """

    start: Parameters
    latest: Parameters | None = None
    version: int = 0
    view: str = "form"
    problems: list[str] = field(default_factory=list)


def parameters_editor(cron: Cron, start: Parameters, key: str, *, in_dialog: bool = True) -> Edited:
    """Shows the parameters as a form or as JSON.

    Args:
        cron: whose schema makes the form.
        start: what they are at first.
        key: names the editor.
        in_dialog: whether it stands in a dialog, which alone runs again for another view.

    Returns:
        What they are now, with what is wrong with them.
    """
    edited: Edited = st.session_state.setdefault(f"{key} edited", Edited(start))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(_("Parameters"), anchor=False, width="content")
        if not cron.parameters.get("properties") and not edited.start:
            st.caption(_("This cron takes none."), width="content")
            edited.latest, edited.problems = {}, broken({}, cron.parameters)
            return edited
        words = {"form": _("Form"), "json": _("JSON")}
        label = _("View of the parameters")
        chosen = one_of(label, words, "form", f"{key} view", label_shown=False, lasting=True)
    if edited.view == "form":
        edited.latest = schema_form(cron.parameters, edited.start, f"{key} {edited.version}")
        edited.problems = [] if edited.latest is not None else [_("One of the fields cannot be read yet.")]
    else:
        _as_json(edited, f"{key} {edited.version} json")
    # Only now: what was typed last may come in the same run as the click on the other view.
    if chosen != edited.view:
        if edited.latest is None:
            st.info(_("Mend the JSON first, so that the form can show it."))
        else:
            edited.start, edited.view, edited.version = edited.latest, chosen, edited.version + 1
            st.rerun(scope="fragment" if in_dialog else "app")
    if edited.latest is not None:
        edited.problems = broken(edited.latest, cron.parameters) or _refused(edited.latest, cron)
    return edited


def _as_json(edited: Edited, key: str) -> None:
    text = json.dumps(edited.start, ensure_ascii=False, indent=2)
    height = 56 + 24 * min(TALLEST, max(5, text.count("\n") + 1))
    written = st.text_area(
        _("Parameters as JSON"),
        text,
        height=height,
        label_visibility="collapsed",
        key=key,
        persist_state="page",
    )
    try:
        value: Any = parse_json(written or "{}")
    except Invalid as error:
        where = error.message.removeprefix("not JSON: ")
        sentence = sentence_of(error)
        edited.latest, edited.problems = None, [f"{sentence} {where}" if "line" in where else sentence]
        return
    if isinstance(value, dict):
        edited.latest, edited.problems = value, []
    else:
        edited.latest, edited.problems = None, [_("The parameters must be one JSON object, in braces.")]


def _refused(parameters: Parameters, cron: Cron) -> list[str]:
    try:
        check(parameters, cron.parameters)
    except CrondeskError as error:
        return [sentence_of(error)]
    return []


def listed(parameters: Parameters, error: str | None = None, *, failed: bool = False) -> list[table.Part]:
    """The cell of a list for the parameters of a run, and for what went wrong with it.

    Args:
        parameters: what it was given.
        error: why it failed or was cancelled, in English as core says it.
        failed: whether that was a failure.
    """
    why = [table.brief(reworded(error), bad=failed)] if error else []
    given = [table.brief(written(parameters), mono=True, quiet=True)] if parameters or not why else []
    return [*given, *why]


def written(parameters: Parameters) -> str:
    """Parameters in one line, as lists show them; a dash for none."""
    return json.dumps(parameters, ensure_ascii=False)[1:-1] if parameters else "–"
