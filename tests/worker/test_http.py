"""HTTP targets: what is sent, what each answer means; one live worker for all."""

import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import pairwise
from threading import Timer
from uuid import UUID

import psycopg
import pytest

from core import executions, schedules
from core.errors import Conflict
from tests.worker.conftest import SECRET
from tests.worker.house import ALICE, House, Row
from tests.worker.target_server import TargetServer
from tests.worker.waiting import until
from tests.worker.worker_process import WorkerProcess

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def worker(house: House) -> WorkerProcess:
    return house.start_worker(HOOK_TOKEN="s3same")


def test_a_post_leaves_at_its_second_with_body_and_headers(house: House, target: TargetServer) -> None:
    schedule_id = house.plan("hook", {"name": "é", "deep": [{"x": 1.5}]}, seconds=1.5)
    execution = house.ended(schedule_id)
    [arrival] = target.of(schedule_id)
    row = house.schedule(schedule_id)
    assert 0 <= arrival.at - row["scheduled_at"].timestamp() < 2
    assert 0 <= (row["triggered_at"] - row["scheduled_at"]).total_seconds() < 2
    assert arrival.body == {
        "cronName": "hook",
        "parameters": {"name": "é", "deep": [{"x": 1.5}]},
        "scheduledId": str(schedule_id),
        "executionId": str(execution["id"]),
    }
    assert arrival.headers["Authorization"] == f"Bearer {SECRET}"
    assert arrival.headers["Idempotency-Key"] == str(schedule_id)
    assert arrival.headers["Content-Type"] == "application/json"
    assert arrival.headers["X-Token"] == "token s3same"


def started_by_its_id(house: House, schedule_id: UUID) -> None:
    """Somebody starts the schedule by its id, unless a worker is firing it."""
    with suppress(Conflict):
        executions.trigger(ALICE, "hook", scheduled_id=schedule_id)


def sent_once(house: House, target: TargetServer, schedule_id: UUID) -> None:
    row = house.settled(schedule_id)
    [execution] = house.executions_of(schedule_id)
    assert (row["status"], row["triggered_execution_id"]) == ("triggered", execution["id"])
    assert row["triggered_at"] >= row["scheduled_at"]
    house.ended(schedule_id)
    [arrival] = target.of(schedule_id)
    assert arrival.body["executionId"] == str(execution["id"])


def test_what_was_started_by_its_id_before_its_instant_is_not_sent_again(
    house: House, target: TargetServer
) -> None:
    schedule_id = house.plan("hook", seconds=2.5)
    started_by_its_id(house, schedule_id)
    assert house.ended(schedule_id)["status"] == "completed"
    sent_once(house, target, schedule_id)


def test_of_a_worker_and_a_call_that_start_a_schedule_at_once_one_does(
    house: House, target: TargetServer
) -> None:
    instant = house.plan_many("hook", 40, seconds=3)
    ids = [
        row["id"]
        for row in house.rows("SELECT id FROM scheduled_cron_executions WHERE scheduled_at = %s", instant)
    ]
    for place, schedule_id in enumerate(ids):
        # A worker claims a second ahead, and sends at the instant.
        ahead = (1.0 if place % 2 else 0.0) + 0.01 - 0.001 * (place // 2)
        left = instant.timestamp() - ahead - time.time()
        Timer(max(0, left), started_by_its_id, (house, schedule_id)).start()
    for schedule_id in ids:
        sent_once(house, target, schedule_id)


def test_a_header_of_the_targets_own_keeps_the_token_from_it(house: House, target: TargetServer) -> None:
    schedule_id = house.plan("own_token")
    house.ended(schedule_id)
    [arrival] = target.of(schedule_id)
    sent = [value for name, value in arrival.headers.items() if name.lower() == "authorization"]
    assert sent == ["Basic s3same"]
    assert SECRET not in str(arrival.headers)


def test_defaults_are_filled_in_for_the_target_and_not_kept(house: House, target: TargetServer) -> None:
    schedule_id = house.plan("defaults", {"batchSize": 5})
    execution = house.ended(schedule_id)
    [arrival] = target.of(schedule_id)
    assert arrival.body["parameters"] == {"batchSize": 5, "folder": "docs"}
    assert house.schedule(schedule_id)["parameters"] == execution["parameters"] == {"batchSize": 5}


@pytest.mark.parametrize(("cron", "line"), [("hook", "HTTP 200 OK"), ("created", "HTTP 201 Created")])
def test_any_2xx_is_triggered_and_its_execution_completed(house: House, cron: str, line: str) -> None:
    schedule_id = house.plan(cron)
    execution = house.ended(schedule_id)
    row = house.schedule(schedule_id)
    assert (row["status"], row["error_message"]) == ("triggered", None)
    assert row["triggered_execution_id"] == execution["id"]
    assert execution["status"] == "completed"
    assert execution["external_id"].startswith("theirs-20")
    assert execution["finished_at"] >= execution["started_at"]
    assert house.output(execution).startswith(line + "\n")


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("broken", "the target answered 500 Internal Server Error"),
        ("moved", "the target answered 302 Found; redirects are not followed"),
        ("slow", "the target gave no answer within 1 s"),
        ("rude", "the exchange with the target broke off: ServerDisconnectedError"),
        ("refused", "no connection to 127.0.0.1:9: "),
        ("unresolved", "the target's host name cannot be resolved"),
        ("untrusted", "the target's TLS certificate is not trusted"),
    ],
)
def test_anything_else_has_failed_with_a_sentence(
    house: House, target: TargetServer, cron: str, sentence: str
) -> None:
    schedule_id = house.plan(cron)
    execution = house.ended(schedule_id)
    row = house.schedule(schedule_id)
    assert row["status"] == execution["status"] == "failed"
    assert row["error_message"].startswith(sentence)
    assert execution["error_message"] == row["error_message"]
    assert len(target.of(schedule_id)) <= 1
    [event] = house.rows(
        "SELECT * FROM cron_events WHERE schedule_id = %s AND kind = 'schedule.failed'", schedule_id
    )
    assert event["details"]["error"] == row["error_message"]


def test_409_is_tried_again_in_a_minute_and_after_five_times_has_failed(
    house: House, target: TargetServer
) -> None:
    schedule_id = house.plan("busy")
    for attempt in range(1, 5):
        row = until(partial(tried, house, schedule_id, attempt))
        assert row["status"] == "pending"
        assert row["error_message"].startswith(
            "the target answered 409 Conflict: an earlier run has not ended"
        )
        assert 55 < (row["due_at"] - house.value("SELECT now()")).total_seconds() <= 61
        house.rows("UPDATE scheduled_cron_executions SET due_at = now() WHERE id = %s", schedule_id)
    row = house.settled(schedule_id)
    assert row["status"] == "failed"
    assert row["error_message"].endswith("(attempt 5 of 5)")
    keys = {arrival.headers["Idempotency-Key"] for arrival in target.of(schedule_id)}
    assert keys == {str(schedule_id)}
    assert len(target.of(schedule_id)) == 5
    assert len(house.executions_of(schedule_id)) == 1


def tried(house: House, schedule_id: UUID, times: int) -> Row | None:
    row = house.schedule(schedule_id)
    return row if row["attempts"] == times and row["claimed_by"] is None else None


def test_retries_follow_the_catalogue_and_say_which_attempt_it_was(
    house: House, target: TargetServer
) -> None:
    schedule_id = house.plan("patient")
    row = house.settled(schedule_id)
    assert (row["status"], row["attempts"]) == ("failed", 3)
    assert row["error_message"] == "the target answered 503 Service Unavailable (attempt 3 of 3)"
    arrivals = target.of(schedule_id)
    assert len(arrivals) == 3
    assert all(later.at - earlier.at >= 1 for earlier, later in pairwise(arrivals))
    assert len({arrival.body["executionId"] for arrival in arrivals}) == 1


@pytest.mark.parametrize(
    ("cron", "posts", "error"),
    [
        ("busy-then-broken", 3, "(attempt 3 of 3, 2 of them conflicts)"),
        ("busy-then-broken-thrice", 5, "(attempt 5 of 5, 2 of them conflicts)"),
    ],
)
def test_conflicts_cost_no_retries_and_the_last_failure_says_how_many_attempts_there_were(
    house: House, target: TargetServer, cron: str, posts: int, error: str
) -> None:
    schedule_id = house.plan(cron)
    row = house.settled(schedule_id)
    assert row["error_message"] == f"the target answered 500 Internal Server Error {error}"
    assert (row["attempts"], row["conflicts"]) == (posts, 2)
    assert len(target.of(schedule_id)) == posts
    told = house.rows("SELECT * FROM cron_events WHERE schedule_id = %s ORDER BY id", schedule_id)
    numbers = [event["details"]["attempt"] for event in told if event["kind"] != "schedule.created"]
    assert numbers == list(range(1, posts + 1))
    assert told[-1]["kind"] == "schedule.failed"


def test_a_run_that_was_moved_has_all_its_attempts_again(house: House) -> None:
    schedule_id = house.plan("busy")
    for attempt in range(1, 5):
        until(partial(tried, house, schedule_id, attempt))
        if attempt < 4:
            house.rows("UPDATE scheduled_cron_executions SET due_at = now() WHERE id = %s", schedule_id)
    later = house.value("SELECT clock_timestamp() + interval '1 s'")
    moved = schedules.change(ALICE, schedule_id, scheduled_at=later)
    assert (moved.attempts, moved.tries, moved.conflicts) == (4, 0, 0)
    row = until(lambda: tried(house, schedule_id, 5))
    assert (row["status"], row["conflicts"]) == ("pending", 1)
    assert row["error_message"] == "the target answered 409 Conflict: an earlier run has not ended"
    schedules.cancel(ALICE, schedule_id)


def test_a_retry_that_would_come_after_the_deadline_is_none(house: House, target: TargetServer) -> None:
    now = house.value("SELECT clock_timestamp()")
    instant, deadline = now + timedelta(seconds=0.3), now + timedelta(seconds=30)
    dropped = schedules.plan(ALICE, "late", instant, not_after=deadline, late_policy="drop").id
    kept = schedules.plan(ALICE, "late", instant, not_after=deadline, late_policy="ask").id
    row = house.settled(dropped)
    assert row["error_message"] == (
        "the target answered 503 Service Unavailable (attempt 1 of 3); "
        "the next attempt would come after its deadline"
    )
    assert len(target.of(dropped)) == 1
    row = until(lambda: tried(house, kept, 1))
    assert (row["status"], row["failures"]) == ("pending", 1)
    schedules.cancel(ALICE, kept)


def test_an_answer_in_many_pieces_is_read_whole(house: House) -> None:
    execution = house.run("pieces")
    assert execution["status"] == "completed"
    assert execution["external_id"] == "in-pieces"
    assert len(house.output(execution)) > 20_000


def test_a_body_that_never_ends_leaves_the_status_what_it_is(house: House) -> None:
    execution = house.run("stuck")
    assert execution["status"] == "completed"
    assert house.output(execution) == "HTTP 200 OK\nbegun\n(the answer broke off here)"


def test_a_strange_answer_takes_nobody_down(house: House, worker: WorkerProcess) -> None:
    execution = house.run("surrogate")
    assert (execution["status"], execution["external_id"]) == ("completed", None)
    assert worker.process.poll() is None


def test_an_answer_that_repeats_the_secret_is_masked(house: House) -> None:
    text = house.output(house.run("echo"))
    assert "Bearer *****" in text
    assert "token *****" in text
    assert "s3same" not in text
    assert SECRET not in text


def test_http_without_overlap_runs_like_a_command(house: House, target: TargetServer) -> None:
    schedule_id = house.plan("alone", {"x": 1})
    execution = house.ended(schedule_id)
    assert execution["status"] == "completed"
    assert "HTTP 200 OK" in house.output(execution)
    [arrival] = target.of(schedule_id)
    assert arrival.headers["Idempotency-Key"] == str(schedule_id)


def test_a_claimed_schedule_can_neither_be_cancelled_nor_moved_nor_changed_by_hand(house: House) -> None:
    schedule_id = house.plan("slow", seconds=0.1)
    until(lambda: house.schedule(schedule_id)["claimed_by"])
    with pytest.raises(Conflict, match="too late, the schedule is being fired now"):
        schedules.cancel(ALICE, schedule_id)
    with pytest.raises(Conflict, match="too late"):
        schedules.change(ALICE, schedule_id, parameters={"other": 1})
    with pytest.raises(psycopg.errors.ObjectInUse):
        house.rows("UPDATE scheduled_cron_executions SET status = 'cancelled' WHERE id = %s", schedule_id)
    assert house.settled(schedule_id)["status"] == "failed"


def test_a_row_that_somebody_holds_does_not_hold_up_the_others(house: House, target: TargetServer) -> None:
    held = house.plan("slow")
    until(lambda: target.of(held))
    with psycopg.connect(house.url) as psql:
        psql.execute("SELECT FROM scheduled_cron_executions WHERE id = %s FOR UPDATE", [held])
        free = [house.plan("hook", seconds=0.5) for _ in range(3)]
        assert {house.settled(schedule_id)["status"] for schedule_id in free} == {"triggered"}
        assert house.schedule(held)["status"] == "pending"
    assert house.settled(held)["status"] == "failed"
    assert len(target.of(held)) == 1
