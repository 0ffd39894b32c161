"""Planning, listing, changing, cancelling and settling schedules over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from core.searching import STRETCH_ROWS, STRETCHES
from tests.api.caller import Caller, later

Rows = Callable[[], dict[str, int]]


def test_a_plan_is_answered_with_the_whole_schedule(api: Caller, rows: Rows) -> None:
    at = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)

    response = api(
        "POST",
        "/schedule",
        json={
            "cronName": "greet",
            "scheduledAt": at.isoformat(),
            "parameters": {"name": "Zoë"},
            "createdBy": "alice",
        },
    )

    assert response.status_code == 201
    answered = response.json()
    assert answered["success"] is True
    scheduled = answered["scheduled"]
    assert scheduled == {
        "id": scheduled["id"],
        "cronName": "greet",
        "scheduledAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "parameters": {"name": "Zoë"},
        "createdBy": "alice",
        "createdAt": scheduled["createdAt"],
        "status": "pending",
        "triggeredAt": None,
        "triggeredExecutionId": None,
        "errorMessage": None,
        "dueAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "claimedBy": None,
        "attempts": 0,
        "tries": 0,
        "conflicts": 0,
        "failures": 0,
        "batchId": None,
        "notAfter": None,
        "latePolicy": "fire",
        "heldAt": None,
        "seriesId": None,
        "retryOf": None,
        "retriedBy": None,
        "repeatPattern": "once",
        "repeatUntil": None,
    }
    assert scheduled["createdAt"].endswith("Z")
    assert rows() == {"scheduled_cron_executions": 1, "cron_executions": 0, "cron_events": 1}


def test_the_history_says_that_the_api_did_it_in_whose_name(
    api: Caller, database: psycopg.Connection
) -> None:
    scheduled = api.plan(createdBy="alice")

    told = database.execute("SELECT actor, via, kind, schedule_id::text FROM cron_events").fetchall()

    assert told == [("api", "api", "schedule.created", scheduled["id"])]
    assert api.plan()["createdBy"] == "api"


def test_an_instant_in_any_zone_comes_back_in_utc(api: Caller) -> None:
    scheduled = api.plan(scheduledAt="2031-07-01T09:00:00.250+02:00")

    assert scheduled["scheduledAt"] in ("2031-07-01T07:00:00.250000Z", "2031-07-01T07:00:00.25Z")


def test_numbers_that_floats_cannot_hold_are_no_conflict(api: Caller) -> None:
    assert api.plan(parameters={"large": 1e300, "odd": 1e23, "tiny": 5e-324})["status"] == "pending"


def test_a_batch_is_planned_in_its_order_with_one_id(api: Caller, rows: Rows) -> None:
    items = [
        {"cronName": "greet", "scheduledAt": later(minutes=90 - minute), "parameters": {"name": str(minute)}}
        for minute in range(50)
    ]

    response = api("POST", "/schedule/batch", json={"items": items, "createdBy": "alice"})

    assert response.status_code == 201
    answered = response.json()
    assert answered["count"] == 50
    assert [scheduled["parameters"]["name"] for scheduled in answered["scheduled"]] == [
        str(minute) for minute in range(50)
    ]
    assert {scheduled["batchId"] for scheduled in answered["scheduled"]} == {answered["batchId"]}
    assert {scheduled["createdBy"] for scheduled in answered["scheduled"]} == {"alice"}
    assert rows() == {"scheduled_cron_executions": 50, "cron_executions": 0, "cron_events": 1}


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"cronName": "nobody"}, "items.2.cronName: "),
        ({"scheduledAt": "2001-01-01T00:00:00Z"}, "items.2.scheduledAt: "),
        ({"scheduledAt": "2031-01-01T00:00:00"}, "items.2.scheduledAt: "),
        ({"parameters": []}, "items.2.parameters: "),
        ({"parameters": {"name": 5}}, "items.2.parameters.name: "),
        ({"colour": "red"}, "items.2.colour: "),
    ],
)
def test_one_broken_item_plans_none_of_a_batch(
    api: Caller, rows: Rows, broken: dict[str, object], named: str
) -> None:
    items: list[dict[str, object]] = [{"cronName": "greet", "scheduledAt": later()} for _ in range(4)]
    items[2] |= broken

    response = api("POST", "/schedule/batch", json={"items": items})

    assert response.status_code == 422
    assert [detail for detail in response.json()["details"] if detail.startswith(named)]
    assert set(rows().values()) == {0}


@pytest.mark.parametrize("size", [0, 10_001])
def test_a_batch_has_one_to_ten_thousand_items(api: Caller, rows: Rows, size: int) -> None:
    items = [{"cronName": "nothing", "scheduledAt": "2031-01-01T00:00:00Z"}] * size

    response = api("POST", "/schedule/batch", json={"items": items})

    assert response.status_code == 422
    assert response.json()["details"][0].startswith("items: ")
    assert set(rows().values()) == {0}


def test_ten_thousand_are_planned_at_once(api: Caller, count: Callable[[str], int]) -> None:
    items = [{"cronName": "nothing", "scheduledAt": "2031-01-01T00:00:00Z"}] * 10_000

    response = api("POST", "/schedule/batch", json={"items": items})

    assert response.status_code == 201
    assert response.json()["count"] == 10_000
    assert count("scheduled_cron_executions") == 10_000


def test_a_batch_refuses_a_key_that_it_would_not_honour(api: Caller, rows: Rows) -> None:
    items = [{"cronName": "nothing", "scheduledAt": later()}]

    response = api("POST", "/schedule/batch", json={"items": items}, headers={"Idempotency-Key": "k"})

    assert response.status_code == 422
    assert response.json()["details"][0].startswith("Idempotency-Key: ")
    assert set(rows().values()) == {0}


def test_the_list_counts_all_that_match(api: Caller) -> None:
    for _ in range(3):
        api.plan(cronName="nothing")
    api.plan(cronName="greet")

    answered = api("GET", "/schedule", params={"cronName": "nothing", "limit": 2}).json()

    assert answered["success"] is True
    assert answered["count"] == 3
    assert answered["countIsEstimate"] is False
    assert len(answered["scheduled"]) == 2
    assert {scheduled["cronName"] for scheduled in answered["scheduled"]} == {"nothing"}


def test_the_list_is_narrowed_by_status_instant_and_text(api: Caller) -> None:
    first = api.plan(cronName="greet", scheduledAt="2031-01-01T00:00:00Z", parameters={"name": "50% off_"})
    second = api.plan(cronName="greet", scheduledAt="2031-02-01T00:00:00Z")
    api("DELETE", "/schedule", params={"id": second["id"]})

    def found(**query: str) -> list[str]:
        response = api("GET", "/schedule", params=query)
        assert response.status_code == 200, response.text
        return [scheduled["id"] for scheduled in response.json()["scheduled"]]

    assert found(status="pending") == [first["id"]]
    assert found(status="cancelled") == [second["id"]]
    assert found(**{"from": "2031-01-15T00:00:00Z"}) == [second["id"]]
    assert found(to="2031-02-01T01:00:00+01:00") == [first["id"]]
    assert found(search="0% OFF_") == [first["id"]]
    assert found(search="SALUE", status="pending") == [first["id"]]  # its title in French
    assert found(search="nowhere") == []
    assert found(status="triggered") == []


def many(database: psycopg.Connection, count: int) -> None:
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, parameters) "
        "SELECT 'nothing', now() + make_interval(secs => n), now() + make_interval(secs => n), "
        "jsonb_build_object('note', n || '%%') FROM generate_series(1, %s) n",
        [count],
    )


def test_more_than_is_counted_exactly_is_estimated(api: Caller, database: psycopg.Connection) -> None:
    many(database, 5_500)

    for query in ({}, {"status": "pending", "from": later()}):
        response = api("GET", "/schedule", params={**query, "limit": 1})
        assert response.status_code == 200, response.text
        assert response.json()["countIsEstimate"] is (response.json()["count"] > 5_000)


@pytest.mark.parametrize("status", ["pending", None], ids=["next first", "latest first"])
def test_a_search_goes_on_until_it_has_seen_all(
    api: Caller, database: psycopg.Connection, status: str | None
) -> None:
    rows = STRETCH_ROWS * STRETCHES + 2 * STRETCH_ROWS
    many(database, rows)
    query = {"search": f'"{rows}%"' if status else '"1%"', "limit": "1"}

    first = api("GET", "/schedule", params={**query, "status": status}).json()
    assert first["scheduled"] == []
    assert first["countIsEstimate"] is True
    second = api("GET", "/schedule", params={**query, "status": status, "cursor": first["nextCursor"]}).json()

    assert [found["parameters"]["note"] for found in second["scheduled"]] == [query["search"][1:-1]]
    assert second["nextCursor"] is None


def test_the_pages_of_a_search_hold_each_match_once(api: Caller, database: psycopg.Connection) -> None:
    many(database, STRETCH_ROWS + 10)
    found, cursor = [], None
    while True:
        query = {"search": "99%", "limit": "7", "cursor": cursor}
        answer = api("GET", "/schedule", params=query).json()
        found += [one["parameters"]["note"] for one in answer["scheduled"]]
        cursor = answer["nextCursor"]
        if cursor is None:
            break

    assert found == [f"{n}%" for n in range(STRETCH_ROWS + 10, 0, -1) if n % 100 == 99]


def test_a_pending_schedule_is_cancelled_once(api: Caller) -> None:
    scheduled = api.plan(cronName="greet")

    first = api("DELETE", "/schedule", params={"id": scheduled["id"]})
    second = api("DELETE", "/schedule", params={"id": scheduled["id"]})

    assert first.status_code == 200
    assert first.json() == {"success": True, "message": "Scheduled cron cancelled", "cronName": "greet"}
    assert second.status_code == 409
    assert "cancelled already" in second.json()["error"]


def test_a_schedule_that_is_being_fired_is_neither_cancelled_nor_changed(
    api: Caller, database: psycopg.Connection
) -> None:
    scheduled = api.plan()
    database.execute(
        "UPDATE scheduled_cron_executions SET claimed_by = 'somebody', due_at = now() + interval '1 minute'"
    )

    assert api("DELETE", "/schedule", params={"id": scheduled["id"]}).status_code == 409
    moved = api("PATCH", f"/schedule/{scheduled['id']}", json={"scheduledAt": later(hours=2)})
    assert moved.status_code == 409
    assert "being fired" in moved.json()["error"]


def test_a_schedule_moves_and_takes_other_parameters(api: Caller) -> None:
    scheduled = api.plan(cronName="greet")

    changed = api(
        "PATCH",
        f"/schedule/{scheduled['id']}",
        json={"scheduledAt": "2031-01-01T00:00:00Z", "parameters": {"name": "Ann"}},
    )

    assert changed.status_code == 200
    now = changed.json()["scheduled"]
    assert now["scheduledAt"] == now["dueAt"] == "2031-01-01T00:00:00Z"
    assert now["parameters"] == {"name": "Ann"}
    assert now["status"] == "pending"


@pytest.mark.parametrize("body", [{}, {"scheduledAt": None}, {"parameters": None}])
def test_a_change_of_nothing_is_refused(api: Caller, body: dict[str, None]) -> None:
    scheduled = api.plan()

    response = api("PATCH", f"/schedule/{scheduled['id']}", json=body)

    assert response.status_code == 422
    assert "scheduledAt" in response.json()["details"][0]


def test_a_worker_of_another_make_settles_a_schedule_once(api: Caller) -> None:
    scheduled, execution = api.plan(), str(uuid4())
    path = f"/schedule/{scheduled['id']}"

    triggered = api("PATCH", f"{path}/triggered", json={"executionId": execution})
    again = api("PATCH", f"{path}/triggered", json={"executionId": execution})
    other = api("PATCH", f"{path}/triggered", json={"executionId": str(uuid4())})
    failed = api("PATCH", f"{path}/failed", json={"error": "no"})

    assert other.status_code == 409
    assert other.json()["error"].startswith("executionId: ")
    assert triggered.status_code == again.status_code == 200
    assert triggered.json()["scheduled"]["status"] == "triggered"
    assert triggered.json()["scheduled"]["triggeredAt"]
    assert failed.status_code == 409


def test_a_worker_of_another_make_says_why_it_failed(api: Caller) -> None:
    scheduled = api.plan()

    failed = api("PATCH", f"/schedule/{scheduled['id']}/failed", json={"error": "the target is gone"})

    assert failed.status_code == 200
    assert failed.json()["scheduled"]["status"] == "failed"
    assert failed.json()["scheduled"]["errorMessage"] == "the target is gone"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/schedule?id={id}", None),
        ("PATCH", "/schedule/{id}", {"scheduledAt": "2031-01-01T00:00:00Z"}),
        ("PATCH", "/schedule/{id}", {"parameters": {}}),
        ("PATCH", "/schedule/{id}/triggered", {"executionId": str(uuid4())}),
        ("PATCH", "/schedule/{id}/failed", {"error": "no"}),
        ("GET", "/{id}", None),
        ("GET", "/{id}/output", None),
        ("POST", "/{id}/cancel", None),
    ],
)
def test_an_id_of_nothing_is_not_found(api: Caller, rows: Rows, method: str, path: str, body: object) -> None:
    response = api(method, path.format(id=uuid4()), json=body)

    assert response.status_code == 404
    assert response.json()["error"].startswith("id: ")
    assert set(rows().values()) == {0}


def test_a_failed_schedule_is_tried_again_once(api: Caller, rows: Rows) -> None:
    scheduled = api.plan(parameters={"x": 1})
    assert api("POST", f"/schedule/{scheduled['id']}/retry").status_code == 409
    api("PATCH", f"/schedule/{scheduled['id']}/failed", json={"error": "no disk"})

    answers = [api("POST", f"/schedule/{scheduled['id']}/retry") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    again, same = (answer.json()["scheduled"] for answer in answers)
    assert again["id"] == same["id"] != scheduled["id"]
    assert (again["status"], again["parameters"], again["retryOf"]) == ("pending", {"x": 1}, scheduled["id"])
    assert rows()["scheduled_cron_executions"] == 2
    assert api("POST", f"/schedule/{uuid4()}/retry").status_code == 404
    assert api("POST", "/schedule/nonsense/retry").status_code == 422
