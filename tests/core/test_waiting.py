"""Why something has not run yet: the reason that the rows give."""

from datetime import UTC, datetime, timedelta

import psycopg

from core import executions, schedules
from core.actors import Actor
from core.waiting import Waiting, why_not_ended, why_not_yet

ALICE = Actor("alice", "operator", "api")


def planned(cron: str = "greet") -> schedules.Schedule:
    return schedules.plan(ALICE, cron, datetime.now(UTC) + timedelta(hours=2))


def live_worker(database: psycopg.Connection, name: str = "w1", slots: int = 4) -> None:
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, slots) VALUES (%s, 'h', 1, '1', %s)",
        (name, slots),
    )


def make(database: psycopg.Connection, schedule: schedules.Schedule, how: str) -> None:
    database.execute(
        f"UPDATE scheduled_cron_executions SET {how} WHERE id = %s",
        (schedule.id,),
    )


def reason_of(schedule: schedules.Schedule) -> Waiting:
    waiting = why_not_yet(schedules.get(schedule.id))
    assert waiting is not None
    return waiting


def test_what_is_to_come_is_not_due_and_tells_whether_a_worker_lives(database: psycopg.Connection) -> None:
    one = planned()
    waiting = reason_of(one)
    assert (waiting.reason, waiting.at, waiting.worker_alive) == ("not_due", one.scheduled_at, False)
    live_worker(database)
    assert reason_of(one).worker_alive


def test_what_is_overdue_waits_for_a_worker_while_none_lives(database: psycopg.Connection) -> None:
    one = planned()
    make(database, one, "due_at = now() - interval '1 minute'")
    live_worker(database)
    assert reason_of(one).reason == "soon"
    database.execute("UPDATE cron_workers SET beat_at = now() - interval '1 hour'")
    assert reason_of(one).reason == "no_worker"
    database.execute("UPDATE cron_workers SET beat_at = now(), stopped_at = now()")
    assert reason_of(one).reason == "no_worker"


def test_what_a_worker_has_claimed_is_being_fired_until_its_lease_ends(database: psycopg.Connection) -> None:
    one = planned("hook")
    live_worker(database)
    make(database, one, "due_at = now() + interval '1 minute', claimed_by = 'w1', attempts = 1")
    assert (reason_of(one).reason, reason_of(one).worker) == ("firing", "w1")
    make(database, one, "due_at = now() - interval '1 second'")
    assert (reason_of(one).reason, reason_of(one).worker) == ("lease", "w1")


def test_what_failed_waits_for_its_retry_and_what_met_an_earlier_run_for_its_end(
    database: psycopg.Connection,
) -> None:
    one = planned("wait")
    make(database, one, "due_at = now() + interval '1 minute', attempts = 1")
    assert reason_of(one).reason == "retry"
    earlier = executions.trigger(ALICE, "wait")
    waiting = reason_of(one)
    assert (waiting.reason, waiting.execution_id) == ("earlier_run", earlier.id)


def test_what_is_held_waits_for_a_decision(database: psycopg.Connection) -> None:
    one = planned()
    make(database, one, "due_at = '9999-01-01Z', held_at = now()")
    assert reason_of(one).reason == "held"


def test_a_cron_that_left_the_catalogue_is_told(database: psycopg.Connection) -> None:
    one = planned()
    run = executions.trigger(ALICE, "greet")
    database.execute("UPDATE scheduled_cron_executions SET cron_name = 'gone'")
    database.execute("UPDATE cron_executions SET cron_name = 'gone'")
    assert reason_of(one).reason == "unknown_cron"
    waiting = why_not_ended(executions.get(run.id))
    assert waiting is not None
    assert waiting.reason == "unknown_cron"


def test_what_is_settled_waits_for_nothing(database_url: str) -> None:
    one = schedules.cancel(ALICE, planned().id)
    assert why_not_yet(one) is None
    assert why_not_ended(executions.trigger(ALICE, "nothing")) is None


def test_a_queued_run_waits_for_a_worker_or_for_a_free_place(database: psycopg.Connection) -> None:
    run = executions.trigger(ALICE, "greet")
    reasons = []
    for prepare in (
        "SELECT",
        "INSERT INTO cron_workers (name, host, pid, version, slots) VALUES ('w1', 'h', 1, '1', 2)",
        "INSERT INTO cron_executions (cron_name, status, target, worker, started_at, heartbeat_at) "
        "SELECT 'greet', 'running', 'command', 'w1', now(), now() FROM generate_series(1, 2)",
    ):
        database.execute(prepare)
        waiting = why_not_ended(run)
        assert waiting is not None
        reasons.append((waiting.reason, waiting.places))
    assert reasons == [("no_worker", 0), ("soon", 0), ("no_place", 2)]


def test_a_running_one_is_told_only_when_its_worker_is_silent_or_it_is_to_stop(
    database: psycopg.Connection,
) -> None:
    run = executions.trigger(ALICE, "greet")
    live_worker(database)
    database.execute(
        "UPDATE cron_executions "
        "SET status = 'running', worker = 'w1', started_at = now(), heartbeat_at = now()"
    )
    assert why_not_ended(executions.get(run.id)) is None
    waiting = why_not_ended(executions.cancel(ALICE, run.id))
    assert waiting is not None
    assert waiting.reason == "stopping"
    database.execute("UPDATE cron_workers SET beat_at = now() - interval '1 hour'")
    database.execute("UPDATE cron_executions SET heartbeat_at = now() - interval '1 hour'")
    waiting = why_not_ended(executions.get(run.id))
    assert waiting is not None
    assert (waiting.reason, waiting.worker) == ("silent", "w1")
