"""A list of rows as all pages show it: a table where there is room, cards on a phone."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from core import database
from pages.parts import notices, words
from pages.parts.component import component
from pages.parts.component import words as ticking_words
from pages.parts.language import _

Part = dict[str, Any]

_table = component("table")
# A list that stays as it is is sent again this often: the browser's clock may have been set.
FRESH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        key: names its cells in the rows.
        label: its heading.
        className: 'narrow', 'number', 'clip' or 'acts'.
        heads: whether its cell names the row.
        hidden: whether the heading is for screen readers only.
    """

    key: str
    label: str
    className: str = ""  # noqa: N815  the component's own word
    heads: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        id: what an action on it tells.
        name: what screen readers call it.
        cells: by column, the parts of its cell from top to bottom.
    """

    id: str
    name: str
    cells: dict[str, list[Part]]


def text(
    content: str,
    *,
    strong: bool = False,
    quiet: bool = False,
    mono: bool = False,
    bad: bool = False,
    go: Part | None = None,
    tip: str | None = None,
) -> Part:
    """A line of text.

    Args:
        content: the text.
        strong, quiet, mono, bad: how it looks.
        go: where it leads, as a link.
        tip: what it says when pointed at.
    """
    looks = {"strong": strong, "quiet": quiet, "mono": mono, "bad": bad}
    chosen: Part = {name: True for name, on in looks.items() if on}
    return {
        "kind": "text",
        "text": content,
        **chosen,
        **({"go": go} if go else {}),
        **({"tip": tip} if tip else {}),
    }


TEXT_SHOWN = 200
TIP_SHOWN = 1000


def brief(content: str, *, quiet: bool = False, mono: bool = False, bad: bool = False) -> Part:
    """Text of any length in a list: its beginning, and more of it when pointed at."""
    tip = _cut(content, TIP_SHOWN)
    return text(_cut(content, TEXT_SHOWN), quiet=quiet, mono=mono, bad=bad, tip=tip)


def _cut(content: str, length: int) -> str:
    return content if len(content) <= length else content[: length - 1] + "…"


def to(page: str, **query: str) -> Part:
    """Where a link leads: a page by its path, with its query."""
    return {"page": page, "query": query}


def badge(status: str, label: str) -> Part:
    """A status in its colour."""
    return {"kind": "badge", "text": label, "colour": words.COLOURS[status]}


def countdown(instant: datetime, *, alone: bool = False) -> Part:
    """The time to go; it ticks in the browser.

    Args:
        instant: when.
        alone: no label says that it is the time to go: "in" says so.
    """
    return {"kind": "countdown", "at": milliseconds(instant), **({"alone": True} if alone else {})}


def ago(instant: datetime, *, quiet: bool = True) -> Part:
    """The time gone by since; it ticks in the browser."""
    return {"kind": "ago", "since": milliseconds(instant), "quiet": quiet}


def elapsed(instant: datetime, slow_after_seconds: float | None = None) -> Part:
    """The time that something has run for by now; it ticks in the browser.

    Args:
        instant: since when it runs.
        slow_after_seconds: when it has taken longer than usual, which is said then.
    """
    slow = {} if slow_after_seconds is None else {"slow": 1000 * slow_after_seconds}
    return {"kind": "elapsed", "since": milliseconds(instant), **slow}


def tags(names: Sequence[str]) -> Part:
    """Tags."""
    return {"kind": "tags", "tags": list(names)}


def strip(label: str, runs: Sequence[tuple[str, str]]) -> Part:
    """The last results, oldest first, each a status and what it says when pointed at."""
    bars = [{"status": status, "title": title} for status, title in runs]
    return {"kind": "strip", "label": label, "runs": bars}


def action(act: str, label: str, *, look: str = "", disabled: bool = False, icon: str | None = None) -> Part:
    """A button; look is '', 'main' or 'danger', and an icon ('copy') stands in place of its label."""
    return {
        "act": act,
        "label": label,
        "look": look,
        "disabled": disabled,
        **({"icon": icon} if icon else {}),
    }


def actions(*buttons: Part) -> Part:
    """Buttons side by side."""
    return {"kind": "actions", "actions": list(buttons)}


def actions_column() -> Column:
    """The last column, of what can be done with a row."""
    return Column("actions", _("Actions"), "acts", hidden=True)


def milliseconds(instant: datetime) -> int:
    """The instant as the browser counts."""
    return round(instant.timestamp() * 1000)


def table(
    key: str,
    label: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    on_act: Callable[[str, str], None] | None = None,
) -> None:
    """Shows the rows.

    Args:
        key: names it on its page.
        label: what screen readers call it.
        columns: from left to right.
        rows: from top to bottom.
        on_act: called in a callback with the action and the row's id.
    """
    content: Part = {
        "label": label,
        "columns": [asdict(column) for column in columns],
        "rows": [{"id": row.id, "name": row.name, "cells": row.cells} for row in rows],
        "words": ticking_words(),
    }
    sent = st.session_state.get(f"{key} sent")
    now = database.clock()
    age = (now - sent["at"]).total_seconds() if sent else FRESH_SECONDS
    # The very same message costs the browser nothing: it then keeps what it shows.
    if sent is None or sent["content"] != content or age >= FRESH_SECONDS:
        sent = {"at": now, "content": content}
        st.session_state[f"{key} sent"] = sent

    def acted() -> None:
        asked = st.session_state[key].act
        if asked and on_act:
            on_act(asked["act"], asked["id"])

    _table(
        key=key,
        data={"now": milliseconds(sent["at"]), **content},
        on_act_change=acted,
        on_go_change=lambda: notices.follow(key),
    )
