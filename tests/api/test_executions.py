"""Starting, listing, reading and ending executions over HTTP."""

from collections.abc import Callable
from uuid import uuid4

import psycopg

from tests.api.caller import Caller, later


def test_a_trigger_queues_an_execution(api: Caller) -> None:
    response = api("POST", "/trigger", json={"cronName": "greet", "parameters": {"name": "Ann"}})

    assert response.status_code == 202
    assert response.json()["success"] is True
    execution = api("GET", f"/{response.json()['executionId']}").json()["execution"]
    assert execution["cronName"] == "greet"
    assert execution["status"] == "queued"
    assert execution["parameters"] == {"name": "Ann"}
    assert execution["triggeredBy"] == "api"
    assert execution["queuedAt"].endswith("Z")


def test_a_noop_is_completed_at_once(api: Caller) -> None:
    started = api("POST", "/trigger", json={"cronName": "nothing"}).json()

    execution = api("GET", f"/{started['executionId']}").json()["execution"]

    assert execution["status"] == "completed"
    assert execution["durationSeconds"] is not None


def test_a_busy_cron_that_forbids_overlap_is_a_conflict(api: Caller, count: Callable[[str], int]) -> None:
    # Others of no schedule and no key: the conflict must not be taken for one of them.
    api("POST", "/trigger", json={"cronName": "nothing"})
    first = api("POST", "/trigger", json={"cronName": "wait"})

    second = api("POST", "/trigger", json={"cronName": "wait"})

    assert first.status_code == 202
    assert second.status_code == 409
    assert second.json()["details"] == [f"executionId: {first.json()['executionId']}"]
    assert count("cron_executions") == 2


def test_the_same_schedule_starts_one_execution(api: Caller, count: Callable[[str], int]) -> None:
    body = {"cronName": "greet", "scheduledId": str(uuid4())}

    answers = [api("POST", "/trigger", json=body) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["executionId"] for answer in answers}) == 1
    assert count("cron_executions") == 1


def test_the_schedule_of_another_cron_starts_nothing_and_still_fires(
    api: Caller, count: Callable[[str], int]
) -> None:
    schedule = api.plan(cronName="greet")["id"]

    response = api("POST", "/trigger", json={"cronName": "fail", "scheduledId": schedule})

    assert response.status_code == 422
    assert response.json()["error"].startswith("scheduledId: is a schedule of the cron greet")
    assert count("cron_executions") == 0
    assert api("POST", "/trigger", json={"cronName": "greet", "scheduledId": schedule}).status_code == 202


def test_a_cancelled_schedule_starts_nothing(api: Caller, count: Callable[[str], int]) -> None:
    schedule = api.plan(cronName="greet")["id"]
    api("DELETE", "/schedule", params={"id": schedule})

    response = api("POST", "/trigger", json={"cronName": "greet", "scheduledId": schedule})

    assert response.status_code == 409
    assert "cancelled" in response.json()["error"]
    assert count("cron_executions") == 0


def test_what_a_worker_is_firing_is_not_started_too_and_what_a_script_has_claimed_is(
    api: Caller, database: psycopg.Connection, count: Callable[[str], int]
) -> None:
    schedule = api.plan(cronName="greet")["id"]
    claim = (
        "UPDATE scheduled_cron_executions SET claimed_by = %s, due_at = now() + interval '1 h' WHERE id = %s"
    )
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, slots) VALUES ('w', 'h', 1, '1', 1)"
    )
    database.execute(claim, ["w", schedule])
    body = {"cronName": "greet", "scheduledId": schedule}
    refused = api("POST", "/trigger", json=body)
    assert (refused.status_code, count("cron_executions")) == (409, 0)
    assert "too late, the schedule is being fired by w" in refused.json()["error"]
    database.execute(claim, ["a script", schedule])
    assert api("POST", "/trigger", json=body).status_code == 202


def test_what_was_started_before_its_schedule_was_cancelled_is_answered_again(api: Caller) -> None:
    body = {"cronName": "greet", "scheduledId": api.plan(cronName="greet")["id"]}
    first = api("POST", "/trigger", json=body)
    api("DELETE", "/schedule", params={"id": body["scheduledId"]})

    again = api("POST", "/trigger", json=body)

    assert again.status_code == 202
    assert again.json() == first.json()


def test_what_another_crondesk_posts_is_taken(api: Caller) -> None:
    schedule = str(uuid4())
    body = {"cronName": "greet", "parameters": {}, "scheduledId": schedule, "executionId": str(uuid4())}

    response = api("POST", "/trigger", json=body, headers={"Idempotency-Key": schedule})

    assert response.status_code == 202


def test_executions_are_listed_latest_first_and_narrowed(api: Caller) -> None:
    first = api("POST", "/trigger", json={"cronName": "greet", "parameters": {"name": "Ann"}}).json()
    second = api("POST", "/trigger", json={"cronName": "nothing"}).json()

    def found(**query: str) -> list[str]:
        response = api("GET", "/", params=query)
        assert response.status_code == 200, response.text
        assert response.json()["count"] == len(response.json()["executions"])
        return [execution["id"] for execution in response.json()["executions"]]

    assert found() == [second["executionId"], first["executionId"]]
    assert found(status="queued") == [first["executionId"]]
    assert found(cronName="nothing") == [second["executionId"]]
    assert found(search="ann") == [first["executionId"]]
    assert found(to="0001-01-01T00:00:00Z") == []
    assert len(found(**{"from": "0001-01-01T00:00:00Z"})) == 2
    assert found(**{"from": later()}) == []
    assert api("GET", "").json() == api("GET", "/").json()


def test_output_is_read_piece_by_piece(api: Caller, database: psycopg.Connection) -> None:
    execution = api("POST", "/trigger", json={"cronName": "greet"}).json()["executionId"]
    database.execute(
        "INSERT INTO cron_execution_output (execution_id, seq, stream, content) "
        "SELECT %s, n, 'stdout', 'line ' || n FROM generate_series(0, 4) n",
        [execution],
    )

    first = api("GET", f"/{execution}/output", params={"limit": 3}).json()
    second = api("GET", f"/{execution}/output", params={"limit": 3, "after": first["next"]}).json()
    third = api("GET", f"/{execution}/output", params={"after": second["next"]}).json()

    assert first["executionId"] == execution
    assert first["status"] == "queued"
    assert [chunk["content"] for chunk in first["output"] + second["output"]] == [
        f"line {n}" for n in range(5)
    ]
    assert first["output"][0].keys() == {"seq", "stream", "at", "content"}
    assert (first["next"], second["next"], third["next"]) == (2, 4, 4)
    assert third["output"] == []


def test_a_queued_execution_is_cancelled_once(api: Caller) -> None:
    execution = api("POST", "/trigger", json={"cronName": "wait"}).json()["executionId"]

    first = api("POST", f"/{execution}/cancel")
    second = api("POST", f"/{execution}/cancel")

    assert first.status_code == 200
    assert first.json()["execution"]["status"] == "cancelled"
    assert second.status_code == 409


def test_a_running_execution_is_asked_to_end(api: Caller, database: psycopg.Connection) -> None:
    execution = api("POST", "/trigger", json={"cronName": "wait"}).json()["executionId"]
    database.execute("UPDATE cron_executions SET status = 'running', started_at = now()")

    asked = api("POST", f"/{execution}/cancel")

    assert asked.status_code == 200
    assert asked.json()["execution"]["status"] == "running"
    assert asked.json()["execution"]["cancelRequestedAt"]
