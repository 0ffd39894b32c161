"""One thing in full: its heading, its facts and its parameters."""

import json
from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from core import database
from core.catalogue import catalogue
from core.parameters import Parameters
from pages.parts import notices, table, times
from pages.parts.component import component, words
from pages.parts.language import _
from pages.parts.words import plain, title_of_cron

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
    """A cron by its title, which leads to its executions, and its name."""
    title, go = title_of_cron(name), table.to("executions", cron=name)
    # One that has left the catalogue has no title any more.
    if title == name:
        return [table.text(name, mono=True, go=go)]
    return [table.text(title, go=go), table.text(name, mono=True, quiet=True)]


def parameters(given: Parameters, cron_name: str) -> None:
    """Shows the parameters of a run."""
    cron = catalogue().crons.get(cron_name)
    st.subheader(_("Parameters"), anchor=False)
    if given:
        st.code(json.dumps(given, ensure_ascii=False, indent=2), language=None)
    elif cron is not None and not cron.parameters.get("properties"):
        st.caption(_("This cron takes none."))
    else:
        st.caption(_("None were given: the defaults of the catalogue apply."))
