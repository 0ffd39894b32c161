"""The catalogue that is shipped says nothing that its crons do not do."""

import importlib
import re
import string
from typing import Any

import jsonschema
import pytest
from pydantic.alias_generators import to_camel

from crons.check_endpoint import EndpointParameters
from crons.index_documents import IndexParameters
from crons.parameters import Parameters
from tests.crons.cron_process import CATALOGUE

COMMANDS = {name: cron["command"] for name, cron in CATALOGUE.items() if "command" in cron}
KNOWN_KEYS = {
    *("title", "description", "tags", "command", "http", "noop", "timeout_seconds", "overlap"),
    *("retry_lost", "pass_environment", "working_directory", "parameters"),
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_cron_has_a_plain_name_one_target_and_known_keys_only(name: str) -> None:
    cron = CATALOGUE[name]
    assert re.fullmatch(r"[a-z0-9_.-]+", name)
    assert len(cron.keys() & {"command", "http", "noop"}) == 1
    assert cron.keys() <= KNOWN_KEYS


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_cron_and_parameter_is_named_in_both_languages(name: str) -> None:
    cron = CATALOGUE[name]
    texts = [cron["title"], cron["description"]]
    for schema in cron["parameters"].get("properties", {}).values():
        texts += [schema["x-title"], schema.get("x-description", schema["x-title"])]
    assert all(text.keys() == {"en", "fr"} and all(text.values()) for text in texts)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_cron_can_be_planned_with_its_defaults_and_refuses_unknown_parameters(
    name: str,
) -> None:
    schema = CATALOGUE[name]["parameters"]
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {key: part["default"] for key, part in schema.get("properties", {}).items()}
    jsonschema.validate(defaults, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**defaults, "unknown": 1}, schema)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_placeholder_has_a_default_and_every_module_exists(name: str) -> None:
    command = COMMANDS[name]
    placeholders = {field for part in command for _, field, _, _ in string.Formatter().parse(part) if field}
    assert placeholders <= CATALOGUE[name]["parameters"].get("properties", {}).keys()
    assert importlib.import_module(command[command.index("-m") + 1]).main


@pytest.mark.parametrize(
    ("name", "model"),
    [("check-endpoint", EndpointParameters), ("index-documents", IndexParameters)],
)
def test_a_command_run_by_hand_has_the_catalogues_defaults(name: str, model: type[Parameters]) -> None:
    properties: dict[str, Any] = CATALOGUE[name]["parameters"]["properties"]
    defaults = {to_camel(field): info.default for field, info in model.model_fields.items()}
    assert defaults == {key: schema["default"] for key, schema in properties.items()}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://user:secret@example.org/",
        "http://",
        "http:///path",
        "javascript:alert(1)",
        "http://example.org/ x",
    ],
)
def test_an_address_that_is_not_http_or_holds_a_password_cannot_be_planned(url: str) -> None:
    schema = CATALOGUE["check-endpoint"]["parameters"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"url": url}, schema)


@pytest.mark.parametrize(
    "url", ["http://[::1]:8501/healthz", "https://example.org?q=a@b", "https://example.org/@me#top"]
)
def test_an_ordinary_address_can_be_planned(url: str) -> None:
    jsonschema.validate({"url": url}, CATALOGUE["check-endpoint"]["parameters"])
