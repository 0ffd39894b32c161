"""Whatever is sent, the answer is never the server's fault."""

import json
from typing import Any
from urllib.parse import quote
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.caller import Caller, later

# Surrogates and NUL bytes too: JSON can say them, PostgreSQL can keep neither.
texts = st.text(st.characters(exclude_categories=()), max_size=30)
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 1e308, 2**31, 2**63])
scalars = st.none() | st.booleans() | numbers | texts
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

names = st.sampled_from(["nothing", "greet", "wait", "hook"]) | texts
instants = (
    st.datetimes().map(lambda at: at.isoformat() + "Z")
    | st.sampled_from([later(), later(seconds=1), "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
    | texts
)
patterns = st.fixed_dictionaries(
    {"kind": st.sampled_from(["daily", "weekly", "monthly", "cron"]) | texts},
    optional={
        "at": st.times().map(str) | texts,
        "every": numbers,
        "days": st.lists(st.sampled_from(["monday", "sunday"]) | texts, max_size=3),
        "day": st.integers(-2, 40),
        "nth": st.integers(-2, 6),
        "weekday": st.sampled_from(["monday", "sunday"]) | texts,
        "expression": st.sampled_from(["* * * * *", "0 2 29 2 *", "@daily"]) | texts,
    },
)
ids = st.uuids().map(str) | st.just(str(UUID(int=0))) | texts
fields: dict[str, st.SearchStrategy[Any]] = {
    "cronName": names | anything,
    "scheduledAt": instants | anything,
    "parameters": st.dictionaries(texts, anything, max_size=4) | anything,
    "createdBy": texts | anything,
    "scheduledId": ids | anything,
    "executionId": ids | anything,
    "error": texts | anything,
    "repeatPattern": st.sampled_from(["once", "daily", "weekly", "monthly"]) | patterns | anything,
    "repeatUntil": instants | anything,
    "timezone": st.sampled_from(["UTC", "Europe/Paris", "America/New_York"]) | texts | anything,
    "notAfter": instants | anything,
    "latePolicy": st.sampled_from(["fire", "drop", "ask"]) | anything,
    "first": instants | anything,
    "repeatCount": numbers | anything,
    "excludedDates": st.lists(st.dates().map(str) | texts, max_size=3) | anything,
    "fireWithinSeconds": numbers | anything,
    "fire": st.booleans() | anything,
    "name": texts | anything,
    "startsAt": instants | anything,
    "endsAt": instants | anything,
}
objects = st.fixed_dictionaries({}, optional=fields) | st.dictionaries(texts, anything, max_size=3)
batches = st.fixed_dictionaries(
    {"items": st.lists(objects, max_size=4) | anything}, optional={"createdBy": texts}
)
bodies = objects | batches | anything

calls = st.sampled_from(
    [
        ("POST", "/schedule"),
        ("POST", "/schedule/batch"),
        ("PATCH", "/schedule/{id}"),
        ("PATCH", "/schedule/{id}/triggered"),
        ("PATCH", "/schedule/{id}/failed"),
        ("POST", "/schedule/{id}/decide"),
        ("POST", "/schedule/{id}/retry"),
        ("POST", "/series"),
        ("POST", "/series/{id}/pause"),
        ("POST", "/blackouts"),
        ("POST", "/trigger"),
        ("POST", "/{id}/cancel"),
    ]
)
readings = st.sampled_from(
    [
        ("GET", "/schedule"),
        ("GET", "/series"),
        ("DELETE", "/blackouts"),
        ("GET", "/"),
        ("GET", "/{id}/output"),
        ("DELETE", "/schedule"),
    ]
)
queries = st.dictionaries(
    st.sampled_from(["status", "cronName", "from", "to", "limit", "cursor", "search", "after", "id"]),
    st.sampled_from(
        ["pending", "failed", "queued", "0", "100", "-1", "2147483648", "WzEsMl0=", "%", "\\", "'"]
    )
    | instants
    | ids,
    max_size=4,
)

many = settings(
    max_examples=400,
    deadline=None,
    # One database for all examples: what one leaves makes the next ones stranger.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@many
@given(call=calls, body=bodies, row=ids)
def test_no_body_makes_a_server_error(api: Caller, call: tuple[str, str], body: Any, row: str) -> None:
    method, path = call

    response = api(method, path.format(id=_quoted(row)), data=json.dumps(body).encode())

    assert response.status_code < 500, response.text
    assert response.json()["success"] is (response.status_code < 400)


@many
@given(call=readings, query=queries, row=ids)
def test_no_query_makes_a_server_error(
    api: Caller, call: tuple[str, str], query: dict[str, str], row: str
) -> None:
    method, path = call
    asked = "&".join(f"{name}={_quoted(value)}" for name, value in query.items())

    response = api(method, f"{path.format(id=_quoted(row))}?{asked}")

    assert response.status_code < 500, response.text
    assert response.json()["success"] is (response.status_code < 400)


@many
@given(body=st.binary(max_size=200))
def test_no_bytes_make_a_server_error(api: Caller, body: bytes) -> None:
    for path in ("/schedule", "/schedule/batch", "/trigger"):
        response = api("POST", path, data=body)
        assert response.status_code in (400, 422), response.text


@many
@given(key=st.binary(max_size=300).map(lambda key: key.translate(None, b"\r\n\x00")))
def test_no_key_makes_a_server_error(api: Caller, key: bytes) -> None:
    for path in ("/schedule", "/trigger"):
        body = {"cronName": "greet"} if path == "/trigger" else {"cronName": "greet", "scheduledAt": later()}
        response = api("POST", path, json=body, headers={"Idempotency-Key": b"k" + key})
        assert response.status_code < 500, response.text


def _quoted(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")
