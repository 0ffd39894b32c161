"""The form that is made from a cron's JSON Schema."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from core.secrets import by_reference
from pages.parts import times
from pages.parts.words import heard


def form(schema: dict[str, Any], values: dict[str, Any] | None = None) -> AppTest:
    """A page that shows the form and, as its last text, what it holds."""

    def page(schema, values):  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        import json  # noqa: PLC0415

        import streamlit as st  # noqa: PLC0415

        from pages.parts.schema_form import schema_form  # noqa: PLC0415

        st.text(json.dumps(schema_form(schema, values, "form")))

    kwargs = {"schema": {"type": "object", **schema}, "values": values or {}}
    tested = AppTest.from_function(page, kwargs=kwargs, default_timeout=30).run()
    assert not tested.exception, tested.exception
    return tested


def held(tested: AppTest) -> Any:
    """What the form holds."""
    assert not tested.exception, tested.exception
    return json.loads(tested.text[-1].value)


def test_each_type_has_its_field_and_begins_with_its_default() -> None:
    tested = form(
        {
            "properties": {
                "word": {"type": "string", "default": "hello"},
                "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
                "share": {"type": "number", "default": 0.5},
                "whole": {"type": "number", "default": 90},
                "keen": {"type": "boolean", "default": True},
                "colour": {"enum": ["red", "green"], "default": "green"},
                "level": {"enum": [1, 2, None], "default": 2},
                "day": {"type": "string", "format": "date", "default": "2026-03-29"},
            }
        }
    )
    assert held(tested) == {
        "word": "hello",
        "count": 3,
        "share": 0.5,
        "whole": 90,
        "keen": True,
        "colour": "green",
        "level": 2,
        "day": "2026-03-29",
    }
    assert isinstance(held(tested)["whole"], int)


def test_what_is_optional_and_left_empty_is_left_out() -> None:
    tested = form(
        {
            "properties": {
                "word": {"type": "string"},
                "count": {"type": "integer"},
                "keen": {"type": "boolean"},
                "colour": {"enum": ["red", "green"]},
                "day": {"type": "string", "format": "date"},
                "moment": {"type": "string", "format": "date-time"},
                "list": {"type": "array", "items": {"type": "string"}},
                "inner": {"type": "object", "properties": {"word": {"type": "string"}}},
                "any": {},
            }
        }
    )
    assert held(tested) == {}
    tested.text_input[0].set_value("typed").run()
    tested.selectbox[0].set_value(1).run()
    assert held(tested) == {"word": "typed", "keen": False}


def test_a_text_that_is_emptied_stays_empty_although_there_is_a_default() -> None:
    tested = form({"properties": {"word": {"type": "string", "default": "hello"}}})
    tested.text_input[0].set_value("").run()
    assert held(tested) == {"word": ""}


def test_given_values_win_over_defaults_and_what_has_no_field_is_kept() -> None:
    schema = {"properties": {"word": {"type": "string", "default": "hello"}}}
    assert held(form(schema, {"word": "given", "other": [1]})) == {"word": "given", "other": [1]}


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_a_number_outside_its_limits_is_not_kept_in_the_browser(kind: str) -> None:
    rule = {"type": kind, "minimum": 1, "maximum": 9, "default": 3}
    tested = form({"properties": {"count": rule}})
    field = tested.number_input[0]
    assert (field.proto.has_min, field.proto.has_max) == (False, False)
    field.set_value(0).run()
    assert held(tested) == {"count": 0}


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "number", "minimum": 3}, 3),
    ],
)
def test_plus_and_minus_begin_within_the_limits_in_an_empty_field(rule: dict[str, Any], first: int) -> None:
    for sign in (1, -1):
        tested = form({"properties": {"count": rule}})
        field = tested.number_input[0]
        # What the browser makes of a press: its utmost number and one step.
        utmost = field.proto.min + 1 if sign > 0 else field.proto.max - 1
        field.set_value(utmost).run()
        assert held(tested) == {"count": first}
        assert field.proto.min < 0 < field.proto.max


def test_nested_objects_are_forms_in_the_form() -> None:
    tested = form(
        {
            "required": ["inner"],
            "properties": {
                "inner": {
                    "type": "object",
                    "properties": {
                        "word": {"type": "string", "default": "a"},
                        "deeper": {
                            "type": "object",
                            "properties": {"count": {"type": "integer", "default": 1}},
                        },
                    },
                }
            },
        }
    )
    assert held(tested) == {"inner": {"word": "a"}}
    tested.checkbox[0].check().run()
    assert held(tested) == {"inner": {"word": "a", "deeper": {"count": 1}}}


def test_a_list_grows_and_shrinks_entry_by_entry() -> None:
    rule = {"type": "array", "items": {"type": "string"}, "default": ["a", "b"]}
    tested = form({"properties": {"list": rule}})
    assert held(tested) == {"list": ["a", "b"]}
    tested.button[-1].click().run()
    tested.text_input[2].set_value("c").run()
    assert held(tested) == {"list": ["a", "b", "c"]}
    tested.button[0].click().run()
    assert held(tested) == {"list": ["b", "c"]}


def test_a_list_of_objects_has_a_form_for_each() -> None:
    item = {"type": "object", "properties": {"host": {"type": "string"}, "port": {"type": "integer"}}}
    given = {"hosts": [{"host": "a", "port": 1}, {"host": "b"}]}
    tested = form({"properties": {"hosts": {"type": "array", "items": item}}}, given)
    assert held(tested) == given


def test_a_list_of_choices_is_one_field() -> None:
    rule = {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True}
    tested = form({"properties": {"list": rule}})
    tested.multiselect[0].set_value(["a", "c"]).run()
    assert held(tested) == {"list": ["a", "c"]}


def test_a_reference_inside_the_schema_is_followed() -> None:
    tested = form(
        {
            "$defs": {"port": {"type": "integer", "minimum": 1, "default": 80}},
            "properties": {"port": {"$ref": "#/$defs/port"}},
        }
    )
    assert held(tested) == {"port": 80}


def test_a_null_in_a_type_list_leaves_the_other_type() -> None:
    tested = form({"properties": {"word": {"type": ["string", "null"]}}}, {"word": "a"})
    assert tested.text_input[0].value == "a"


def test_what_no_field_suits_is_written_as_json() -> None:
    either = {"oneOf": [{"type": "string"}, {"type": "array"}]}
    tested = form({"properties": {"either": either}}, {"either": [1]})
    assert held(tested) == {"either": [1]}
    tested.text_area[0].set_value('{"a": 1}').run()
    assert held(tested) == {"either": {"a": 1}}
    tested.text_area[0].set_value("{").run()
    assert held(tested) is None


def test_a_value_that_breaks_its_rule_is_shown_as_it_is_not_changed_silently() -> None:
    schema = {
        "properties": {"count": {"type": "integer", "maximum": 9}, "word": {"type": "string", "maxLength": 2}}
    }
    given = {"count": 99, "word": "long"}
    tested = form(schema, given)
    assert held(tested) == given
    # A limit of the field's own would drop the whole of a text that is pasted and too long.
    assert tested.text_input[0].max_chars == 0


def test_titles_and_descriptions_are_in_the_reader_s_language() -> None:
    rule = {
        "type": "string",
        "x-title": {"en": "Folder", "fr": "Dossier"},
        "x-description": {"en": "Where", "fr": "Où"},
    }
    field = form({"properties": {"folder": rule}, "required": ["folder"]}).text_input[0]
    assert (field.label, field.help) == ("Folder *", "Where")


@pytest.mark.parametrize(("code", "written"), [("en", "YYYY-MM-DD"), ("fr", "DD/MM/YYYY")])
def test_dates_are_written_as_everywhere_else(
    monkeypatch: pytest.MonkeyPatch, code: str, written: str
) -> None:
    monkeypatch.setattr(times, "language", lambda: code)
    properties = {name: {"type": "string", "format": name} for name in ("date", "date-time")}
    tested = form({"properties": properties})
    assert [field.proto.format for field in (*tested.date_input, *tested.datetime_input)] == [written] * 2


def test_what_is_read_aloud_of_a_field_has_no_backslash() -> None:
    properties = {"keep_days": {"type": "integer"}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}}}
    tested = form({"properties": properties, "required": ["keep_days", "tags"]})
    assert [tested.number_input[0].label, tested.multiselect[0].label] == ["keep_days *", "tags *"]


@pytest.mark.parametrize(
    ("text", "label"),
    [("keep_days", "keep_days"), ("_a_", r"\_a\_"), ("a__b", r"a\_\_b"), ("a *b*", r"a \*b\*")],
)
def test_a_label_shows_what_markdown_would_take_for_its_own(text: str, label: str) -> None:
    assert heard(text) == label


SECRET = {"type": "string", "writeOnly": True}


def with_secrets(properties: dict[str, Any]) -> dict[str, Any]:
    """A schema as the catalogue gives it, of a cron that declares two secrets."""
    schema: dict[str, Any] = by_reference(
        {"type": "object", "properties": properties}, ["API_TOKEN", "OTHER_TOKEN"]
    )
    return schema


def test_a_secret_is_chosen_by_its_name() -> None:
    tested = form(with_secrets({"token": SECRET}))
    assert held(tested) == {}
    assert tested.selectbox[0].options == ["API_TOKEN", "OTHER_TOKEN"]
    tested.selectbox[0].select("OTHER_TOKEN").run()
    assert held(tested) == {"token": {"$secret": "OTHER_TOKEN"}}


def test_a_secret_that_was_chosen_before_is_chosen_again() -> None:
    tested = form(
        with_secrets({"tokens": {"type": "array", "items": SECRET}}), {"tokens": [{"$secret": "API_TOKEN"}]}
    )
    assert held(tested) == {"tokens": [{"$secret": "API_TOKEN"}]}


def test_what_stood_in_clear_is_nowhere_in_the_form_and_has_to_be_chosen_anew() -> None:
    tested = form(with_secrets({"token": SECRET}), {"token": "hunter2"})
    assert tested.selectbox[0].value is None
    assert held(tested) == {}
    assert "hunter2" not in str(tested.main)


@pytest.mark.parametrize(
    ("wall", "zone_shows", "told"),
    [
        (
            "2026-03-29T02:30",
            "2026-03-29T03:00:00+02:00",
            "never show 02:30 on this day: 03:00 (UTC+02:00)",
        ),
        (
            "2026-10-25T02:30",
            "2026-10-25T02:30:00+02:00",
            "show 02:30 twice on this day: the first is taken",
        ),
        ("2026-07-01T02:30", "2026-07-01T02:30:00+02:00", None),
    ],
)
def test_a_date_and_time_that_the_clocks_skip_or_show_twice_says_what_is_taken(
    monkeypatch: pytest.MonkeyPatch, wall: str, zone_shows: str, told: str | None
) -> None:
    monkeypatch.setattr("pages.parts.schema_fields.browser_zone", lambda: ZoneInfo("Europe/Paris"))
    tested = form({"properties": {"at": {"type": "string", "format": "date-time"}}})
    tested.datetime_input[0].set_value(datetime.fromisoformat(wall)).run()
    assert held(tested) == {"at": zone_shows}
    said = [caption.value for caption in tested.caption]
    assert (told is None and not said) or (told is not None and told in said[0].replace("\\", ""))
