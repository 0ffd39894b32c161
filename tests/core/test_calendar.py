"""What the calendar reads: slots with what ran and is planned, and what series will plan."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest

from core import calendar, executions, schedules, series
from core.actors import Actor
from core.calendar import Slot
from core.forecast import forecast

ALICE = Actor("alice", "operator", "dashboard")
HOUR = timedelta(hours=1)


def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def hours(first: datetime, count: int) -> list[Slot]:
    edges = [first + place * HOUR for place in range(count + 1)]
    return [Slot(since, until) for since, until in pairwise(edges)]


def test_a_slot_shows_the_first_and_counts_all(database: psycopg.Connection) -> None:
    begin = this_hour() + 2 * HOUR
    planned = [schedules.plan(ALICE, "greet", begin + timedelta(minutes=place)) for place in (5, 1, 3)]
    schedules.plan(ALICE, "nothing", begin + timedelta(minutes=90))
    schedules.cancel(ALICE, schedules.plan(ALICE, "greet", begin).id)
    cells = calendar.read(hours(begin - HOUR, 3), shown=2)
    assert [cell.count for cell in cells] == [0, 3, 1]
    assert [item.id for item in cells[1].items] == [planned[1].id, planned[2].id]
    assert all(item.movable and item.state == "pending" for item in cells[1].items)
    of_one = calendar.read(hours(begin - HOUR, 3), "nothing", shown=2)
    assert [cell.count for cell in of_one] == [0, 0, 1]


def test_what_ran_is_there_by_how_it_ended(database: psycopg.Connection) -> None:
    done = executions.trigger(ALICE, "nothing")
    waits = executions.trigger(ALICE, "greet")
    failed = executions.trigger(ALICE, "fail")
    database.execute("UPDATE cron_executions SET status = 'failed' WHERE id = %s", [failed.id])
    [cell] = calendar.read(hours(this_hour(), 1))
    assert cell.counts == {"completed": 1, "queued": 1, "failed": 1}
    assert {item.id for item in cell.items} == {done.id, waits.id, failed.id}
    assert all(item.is_execution and not item.movable for item in cell.items)


def test_what_failed_is_listed_however_much_ran_before_it(database: psycopg.Connection) -> None:
    for _run in range(6):
        executions.trigger(ALICE, "nothing")
    failed = executions.trigger(ALICE, "fail")
    database.execute("UPDATE cron_executions SET status = 'failed' WHERE id = %s", [failed.id])
    for cron_name in (None, "fail"):
        [cell] = calendar.read(hours(this_hour(), 1), cron_name, shown=2)
        assert [item.id for item in cell.items if item.state == "failed"] == [failed.id]
        assert len(cell.items) == (3 if cron_name is None else 1)


def test_what_never_ran_and_failed_is_there(database: psycopg.Connection) -> None:
    schedule = schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(minutes=1))
    database.execute("SELECT mark_scheduled_cron_failed(%s, 'too late')", [schedule.id])
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = %s, scheduled_at = %s",
        [this_hour() - 2 * HOUR, this_hour() - HOUR],
    )
    [cell, _now] = calendar.read(hours(this_hour() - HOUR, 2))
    assert cell.counts == {"failed": 1}
    assert [(item.id, item.is_execution, item.state) for item in cell.items] == [
        (schedule.id, False, "failed")
    ]


def test_what_is_being_fired_cannot_be_moved(database: psycopg.Connection) -> None:
    schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(minutes=1))
    database.execute("UPDATE scheduled_cron_executions SET claimed_by = 'w'")
    cells = calendar.read(hours(this_hour(), 2))
    assert [item.movable for cell in cells for item in cell.items] == [False]


@pytest.mark.parametrize("count", [None, 3])
def test_a_forecast_is_what_the_series_will_plan_beyond_what_is_pending(
    database_url: str, count: int | None
) -> None:
    pattern = {"kind": "cron", "expression": "30 * * * *"}
    made = series.create(ALICE, "greet", pattern, "Europe/Paris", repeat_count=count)
    first = this_hour()
    edges = [first + place * HOUR for place in range(12)]
    now = datetime.now(UTC)
    [pending] = schedules.find(schedules.Filter(status="pending")).rows
    expected = [
        at for at in (pending.scheduled_at + place * HOUR for place in range(1, 12)) if at < edges[-1]
    ]
    found = forecast(edges, now)
    assert [one.at for slot in found for one in slot.occurrences] == expected[: count and count - 1]
    assert sum(slot.count for slot in found) == len(expected[: count and count - 1])
    # Seen from later on it is the same series.
    later = forecast(edges[6:], now)
    assert [slot.count for slot in later] == [slot.count for slot in found[6:]]
    assert {one.series_id for slot in found for one in slot.occurrences} == {made.id}
    series.pause(ALICE, made.id)
    assert [slot.count for slot in forecast(edges, now)] == [0] * 11


def test_a_forecast_leaves_blackouts_out(database: psycopg.Connection) -> None:
    first = this_hour() + 3 * HOUR
    series.create(ALICE, "greet", {"kind": "cron", "expression": "30 * * * *"}, "UTC")
    database.execute(
        "INSERT INTO cron_blackouts (name, starts_at, ends_at) VALUES ('night', %s, %s)",
        [first + HOUR, first + 2 * HOUR],
    )
    found = forecast([first + place * HOUR for place in range(4)], datetime.now(UTC))
    assert [slot.count for slot in found] == [1, 0, 1]


def test_of_very_many_occurrences_most_are_reckoned(database_url: str) -> None:
    series.create(ALICE, "greet", {"kind": "cron", "expression": "* * * * *"}, "UTC")
    first = this_hour() + 2 * HOUR
    edges = [first + place * timedelta(days=1) for place in range(31)]
    found = forecast(edges, datetime.now(UTC))
    assert found[0].count == pytest.approx(1440, abs=2)
    assert found[20].count == pytest.approx(1440, abs=2)
    assert found[20].reckoned
    assert len(found[0].occurrences) == 4


def test_all_that_waits_and_runs_is_counted_and_shown_first_beside_what_has_ended(
    database: psycopg.Connection,
) -> None:
    for _run in range(5):
        executions.trigger(ALICE, "nothing")
    waiting = [executions.trigger(ALICE, "greet").id for _run in range(5)]
    database.execute(
        "UPDATE cron_executions SET status = 'running', started_at = now() WHERE id = ANY(%s)", [waiting[3:]]
    )
    [cell] = calendar.read(hours(this_hour(), 1), shown=2)
    assert cell.counts == {"completed": 5, "queued": 3, "running": 2}
    unfinished = {item.id for item in cell.items if item.state in ("queued", "running")}
    assert unfinished == {*waiting[:2], *waiting[3:]}
    [of_one] = calendar.read(hours(this_hour(), 1), "nothing", shown=2)
    assert of_one.counts == {"completed": 5}


def test_everything_that_failed_without_a_run_is_counted(database: psycopg.Connection) -> None:
    for _schedule in range(5):
        schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(minutes=1))
    database.execute("SELECT mark_scheduled_cron_failed(id, 'too late') FROM scheduled_cron_executions")
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = %s, scheduled_at = %s",
        [this_hour() - 2 * HOUR, this_hour() - HOUR],
    )
    [cell] = calendar.read(hours(this_hour() - HOUR, 1), shown=2)
    assert cell.counts == {"failed": 5}
    assert len(cell.items) == 2


def test_what_is_held_for_a_decision_stands_where_it_was_planned(database: psycopg.Connection) -> None:
    begin = this_hour() - HOUR
    held = schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(minutes=1))
    # As the worker holds it once its deadline has passed; see core/advancing.py.
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = %s, scheduled_at = %s, held_at = now(), "
        "due_at = '9999-01-01 00:00Z'",
        [begin - HOUR, begin + timedelta(minutes=20)],
    )
    [cell] = calendar.read(hours(begin, 1))
    assert cell.counts == {"held": 1}
    assert [(item.id, item.state, item.movable) for item in cell.items] == [(held.id, "held", False)]
    [other] = calendar.read(hours(begin, 1), "nothing")
    assert other.count == 0
