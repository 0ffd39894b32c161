"""How a worker ends, what it leaves to the others, and what becomes of the runs of one that is gone."""

import os
import signal
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from core import executions
from core.running import LOST_AGAIN
from core.settings import ROOT
from tests.worker.house import ALICE, House
from tests.worker.target_server import TargetServer
from tests.worker.waiting import until


@pytest.fixture(autouse=True)
def nobody_left(house: House) -> None:
    """Each test starts its own workers, on an empty database."""
    for worker in house.workers:
        worker.kill()
    house.rows("TRUNCATE scheduled_cron_executions, cron_executions, cron_workers CASCADE")


def test_a_worker_told_to_stop_lets_what_runs_end_within_the_grace(house: House) -> None:
    worker = house.start_worker(GRACE_SECONDS="10")
    schedule_id = house.plan("shell", {"script": "echo begun; sleep 1; echo ended"})
    house.printed(schedule_id, "begun")
    assert worker.terminate(9) == 0
    execution = house.ended(schedule_id, 0.1)
    assert execution["status"] == "completed"
    assert house.output(execution) == "begun\nended\n"
    assert house.value("SELECT stopped_at IS NOT NULL FROM cron_workers")


@pytest.mark.parametrize("script", ["sleep 60", "trap '' TERM; sleep 60 & wait; sleep 60"])
def test_what_outlives_the_grace_is_ended_and_says_so(house: House, script: str) -> None:
    worker = house.start_worker(GRACE_SECONDS="0.5")
    schedule_id = house.plan("shell", {"script": f"echo begun; {script}"})
    house.printed(schedule_id, "begun")
    assert worker.terminate(10) == 0
    execution = house.ended(schedule_id, 0.1)
    assert (execution["status"], execution["error_message"]) == ("cancelled", "cancelled by the worker's end")


@pytest.mark.parametrize("cron", ["shell", "hook"])
def test_the_grace_period_is_all_it_takes(house: House, target: TargetServer, cron: str) -> None:
    worker = house.start_worker(GRACE_SECONDS="4", HTTP_TIMEOUT_SECONDS="20", LEASE_SECONDS="30")
    target.pause_seconds = 6
    try:
        house.plan(cron, {"script": "trap '' TERM; sleep 60 & wait; sleep 60"})
        until(lambda: house.count("cron_executions", "status = 'running'") or target.arrivals)
        began = time.monotonic()
        assert worker.terminate(20) == 0
        # And what a busy machine adds.
        assert time.monotonic() - began < 6.5
    finally:
        target.pause_seconds = 0
        target.arrivals.clear()


def test_a_duty_that_takes_long_keeps_no_worker_from_giving_signs_of_life(house: House) -> None:
    house.start_worker(LOST_AFTER_SECONDS="2")
    duty = "application_name = 'crondesk worker duties' AND wait_event_type = 'Lock'"
    with psycopg.connect(house.url) as other:
        other.execute("LOCK TABLE cron_hourly_changes IN ACCESS EXCLUSIVE MODE")
        until(lambda: house.count("pg_stat_activity", duty), 20)
        began = house.value("SELECT clock_timestamp()")
        until(lambda: house.value("SELECT max(beat_at) FROM cron_workers") > began + timedelta(seconds=3), 8)


def test_a_request_that_outlives_the_grace_is_left_to_its_lease(house: House, target: TargetServer) -> None:
    worker = house.start_worker(GRACE_SECONDS="2", HTTP_TIMEOUT_SECONDS="20", LEASE_SECONDS="60")
    target.pause_seconds = 5
    try:
        schedule_id = house.plan("hook")
        until(lambda: target.of(schedule_id))
        assert worker.terminate() == 0
        row = house.schedule(schedule_id)
        assert (row["status"], row["claimed_by"], row["attempts"]) == ("pending", worker.name, 1)
        assert row["due_at"] > row["scheduled_at"] + timedelta(seconds=30)
        assert house.count("cron_executions") == 0
    finally:
        target.pause_seconds = 0


def test_what_waits_for_a_connection_is_handed_back(house: House, target: TargetServer) -> None:
    worker = house.start_worker(
        GRACE_SECONDS="2", HTTP_CONNECTIONS="1", HTTP_TIMEOUT_SECONDS="20", LEASE_SECONDS="60"
    )
    target.pause_seconds = 5
    try:
        ids = [house.plan("hook", seconds=0.3) for _ in range(3)]
        until(lambda: any(target.of(one) for one in ids))
        until(
            lambda: house.value("SELECT clock_timestamp() > max(scheduled_at) FROM scheduled_cron_executions")
        )
        assert worker.terminate() == 0
        [sent] = [one for one in ids if target.of(one)]
        for waiting in set(ids) - {sent}:
            row = house.schedule(waiting)
            assert (row["status"], row["claimed_by"], row["attempts"]) == ("pending", None, 0)
            assert row["due_at"] == row["scheduled_at"]
    finally:
        target.pause_seconds = 0


def test_a_worker_told_to_stop_settles_what_it_has_sent(house: House, target: TargetServer) -> None:
    worker = house.start_worker(GRACE_SECONDS="5")
    schedule_id = house.plan("slow")
    until(lambda: target.of(schedule_id))
    assert worker.terminate(6) == 0
    row = house.schedule(schedule_id)
    assert (row["status"], row["error_message"]) == ("failed", "the target gave no answer within 1 s")


def test_a_worker_told_to_stop_hands_back_what_it_has_claimed(house: House, target: TargetServer) -> None:
    worker = house.start_worker(LEASE_SECONDS="60")
    schedule_id = house.plan("hook", seconds=0.9)
    until(lambda: house.schedule(schedule_id)["claimed_by"])
    assert worker.terminate() == 0
    row = house.schedule(schedule_id)
    assert (row["status"], row["claimed_by"], row["attempts"]) == ("pending", None, 0)
    assert row["due_at"] == row["scheduled_at"]
    assert target.of(schedule_id) == []
    house.start_worker()
    assert house.settled(schedule_id)["status"] == "triggered"
    assert len(target.of(schedule_id)) == 1


def test_stopping_in_the_very_moment_of_firing_loses_no_run(house: House) -> None:
    """Whatever is under way between worker and database is started and ended, or left to the others."""
    ids = []
    for round_ in range(4):
        worker = house.start_worker()
        instant = house.plan_many("quick", 50, seconds=1.2)
        until(partial(house.value, "SELECT clock_timestamp() > %s", instant))
        if round_ % 2:
            until(lambda: house.count("cron_executions", "status = 'running'") or True)
        assert worker.terminate() == 0
        ids.append(instant)
        assert house.count("cron_executions", "status = 'running'") == 0
    assert house.count("cron_executions", "status NOT IN ('completed', 'queued')") == 0
    house.start_worker()
    until(lambda: house.count("cron_executions", "status = 'completed'") == 200, 30, house)


def test_a_worker_does_not_go_before_the_end_of_a_run_is_written_whose_row_somebody_holds(
    house: House,
) -> None:
    """A beat that holds it for a moment is enough: the run would be taken for lost, and be run again."""
    worker = house.start_worker(GRACE_SECONDS="10")
    schedule_id = house.plan("shell", {"script": "echo begun; sleep 0.3"})
    execution = house.printed(schedule_id, "begun")
    with psycopg.connect(house.url) as psql:
        psql.execute("SELECT FROM cron_executions WHERE id = %s FOR UPDATE", [execution["id"]])
        worker.process.send_signal(signal.SIGTERM)
        until(lambda: worker.said("execution.finished"), 5, house)
        time.sleep(1)
        assert worker.process.poll() is None
    assert worker.process.wait(9) == 0
    assert house.executions_of(schedule_id)[0]["status"] == "completed"


def test_a_row_that_is_held_throughout_does_not_keep_a_worker_from_its_good_order(house: House) -> None:
    worker = house.start_worker(GRACE_SECONDS="3")
    execution = house.printed(house.plan("shell", {"script": "echo begun; sleep 0.3"}), "begun")
    with psycopg.connect(house.url) as psql:
        psql.execute("SELECT FROM cron_executions WHERE id = %s FOR UPDATE", [execution["id"]])
        assert worker.terminate(10) == 0
    assert [said["id"] for said in worker.said("execution.end_unwritten")] == [str(execution["id"])]
    assert not worker.said("database.away")
    assert house.value("SELECT stopped_at IS NOT NULL FROM cron_workers")


def test_ctrl_c_ends_a_worker_in_good_order(house: House) -> None:
    worker = house.start_worker()
    worker.process.send_signal(signal.SIGINT)
    assert worker.process.wait(15) == 0
    assert worker.said("worker.stopped")
    assert "Traceback" not in worker.log


def test_a_run_whose_worker_is_gone_has_failed_and_frees_its_cron(house: House) -> None:
    dying = house.start_worker(LOST_AFTER_SECONDS="2")
    schedule_id = house.plan("sleep", {"seconds": 300})
    house.running(schedule_id)
    dying.kill()
    house.start_worker(LOST_AFTER_SECONDS="2")
    execution = house.ended(schedule_id)
    assert execution["status"] == "failed"
    assert execution["error_message"].startswith(f"worker lost: {dying.name} gave no sign of life since ")
    assert house.schedule(schedule_id)["status"] == "triggered"
    assert house.run("sleep", {"seconds": 0})["status"] == "completed"
    assert house.count("cron_executions", "retry_of IS NOT NULL") == 0


def test_a_lost_run_is_run_again_where_the_catalogue_says_so(house: House, tmp_path: Path) -> None:
    note = tmp_path / "note"
    dying = house.start_worker(LOST_AFTER_SECONDS="2")
    schedule_id = house.plan("again", {"file": str(note), "seconds": 1})
    lost = house.running(schedule_id)
    until(note.exists)
    dying.kill()
    house.start_worker(LOST_AFTER_SECONDS="2")
    again = until(
        lambda: house.rows(
            "SELECT * FROM cron_executions WHERE retry_of = %s AND finished_at IS NOT NULL", lost["id"]
        )
    )
    assert [row["status"] for row in again] == ["completed"]
    assert house.ended(schedule_id)["status"] == "failed"
    assert note.read_text() == "run\nrun\n"


@pytest.mark.release
def test_a_run_that_kills_its_workers_is_not_run_for_ever(house: House) -> None:
    workers = [house.start_worker(LOST_AFTER_SECONDS="2") for _ in range(LOST_AGAIN + 2)]
    house.plan("deadly")
    last = until(
        lambda: house.rows(
            "SELECT * FROM cron_executions WHERE attempt > %s AND finished_at IS NOT NULL", LOST_AGAIN
        ),
        seconds=60,
    )
    assert [(row["status"], row["retried_by"]) for row in last] == [("failed", None)]
    assert last[0]["error_message"].endswith(f"(attempt {LOST_AGAIN + 1})")
    assert house.value("SELECT count(*) FROM cron_executions") == LOST_AGAIN + 1
    assert [worker.process.poll() for worker in workers].count(None) == 1


def test_a_worker_that_slept_declares_nobody_lost_at_its_waking(house: House) -> None:
    """A laptop that is closed: both workers stand still, and go on."""
    first = house.start_worker(LOST_AFTER_SECONDS="2")
    second = house.start_worker(LOST_AFTER_SECONDS="2")
    ids = [house.plan("shell", {"script": "sleep 6"}) for _ in range(4)]
    for schedule_id in ids:
        house.running(schedule_id)
    until(lambda: house.value("SELECT min(beat_at - started_at) > interval '3 s' FROM cron_workers"))
    for worker in (first, second):
        os.kill(worker.pid, signal.SIGSTOP)
    until(lambda: house.value("SELECT max(beat_at) < clock_timestamp() - interval '2.5 s' FROM cron_workers"))
    for worker in (first, second):
        os.kill(worker.pid, signal.SIGCONT)
    assert {house.ended(schedule_id)["status"] for schedule_id in ids} == {"completed"}


def test_a_row_that_somebody_holds_in_psql_silences_no_worker(house: House) -> None:
    house.start_worker(LOST_AFTER_SECONDS="2")
    house.start_worker(LOST_AFTER_SECONDS="2")
    held = house.plan("shell", {"script": "sleep 5"})
    other = house.plan("shell", {"script": "sleep 5"})
    execution = house.running(held)
    house.running(other)
    with psycopg.connect(house.url) as psql:
        psql.execute("SELECT FROM cron_executions WHERE id = %s FOR UPDATE", [execution["id"]])
        assert house.ended(other, 15)["status"] == "completed"
        assert house.executions_of(held)[0]["status"] == "running"
    assert house.ended(held)["status"] == "completed"


def test_what_no_catalogue_knows_for_a_minute_fails_with_a_sentence(house: House) -> None:
    due = (
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, created_at) "
        "VALUES ('nobody''s', now() - interval '{} s', now() - interval '1 h') RETURNING id"
    )
    schedule_id = house.value(due.format(62))
    # Its catalogue may be half saved, or another worker's may have it.
    just_due = house.value(due.format(5))
    queued = house.value(
        "INSERT INTO cron_executions (cron_name, target, queued_at) "
        "VALUES ('gone', 'command', now() - interval '2 minutes') RETURNING id"
    )
    house.start_worker()
    row = house.settled(schedule_id)
    assert house.schedule(just_due)["status"] == "pending"
    assert row["status"] == "failed"
    assert row["error_message"].startswith("the catalogue has no cron 'nobody''s'")
    until(lambda: executions.get(queued).status == "failed")
    assert executions.get(queued).error_message == "not started: the catalogue has no cron 'gone'"


def test_a_worker_refuses_to_start_on_a_database_without_its_migrations(house: House) -> None:
    house.rows("UPDATE alembic_version SET version_num = '0001'")
    try:
        worker = house.begin_worker()
        assert worker.process.wait(30) == 3
        assert "alembic upgrade head" in worker.log
    finally:
        house.rows("DELETE FROM alembic_version")
        house.rows("INSERT INTO alembic_version VALUES (%s)", head())


def head() -> str:
    found = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini"))).get_current_head()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("variable", "value"), [("LEASE_SECONDS", "1"), ("PORT", "no"), ("DATABASE_URL", "mysql://somewhere")]
)
def test_a_worker_names_the_variable_that_cannot_be_used(house: House, variable: str, value: str) -> None:
    worker = house.begin_worker(**{variable: value})
    assert worker.process.wait(30) == 2
    assert variable in worker.log
    assert "Traceback" not in worker.log


def test_a_cancel_of_what_runs_elsewhere_reaches_its_worker(house: House) -> None:
    house.start_worker()
    schedule_id = house.plan("sleep", {"seconds": 300})
    execution = house.running(schedule_id)
    executions.cancel(ALICE, execution["id"])
    ended = house.ended(schedule_id, 8)
    assert (ended["status"], ended["error_message"]) == ("cancelled", "cancelled by alice")
