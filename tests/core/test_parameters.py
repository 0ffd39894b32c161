"""Parameters: any JSON is kept exactly as given, or refused with a sentence that names the place."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core import schedules
from core.actors import Actor
from core.errors import Invalid, TooLarge
from core.parameters import Unreadable, check, parse_json, read_stored

ALICE = Actor("alice", "operator", "api")
ANY: dict[str, Any] = {"type": "object"}

texts = st.text(st.characters(exclude_categories=()), max_size=20)
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**400, 10**4299, 1e23, 1e300, 5e-324, -0.0, 2**63, 1.7976931348623157e308])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)
objects = st.dictionaries(texts, values, max_size=5)

SCHEMAS: list[dict[str, Any]] = [
    ANY,
    {"type": "object", "additionalProperties": {"type": "number", "multipleOf": 0.1}},
    {"type": "object", "additionalProperties": {"type": "number", "multipleOf": 7, "minimum": 0.5}},
    {"type": "object", "additionalProperties": {"enum": [1, "a", None]}},
    {"type": "object", "propertyNames": {"pattern": "^a"}, "minProperties": 1},
    {
        "type": "object",
        "additionalProperties": {"type": "array", "uniqueItems": True, "items": {"$ref": "#"}},
    },
    {"type": "object", "additionalProperties": {"format": "regex", "type": ["string", "null"]}},
    {"type": "object", "additionalProperties": {"format": "date-time"}},
    {"type": "object", "properties": {"a": True, "b": False}, "additionalProperties": {"$ref": "#"}},
    {"type": "object", "properties": {"a": {"$ref": "https://nowhere.invalid/schema"}}},
    {"type": "object", "additionalProperties": {"$ref": "#/nowhere"}},
]


def exactly(value: Any) -> Any:
    """JSON with its numbers as exact decimals: 1e23 is not what a float makes of it."""
    return json.loads(json.dumps(value), parse_int=Decimal, parse_float=Decimal)


@settings(deadline=None)
@given(values | objects, st.sampled_from(SCHEMAS))
@example({"a": 10**400}, SCHEMAS[1])
@example({"a": "a{99999999999999}"}, SCHEMAS[6])
@example({"a": "(" * 5000}, SCHEMAS[6])
@example({"a": {"a": {"a": []}}}, SCHEMAS[8])
def test_anything_passes_or_is_invalid(value: Any, schema: dict[str, Any]) -> None:
    try:
        assert check(value, schema) is value
    except Invalid as error:
        message, details = error.message, error.details
    else:
        return
    assert message.startswith("parameters")
    assert len(message) <= 500
    assert all(len(detail) <= 500 for detail in details)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(objects)
@example({"a": 1e23, "b": [1e300, -0.0, 5e-324]})
@example({"a": 10**4299})
@example({"\ud800": 1})
@example({"a": "\u0000"})
def test_what_passes_comes_back_exactly(database_url: str, value: dict[str, Any]) -> None:
    instant = datetime.now(UTC) + timedelta(hours=1)
    try:
        planned = schedules.plan(ALICE, "nothing", instant, value)
    except Invalid:
        return
    assert exactly(schedules.get(planned.id).parameters) == exactly(value)
    with psycopg.connect(database_url, autocommit=True) as connection:
        query = "SELECT parameters::text FROM scheduled_cron_executions WHERE id = %s"
        row = connection.execute(query, [planned.id]).fetchone()
    assert row is not None
    assert json.loads(row[0], parse_int=Decimal, parse_float=Decimal) == exactly(value)


@pytest.mark.parametrize(
    "value", [{1: 2}, {"a": {1}}, {"a": b"x"}, {"a": datetime.now(UTC)}, {"a": Decimal(1)}]
)
def test_what_is_no_json_is_invalid(value: Any) -> None:
    with pytest.raises(Invalid, match=r"no JSON|no string"):
        check(value, ANY)


@pytest.mark.parametrize(("levels", "passes"), [(30, True), (31, False), (10_000, False)])
def test_depth_is_bounded(levels: int, passes: bool) -> None:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    if passes:
        check({"a": value}, ANY)
    else:
        with pytest.raises(Invalid, match="nested deeper than 32 levels"):
            check({"a": value}, ANY)


def test_a_number_of_more_digits_than_python_prints_is_invalid() -> None:
    with pytest.raises(Invalid, match="more than 4300 digits"):
        check({"a": [10**4300]}, ANY)


def test_size_is_bounded() -> None:
    check({"a": "é" * 32_000}, ANY)
    with pytest.raises(TooLarge, match="64 KiB"):
        check({"a": "é" * 33_000}, ANY)


def test_the_error_names_the_place_and_the_rule() -> None:
    schema = {"type": "object", "properties": {"list": {"items": {"type": "integer"}}}}
    with pytest.raises(Invalid) as caught:
        check({"list": [1, "two", None]}, schema)
    assert caught.value.details == [
        "parameters.list.1: 'two' is not of type 'integer'",
        "parameters.list.2: None is not of type 'integer'",
    ]


@given(st.text() | st.binary())
@example("[" * 100_000)
@example("1" * 10_000)
@example('{"a": 1, "a": 2}')
@example("NaN")
def test_any_text_is_json_or_invalid(text: str | bytes) -> None:
    try:
        value = parse_json(text)
    except Invalid:
        return
    assert json.loads(text) == value


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 10_000, "1" + "0" * 400 + ".5"])
def test_what_nobody_can_read_is_kept_apart_and_never_run(text: str) -> None:
    stored = read_stored(text)
    assert isinstance(stored, Unreadable)
    json.dumps(stored, allow_nan=False)
    with pytest.raises(Invalid, match="nested too deeply, or hold a number with too many digits"):
        check(stored, ANY)
