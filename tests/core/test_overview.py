"""How things stand, and how each cron fared."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core import executions, overview, schedules
from core.actors import Actor

ALICE = Actor("alice", "admin", "api")


def test_an_empty_house_has_nothing_to_tell(database_url: str) -> None:
    stand = overview.figures()
    assert (stand.pending, stand.running, stand.queued) == (0, 0, 0)
    assert stand.next is None
    assert stand.success_rate is None
    assert overview.records([]) == {}


def test_figures_count_what_waits_runs_and_succeeded(database: psycopg.Connection) -> None:
    soon = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1))
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=2))
    ended = [executions.trigger(ALICE, "nothing") for _run in range(4)]
    executions.trigger(ALICE, "greet")
    running = executions.trigger(ALICE, "greet")
    for status, run in {"failed": ended[0], "cancelled": ended[1], "running": running}.items():
        database.execute("UPDATE cron_executions SET status = %s WHERE id = %s", [status, run.id])
    stand = overview.figures()
    assert (stand.pending, stand.running, stand.queued) == (2, 1, 1)
    assert stand.next is not None
    assert (stand.next.id, stand.next.due_at) == (soon.id, soon.due_at)
    assert stand.success_rate == pytest.approx(2 / 3)


def test_next_is_neither_what_is_held_nor_what_is_being_fired(database: psycopg.Connection) -> None:
    held = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1))
    fired = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=2))
    database.execute(
        "UPDATE scheduled_cron_executions SET held_at = now(), due_at = '9999-01-01 00:00Z' WHERE id = %s",
        [held.id],
    )
    database.execute("SELECT get_ready_scheduled_crons(1, 'me', '1 minute', '3 hours')")
    assert schedules.get(fired.id).claimed_by == "me"
    assert overview.figures().next is None
    assert overview.records(["nothing"])["nothing"].next is None


def test_a_record_holds_the_last_twenty_runs_latest_first_and_the_next_plan(
    database: psycopg.Connection,
) -> None:
    runs = [executions.trigger(ALICE, "nothing") for _run in range(25)]
    database.execute("UPDATE cron_executions SET finished_at = started_at + interval '4 seconds'")
    soon = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1))
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=2))
    found = overview.records(["nothing", "wait"])
    record = found["nothing"]
    assert [run.id for run in record.runs] == [run.id for run in reversed(runs)][:20]
    assert record.usual_seconds == 4
    assert record.next is not None
    assert record.next.id == soon.id
    assert found["wait"] == overview.Record()


def test_the_usual_duration_is_the_median_of_completed_runs_alone(database: psycopg.Connection) -> None:
    for seconds, status in [(1, "completed"), (3, "completed"), (50, "completed"), (900, "failed")]:
        run = executions.trigger(ALICE, "nothing")
        database.execute(
            "UPDATE cron_executions SET status = %s, finished_at = started_at + make_interval(secs => %s) "
            "WHERE id = %s",
            [status, seconds, run.id],
        )
    assert overview.records(["nothing"])["nothing"].usual_seconds == 3


@pytest.mark.parametrize(("lasted", "slow_after"), [(4, 34), (100, 200)])
def test_a_run_is_slow_at_twice_the_usual_duration_or_half_a_minute_more(
    database: psycopg.Connection, lasted: int, slow_after: int
) -> None:
    for _run in range(5):
        assert overview.records(["nothing"])["nothing"].slow_after_seconds is None
        executions.trigger(ALICE, "nothing")
        database.execute(
            "UPDATE cron_executions SET finished_at = started_at + make_interval(secs => %s)", [lasted]
        )
    assert overview.records(["nothing"])["nothing"].slow_after_seconds == slow_after
