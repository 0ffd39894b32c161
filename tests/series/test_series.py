"""Series on a real database: their next occurrence, pausing, ending, outages and deadlines."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest

from core import planning, schedules, series
from core.actors import Actor
from core.clock import Clock
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.lane import Lane
from core.schedules import Schedule
from core.series import Series
from tests.asynchronous import finish

Result = TypeVar("Result")
ALICE = Actor("alice", "operator", "dashboard")
DAILY = {"kind": "daily", "at": "09:00"}
EACH_MINUTE = {"kind": "cron", "expression": "* * * * *"}


def pending_of(made: Series) -> list[Schedule]:
    found = schedules.find(schedules.Filter(status="pending"), limit=1000).rows
    return [one for one in found if one.series_id == made.id]


def as_worker(url: str, act: Callable[[Lane], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        lane = Lane(url, "test")
        try:
            return await act(lane)
        finally:
            await lane.close()

    return finish(run())


def plan_next(url: str, worker: str = "w") -> int:
    return as_worker(url, lambda lane: planning.plan_next(lane, worker, Clock()))


def miss(database: psycopg.Connection, schedule_id: UUID, hours: float, series_id: UUID) -> None:
    """Lets the occurrence of a series lie in the past, as if no worker had been there."""
    database.execute("ALTER TABLE scheduled_cron_executions DISABLE TRIGGER USER")
    back = timedelta(hours=hours)
    database.execute(
        "UPDATE scheduled_cron_executions "
        "SET created_at = created_at - %s, scheduled_at = scheduled_at - %s, "
        "due_at = due_at - %s, occurrence = occurrence - %s WHERE id = %s",
        (back * 2, back, back, back, schedule_id),
    )
    database.execute(
        "UPDATE cron_series SET last_occurrence = last_occurrence - %s WHERE id = %s", (back, series_id)
    )
    database.execute("ALTER TABLE scheduled_cron_executions ENABLE TRIGGER USER")


def test_a_new_series_has_its_first_occurrence_pending(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    [first] = pending_of(made)
    assert first.scheduled_at == series.preview(DAILY, "Europe/Paris")[0]
    assert first.created_by == "alice"
    assert made.planned == 1


def test_nothing_more_is_planned_while_one_is_pending(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    assert plan_next(database_url) == 0
    assert len(pending_of(made)) == 1


def test_a_skipped_occurrence_is_followed_by_the_next_one(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    expected = series.preview(DAILY, "Europe/Paris")
    schedules.cancel(ALICE, pending_of(made)[0].id)
    plan_next(database_url)
    [following] = pending_of(made)
    assert following.scheduled_at == expected[1]


def test_a_moved_occurrence_leaves_the_series_as_it_is(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    expected = series.preview(DAILY, "Europe/Paris")
    [first] = pending_of(made)
    schedules.change(ALICE, first.id, scheduled_at=first.scheduled_at - timedelta(minutes=1))
    schedules.cancel(ALICE, first.id)
    plan_next(database_url)
    assert pending_of(made)[0].scheduled_at == expected[1]


def test_two_workers_plan_an_occurrence_once(database_url: str) -> None:
    made = [series.create(ALICE, "nothing", EACH_MINUTE, "UTC") for _ in range(20)]
    for one in made:
        schedules.cancel(ALICE, pending_of(one)[0].id)
    planners = [Thread(target=plan_next, args=(database_url, f"w{place}")) for place in range(4)]
    for planner in planners:
        planner.start()
    for planner in planners:
        planner.join()
    assert [len(pending_of(one)) for one in made] == [1] * 20
    assert {series.get(one.id).planned for one in made} == {2}


def test_a_series_ends_with_its_count(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC", repeat_count=2)
    for _ in range(2):
        schedules.cancel(ALICE, pending_of(made)[0].id)
        plan_next(database_url)
    assert pending_of(made) == []
    assert series.get(made.id).status == "ended"


def test_a_series_ends_with_its_last_day(database_url: str) -> None:
    first, second = series.preview(DAILY, "UTC")[:2]
    made = series.create(ALICE, "nothing", DAILY, "UTC", repeat_until=second - timedelta(seconds=1))
    assert pending_of(made)[0].scheduled_at == first
    schedules.cancel(ALICE, pending_of(made)[0].id)
    plan_next(database_url)
    assert series.get(made.id).status == "ended"


def test_a_paused_series_has_nothing_pending_and_a_resumed_one_its_next_occurrence(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC", repeat_count=5)
    [first] = pending_of(made)
    assert series.pause(ALICE, made.id).status == "paused"
    assert schedules.get(first.id).status == "cancelled"
    plan_next(database_url)
    assert pending_of(made) == []
    assert series.resume(ALICE, made.id).status == "active"
    assert pending_of(made)[0].scheduled_at == first.scheduled_at
    assert series.get(made.id).planned == 1
    assert series.end(ALICE, made.id).status == "ended"
    assert pending_of(made) == []


def test_a_series_in_the_wrong_state_answers_a_conflict(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC")
    with pytest.raises(Conflict):
        series.resume(ALICE, made.id)
    series.end(ALICE, made.id)
    for verb in (series.pause, series.resume, series.end):
        with pytest.raises(Conflict):
            verb(ALICE, made.id)
    with pytest.raises(NotFound):
        series.end(ALICE, UUID(int=1))


def test_excluded_days_and_blackouts_have_no_occurrence(
    database_url: str, database: psycopg.Connection
) -> None:
    plain = series.preview(DAILY, "Europe/Paris")
    database.execute(
        "INSERT INTO cron_blackouts (name, starts_at, ends_at) VALUES ('change freeze', %s, %s)",
        (plain[1] - timedelta(hours=1), plain[2] + timedelta(hours=1)),
    )
    left = series.preview(DAILY, "Europe/Paris", cron_name="nothing", excluded_dates=[plain[0].date()])
    assert left[:2] == plain[3:5]
    made = series.create(ALICE, "nothing", DAILY, "Europe/Paris", excluded_dates=[plain[0].date()])
    assert pending_of(made)[0].scheduled_at == plain[3]


def test_after_an_outage_a_series_fires_once_and_as_the_newest_occurrence(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC")
    [first] = pending_of(made)
    miss(database, first.id, 3, made.id)
    as_worker(database_url, planning.collapse_missed)
    overdue = schedules.get(first.id)
    now = datetime.now(UTC)
    assert now - timedelta(minutes=1, seconds=5) < overdue.scheduled_at <= now
    database.execute("SELECT mark_scheduled_cron_triggered(%s, NULL)", (first.id,))
    plan_next(database_url)
    [following] = pending_of(made)
    assert following.scheduled_at > now


def test_a_series_that_wants_all_gets_all_it_missed_the_newest_first(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC", missed="all")
    [first] = pending_of(made)
    miss(database, first.id, 0.1, made.id)
    as_worker(database_url, planning.collapse_missed)
    assert schedules.get(first.id).scheduled_at < datetime.now(UTC) - timedelta(minutes=4)
    database.execute("SELECT mark_scheduled_cron_triggered(%s, NULL)", (first.id,))
    plan_next(database_url)
    rows = database.execute(
        "SELECT occurrence FROM scheduled_cron_executions WHERE series_id = %s AND status = 'pending' "
        "ORDER BY scheduled_at",
        (made.id,),
    ).fetchall()
    occurrences = [row[0] for row in rows]
    assert 5 <= len(occurrences) <= 8
    assert occurrences[:-1] == sorted(occurrences[:-1], reverse=True)
    assert occurrences[-1] > datetime.now(UTC)


def test_what_is_too_late_is_dropped_held_or_fired(database_url: str, database: psycopg.Connection) -> None:
    ids = {}
    for policy in ("drop", "ask", "fire"):
        row = database.execute(
            "INSERT INTO scheduled_cron_executions "
            "(cron_name, created_at, scheduled_at, not_after, late_policy) "
            "VALUES ('nothing', now() - interval '1 hour', now() - interval '10 minutes', "
            "now() - interval '1 minute', %s) RETURNING id",
            (policy,),
        ).fetchone()
        assert row is not None
        ids[policy] = row[0]
    assert as_worker(database_url, lambda lane: planning.decide_late(lane, "w")) == 2
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
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, created_at, scheduled_at, not_after, late_policy) "
        "VALUES ('nothing', now() - interval '1 hour', now() - interval '10 minutes', "
        "now() - interval '1 minute', 'ask')"
    )
    as_worker(database_url, lambda lane: planning.decide_late(lane, "w"))
    [held] = schedules.find(schedules.Filter(status="pending")).rows
    dropped = schedules.decide(ALICE, held.id, fire=False)
    assert dropped.status == "failed"
    assert dropped.error_message == "expired: dropped by alice"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timezone": "Europe/Nowhere"}, "zone"),
        ({"pattern": {"kind": "daily"}}, "repeat"),
        ({"repeat_count": 0}, "repeatCount"),
        ({"fire_within": timedelta(0)}, "fireWithin"),
        ({"repeat_until": datetime(2020, 1, 1, tzinfo=UTC)}, "repeat"),
        ({"parameters": {"deep": float("nan")}}, "parameters"),
        ({"excluded_dates": [date(2026, 1, 1) + timedelta(days=n) for n in range(9000)]}, "repeat"),
    ],
)
def test_a_series_that_breaks_a_rule_is_refused_and_leaves_nothing(
    database_url: str, count: Callable[[str], int], change: dict[str, Any], field: str
) -> None:
    given = {"cron_name": "nothing", "pattern": DAILY, "timezone": "UTC"} | change
    with pytest.raises(Invalid) as caught:
        series.create(ALICE, **given)
    assert caught.value.message.startswith(field)
    assert count("cron_series") == 0
    assert count("scheduled_cron_executions") == 0


def test_a_viewer_makes_no_series(database_url: str) -> None:
    with pytest.raises(Forbidden):
        series.create(Actor("eve", "viewer", "dashboard"), "nothing", DAILY, "UTC")


def test_a_series_whose_cron_left_the_catalogue_pauses_and_says_why(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC")
    schedules.cancel(ALICE, pending_of(made)[0].id)
    database.execute("UPDATE cron_series SET cron_name = 'gone' WHERE id = %s", (made.id,))
    plan_next(database_url)
    present = series.get(made.id)
    assert present.status == "paused"
    assert "no such cron" in (present.error_message or "")
