"""A form made from a cron's JSON Schema: fields, nested objects and lists."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.language import _
from pages.parts.rules import description_of, resolved, title_of
from pages.parts.schema_fields import ABSENT, BROKEN, field_label, kind_of, scalar
from pages.parts.words import plain


def schema_form(schema: Mapping[str, Any], values: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    """Shows the form.

    Args:
        schema: of an object.
        values: what it holds at first; they stay the same as long as the key does.
        key: names the form.

    Returns:
        What it holds now; None while something in it cannot be read.
    """
    held = _properties(schema, values, key, schema)
    return None if held is BROKEN else held


def _properties(rule: Mapping[str, Any], values: Mapping[str, Any], key: str, root: Mapping[str, Any]) -> Any:
    held: dict[str, Any] = {}
    properties = rule.get("properties", {})
    grid = st.grid(2, min_column_width=240)
    for name, stated in properties.items():
        inner = resolved(stated, root)
        whole_row = kind_of(inner) in ("object", "array", "json")
        with st.container() if whole_row else grid.cell():
            held[name] = _value(
                inner,
                name,
                values.get(name, ABSENT),
                f"{key}.{name}",
                root,
                required=name in rule.get("required", []),
            )
        if whole_row:
            grid = st.grid(2, min_column_width=240)
    if any(value is BROKEN for value in held.values()):
        return BROKEN
    # What the schema has no field for is kept as it came.
    others = {name: value for name, value in values.items() if name not in properties}
    return {**{name: value for name, value in held.items() if value is not ABSENT}, **others}


def _value(
    rule: Mapping[str, Any], name: str, value: Any, key: str, root: Mapping[str, Any], *, required: bool
) -> Any:
    kind = kind_of(rule)
    given = rule.get("default", ABSENT) if value is ABSENT else value
    if kind == "object" and (given is ABSENT or isinstance(given, dict)):
        return _object(rule, name, given, key, root, required=required)
    if kind == "array" and (given is ABSENT or isinstance(given, list)):
        return _array(rule, name, given, key, root, required=required)
    if kind in ("object", "array"):
        return scalar({**rule, "type": None}, name, value, key, required=required)
    return scalar(rule, name, value, key, required=required)


def _object(
    rule: Mapping[str, Any], name: str, given: Any, key: str, root: Mapping[str, Any], *, required: bool
) -> Any:
    with st.container(border=True):
        label, description = plain(title_of(rule, name)), description_of(rule)
        if required:
            st.markdown(f"**{label}** \\*", help=description)
        elif not st.checkbox(
            label, given is not ABSENT, help=description, key=f"{key} given", persist_state="page"
        ):
            return ABSENT
        return _properties(rule, {} if given is ABSENT else given, key, root)


def _array(
    rule: Mapping[str, Any], name: str, given: Any, key: str, root: Mapping[str, Any], *, required: bool
) -> Any:
    item = resolved(rule.get("items", {}), root)
    start = [] if given is ABSENT else given
    if "enum" in item and all(entry in item["enum"] for entry in start) and _all_text(item["enum"]):
        chosen = st.multiselect(
            field_label(rule, name, required=required),
            item["enum"],
            default=start,
            help=description_of(rule),
            placeholder=_("not set"),
            key=key,
            persist_state="page",
        )
        return chosen if chosen or required or given is not ABSENT else ABSENT
    star = " \\*" if required else ""
    with st.container(border=True):
        st.markdown(f"**{plain(title_of(rule, name))}**{star}", help=description_of(rule))
        held = _entries(item, start, key, root, least=int(rule.get("minItems", 0)) if required else 0)
    if any(value is BROKEN for value in held):
        return BROKEN
    filled = [value for value in held if value is not ABSENT]
    return filled if filled or required or given is not ABSENT else ABSENT


def _all_text(options: list[Any]) -> bool:
    return all(isinstance(option, str) for option in options)


def _entries(
    item: Mapping[str, Any], start: list[Any], key: str, root: Mapping[str, Any], *, least: int
) -> list[Any]:
    # Each entry keeps its number, so that removing one leaves the others' fields alone.
    numbers: list[int] = st.session_state.setdefault(f"{key} entries", list(range(max(len(start), least))))
    held = []
    for place, number in enumerate(numbers):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            with st.container():
                value = start[number] if number < len(start) else ABSENT
                held.append(_value(item, f"{place + 1}.", value, f"{key}.{number}", root, required=False))
            st.button(
                _("Remove"),
                icon=":material/close:",
                key=f"{key}.{number} remove",
                on_click=numbers.remove,
                args=(number,),
            )
    st.button(
        _("Add an entry"),
        icon=":material/add:",
        key=f"{key} add",
        on_click=lambda: numbers.append(max([len(start) - 1, *numbers]) + 1),
    )
    return held
