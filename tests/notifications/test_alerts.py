"""Alerts: raised once, cleared once, seen where no worker is left, and told to whom a rule says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import requests

from core import alerts, schedules
from core.notifications import outbox
from tests.conftest import SECRET
from tests.notifications.conftest import ALICE, Workers, until
from tests.notifications.receivers import Receiver

ADDRESS = "json://127.0.0.1:9/"
Rule = Callable[..., UUID]
Ran = Callable[..., UUID]


@pytest.fixture
def look(database: psycopg.Connection[Any]) -> Callable[[], list[str]]:
    """A worker lives and looks, as each minute; returns the alerts of then."""

    def looked() -> list[str]:
        database.execute(
            "INSERT INTO cron_workers (name, host, pid, version, slots) VALUES ('w', 'h', 1, '1', 4) "
            "ON CONFLICT (name) DO UPDATE SET beat_at = now(), stopped_at = NULL"
        )
        database.execute("SELECT crondesk_watch_alerts('1 second')")
        return [alert.kind for alert in alerts.current()]

    return looked


def test_five_failures_raise_a_warning_once_and_clear_it_once(
    database: psycopg.Connection[Any], rule: Rule, ran: Ran, look: Callable[[], list[str]]
) -> None:
    rule(ADDRESS, "alert")
    for _ in range(4):
        ran("nothing", "failed")
    assert look() == []
    ran("nothing", "failed")
    assert look() == ["failures"]
    [alert] = alerts.current()
    assert (alert.severity, alert.details) == ("warning", {"count": 5, "hours": 24})
    ran("nothing", "failed")
    look()
    assert alerts.current()[0].details["count"] == 6
    database.execute("DELETE FROM cron_executions")
    assert look() == []
    look()
    rows = database.execute("SELECT happening FROM cron_notification_outbox ORDER BY id").fetchall()
    assert [row[0].rsplit(":", 1)[1] for row in rows] == ["raised", "cleared"]
    for _ in range(5):
        ran("nothing", "failed")
    assert look() == ["failures"]
    assert len(outbox.find()) == 3


def test_failures_of_yesterday_are_none(
    database: psycopg.Connection[Any], ran: Ran, look: Callable[[], list[str]]
) -> None:
    database.execute(
        "INSERT INTO cron_executions (id, cron_name, status, target) SELECT "
        "overlay(first::text placing lpad(g::text, 2, '0') from 35)::uuid, 'nothing', 'failed', 'noop' "
        "FROM generate_series(1, 9) g, crondesk_first_id_at(now() - interval '25 h') first"
    )
    assert look() == []


def test_ten_planned_runs_are_worth_knowing(look: Callable[[], list[str]]) -> None:
    instant = datetime.now(UTC) + timedelta(hours=23)
    schedules.plan_many(ALICE, [schedules.Plan("nothing", instant)] * 9)
    schedules.plan(ALICE, "nothing", instant + timedelta(hours=2))
    assert look() == []
    schedules.plan(ALICE, "nothing", instant)
    assert look() == ["busy"]
    assert alerts.current()[0].severity == "info"


def overdue(database: psycopg.Connection[Any], minutes: int) -> None:
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 day', "
        "scheduled_at = now() - %(min)s * interval '1 min', due_at = now() - %(min)s * interval '1 min' "
        "WHERE status = 'pending'",
        {"min": minutes},
    )


def test_nothing_triggered_for_an_hour_while_some_are_overdue_is_critical(
    database: psycopg.Connection[Any], look: Callable[[], list[str]]
) -> None:
    overdue(database, 2)
    assert look() == ["stalled"]
    assert alerts.current()[0].severity == "critical"
    database.execute(
        "INSERT INTO cron_executions (cron_name, status, target, scheduled_id) "
        "VALUES ('nothing', 'completed', 'noop', gen_random_uuid())"
    )
    assert look() == []


def test_a_worker_of_another_make_that_triggers_counts(
    database: psycopg.Connection[Any], look: Callable[[], list[str]]
) -> None:
    overdue(database, 2)
    database.execute("SELECT mark_scheduled_cron_triggered(id, NULL) FROM scheduled_cron_executions")
    overdue(database, 2)
    assert "stalled" not in look()


def test_lateness_over_its_target_is_a_warning(
    database: psycopg.Connection[Any], look: Callable[[], list[str]]
) -> None:
    for late, expected in (("900 ms", []), ("1100 ms", ["lateness"])):
        database.execute(
            "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, created_at, status, "
            "triggered_at) SELECT 'nothing', at, at - interval '1 h', 'triggered', at + %s::interval "
            "FROM (SELECT now() - g * interval '1 s' AS at FROM generate_series(1, 50) g) x",
            (late,),
        )
        assert look() == expected
    assert alerts.current()[0].details == {"p99_ms": 1100, "target_ms": 1000}


def test_no_worker_is_seen_by_whoever_asks_with_what_it_leaves_undone(
    database: psycopg.Connection[Any], ran: Ran
) -> None:
    assert [alert.kind for alert in alerts.current()] == ["no_worker"]
    assert alerts.current()[0].since is None
    overdue(database, 5)
    for _ in range(5):
        ran("nothing", "failed")
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, slots, beat_at) "
        "VALUES ('w', 'h', 1, '1', 4, now() - interval '1 min')"
    )
    found = alerts.current()
    assert [alert.kind for alert in found] == ["no_worker", "stalled", "failures"]
    assert found[0].since is not None


def test_after_a_time_without_workers_the_first_one_says_so(
    database: psycopg.Connection[Any], rule: Rule, receiver: Receiver, workers: Workers
) -> None:
    rule(receiver.address, "alert", language="fr")
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, slots, started_at, beat_at) "
        "VALUES ('w', 'h', 1, '1', 4, now() - interval '1 day', now() - interval '20 min')"
    )
    workers.start()
    until(lambda: receiver.posts, 20)
    assert receiver.posts[0].body["title"] == "Crondesk\u00a0: terminé\u00a0: aucun worker n’est actif"
    workers.start()
    database.execute("SELECT crondesk_watch_alerts('1 second')")
    assert len(outbox.find()) == 1


def test_two_workers_raise_an_alert_once(
    database: psycopg.Connection[Any], rule: Rule, ran: Ran, receiver: Receiver, workers: Workers
) -> None:
    rule(receiver.address, "alert")
    for _ in range(7):
        ran("nothing", "failed")
    workers.start()
    workers.start()
    until(lambda: receiver.posts, 20)
    database.execute("SELECT crondesk_watch_alerts('1 second')")
    assert [post.body["title"] for post in receiver.posts] == ["Crondesk: 7 runs failed within 24 hours"]
    assert database.execute("SELECT count(*) FROM cron_alerts").fetchone() == (1,)


def test_the_api_and_prometheus_tell_the_alerts(server: str, ran: Ran, look: Callable[[], list[str]]) -> None:
    for _ in range(5):
        ran("nothing", "failed")
    look()
    address = f"{server}/api/admin/alerts"
    assert requests.get(address, timeout=10).status_code == 401
    told = requests.get(address, headers={"Authorization": f"Bearer {SECRET}"}, timeout=10).json()
    assert told["count"] == 1
    assert told["alerts"][0]["message"] == "5 runs failed within 24 hours"
    metrics = requests.get(f"{server}/metrics", timeout=10).text
    assert 'crondesk_alert{kind="failures",severity="warning"} 1.0' in metrics
    assert 'crondesk_alert{kind="no_worker",severity="critical"} 0.0' in metrics
