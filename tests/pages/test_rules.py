"""Broken rules of a schema as sentences."""

from typing import Any

import pytest

from core.secrets import by_reference
from pages.parts import language, rules
from pages.parts.rules import broken

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["host"],
    "properties": {
        "host": {"type": "string", "x-title": {"en": "Host", "fr": "Hôte"}, "minLength": 1},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "mode": {"enum": ["fast", "safe"]},
        "day": {"type": "string", "format": "date"},
        "code": {"type": "string", "pattern": "^[A-Z]+$"},
        "list": {
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "object", "properties": {"n": {"maximum": 3}}},
        },
    },
}


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "Host: is required"),
        ({"host": ""}, "Host: must not be empty"),
        ({"host": 1}, "Host: must be of the type string"),
        ({"host": "a", "port": 0}, "port: must be at least 1"),
        ({"host": "a", "mode": "slow"}, "mode: must be one of fast, safe"),
        ({"host": "a", "day": "soon"}, "day: must be written as date"),
        ({"host": "a", "code": "x"}, "code: must match the pattern ^[A-Z]+$"),
        ({"host": "a", "list": [{"n": 1}, {"n": 9}]}, "list › 2. › n: must be at most 3"),
        ({"host": "a", "list": [1, 1]}, "list: must not hold an entry twice"),
        ({"host": "a", "colour": 1}, "colour: is not a parameter of this cron"),
    ],
)
def test_a_broken_rule_is_a_sentence_about_its_field(parameters: dict[str, Any], sentence: str) -> None:
    assert sentence in broken(parameters, SCHEMA)


def test_each_missing_parameter_is_told_once() -> None:
    schema = {**SCHEMA, "required": ["host", "port", "mode"]}
    assert broken({}, schema) == ["Host: is required", "port: is required", "mode: is required"]


def test_a_french_colon_stands_apart_from_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (language, rules):
        monkeypatch.setattr(module, "language", lambda: "fr")
    assert broken({}, SCHEMA) == ["Hôte\u00a0: est obligatoire"]
    assert broken({"host": "a", "port": 0}, SCHEMA) == ["port\u00a0: doit valoir au moins 1"]


def test_what_is_too_large_to_be_checked_is_said_to_be() -> None:
    schema = {"type": "object", "properties": {"n": {"multipleOf": 0.5}}}
    assert broken({"n": 10**400}, schema) == ["The parameters hold something too large to be checked."]


def test_nothing_is_said_of_parameters_that_keep_the_rules() -> None:
    assert broken({"host": "a", "port": 1, "list": [{"n": 3}]}, SCHEMA) == []


def test_a_secret_in_clear_is_told_with_its_title_and_its_names_but_without_its_value() -> None:
    token = {"type": "string", "writeOnly": True, "x-title": {"en": "Token", "fr": "Jeton"}}
    schema = by_reference({"type": "object", "properties": {"token": token}}, ["API_TOKEN"])
    for clear in ("hunter2", {"$secret": "hunter2"}, {"value": "hunter2"}, None):
        assert broken({"token": clear}, schema) == [
            "Token: is a secret: choose its name (API_TOKEN), never write its value"
        ]
    assert broken({"token": {"$secret": "API_TOKEN"}}, schema) == []
