"""Failed executions tried again: as the cron says, one at a time, neither lost nor doubled; live workers."""

import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core import executions, schedules
from core.errors import Conflict
from core.executions import Execution
from tests.worker.house import ALICE, House
from tests.worker.target_server import TargetServer
from tests.worker.waiting import until

ENDED = ("completed", "failed", "cancelled")


@pytest.fixture(autouse=True)
def nobody_left(house: House) -> None:
    """Each test starts its own workers, on an empty database."""
    for worker in house.workers:
        worker.kill()
    house.rows("TRUNCATE scheduled_cron_executions, cron_executions, cron_workers CASCADE")


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """Where runs leave a line each."""
    return tmp_path / "note"


def attempts(house: House, schedule_id: UUID, seconds: float = 20) -> list[Execution]:
    """All attempts of a schedule's execution, once the last of them has ended."""

    def ended() -> list[Execution]:
        first = house.schedule(schedule_id)["triggered_execution_id"]
        chain = executions.attempts_of(executions.get(first)) if first else []
        return chain if chain and chain[-1].status in ENDED else []

    return until(ended, seconds, house)


def told(house: House, schedule_id: UUID) -> list[dict[str, Any]]:
    return house.rows(
        "SELECT * FROM cron_events WHERE schedule_id = %s AND kind = 'execution.retried' ORDER BY id",
        schedule_id,
    )


def test_a_command_that_failed_is_run_again_until_it_succeeds(house: House, note: Path) -> None:
    house.start_worker()
    schedule_id = house.plan("flaky", {"file": str(note)})
    chain = attempts(house, schedule_id)
    assert [run.status for run in chain] == ["failed", "failed", "completed"]
    assert [run.attempt for run in chain] == [1, 2, 3]
    assert [run.error_message for run in chain] == [
        "ended with exit code 3 (attempt 1 of 3)",
        "ended with exit code 3 (attempt 2 of 3)",
        None,
    ]
    assert [run.retry_of for run in chain] == [None, chain[0].id, chain[1].id]
    assert [run.retried_by for run in chain] == [chain[1].id, chain[2].id, None]
    assert {run.triggered_by for run in chain} == {"alice"}
    # The schedule is the same for each of them, and has fired once.
    assert note.read_text() == f"{schedule_id}\n" * 3
    assert [run.scheduled_id for run in chain] == [schedule_id, None, None]
    retried = told(house, schedule_id)
    assert [event["execution_id"] for event in retried] == [chain[1].id, chain[2].id]
    assert [event["details"]["attempt"] for event in retried] == [2, 3]
    assert retried[1]["details"]["error"] == "ended with exit code 3 (attempt 2 of 3)"


def test_the_next_attempt_begins_at_its_instant_not_at_the_next_poll(house: House, note: Path) -> None:
    house.start_worker()
    chain = attempts(house, house.plan("flaky", {"file": str(note)}))
    for before, after in pairwise(chain):
        assert before.finished_at is not None
        assert after.not_before is not None
        assert after.started_at is not None
        assert after.not_before - before.finished_at >= timedelta(seconds=1)
        assert timedelta(0) <= after.started_at - after.not_before < timedelta(seconds=1)


def test_after_the_last_attempt_it_has_failed_and_says_how_many_there_were(house: House, note: Path) -> None:
    house.start_worker()
    chain = attempts(house, house.plan("flaky", {"file": str(note), "good": 100}))
    assert [run.status for run in chain] == ["failed"] * 3
    assert chain[-1].error_message == "ended with exit code 3 (attempt 3 of 3)"
    assert note.read_text().count("\n") == 3
    assert house.count("cron_executions") == 3


def test_a_timeout_is_tried_again_too(house: House) -> None:
    house.start_worker()
    chain = attempts(house, house.plan("hasty-again"))
    assert [run.error_message for run in chain] == [
        "ended after its timeout of 1 s (attempt 1 of 2)",
        "ended after its timeout of 1 s (attempt 2 of 2)",
    ]


def test_a_command_is_not_run_again_where_its_cron_does_not_say_so(house: House) -> None:
    house.start_worker()
    [run] = attempts(house, house.plan("shell", {"script": "exit 3"}))
    assert (run.error_message, run.retried_by) == ("ended with exit code 3", None)
    assert house.count("cron_executions") == 1


def test_what_was_asked_to_end_is_not_tried_again(house: House) -> None:
    house.start_worker()
    schedule_id = house.plan("patient-again", {"script": "trap 'exit 3' TERM; echo begun; sleep 60 & wait"})
    execution = house.printed(schedule_id, "begun")
    executions.cancel(ALICE, execution["id"])
    [run] = attempts(house, schedule_id)
    assert (run.status, run.retried_by) == ("cancelled", None)


def test_an_end_asked_for_in_the_moment_of_failing_is_kept_to(house: House) -> None:
    """The worker never hears of it: it is told by the row alone."""
    house.start_worker()
    schedule_id = house.plan("patient-again", {"script": "echo begun; sleep 1; exit 3"})
    execution = house.printed(schedule_id, "begun")
    house.rows("UPDATE cron_executions SET cancel_requested_at = now() WHERE id = %s", execution["id"])
    [run] = attempts(house, schedule_id)
    assert run.retried_by is None


def test_an_attempt_that_waits_can_be_cancelled_and_frees_its_cron(house: House) -> None:
    house.start_worker()
    first = house.plan("patient-again")
    waiting = until(lambda: house.rows("SELECT * FROM cron_executions WHERE attempt = 2"))[0]
    assert 55 < (waiting["not_before"] - house.value("SELECT clock_timestamp()")).total_seconds() <= 60
    with pytest.raises(Conflict, match="already running"):
        executions.trigger(ALICE, "patient-again")
    second = house.plan("patient-again", {"script": "true"})
    until(lambda: house.schedule(second)["conflicts"] == 1)
    executions.cancel(ALICE, waiting["id"])
    house.rows("UPDATE scheduled_cron_executions SET due_at = now() WHERE id = %s", second)
    assert house.ended(second)["status"] == "completed"
    assert [run.status for run in attempts(house, first)] == ["failed", "cancelled"]


def test_409_for_an_http_cron_that_runs_one_at_a_time_is_tried_again(
    house: House, target: TargetServer
) -> None:
    house.start_worker()
    schedule_id = house.plan("alone-and-busy")
    chain = attempts(house, schedule_id)
    assert [run.status for run in chain] == ["failed", "failed", "failed", "completed"]
    busy = "the target answered 409 Conflict: an earlier run has not ended"
    assert [run.error_message for run in chain] == [
        f"{busy} (attempt 1 of 3)",
        f"{busy} (attempt 2 of 3)",
        "the target answered 500 Internal Server Error (attempt 3 of 4, 2 of them conflicts)",
        None,
    ]
    arrivals = target.of(schedule_id)
    assert {arrival.headers["Idempotency-Key"] for arrival in arrivals} == {str(schedule_id)}
    assert [arrival.body["executionId"] for arrival in arrivals] == [str(run.id) for run in chain]


def test_what_was_started_by_hand_keeps_one_key_over_all_attempts(house: House, target: TargetServer) -> None:
    house.start_worker()
    first = executions.trigger(ALICE, "patient")
    chain = until(lambda: [c for c in [executions.attempts_of(executions.get(first.id))] if len(c) == 3])[0]
    until(lambda: executions.get(chain[-1].id).status == "failed")
    error = executions.get(chain[-1].id).error_message
    assert error is not None
    assert error.endswith("(attempt 3 of 3)")
    keys = [
        a.headers["Idempotency-Key"] for a in target.arrivals if a.body["executionId"] == str(chain[2].id)
    ]
    assert keys == [str(first.id)]


def test_a_worker_killed_between_two_attempts_neither_loses_nor_doubles_the_next(
    house: House, note: Path
) -> None:
    dying = house.start_worker(LOST_AFTER_SECONDS="2")
    schedule_id = house.plan("flaky", {"file": str(note), "good": 2})
    until(lambda: house.count("cron_executions", "attempt = 2 AND status = 'queued'"))
    dying.kill()
    assert note.read_text().count("\n") == 1
    house.start_worker(LOST_AFTER_SECONDS="2")
    house.start_worker(LOST_AFTER_SECONDS="2")
    chain = attempts(house, schedule_id)
    assert [run.status for run in chain] == ["failed", "completed"]
    assert note.read_text().count("\n") == 2


def test_workers_killed_at_any_moment_lose_and_double_no_attempt(house: House, note: Path) -> None:
    worker = house.start_worker(LOST_AFTER_SECONDS="2", MAX_RUNNING="6")
    house.plan_many("flaky-abreast", 30, seconds=1.5, parameters={"file": str(note)})
    for pause in (1.5, 1.1, 1.3):
        time.sleep(pause)  # the moment does not matter: any one must do
        worker.kill()
        worker = house.start_worker(LOST_AFTER_SECONDS="2", MAX_RUNNING="6")
    until(
        lambda: (
            house.count("scheduled_cron_executions", "status = 'triggered'") == 30
            and house.count("cron_executions", "status IN ('queued', 'running')") == 0
        ),
        60,
        house,
    )
    assert house.count("cron_executions", "attempt = 1") == 30
    unfollowed = """
        SELECT count(*) FROM cron_executions e
        WHERE e.attempt < 3 AND e.error_message NOT LIKE 'worker lost%%' AND NOT EXISTS (
            SELECT FROM cron_executions n
            WHERE n.id = e.retried_by AND n.retry_of = e.id AND n.attempt = e.attempt + 1)"""
    assert house.value(unfollowed) == 0
    assert (
        house.value("SELECT count(*) - count(DISTINCT retry_of) FROM cron_executions WHERE attempt > 1") == 0
    )
    assert (
        house.count("cron_executions", "error_message LIKE 'worker lost%%' AND retried_by IS NOT NULL") == 0
    )


def test_a_row_that_changed_in_the_moment_of_its_end_is_written_all_the_same(house: House) -> None:
    """A beat, or somebody in psql, gives rows new versions all the time."""
    house.start_worker()
    with psycopg.connect(house.url, autocommit=True) as psql:
        ids = [house.plan("shell", {"script": "sleep 0.3; exit 3"}) for _ in range(8)]
        deadline = time.monotonic() + 20
        while house.count("cron_executions", "status = 'failed'") < 8:
            psql.execute(
                "UPDATE cron_executions SET heartbeat_at = clock_timestamp() WHERE status = 'running'"
            )
            assert time.monotonic() < deadline
    assert {house.ended(schedule_id)["error_message"] for schedule_id in ids} == {"ended with exit code 3"}


def test_the_deadline_of_a_schedule_is_about_its_first_begin(house: House, note: Path) -> None:
    house.start_worker()
    now = house.value("SELECT clock_timestamp()")
    schedule_id = schedules.plan(
        ALICE,
        "flaky",
        now + timedelta(seconds=0.3),
        {"file": str(note)},
        not_after=now + timedelta(seconds=1),
        late_policy="drop",
    ).id
    assert [run.status for run in attempts(house, schedule_id)] == ["failed", "failed", "completed"]
