"""After an outage a series fires once, as the newest occurrence it missed; or each, the newest first."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from core import schedules, series
from core.series import occurrences
from tests.series.acting import (
    ALICE,
    DAILY,
    EACH_MINUTE,
    catch_up,
    decide_late,
    fire,
    miss,
    pending_of,
    plan_next,
    rows_of,
    series_is_behind,
)

HOUR = timedelta(hours=1)


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def test_what_waited_fires_once_and_as_the_newest_occurrence(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC", fire_within=HOUR, late_policy="drop")
    [first] = pending_of(made)
    miss(database, first.id, 3, made.id)
    catch_up(database_url)
    overdue = schedules.get(first.id)
    assert this_minute() - timedelta(minutes=1) <= overdue.scheduled_at <= this_minute()
    assert overdue.not_after == overdue.scheduled_at + HOUR
    fired = fire(database_url, "nothing")
    assert [one.schedule_id for one in fired] == [first.id]
    [following] = pending_of(made)
    assert following.scheduled_at > datetime.now(UTC) - timedelta(seconds=5)
    assert series.get(made.id).planned == 2


def test_that_it_counts_as_the_newest_is_seen_in_its_timeline(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC")
    [first] = pending_of(made)
    miss(database, first.id, 3, made.id)
    old = schedules.get(first.id).scheduled_at
    catch_up(database_url, "a worker")
    row = database.execute(
        "SELECT actor, details ->> 'reason', (details ->> 'from')::timestamptz, "
        "(details ->> 'to')::timestamptz FROM cron_events WHERE kind = 'schedule.moved'"
    ).fetchone()
    assert row == ("a worker", "missed", old, schedules.get(first.id).scheduled_at)


@pytest.mark.parametrize("by", [catch_up, plan_next])
def test_where_nothing_waited_the_newest_is_planned_and_fires_at_once(
    database_url: str, database: psycopg.Connection, by: object
) -> None:
    """The process died between firing one and planning the next."""
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC")
    series_is_behind(database, made.id, 3 * HOUR)
    (catch_up if by is catch_up else plan_next)(database_url)
    newest, following = rows_of(database, made.id)
    assert this_minute() - timedelta(minutes=1) <= newest <= this_minute() < following
    database.execute("SELECT pg_sleep(0.01)")
    [fired] = fire(database_url, "nothing")
    assert fired.scheduled_at == newest


def test_an_outage_of_years_is_caught_up_with_at_once(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC")
    series_is_behind(database, made.id, timedelta(days=3650))
    before = datetime.now(UTC)
    catch_up(database_url)
    assert datetime.now(UTC) - before < timedelta(seconds=5)
    assert rows_of(database, made.id)[0] >= this_minute() - timedelta(minutes=1)


def test_all_that_were_missed_fire_the_newest_first_that_which_waited_last(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC", missed="all")
    [first] = pending_of(made)
    miss(database, first.id, 0.1, made.id)
    oldest = schedules.get(first.id).scheduled_at
    catch_up(database_url)
    *overdue, following = rows_of(database, made.id)
    assert 6 <= len(overdue) <= 7
    assert overdue == sorted(overdue, reverse=True)
    assert overdue[-1] == oldest
    assert overdue[0] >= this_minute() - timedelta(minutes=1)
    assert following > datetime.now(UTC) - timedelta(seconds=5)


def test_of_more_than_can_be_made_up_for_the_newest_are_and_it_is_said(
    database_url: str, database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occurrences, "MISSED_AT_MOST", 4)
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC", missed="all")
    series_is_behind(database, made.id, HOUR)
    catch_up(database_url)
    *overdue, _ = rows_of(database, made.id)
    assert len(overdue) == 4
    assert overdue[0] >= this_minute() - timedelta(minutes=1)
    [before] = database.execute(
        "SELECT (details ->> 'before')::timestamptz FROM cron_events WHERE kind = 'series.left_out'"
    ).fetchall()
    assert before == (overdue[-1],)


def test_a_count_is_kept_to_after_an_outage_too(database_url: str, database: psycopg.Connection) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC", missed="all", repeat_count=3)
    series_is_behind(database, made.id, HOUR)
    catch_up(database_url)
    assert len(rows_of(database, made.id)) == 2
    assert series.get(made.id).planned == 3


def test_missed_occurrences_of_a_cron_without_overlap_wait_for_one_another(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "wait", EACH_MINUTE, "UTC", missed="all")
    series_is_behind(database, made.id, timedelta(minutes=5))
    catch_up(database_url)
    database.execute("SELECT pg_sleep(0.02)")
    overdue = rows_of(database, made.id)[:-1]
    for place in range(len(overdue)):
        fired = fire(database_url, "wait", slots=1)
        assert sorted(one.outcome for one in fired) == ["later"] * (len(overdue) - 1 - place) + ["running"]
        [running] = [one for one in fired if one.outcome == "running"]
        assert running.scheduled_at == overdue[place]
        database.execute(
            "UPDATE scheduled_cron_executions SET due_at = due_at - interval '1 hour' "
            "WHERE status = 'pending' AND scheduled_at < now()"
        )
        assert {one.outcome for one in fire(database_url, "wait", slots=1)} <= {"later"}
        database.execute("UPDATE cron_executions SET status = 'completed', finished_at = now()")
        database.execute(
            "UPDATE scheduled_cron_executions SET due_at = due_at - interval '1 hour' "
            "WHERE status = 'pending' AND scheduled_at < now()"
        )
    rows = database.execute(
        "SELECT DISTINCT status, attempts FROM scheduled_cron_executions WHERE scheduled_at < now() - "
        "interval '5 seconds'"
    ).fetchall()
    assert rows == [("triggered", 1)]


def test_an_occurrence_that_waits_for_the_one_before_gives_way_to_the_next(
    database_url: str, database: psycopg.Connection
) -> None:
    """A run that takes longer than its interval: what waits is never more than the newest."""
    made = series.create(ALICE, "wait", EACH_MINUTE, "UTC")
    for _ in range(4):
        standing = max(pending_of(made), key=lambda one: one.scheduled_at)
        database.execute("ALTER TABLE scheduled_cron_executions DISABLE TRIGGER USER")
        database.execute(
            "UPDATE scheduled_cron_executions SET created_at = created_at - interval '1 hour', "
            "scheduled_at = scheduled_at - interval '1 minute', due_at = now() - interval '1 second', "
            "occurrence = occurrence - interval '1 minute' WHERE series_id = %s",
            (made.id,),
        )
        database.execute("ALTER TABLE scheduled_cron_executions ENABLE TRIGGER USER")
        database.execute(
            "UPDATE cron_series SET last_occurrence = %s WHERE id = %s",
            (standing.scheduled_at - timedelta(minutes=1), made.id),
        )
        fire(database_url, "wait", slots=1)
        plan_next(database_url)
    assert len(rows_of(database, made.id, "triggered")) == 1
    assert len([at for at in rows_of(database, made.id) if at <= datetime.now(UTC)]) == 1
    reasons = database.execute(
        "SELECT DISTINCT details ->> 'reason' FROM cron_events WHERE kind = 'schedule.cancelled'"
    ).fetchall()
    assert reasons == [("missed",)]


def test_blackouts_that_ended_during_the_outage_are_kept_to(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC", missed="all")
    series_is_behind(database, made.id, timedelta(minutes=30))
    since, until = this_minute() - timedelta(minutes=20), this_minute() - timedelta(minutes=2)
    database.execute(
        "INSERT INTO cron_blackouts (name, starts_at, ends_at) VALUES ('freeze', %s, %s)", (since, until)
    )
    catch_up(database_url)
    overdue = rows_of(database, made.id)[:-1]
    assert overdue
    assert not [at for at in overdue if since <= at < until]


def test_two_that_wait_become_one_and_other_series_are_not_held_up(
    database_url: str, database: psycopg.Connection
) -> None:
    many = [series.create(ALICE, "nothing", EACH_MINUTE, "UTC") for _ in range(3)]
    doubled = many[0]
    [first] = pending_of(doubled)
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, series_id, occurrence) "
        "VALUES ('nothing', %(at)s, %(id)s, %(at)s)",
        {"at": first.scheduled_at + timedelta(minutes=1), "id": doubled.id},
    )
    for one in many:
        for waiting in pending_of(one):
            miss(database, waiting.id, 2, one.id)
    catch_up(database_url)
    for one in many:
        overdue, following = rows_of(database, one.id)
        assert this_minute() - timedelta(minutes=1) <= overdue <= this_minute() < following
    assert len(rows_of(database, doubled.id, "cancelled")) == 1


def test_what_a_person_decided_to_fire_late_is_left_alone(
    database_url: str, database: psycopg.Connection
) -> None:
    made = series.create(ALICE, "nothing", EACH_MINUTE, "UTC", fire_within=HOUR, late_policy="ask")
    [first] = pending_of(made)
    miss(database, first.id, 2, made.id)
    decide_late(database_url)
    released = schedules.decide(ALICE, first.id, fire=True)
    catch_up(database_url)
    assert schedules.get(first.id).scheduled_at == released.scheduled_at
    assert schedules.get(first.id).status == "pending"


def test_a_row_that_somebody_holds_keeps_neither_the_worker_nor_other_series(
    database_url: str, database: psycopg.Connection
) -> None:
    held, other = (series.create(ALICE, "nothing", EACH_MINUTE, "UTC") for _ in range(2))
    ids: list[UUID] = []
    for one in (held, other):
        [first] = pending_of(one)
        miss(database, first.id, 2, one.id)
        ids.append(first.id)
    with psycopg.connect(database_url) as somebody:
        somebody.execute("SELECT FROM scheduled_cron_executions WHERE id = %s FOR UPDATE", (ids[0],))
        catch_up(database_url)
        assert len(rows_of(database, held.id)) == 1
        assert len(rows_of(database, other.id)) == 2
    catch_up(database_url)
    assert len(rows_of(database, held.id)) == 2


def test_a_series_that_pauses_meanwhile_gets_nothing(database_url: str, database: psycopg.Connection) -> None:
    made = series.create(ALICE, "nothing", DAILY, "UTC")
    series_is_behind(database, made.id, timedelta(days=3))
    series.pause(ALICE, made.id)
    catch_up(database_url)
    plan_next(database_url)
    assert rows_of(database, made.id) == []
