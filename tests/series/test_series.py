"""Series on a real database: their next occurrence, pausing, ending."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from core import advancing, schedules, series
from core.actors import Actor
from core.errors import Conflict, Forbidden, Invalid, NotFound
from tests.series.acting import ALICE, DAILY, EACH_MINUTE, miss, pending_of, plan_next


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


def test_an_occurrence_that_is_moved_away_leaves_the_days_between_as_they_are(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    expected = series.preview(DAILY, "Europe/Paris")
    [first] = pending_of(made)
    later = first.scheduled_at + timedelta(days=7, minutes=1)
    schedules.change(ALICE, first.id, scheduled_at=later)
    ahead = series.upcoming(series.get(made.id), [], datetime.now(UTC))
    assert next(ahead) == expected[1]
    plan_next(database_url)
    assert [one.scheduled_at for one in pending_of(made)] == [expected[1], later]
    plan_next(database_url)
    assert len(pending_of(made)) == 2


@pytest.mark.parametrize(
    "change",
    [
        "held_at = now(), due_at = '9999-01-01'",
        "attempts = 1, due_at = now() + interval '1 hour'",
        "attempts = 1, claimed_by = 'w', due_at = now() + interval '1 hour'",
    ],
)
def test_what_is_held_or_tried_again_does_not_stop_its_series(
    database_url: str, database: psycopg.Connection, change: LiteralString
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC")
    [standing] = pending_of(made)
    miss(database, standing.id, 1 / 60, made.id)
    database.execute("UPDATE scheduled_cron_executions SET " + change)
    plan_next(database_url)
    following = [one for one in pending_of(made) if one.id != standing.id]
    assert len(following) == 1
    assert following[0].scheduled_at > datetime.now(UTC) - timedelta(seconds=5)


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


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timezone": "Europe/Nowhere"}, "timezone"),
        ({"pattern": {"kind": "daily"}}, "repeatPattern.at"),
        ({"repeat_count": 0}, "repeatCount"),
        ({"fire_within": timedelta(0)}, "fireWithinSeconds"),
        ({"repeat_until": datetime(2020, 1, 1, tzinfo=UTC)}, "repeat"),
        ({"parameters": {"deep": float("nan")}}, "parameters"),
        ({"excluded_dates": [date(2026, 1, 1) + timedelta(days=n) for n in range(1001)]}, "excludedDates"),
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


def test_a_paused_series_resumes_no_earlier_than_its_first_instant(database_url: str) -> None:
    first = datetime.now(UTC) + timedelta(days=40, hours=3)
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC", first=first)
    planned = pending_of(made)[0].scheduled_at
    assert first <= planned < first + timedelta(minutes=1)
    series.pause(ALICE, made.id)
    series.resume(ALICE, made.id)
    assert pending_of(made)[0].scheduled_at == planned


def test_more_series_than_fit_at_once_are_all_planned(
    database_url: str, database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advancing, "SERIES_AT_ONCE", 3)
    made = [series.create(ALICE, "nothing", DAILY, "UTC") for _ in range(8)]
    for one in made:
        schedules.cancel(ALICE, pending_of(one)[0].id)
    plan_next(database_url)
    assert [len(pending_of(one)) for one in made] == [1] * 8


def test_a_series_ends_and_pauses_itself_with_an_event(
    database_url: str, database: psycopg.Connection
) -> None:
    ends = series.create(ALICE, "nothing", DAILY, "UTC", repeat_count=1)
    pauses = series.create(ALICE, "greet", DAILY, "UTC", parameters={"name": "you"})
    database.execute(
        "UPDATE cron_series SET parameters = '{\"name\": 7}' WHERE id = %s", (pauses.id,)
    )  # as if its schema had changed
    for one in (ends, pauses):
        schedules.cancel(ALICE, pending_of(one)[0].id)
    plan_next(database_url, "a worker")
    told = database.execute(
        "SELECT kind, actor, details ->> 'series_id' FROM cron_events "
        "WHERE kind IN ('series.ended', 'series.paused') ORDER BY kind"
    ).fetchall()
    assert told == [
        ("series.ended", "a worker", str(ends.id)),
        ("series.paused", "a worker", str(pauses.id)),
    ]
    assert "name" in (series.get(pauses.id).error_message or "")
    assert pending_of(pauses) == []


def test_a_series_does_not_end_while_its_last_occurrence_waits(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC", repeat_count=1)
    [last] = pending_of(made)
    schedules.change(ALICE, last.id, scheduled_at=last.scheduled_at + timedelta(days=3))
    plan_next(database_url)
    assert series.get(made.id).status == "active"
    schedules.cancel(ALICE, last.id)
    plan_next(database_url)
    assert series.get(made.id).status == "ended"


def test_the_same_key_makes_one_series(database_url: str, count: Callable[[str], int]) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC", idempotency_key="once")
    again = series.create(ALICE, "nothing", DAILY, "UTC", idempotency_key="once")
    assert again == series.get(made.id)
    with pytest.raises(Conflict, match="Idempotency-Key"):
        series.create(ALICE, "nothing", EACH_MINUTE, "UTC", idempotency_key="once")
    assert count("cron_series") == count("scheduled_cron_executions") == 1


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
