"""The parameters of an earlier run beside those of the next one."""

import json
from typing import Any

import streamlit as st

from core.catalogue import Cron
from core.parameters import Parameters, with_defaults
from pages.parts import table
from pages.parts.language import _, ngettext
from pages.parts.rules import resolved, title_of

ABSENT = object()


def comparison(cron: Cron, old: Parameters, new: Parameters | None, key: str) -> None:
    """Shows both, name by name; what is different is marked.

    What was not given counts as the default of the catalogue, on both sides.

    Args:
        cron: whose parameters they are.
        old: those of the earlier run.
        new: those of the next one; None while they cannot be read.
        key: names the table.
    """
    if new is None:
        return
    before, now = with_defaults(old, cron.parameters), with_defaults(new, cron.parameters)
    names = list(dict.fromkeys([*cron.parameters.get("properties", {}), *before, *now]))
    rows = [(name, before.get(name, ABSENT), now.get(name, ABSENT)) for name in names]
    changed = [name for name, was, will in rows if differ(was, will)]
    if not changed:
        st.caption(_("The same parameters as before."))
        return
    told = ngettext("{} parameter is changed.", "{} parameters are changed.", len(changed))
    st.caption(told.format(len(changed)))
    columns = [
        table.Column("name", _("Parameter"), heads=True),
        table.Column("old", _("Before"), "clip"),
        table.Column("new", _("Now"), "clip"),
        table.Column("mark", _("Difference"), "narrow", hidden=True),
    ]
    table.table(key, _("The parameters before and now"), columns, [_row(cron, *row) for row in rows])


def differ(was: Any, will: Any) -> bool:
    """Whether two values are different ones; true and 1 are."""
    return was is not will and (ABSENT in (was, will) or _written(was) != _written(will))


def _row(cron: Cron, name: str, was: Any, will: Any) -> table.Row:
    rule = resolved(cron.parameters.get("properties", {}).get(name, {}), cron.parameters)
    title, other = title_of(rule, name), differ(was, will)
    return table.Row(
        id=name,
        name=title,
        cells={
            "name": [table.text(title, strong=other)],
            "old": [table.text(_written(was), mono=True, quiet=True)],
            "new": [table.text(_written(will), mono=True, strong=other, quiet=not other)],
            "mark": [{"kind": "badge", "text": _("changed"), "colour": "blue"}] if other else [],
        },
    )


def _written(value: Any) -> str:
    if value is ABSENT:
        return "–"
    return (
        value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )
