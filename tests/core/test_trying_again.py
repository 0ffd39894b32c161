"""A failed schedule tried again by hand: once, due now, and seen on both timelines."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from core import events, schedules
from core.actors import Actor
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.schedules import Schedule

ALICE = Actor("alice", "operator", "api")
WORKER = Actor("a worker", "admin", "sql")
BOB = Actor("bob", "operator", "dashboard")


def failed(cron: str = "greet", **parameters: str) -> Schedule:
    planned = schedules.plan(ALICE, cron, datetime.now(UTC) + timedelta(hours=1), parameters)
    return schedules.mark_failed(WORKER, planned.id, "the disk is full")


def test_a_failed_schedule_is_tried_again_now_with_its_parameters(database: psycopg.Connection) -> None:
    before = failed(name="Ada")
    again = schedules.try_again(BOB, before.id)
    assert (again.status, again.cron_name, again.parameters) == ("pending", "greet", {"name": "Ada"})
    assert (again.created_by, again.attempts, again.retry_of) == ("bob", 0, before.id)
    [(now,)] = database.execute("SELECT clock_timestamp()")
    assert again.due_at == again.scheduled_at
    assert abs(now - again.scheduled_at) < timedelta(seconds=5)
    left = schedules.get(before.id)
    assert (left.status, left.error_message, left.retried_by) == ("failed", "the disk is full", again.id)


def test_both_histories_say_who_tried_it_again(database_url: str) -> None:
    before = failed()
    again = schedules.try_again(BOB, before.id)
    for schedule_id in (before.id, again.id):
        told = events.of_schedule(schedule_id)[-1]
        assert (told.kind, told.actor, told.via) == ("schedule.tried_again", "bob", "dashboard")
        assert told.details["retry_of"] == str(before.id)
        assert told.details["retried_by"] == str(again.id)


def test_many_clicks_at_once_make_one(database: psycopg.Connection) -> None:
    before = failed()
    with ThreadPoolExecutor(8) as people:
        made = list(people.map(lambda _: schedules.try_again(BOB, before.id), range(24)))
    assert len({again.id for again in made}) == 1
    count = "SELECT count(*) FROM scheduled_cron_executions"
    assert database.execute(count).fetchone() == (2,)
    told = "SELECT count(*) FROM cron_events WHERE kind = 'schedule.tried_again'"
    assert database.execute(told).fetchone() == (2,)


def test_what_has_failed_again_is_tried_again_from_there(database_url: str) -> None:
    first = failed()
    second = schedules.try_again(BOB, first.id)
    schedules.mark_failed(WORKER, second.id, "still full")
    third = schedules.try_again(BOB, second.id)
    assert third.retry_of == second.id
    assert schedules.try_again(BOB, first.id).id == second.id


def test_only_what_has_failed_can_be_tried_again(database_url: str) -> None:
    planned = schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(Conflict, match="only a failed schedule can be tried again, and this one is pending"):
        schedules.try_again(BOB, planned.id)
    schedules.cancel(ALICE, planned.id)
    with pytest.raises(Conflict, match="this one is cancelled"):
        schedules.try_again(BOB, planned.id)
    with pytest.raises(NotFound):
        schedules.try_again(BOB, uuid4())
    with pytest.raises(Forbidden):
        schedules.try_again(Actor("eve", "viewer", "api"), failed().id)


def test_what_no_longer_fits_the_catalogue_plans_nothing(database: psycopg.Connection) -> None:
    before = failed()
    database.execute("UPDATE scheduled_cron_executions SET parameters = '{\"times\": 99}'")
    with pytest.raises(Invalid, match="parameters"):
        schedules.try_again(BOB, before.id)
    database.execute("UPDATE scheduled_cron_executions SET cron_name = 'gone'")
    with pytest.raises(NotFound):
        schedules.try_again(BOB, before.id)
    assert schedules.get(before.id).retried_by is None


def test_an_occurrence_of_a_series_is_tried_again_beside_it(database: psycopg.Connection) -> None:
    before = failed()
    database.execute(
        "UPDATE scheduled_cron_executions SET series_id = crondesk_uuid(), occurrence = scheduled_at, "
        "not_after = scheduled_at, late_policy = 'drop'"
    )
    again = schedules.try_again(BOB, before.id)
    assert (again.series_id, again.not_after, again.late_policy) == (None, None, "fire")
