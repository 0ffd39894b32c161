"""What could not fire before its deadline: dropped, held or fired; and what is known of it is kept."""

from uuid import UUID

import psycopg
import pytest

from core import schedules
from core.errors import Conflict
from tests.series.acting import ALICE, decide_late, fire


def late(
    database: psycopg.Connection,
    policy: str,
    cron: str = "nothing",
    *,
    attempts: int = 0,
    error_message: str | None = None,
    claimed_by: str | None = None,
) -> UUID:
    """A schedule whose deadline has passed."""
    row = database.execute(
        "INSERT INTO scheduled_cron_executions "
        "(cron_name, created_at, scheduled_at, not_after, late_policy, attempts, error_message, claimed_by) "
        "VALUES (%s, now() - interval '1 hour', now() - interval '10 minutes', now() - interval '1 minute', "
        "%s, %s, %s, %s) RETURNING id",
        (cron, policy, attempts, error_message, claimed_by),
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def test_what_is_too_late_is_dropped_held_or_fired(database_url: str, database: psycopg.Connection) -> None:
    ids = {policy: late(database, policy) for policy in ("drop", "ask", "fire")}
    assert decide_late(database_url) == 2
    assert schedules.get(ids["drop"]).status == "failed"
    assert (schedules.get(ids["drop"]).error_message or "").startswith("expired")
    held = schedules.get(ids["ask"])
    assert held.status == "pending"
    assert held.held_at is not None
    claimed = database.execute("SELECT id FROM get_ready_scheduled_crons()").fetchall()
    assert claimed == [(ids["fire"],)]
    released = schedules.decide(ALICE, ids["ask"], fire=True)
    assert released.held_at is None
    assert database.execute("SELECT id FROM get_ready_scheduled_crons()").fetchall() == [(ids["ask"],)]
    with pytest.raises(Conflict):
        schedules.decide(ALICE, ids["ask"], fire=False)


def test_a_held_schedule_may_be_dropped(database_url: str, database: psycopg.Connection) -> None:
    held = late(database, "ask")
    decide_late(database_url)
    dropped = schedules.decide(ALICE, held, fire=False)
    assert dropped.status == "failed"
    assert dropped.error_message == "expired: dropped by alice"


def test_one_that_did_fire_and_is_tried_again_keeps_its_error_and_attempts(
    database_url: str, database: psycopg.Connection
) -> None:
    tried = late(database, "drop", attempts=2, error_message="the target answered 503")
    asked = late(database, "ask", attempts=1, error_message="the target answered 500")
    decide_late(database_url)
    dropped = schedules.get(tried)
    assert dropped.status == "failed"
    assert dropped.attempts == 2
    assert (dropped.error_message or "").startswith("expired: it is not tried again after ")
    assert (dropped.error_message or "").endswith("; 2 attempts failed: the target answered 503")
    assert "could not fire" not in (dropped.error_message or "")
    let_go = schedules.decide(ALICE, asked, fire=False)
    assert let_go.error_message == "expired: dropped by alice; 1 attempt failed: the target answered 500"


def test_one_whose_worker_died_while_firing_is_left_to_its_next_attempt(
    database_url: str, database: psycopg.Connection
) -> None:
    taken = late(database, "drop", "hook", attempts=1, claimed_by="a worker that died")
    assert decide_late(database_url) == 0
    claimed = database.execute("SELECT id FROM get_ready_scheduled_crons(p_crons => '{hook}')").fetchall()
    assert claimed == [(taken,)]


def test_with_shell_workers_only_none_is_left_pending(
    database_url: str, database: psycopg.Connection
) -> None:
    ids = {policy: late(database, policy) for policy in ("drop", "ask", "fire")}
    assert database.execute("SELECT id FROM get_ready_scheduled_crons()").fetchall() == [(ids["fire"],)]
    assert schedules.get(ids["drop"]).status == "failed"
    assert schedules.get(ids["ask"]).held_at is not None


def test_what_fires_in_the_database_keeps_to_its_deadline(
    database_url: str, database: psycopg.Connection
) -> None:
    ids = {policy: late(database, policy) for policy in ("drop", "ask", "fire")}
    assert [one.schedule_id for one in fire(database_url, "nothing")] == [ids["fire"]]
