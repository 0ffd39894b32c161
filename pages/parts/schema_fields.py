"""One field of a form for each kind of value that a JSON Schema knows."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import streamlit as st

from core import wallclock
from core.errors import Invalid
from core.parameters import parse_json
from core.secrets import REFERENCE, is_reference, is_secret, names_of
from pages.parts.date_field import EARLIEST, LATEST
from pages.parts.language import _
from pages.parts.number_field import LARGEST_EXACT, begin_with, whole_number
from pages.parts.rules import description_of, title_of
from pages.parts.times import browser_zone, date_format, time_of_day
from pages.parts.words import heard, plain

ABSENT = object()
LONG_TEXT = 400


@dataclass(frozen=True, slots=True)
class Field:
    """A field that is to be shown.

    Attributes:
        rule: the schema of its value.
        label: what it is called.
        given: what it holds at first; ABSENT for nothing.
        key: names the widget.
        required: whether it has to hold something.
    """

    rule: Mapping[str, Any]
    label: str
    given: Any
    key: str
    required: bool

    @property
    def kept(self) -> dict[str, Any]:
        """Names the widget, which keeps its value while it is out of sight."""
        return {"key": self.key, "persist_state": "page"}


def kind_of(rule: Mapping[str, Any]) -> str:
    """Which field suits a rule: a JSON type, 'secret', 'choice', 'date', 'date-time', else 'json'."""
    if is_secret(rule):
        return "secret"
    if "enum" in rule or "const" in rule:
        return "choice"
    declared = rule.get("type")
    if isinstance(declared, list):
        others = [name for name in declared if name != "null"]
        declared = others[0] if len(others) == 1 else None
    if any(word in rule for word in ("oneOf", "anyOf", "allOf", "not", "if")) or declared is None:
        return "json"
    if declared == "string" and rule.get("format") in ("date", "date-time"):
        return str(rule["format"])
    if declared == "object" and not rule.get("properties"):
        return "json"
    return str(declared)


def scalar(rule: Mapping[str, Any], name: str, value: Any, key: str, *, required: bool) -> Any:
    """Shows the field of a value that holds no others.

    Args:
        rule: its schema.
        name: its name, for where the schema has no title.
        value: what it holds at first; ABSENT for nothing.
        key: names the widget.
        required: whether it has to have a value.

    Returns:
        What it holds now; ABSENT for nothing.
    """
    given = rule.get("default", ABSENT) if value is ABSENT else value
    kind = kind_of(rule)
    if given is not ABSENT and kind != "secret" and not _suits(kind, given):
        kind = "json"
    if given is None and kind != "choice":
        given = ABSENT
    return FIELDS[kind](Field(rule, field_label(rule, name, required=required), given, key, required))


def field_label(rule: Mapping[str, Any], name: str, *, required: bool) -> str:
    """What a field is called, for the eye and as it is read aloud; a star for one that has to be there."""
    # After a space and with none of its kind a star is only a star: a backslash would be read aloud.
    return heard(title_of(rule, name)) + (" *" if required else "")


def _suits(kind: str, value: Any) -> bool:
    if value is None:
        return True
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "number":
            wanted = int if kind == "integer" else int | float
            return isinstance(value, wanted) and not isinstance(value, bool) and abs(value) <= LARGEST_EXACT
        case "date":
            return isinstance(value, str) and _date(value) is not None
        case "date-time":
            return isinstance(value, str) and _wall(value) is not None
        case _:
            return True


def _string(field: Field) -> Any:
    # Without Streamlit's limit: of a text that is too long, once it is pasted, nothing would be left.
    options: dict[str, Any] = {"help": description_of(field.rule), **field.kept}
    start = "" if field.given is ABSENT else field.given
    if (
        field.rule.get("contentMediaType")
        or field.rule.get("format") == "multiline"
        or "\n" in start
        or len(start) > LONG_TEXT
    ):
        text = st.text_area(field.label, start, **options)
    else:
        text = st.text_input(field.label, start, autocomplete="off", **options)
    if text:
        return text
    # Emptied, where a default would fill the gap again: then the empty text is what is meant.
    return "" if not field.required and field.rule.get("default") else ABSENT


def _integer(field: Field) -> Any:
    least = math.ceil(field.rule.get("minimum", 0))
    if "exclusiveMinimum" in field.rule:
        least = math.floor(field.rule["exclusiveMinimum"]) + 1
    chosen = whole_number(
        field.label,
        None if field.given is ABSENT else int(field.given),
        first=least if abs(least) <= LARGEST_EXACT else 0,
        step=max(1, int(field.rule.get("multipleOf", 1))),
        help=description_of(field.rule),
        **field.kept,
    )
    return ABSENT if chosen is None else int(chosen)


def _number(field: Field) -> Any:
    least = float(field.rule.get("minimum", field.rule.get("exclusiveMinimum", 0)))
    step = float(field.rule.get("multipleOf", 1))
    chosen = st.number_input(
        field.label,
        value=None if field.given is ABSENT else float(field.given),
        step=step,
        format="%g",
        help=description_of(field.rule),
        on_change=begin_with,
        args=(field.key, least, step),
        **field.kept,
    )
    if chosen is None:
        return ABSENT
    # 90 stays 90 where the schema's author wrote it so.
    return int(chosen) if float(chosen).is_integer() else float(chosen)


def _boolean(field: Field) -> Any:
    if field.required or "default" in field.rule:
        return st.checkbox(
            field.label,
            bool(field.given) if field.given is not ABSENT else False,
            help=description_of(field.rule),
            **field.kept,
        )
    return _chosen(field, [True, False], [_("yes"), _("no")])


def _choice(field: Field) -> Any:
    options = [field.rule["const"]] if "const" in field.rule else list(field.rule["enum"])
    if field.given is not ABSENT and field.given not in options:
        return _json(field)
    titles = field.rule.get("x-titles", {})
    words = [title_of({"x-title": titles.get(_name(option))}, _name(option)) for option in options]
    return _chosen(field, options, words)


def _secret(field: Field) -> Any:
    names = names_of(field.rule)
    told = _("A secret: the run gets its value, and nobody sees it here.")
    said = description_of(field.rule)
    chosen = st.selectbox(
        field.label,
        names,
        index=names.index(field.given[REFERENCE])
        if is_reference(field.given) and field.given[REFERENCE] in names
        else None,
        placeholder=_("Choose a secret"),
        help=f"{said}\n\n{told}" if said else told,
        **field.kept,
    )
    return ABSENT if chosen is None else {REFERENCE: chosen}


def _chosen(field: Field, options: list[Any], words: list[str]) -> Any:
    chosen = st.selectbox(
        field.label,
        range(len(options)),
        index=options.index(field.given) if field.given in options else None,
        format_func=lambda place: words[place],
        placeholder=_("not set"),
        help=description_of(field.rule),
        **field.kept,
    )
    return ABSENT if chosen is None else options[chosen]


def _name(option: Any) -> str:
    return option if isinstance(option, str) else json.dumps(option, ensure_ascii=False)


def _day(field: Field) -> Any:
    start = None if field.given is ABSENT else _date(field.given)
    chosen = st.date_input(
        field.label,
        start,
        format=date_format(),
        help=description_of(field.rule),
        min_value=EARLIEST,
        max_value=LATEST,
        **field.kept,
    )
    return chosen.isoformat() if isinstance(chosen, date) else ABSENT


def _instant(field: Field) -> Any:
    chosen = st.datetime_input(
        field.label,
        None if field.given is ABSENT else _wall(field.given),
        min_value=EARLIEST,
        max_value=LATEST,
        format=date_format(),
        step=timedelta(minutes=1),
        help=description_of(field.rule),
        **field.kept,
    )
    if chosen is None:
        return ABSENT
    if field.given is not ABSENT and chosen == _wall(field.given):
        return field.given
    where = browser_zone()
    instants = wallclock.instants_of(chosen, where)
    meant = wallclock.instant_of(chosen, where).astimezone(where)
    if len(instants) != 1:
        told = (
            _("The clocks in {zone} show {time} twice on this day: the first is taken, {meant}.")
            if instants
            else _("The clocks in {zone} never show {time} on this day: {meant} is taken.")
        )
        st.caption(
            plain(told.format(zone=where.key, time=time_of_day(chosen), meant=_with_offset(meant))),
        )
    return meant.isoformat()


def _with_offset(there: datetime) -> str:
    return f"{time_of_day(there)} (UTC{there.isoformat()[-6:]})"


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _wall(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant.astimezone(browser_zone()).replace(tzinfo=None) if instant.tzinfo else None


def _json(field: Field) -> Any:
    start = "" if field.given is ABSENT else json.dumps(field.given, ensure_ascii=False, indent=2)
    text = st.text_area(f"{field.label} (JSON)", start, help=description_of(field.rule), **field.kept)
    if not text.strip():
        return ABSENT
    try:
        return parse_json(text)
    except Invalid as error:
        told = _("This is not JSON yet: {}").format(error.message.removeprefix("not JSON: "))
        st.markdown(f":red[{plain(told)}]")
        return BROKEN


# A value that cannot be read: nothing is planned while one is there.
BROKEN = object()

FIELDS = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "secret": _secret,
    "choice": _choice,
    "date": _day,
    "date-time": _instant,
    "json": _json,
    "null": _json,
}
