"""One thing in full: its heading, its facts and its parameters."""

import json
from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from core import database
from core.parameters import Parameters
from pages.parts import notices, table, times
from pages.parts.component import component, words
from pages.parts.language import _
from pages.parts.words import plain

# Its name in the reader's language, which two facts may share, and its parts.
Fact = tuple[str, list[table.Part]]

_facts = component("facts")


def heading(title: str, when: str) -> None:
    """The page's heading."""
    st.title(f"{plain(title)}, {plain(when)}", anchor=False)


def facts(key: str, listed: Sequence[Fact]) -> None:
    """Shows facts in their order; one without parts is left out."""
    content = [{"label": label, "parts": parts} for label, parts in listed if parts]
    now = table.milliseconds(database.clock())
    data = {"now": now, "facts": content, "words": words()}
    _facts(key=key, data=data, on_go_change=lambda: notices.follow(key))


def instant(at: datetime) -> list[table.Part]:
    """An instant in full: by the browser's clock, in its zone, and in UTC."""
    utc = f"{times.day_and_time_utc(at)}\u00a0UTC"
    return [
        table.text(times.day_and_time(at, year=True)),
        table.text(f"{times.zone_name(at)} · {utc}", quiet=True),
    ]


def cron(name: str) -> list[table.Part]:
    """A cron by its name, which leads to its executions."""
    return [table.text(name, mono=True, go=table.to("executions", cron=name))]


def parameters(given: Parameters) -> None:
    """Shows the parameters of a run."""
    st.subheader(_("Parameters"), anchor=False)
    if given:
        st.code(json.dumps(given, ensure_ascii=False, indent=2), language=None)
    else:
        st.caption(_("None were given: the defaults of the catalogue apply."))
