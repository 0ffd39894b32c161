"""Series and deadlines under a live worker."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core import schedules, series
from tests.series.acting import DAILY, EACH_MINUTE
from tests.worker.house import ALICE, House
from tests.worker.target_server import TargetServer
from tests.worker.waiting import until

# Sooner than the worker's next poll: something woke it.
SOON = 15


@pytest.fixture(autouse=True)
def nobody_left(house: House) -> None:
    """Each test starts its own worker, on an empty database."""
    for worker in house.workers:
        worker.kill()
    house.rows("TRUNCATE scheduled_cron_executions, cron_executions, cron_series, cron_workers CASCADE")


def pending(house: House, series_id: UUID) -> list[dict[str, Any]]:
    return house.rows(
        "SELECT * FROM scheduled_cron_executions WHERE series_id = %s AND status = 'pending' "
        "ORDER BY scheduled_at",
        series_id,
    )


def put_back(house: House, series_id: UUID, by: timedelta) -> None:
    """Nobody was there since long ago: what is pending of a series lies that far in the past."""
    house.rows("ALTER TABLE scheduled_cron_executions DISABLE TRIGGER USER")
    house.rows(
        "UPDATE scheduled_cron_executions "
        "SET created_at = created_at - %s, scheduled_at = scheduled_at - %s, "
        "due_at = due_at - %s, occurrence = occurrence - %s WHERE series_id = %s",
        by * 2, by, by, by, series_id,
    )  # fmt: skip
    house.rows("ALTER TABLE scheduled_cron_executions ENABLE TRIGGER USER")
    house.rows("UPDATE cron_series SET last_occurrence = last_occurrence - %s WHERE id = %s", by, series_id)


def late(house: House, cron: str, policy: str) -> UUID:
    """A schedule whose deadline has passed."""
    return UUID(
        str(
            house.value(
                "INSERT INTO scheduled_cron_executions "
                "(cron_name, created_at, scheduled_at, not_after, late_policy) "
                "VALUES (%s, now() - interval '1 hour', now() - interval '10 minutes', "
                "now() - interval '1 minute', %s) RETURNING id",
                cron,
                policy,
            )
        )
    )


def test_what_leaves_its_place_is_followed_by_the_next_at_once(house: House) -> None:
    house.start_worker()
    made = series.create(ALICE, "quick", DAILY, "UTC")
    expected = series.preview(DAILY, "UTC")
    schedules.cancel(ALICE, pending(house, made.id)[0]["id"])
    [second] = until(lambda: pending(house, made.id), SOON, house)
    assert second["scheduled_at"] == expected[1]
    schedules.change(ALICE, second["id"], scheduled_at=expected[7] + timedelta(hours=1))
    until(lambda: len(pending(house, made.id)) == 2, SOON, house)
    assert pending(house, made.id)[0]["scheduled_at"] == expected[2]


@pytest.mark.parametrize("cron", ["quick", "nothing", "hook"])
def test_what_has_fired_is_followed_by_the_next(house: House, cron: str) -> None:
    house.start_worker()
    made = series.create(ALICE, cron, DAILY, "UTC")
    [first] = pending(house, made.id)
    by = first["scheduled_at"] - datetime.now(UTC)
    put_back(house, made.id, by)
    house.rows("SELECT pg_notify('crondesk_due', extract(epoch FROM now())::text)")
    assert house.settled(first["id"], SOON)["status"] == "triggered"
    [following] = until(lambda: pending(house, made.id), SOON, house)
    assert following["scheduled_at"] > datetime.now(UTC)


@pytest.mark.parametrize("cron", ["quick", "nothing", "hook"])
def test_a_worker_that_starts_after_an_outage_fires_once_and_as_the_newest(house: House, cron: str) -> None:
    made = series.create(ALICE, cron, EACH_MINUTE, "UTC")
    [first] = pending(house, made.id)
    put_back(house, made.id, timedelta(hours=3))
    house.start_worker()
    fired = house.settled(first["id"], SOON)
    assert fired["status"] == "triggered"
    assert datetime.now(UTC) - fired["scheduled_at"] < timedelta(minutes=2)
    until(lambda: pending(house, made.id), SOON, house)
    assert house.count("cron_executions") <= 2  # the minute may have turned meanwhile
    assert fired["attempts"] == 1


def test_a_worker_that_died_between_firing_and_planning_makes_up_for_one(house: House) -> None:
    made = series.create(ALICE, "quick", EACH_MINUTE, "UTC")
    [first] = pending(house, made.id)
    put_back(house, made.id, timedelta(hours=3))
    house.rows("ALTER TABLE scheduled_cron_executions DISABLE TRIGGER USER")
    house.rows("UPDATE scheduled_cron_executions SET status = 'triggered' WHERE id = %s", first["id"])
    house.rows("ALTER TABLE scheduled_cron_executions ENABLE TRIGGER USER")
    house.start_worker()
    until(lambda: house.count("cron_executions"), SOON, house)
    [newest, *_] = house.rows(
        "SELECT * FROM scheduled_cron_executions WHERE status = 'triggered' AND id <> %s "
        "ORDER BY scheduled_at",
        first["id"],
    )
    assert datetime.now(UTC) - newest["scheduled_at"] < timedelta(minutes=2)


@pytest.mark.parametrize("cron", ["nothing", "hook"])
def test_what_is_too_late_is_dropped_or_held_by_the_worker_and_never_sent(
    house: House, target: TargetServer, cron: str
) -> None:
    ids = {policy: late(house, cron, policy) for policy in ("drop", "ask", "fire")}
    house.start_worker()
    assert house.settled(ids["fire"], SOON)["status"] == "triggered"
    dropped = house.settled(ids["drop"], SOON)
    assert (dropped["status"], dropped["attempts"]) == ("failed", 0)
    assert dropped["error_message"].startswith("expired: it could not fire before ")
    until(lambda: house.schedule(ids["ask"])["held_at"], SOON, house)
    assert not target.of(ids["drop"])
    assert not target.of(ids["ask"])
    schedules.decide(ALICE, ids["ask"], fire=True)
    assert house.settled(ids["ask"], SOON)["status"] == "triggered"


def test_what_waits_for_a_connection_until_after_its_deadline_is_not_sent(
    house: House, target: TargetServer
) -> None:
    house.start_worker(HTTP_CONNECTIONS="1")
    house.plan("slow", seconds=0.5)  # has the one connection for a second
    instant = datetime.now(UTC) + timedelta(seconds=0.8)
    waits = schedules.plan(
        ALICE, "hook", instant, not_after=instant + timedelta(seconds=0.2), late_policy="drop"
    )
    dropped = house.settled(waits.id, SOON)
    assert dropped["status"] == "failed"
    assert dropped["error_message"].startswith("expired: it could not fire before ")
    assert not target.of(waits.id)
