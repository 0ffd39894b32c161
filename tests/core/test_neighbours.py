"""What is planned around an instant."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core import schedules
from core.actors import Actor
from core.database import reading
from core.neighbours import Neighbour, around

ALICE = Actor("alice", "admin", "cli")


@pytest.fixture
def noon(database_url: str) -> datetime:
    return (datetime.now(UTC) + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)


def plan(cron: str, at: datetime) -> schedules.Schedule:
    return schedules.plan(ALICE, cron, at)


def minutes(found: list[Neighbour], noon: datetime) -> list[tuple[str, float]]:
    return [(one.cron_name, (one.at - noon) / timedelta(minutes=1)) for one in found]


def test_the_nearest_three_before_and_after_are_of_all_crons(noon: datetime) -> None:
    for cron, minute in (("greet", -14), ("fail", -9), ("hook", -5), ("wait", -2), ("nothing", 0)):
        plan(cron, noon + timedelta(minutes=minute))
    for cron, minute in (("greet", 1), ("fail", 3), ("hook", 8)):
        plan(cron, noon + timedelta(minutes=minute))
    found = around("greet", noon)
    assert minutes(found.before, noon) == [("fail", -9), ("hook", -5), ("wait", -2)]
    assert minutes(found.after, noon) == [("nothing", 0), ("greet", 1), ("fail", 3)]


def test_they_lie_within_the_usual_duration_but_a_quarter_of_an_hour_at_least(noon: datetime) -> None:
    plan("fail", noon - timedelta(minutes=20))
    assert around("greet", noon, 60).before == []
    assert minutes(around("greet", noon, 1300).before, noon) == [("fail", -20)]


def test_the_same_cron_is_told_however_far_it_lies(noon: datetime) -> None:
    plan("greet", noon - timedelta(hours=30))
    plan("greet", noon + timedelta(days=30))
    plan("fail", noon - timedelta(hours=1))
    found = around("greet", noon)
    assert found.previous
    assert found.following
    assert (found.previous.at, found.following.at) == (noon - timedelta(hours=30), noon + timedelta(days=30))


def test_the_one_that_is_moved_is_not_around_itself(noon: datetime) -> None:
    moved = plan("greet", noon + timedelta(minutes=1))
    others = [plan("fail", noon + timedelta(minutes=minute)) for minute in (2, 3, 4)]
    found = around("greet", noon, apart_from=moved.id)
    assert [one.id for one in found.after] == [other.id for other in others]
    assert found.following is None


def test_one_that_is_cancelled_or_waits_for_a_decision_is_not_around_it(
    noon: datetime, database: psycopg.Connection
) -> None:
    schedules.cancel(ALICE, plan("greet", noon - timedelta(minutes=1)).id)
    plan("greet", noon + timedelta(minutes=1))
    database.execute(
        "UPDATE scheduled_cron_executions SET held_at = now(), due_at = '9999-01-01 00:00Z' "
        "WHERE status = 'pending'"
    )
    found = around("greet", noon)
    assert (found.before, found.after, found.previous, found.following) == ([], [], None, None)


def test_a_run_meets_the_one_before_and_the_one_after_where_it_lasts_longer_than_the_gap(
    noon: datetime,
) -> None:
    before = plan("greet", noon - timedelta(minutes=5))
    after = plan("greet", noon + timedelta(minutes=10))
    plan("fail", noon + timedelta(seconds=1))
    found = around("greet", noon, 3600)
    assert [one.id for one in found.runs_into(noon, 360)] == [before.id]
    assert [one.id for one in found.runs_into(noon, 660)] == [before.id, after.id]
    assert found.runs_into(noon, 300) == found.runs_into(noon, None) == []


def test_a_hundred_thousand_pending_ones_cost_a_few_rows(
    noon: datetime, database: psycopg.Connection
) -> None:
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at) "
        "SELECT CASE WHEN n %% 1000 = 0 THEN 'rare' ELSE 'cron' || n %% 50 END, at, at "
        "FROM generate_series(1, 100000) AS n, LATERAL (SELECT %s + n * interval '1 second' AS at) AS t",
        (noon - timedelta(seconds=50_000),),
    )
    database.execute("VACUUM ANALYZE scheduled_cron_executions")
    for cron in ("rare", "cron7", "nowhere"):
        before = reads(database)
        found = around(cron, noon, 3600)
        assert len(found.before) == len(found.after) == 3
        assert reads(database) - before < 60


def reads(database: psycopg.Connection) -> int:
    database.execute("SELECT pg_stat_force_next_flush()")
    # The pool's connection tells its numbers at its next statement after a second: it is asked to.
    with reading() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        connection.exec_driver_sql("SELECT 1")
    row = database.execute(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables "
        "WHERE relname = 'scheduled_cron_executions'"
    ).fetchone()
    assert row is not None
    return int(row[0])
