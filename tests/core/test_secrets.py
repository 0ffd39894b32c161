"""Secrets by reference: what is legal, what is refused, what people see of older rows."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from core import events, executions, schedules, secrets
from core.actors import Actor
from core.catalogue import CatalogueError, Cron, parse
from core.errors import Invalid
from core.parameters import check
from core.targets import handing

ALICE = Actor("alice", "admin", "cli")
HUSH = "hunter2-in-clear"
REFERENCE = {"$secret": "API_TOKEN"}

KEEPER = """
[crons.keeper]
title = { en = "Keeper", fr = "Gardien" }
command = ["deploy", "--token={token}", "--to={place}"]
secrets = ["API_TOKEN", "OTHER_TOKEN"]
[crons.keeper.parameters]
type = "object"
additionalProperties = false
required = ["token"]
[crons.keeper.parameters.properties.token]
type = "string"
writeOnly = true
[crons.keeper.parameters.properties.place]
type = "string"
default = "here"
"""


def keeper() -> Cron:
    return parse(KEEPER)["keeper"]


def told(text: str) -> str:
    with pytest.raises(CatalogueError) as refused:
        parse(text)
    return "; ".join(refused.value.problems)


def test_a_secret_takes_a_reference_to_one_of_the_names_that_its_cron_declares() -> None:
    assert check({"token": REFERENCE}, keeper().parameters) == {"token": REFERENCE}


@pytest.mark.parametrize(
    "literal",
    [HUSH, 4711, None, [HUSH], {"$secret": HUSH}, {"$secret": "HOME"}, {**REFERENCE, "x": HUSH}, {}],
)
def test_anything_else_is_refused_with_the_field_and_the_way_out_but_without_the_value(literal: Any) -> None:
    with pytest.raises(Invalid) as refused:
        check({"token": literal}, keeper().parameters)
    said = " ".join([refused.value.message, *refused.value.details])
    assert refused.value.message.startswith("parameters.token: ")
    assert '{"$secret": "API_TOKEN"} or {"$secret": "OTHER_TOKEN"}' in said
    assert HUSH not in said
    assert "4711" not in said
    assert "HOME" not in said


SECRET = {"type": "string", "format": "password"}


@pytest.mark.parametrize(
    ("schema", "parameters"),
    [
        ({"properties": {"to": {"properties": {"token": SECRET}}}}, lambda x: {"to": {"token": x}}),
        ({"properties": {"tokens": {"items": SECRET}}}, lambda x: {"tokens": [x]}),
        ({"properties": {"pair": {"prefixItems": [{}, SECRET]}}}, lambda x: {"pair": [1, x]}),
        ({"additionalProperties": SECRET}, lambda x: {"anything": x}),
        ({"patternProperties": {"_token$": SECRET}}, lambda x: {"my_token": x}),
        ({"properties": {"t": {"$ref": "#/$defs/s"}}, "$defs": {"s": SECRET}}, lambda x: {"t": x}),
        ({"properties": {"t": {"anyOf": [{"type": "integer"}, SECRET]}}}, lambda x: {"t": x}),
        ({"if": {"required": ["t"]}, "then": {"properties": {"t": SECRET}}}, lambda x: {"t": x}),
    ],
)
def test_a_secret_is_found_wherever_the_schema_may_put_it(
    schema: dict[str, Any], parameters: Callable[[Any], dict[str, Any]]
) -> None:
    rule = secrets.by_reference({"type": "object", **schema}, ["API_TOKEN"])
    assert check(parameters(REFERENCE), rule)
    with pytest.raises(Invalid) as refused:
        check(parameters(HUSH), rule)
    assert HUSH not in str([refused.value.message, *refused.value.details])
    assert secrets.masked(parameters(HUSH), rule) == parameters("*****")
    assert secrets.masked(parameters(REFERENCE), rule) == parameters(REFERENCE)
    assert secrets.replaced(parameters(REFERENCE), rule, str.lower) == parameters("api_token")


def test_a_property_that_is_only_named_so_is_no_secret() -> None:
    rule = {"type": "object", "properties": {"writeOnly": True, "format": {"type": "string"}}}
    assert secrets.by_reference(rule, []) == rule
    assert not secrets.holds_secrets(rule)


def test_a_reference_elsewhere_than_at_a_secret_is_data() -> None:
    schema = secrets.by_reference(
        {"type": "object", "properties": {"token": SECRET, "free": {"type": "object"}}}, ["API_TOKEN"]
    )
    assert secrets.replaced({"free": REFERENCE}, schema, str.lower) == {"free": REFERENCE}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('secrets = ["API_TOKEN", "OTHER_TOKEN"]', "", "list in secrets the variables"),
        ('["API_TOKEN", ', '["api token", ', "secrets: a name is of capital letters"),
        ('["API_TOKEN", ', '["CRON_SECRET", ', "secrets: CRON_SECRET is no parameter's to give"),
        ("writeOnly = true", f'writeOnly = true\ndefault = "{HUSH}"', "the default of a secret must refer"),
        ("writeOnly = true", "writeOnly = true\nminLength = 8", "minLength: cannot be checked of a secret"),
        ('type = "string"\nwriteOnly', 'type = "integer"\nwriteOnly', 'must have type = "string"'),
    ],
)
def test_a_catalogue_that_does_not_fit_its_secrets_is_told(old: str, new: str, problem: str) -> None:
    said = told(KEEPER.replace(old, new))
    assert problem in said
    assert "line " in said
    assert HUSH not in said


def test_a_default_may_refer_to_a_secret_and_fills_its_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    text = KEEPER.replace("writeOnly = true", 'writeOnly = true\ndefault = { "$secret" = "OTHER_TOKEN" }')
    cron = parse(text.replace('required = ["token"]', ""))["keeper"]
    monkeypatch.setenv("OTHER_TOKEN", "s3cr3t")
    assert handing.to_command(cron, {}).arguments == ["deploy", "--token=s3cr3t", "--to=here"]


def test_a_secret_that_is_not_set_is_named_with_the_place_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_TOKEN", raising=False)
    with pytest.raises(Invalid, match="the secret API_TOKEN is not set: set API_TOKEN in the environment"):
        handing.to_command(keeper(), {"token": REFERENCE})


def test_people_see_the_command_with_the_names_of_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", HUSH)
    seen = handing.shown(keeper(), {"token": REFERENCE, "place": "a b"}, schedule_id=None, execution_id="x")
    assert seen.splitlines()[0] == "deploy '--token=${API_TOKEN}' '--to=a b'"
    assert json.loads(seen.splitlines()[2]) == {"place": "a b", "token": "${API_TOKEN}"}
    assert HUSH not in seen
    # What is no reference is never shown, not even in a draft that is refused.
    assert HUSH not in handing.shown(keeper(), {"token": HUSH}, schedule_id=None, execution_id="x")


def test_people_see_the_request_with_its_variables_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANT", HUSH)
    cron = parse(
        '[crons.hook]\ntitle = { en = "H", fr = "H" }\n'
        'http = { url = "https://example.org/run", headers = { X-Tenant = "t-${TENANT}" } }\n'
    )["hook"]
    seen = handing.shown(cron, {"keep": 7}, schedule_id="SCHEDULE", execution_id="EXECUTION")
    head, _, body = seen.partition("\n\n")
    assert head.splitlines()[0] == "POST https://example.org/run"
    assert "X-Tenant: t-${TENANT}" in head
    assert "Authorization: Bearer *****" in head
    assert "Idempotency-Key: SCHEDULE" in head
    assert json.loads(body) == {
        "cronName": "hook",
        "parameters": {"keep": 7},
        "scheduledId": "SCHEDULE",
        "executionId": "EXECUTION",
    }


def test_what_is_masked_in_output_covers_the_ways_in_which_programs_write_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_TOKEN", 'first "line" é\nsecond long line of it')
    hidden = secrets.masks(["API_TOKEN", "NOT_SET_AT_ALL"])
    assert 'first "line" é\nsecond long line of it' in hidden
    assert 'first \\"line\\" é\\nsecond long line of it' in hidden
    assert 'first \\"line\\" \\u00e9\\nsecond long line of it' in hidden
    assert "second long line of it" in hidden
    assert "" not in hidden


def test_a_secret_that_is_no_text_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", os.fsdecode(b"kes\xfftrel"))
    assert "kes%FFtrel" in secrets.masks(["API_TOKEN"])


@pytest.fixture
def with_keeper(crons_file: Path, database_url: str) -> None:
    with crons_file.open("a", encoding="utf-8") as file:
        file.write(KEEPER)


@pytest.mark.usefixtures("with_keeper")
def test_an_older_row_with_a_secret_in_clear_shows_it_masked_everywhere(database: psycopg.Connection) -> None:
    schedule_id, execution_id = uuid4(), uuid4()
    instant, old = datetime.now(UTC) + timedelta(days=1), json.dumps({"token": HUSH, "place": "there"})
    database.execute(
        "INSERT INTO scheduled_cron_executions (id, cron_name, scheduled_at, due_at, parameters) "
        "VALUES (%s, 'keeper', %s, %s, %s)",
        (schedule_id, instant, instant, old),
    )
    database.execute(
        "INSERT INTO cron_executions (id, cron_name, target, parameters) "
        "VALUES (%s, 'keeper', 'command', %s)",
        (execution_id, old),
    )
    database.execute(
        "INSERT INTO cron_events (actor, via, kind, schedule_id, cron_name, details) "
        "VALUES ('bob', 'sql', 'schedule.edited', %s, 'keeper', %s)",
        (schedule_id, json.dumps({"old": {"token": HUSH}, "new": {"token": HUSH}})),
    )
    masked = {"token": "*****", "place": "there"}
    assert schedules.get(schedule_id).parameters == masked
    assert schedules.find(schedules.Filter()).rows[0].parameters == masked
    assert executions.get(execution_id).parameters == masked
    [event] = events.of_schedule(schedule_id)
    assert event.details == {"old": {"token": "*****"}, "new": {"token": "*****"}}


@pytest.mark.usefixtures("with_keeper")
def test_an_edit_of_an_older_row_takes_no_secret_into_the_events(database: psycopg.Connection) -> None:
    instant = datetime.now(UTC) + timedelta(days=1)
    schedule_id = uuid4()
    database.execute(
        "INSERT INTO scheduled_cron_executions (id, cron_name, scheduled_at, due_at, parameters) "
        "VALUES (%s, 'keeper', %s, %s, %s)",
        (schedule_id, instant, instant, json.dumps({"token": HUSH})),
    )
    schedules.change(ALICE, schedule_id, parameters={"token": REFERENCE})
    [[details]] = database.execute("SELECT details::text FROM cron_events").fetchall()
    assert HUSH not in details
    assert json.loads(details) == {"old": {"token": "*****"}, "new": {"token": REFERENCE}}


@pytest.mark.usefixtures("with_keeper")
def test_neither_a_plan_nor_a_run_nor_a_batch_takes_a_secret_in_clear(count: Callable[[str], int]) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    for act in (
        lambda: schedules.plan(ALICE, "keeper", later, {"token": HUSH}),
        lambda: schedules.plan_many(ALICE, [schedules.Plan("keeper", later, {"token": HUSH})]),
        lambda: executions.trigger(ALICE, "keeper", {"token": HUSH}),
    ):
        with pytest.raises(Invalid) as refused:
            act()
        assert HUSH not in str([refused.value.message, *refused.value.details])
    assert count("scheduled_cron_executions") == count("cron_executions") == count("cron_events") == 0
