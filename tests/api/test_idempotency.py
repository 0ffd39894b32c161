"""The same key twice does it once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from tests.api.caller import Caller, later

THREADS = 20


@pytest.mark.parametrize(
    ("path", "body", "status", "table"),
    [
        ("/schedule", {"cronName": "greet", "scheduledAt": later()}, 201, "scheduled_cron_executions"),
        ("/trigger", {"cronName": "greet"}, 202, "cron_executions"),
        ("/trigger", {"cronName": "wait"}, 202, "cron_executions"),
        ("/trigger", {"cronName": "nothing", "scheduledId": str(uuid4())}, 202, "cron_executions"),
    ],
)
def test_twenty_calls_at_once_with_one_key_make_one_row(
    api: Caller,
    count: Callable[[str], int],
    path: str,
    body: dict[str, str],
    status: int,
    table: str,
) -> None:
    headers = {"Idempotency-Key": "once"}

    with ThreadPoolExecutor(THREADS) as pool:
        calls = [pool.submit(api.another(), "POST", path, json=body, headers=headers) for _ in range(THREADS)]
        answers = [call.result() for call in calls]

    assert {answer.status_code for answer in answers} == {status}
    assert len({answer.text for answer in answers}) == 1
    assert count(table) == 1
    assert count("cron_events") == 1


def test_two_keys_make_two(api: Caller, count: Callable[[str], int]) -> None:
    for key in ("a", "b", "a"):
        api(
            "POST",
            "/schedule",
            json={"cronName": "nothing", "scheduledAt": "2031-01-01T00:00:00Z"},
            headers={"Idempotency-Key": key},
        )

    assert count("scheduled_cron_executions") == 2


@pytest.mark.parametrize(
    "other",
    [
        {"cronName": "greet"},
        {"scheduledAt": "2031-01-02T00:00:00Z"},
        {"parameters": {"x": 1}},
    ],
)
def test_a_key_that_was_used_for_another_schedule_is_a_conflict(
    api: Caller, count: Callable[[str], int], other: dict[str, object]
) -> None:
    body = {"cronName": "nothing", "scheduledAt": "2031-01-01T00:00:00Z", "parameters": {}}
    headers = {"Idempotency-Key": "once"}
    api("POST", "/schedule", json=body, headers=headers)

    response = api("POST", "/schedule", json={**body, **other}, headers=headers)

    assert response.status_code == 409
    assert "Idempotency-Key" in response.json()["error"]
    assert count("scheduled_cron_executions") == 1


@pytest.mark.parametrize("given", [{"headers": {"Idempotency-Key": "once"}}, {}])
def test_a_key_that_was_used_for_another_execution_is_a_conflict(
    api: Caller, count: Callable[[str], int], given: dict[str, dict[str, str]]
) -> None:
    schedule = {} if given else {"scheduledId": str(uuid4())}
    api("POST", "/trigger", json={"cronName": "greet", **schedule}, **given)

    response = api("POST", "/trigger", json={"cronName": "nothing", **schedule}, **given)

    assert response.status_code == 409
    assert count("cron_executions") == 1


def test_a_call_repeated_after_its_instant_still_finds_its_schedule(
    api: Caller, database: psycopg.Connection
) -> None:
    headers = {"Idempotency-Key": "once"}
    first = api("POST", "/schedule", json={"cronName": "nothing", "scheduledAt": later()}, headers=headers)
    database.execute(
        "UPDATE scheduled_cron_executions SET scheduled_at = timestamptz '2020-01-01', "
        "due_at = timestamptz '2020-01-01', created_at = timestamptz '2019-01-01'"
    )

    again = api(
        "POST",
        "/schedule",
        json={"cronName": "nothing", "scheduledAt": "2020-01-01T00:00:00Z"},
        headers=headers,
    )

    assert again.status_code == 201
    assert again.json()["scheduled"]["id"] == first.json()["scheduled"]["id"]


@pytest.mark.parametrize("key", ["", "x" * 201, "\x80"])
@pytest.mark.parametrize("path", ["/schedule", "/trigger"])
def test_a_key_that_is_none_is_a_422(api: Caller, path: str, key: str) -> None:
    body = {"cronName": "nothing", "scheduledAt": later()} if path == "/schedule" else {"cronName": "nothing"}

    response = api("POST", path, json=body, headers={"Idempotency-Key": key.encode("latin-1")})

    assert response.status_code == 422
    assert response.json()["details"][0].startswith("Idempotency-Key:")
