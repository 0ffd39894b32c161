"""Blackouts: what they keep from happening, and what is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from core import blackouts, events, schedules, series
from core.actors import Actor
from core.blackouts import Period
from core.errors import Forbidden, Invalid, NotFound
from core.schedules import Filter
from core.series import Series
from tests.series.acting import pending_of, plan_next
from tests.worker.waiting import until

ALICE = Actor("alice", "operator", "dashboard")
DAILY = {"kind": "daily", "at": "09:00"}


def freeze(made: Series, cron_name: str | None = None, **longer: float) -> Period:
    """A period around the pending occurrence of a series."""
    [first] = schedules.find(Filter(status="pending", cron_name=made.cron_name)).rows
    begin = first.scheduled_at - timedelta(hours=1)
    return Period("freeze", begin, begin + timedelta(**(longer or {"hours": 2})), cron_name)


def test_an_occurrence_that_is_pending_in_it_is_cancelled_and_says_so(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC", repeat_count=3)
    [first] = schedules.find(Filter(status="pending")).rows
    [added] = blackouts.add(ALICE, [freeze(made)])
    assert blackouts.find() == [added]
    assert schedules.get(first.id).status == "cancelled"
    assert series.get(made.id).planned == 0
    assert [event.kind for event in events.of_schedule(first.id)] == [
        "schedule.created",
        "schedule.cancelled",
    ]


def test_what_was_moved_into_it_by_hand_and_what_is_of_no_series_stays(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC")
    [first] = schedules.find(Filter(status="pending")).rows
    period = freeze(made)
    moved = schedules.change(ALICE, first.id, scheduled_at=first.scheduled_at + timedelta(minutes=5))
    alone = schedules.plan(ALICE, "greet", first.scheduled_at)
    blackouts.add(ALICE, [period])
    assert schedules.get(moved.id).status == schedules.get(alone.id).status == "pending"


def test_one_of_another_cron_cancels_nothing(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC")
    blackouts.add(ALICE, [freeze(made, "greet")])
    assert len(schedules.find(Filter(status="pending")).rows) == 1
    assert blackouts.find(cron_name="nothing") == []
    assert len(blackouts.find(cron_name="greet")) == 1


def test_once_removed_it_keeps_nothing_from_happening(database_url: str) -> None:
    plain = series.preview(DAILY, "UTC")
    begin = plain[2] - timedelta(hours=1)
    [added] = blackouts.add(ALICE, [Period("freeze", begin, begin + timedelta(hours=2))])
    assert series.preview(DAILY, "UTC", cron_name="nothing")[2] == plain[3]
    assert blackouts.remove(ALICE, added.id) == added
    assert series.preview(DAILY, "UTC", cron_name="nothing") == plain
    with pytest.raises(NotFound):
        blackouts.remove(ALICE, added.id)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"ends_at": datetime(2020, 1, 1, tzinfo=UTC)}, "endsAt"),
        (
            {"starts_at": datetime(2019, 1, 1, tzinfo=UTC), "ends_at": datetime(2020, 1, 1, tzinfo=UTC)},
            "endsAt",
        ),
        ({"starts_at": datetime(2030, 1, 1)}, "startsAt"),  # noqa: DTZ001  without a zone on purpose
    ],
)
def test_a_period_that_breaks_a_rule_is_refused_and_leaves_nothing(
    database_url: str, count: Callable[[str], int], change: dict[str, Any], field: str
) -> None:
    now = datetime.now(UTC)
    given: dict[str, Any] = {"name": "freeze", "starts_at": now, "ends_at": now + timedelta(days=1)}
    with pytest.raises(Invalid) as caught:
        blackouts.add(ALICE, [Period(**given), Period(**{**given, **change})])
    assert caught.value.message.startswith(f"periods.1.{field}: ")
    assert count("cron_blackouts") == 0


def test_of_an_unknown_cron_or_by_a_viewer_none_is_added(database_url: str) -> None:
    now = datetime.now(UTC)
    period = Period("freeze", now, now + timedelta(days=1), "nosuch")
    with pytest.raises(NotFound):
        blackouts.add(ALICE, [period])
    eve = Actor("eve", "viewer", "dashboard")
    with pytest.raises(Forbidden):
        blackouts.add(eve, [period])
    with pytest.raises(Forbidden):
        blackouts.remove(eve, uuid4())


def test_once_removed_what_it_kept_away_comes_back(database_url: str, database: psycopg.Connection) -> None:
    within = timedelta(minutes=5)
    made = series.create(ALICE, "nothing", DAILY, "UTC", fire_within=within, late_policy="drop")
    plain = series.preview(DAILY, "UTC")
    [added] = blackouts.add(ALICE, [freeze(made, days=2)])
    plan_next(database_url)
    [standing] = pending_of(made)
    assert standing.scheduled_at == plain[2]
    blackouts.remove(ALICE, added.id)
    [back] = pending_of(made)
    assert (back.id, back.scheduled_at, back.not_after) == (standing.id, plain[0], plain[0] + within)
    assert events.of_schedule(back.id)[-1].details["reason"] == "blackout removed"
    assert next(series.upcoming(series.get(made.id), [], datetime.now(UTC))) == plain[1]
    assert series.get(made.id).planned == 1


def test_once_removed_what_a_person_cancelled_before_stays_cancelled(database_url: str) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC")
    plain = series.preview(DAILY, "UTC")
    schedules.cancel(ALICE, pending_of(made)[0].id)
    plan_next(database_url)
    begin = plain[0] - timedelta(hours=1)
    [added] = blackouts.add(ALICE, [Period("freeze", begin, begin + timedelta(days=3))])
    plan_next(database_url)
    assert pending_of(made)[0].scheduled_at == plain[3]
    blackouts.remove(ALICE, added.id)
    assert [one.scheduled_at for one in pending_of(made)] == [plain[1]]


def test_a_series_that_it_kept_from_its_last_occurrence_is_not_over(database_url: str) -> None:
    plain = series.preview(DAILY, "UTC")
    made = series.create(ALICE, "nothing", DAILY, "UTC", repeat_until=plain[2])
    [added] = blackouts.add(ALICE, [freeze(made, days=10)])
    plan_next(database_url)
    assert pending_of(made) == []
    assert series.get(made.id).status == "active"
    blackouts.remove(ALICE, added.id)
    plan_next(database_url)
    assert [one.scheduled_at for one in pending_of(made)] == [plain[0]]


def test_one_that_is_added_while_a_planner_plans_is_never_overlooked(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC")
    plain = series.preview(DAILY, "UTC")
    schedules.cancel(ALICE, pending_of(made)[0].id)
    seen = series.get(made.id).last_occurrence
    begin = plain[1] - timedelta(hours=1)
    call = "SELECT crondesk_plan_occurrences(%s, %s, '{}', %s, NULL, NULL, 'w', 'worker')"
    with psycopg.connect(database_url) as planner:
        planner.execute(call, (made.id, seen, plain[1]))  # not committed yet
        adding = Thread(
            target=blackouts.add, args=(ALICE, [Period("freeze", begin, begin + timedelta(hours=2))])
        )
        adding.start()
        adding.join(0.3)
        assert adding.is_alive()
    adding.join(20)
    assert pending_of(made) == []
    # The other way round: the planner read the blackouts before it was added.
    outcome = database.execute(
        call, (made.id, series.get(made.id).last_occurrence, plain[1] + timedelta(minutes=1))
    ).fetchone()
    assert outcome == ("dark",)
    plan_next(database_url)
    assert pending_of(made)[0].scheduled_at == plain[2]


@pytest.mark.parametrize(("verb", "status"), [("pause", "paused"), ("resume", "active"), ("end", "ended")])
def test_who_changes_a_series_holds_nothing_that_one_who_adds_a_blackout_waits_for(
    database_url: str, database: psycopg.Connection, verb: str, status: str
) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC")
    if verb == "resume":
        series.pause(ALICE, made.id)
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(database_url) as adding:
        adding.execute("SELECT pg_advisory_xact_lock(crondesk_blackouts_lock())")
        changing = Thread(target=getattr(series, verb), args=(ALICE, made.id))
        changing.start()
        until(lambda: database.execute(waits).fetchone() == (1,))
        adding.execute("SELECT FROM cron_series WHERE id = %s FOR UPDATE NOWAIT", (made.id,))
        adding.execute(
            "SELECT FROM scheduled_cron_executions WHERE series_id = %s FOR UPDATE NOWAIT", (made.id,)
        )
    changing.join(20)
    assert series.get(made.id).status == status
