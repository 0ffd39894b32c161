"""Alerts: raised once, cleared once, seen where no worker is left, and told to whom a rule says."""

import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import requests

from core import alerts, schedules, series
from core.notifications import outbox
from core.settings import ROOT
from tests.conftest import SECRET
from tests.notifications.conftest import ALICE, Workers, until
from tests.notifications.receivers import Receiver

pytestmark = pytest.mark.release

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


def test_what_failed_and_is_tried_again_is_no_failure_yet(
    database: psycopg.Connection[Any], ran: Ran, look: Callable[[], list[str]]
) -> None:
    for _ in range(9):
        ran("nothing", "failed")
    database.execute("UPDATE cron_executions SET retried_by = crondesk_uuid()")
    assert look() == []
    for _ in range(5):
        ran("nothing", "failed")
    assert look() == ["failures"]
    assert alerts.current()[0].details["count"] == 5


def test_failures_count_by_when_they_failed(
    database: psycopg.Connection[Any], ran: Ran, look: Callable[[], list[str]]
) -> None:
    for _ in range(9):
        ran("nothing", "failed")
    database.execute("UPDATE cron_executions SET finished_at = now() - interval '25 h'")
    assert look() == []
    # Begun the day before yesterday, and failed now.
    for _ in range(5):
        ran("nothing", "failed", seconds=2 * 86_400)
    assert look() == ["failures"]


def test_a_schedule_that_expired_now_counts_however_long_ago_it_was_planned_for(
    database: psycopg.Connection[Any], look: Callable[[], list[str]]
) -> None:
    for _ in range(5):
        overdue(database, 3 * 1440)
    assert "failures" not in look()
    database.execute("SELECT mark_scheduled_cron_failed(id, 'expired') FROM scheduled_cron_executions")
    assert look() == ["failures"]
    # By its event and by its instant it is the same one.
    database.execute("UPDATE scheduled_cron_executions SET scheduled_at = now() - interval '1 h'")
    look()
    assert alerts.current()[0].details["count"] == 5


def test_ten_planned_runs_are_worth_knowing(look: Callable[[], list[str]]) -> None:
    instant = datetime.now(UTC) + timedelta(hours=23)
    schedules.plan_many(ALICE, [schedules.Plan("nothing", instant)] * 9)
    schedules.plan(ALICE, "nothing", instant + timedelta(hours=2))
    assert look() == []
    schedules.plan(ALICE, "nothing", instant)
    assert look() == ["busy"]
    assert alerts.current()[0].severity == "info"
    cancelled = schedules.find(schedules.Filter(status="pending")).rows[0]
    schedules.cancel(ALICE, cancelled.id)
    assert look() == []


def test_what_series_will_plan_counts_as_planned(
    database: psycopg.Connection[Any], rule: Rule, workers: Workers
) -> None:
    rule(ADDRESS, "alert")
    series.create(ALICE, "nothing", {"kind": "cron", "expression": "0 */3 * * *"}, "UTC")
    series.create(ALICE, "nothing", {"kind": "cron", "expression": "0 0 1 1 *"}, "UTC")
    workers.start()
    until(lambda: [alert.kind for alert in alerts.current()] == [], 20)
    twice = {"kind": "cron", "expression": "*/30 * * * *"}
    made = series.create(ALICE, "nothing", twice, "UTC", repeat_count=30)
    workers.start()
    until(lambda: [alert.kind for alert in alerts.current()] == ["busy"], 20)
    assert 37 <= alerts.current()[0].details["count"] <= 39
    series.end(ALICE, made.id)
    assert len(outbox.find()) == 1


def test_where_no_worker_lives_series_count_as_well(database: psycopg.Connection[Any]) -> None:
    series.create(ALICE, "nothing", {"kind": "cron", "expression": "* * * * *"}, "UTC")
    assert [alert.kind for alert in alerts.current()] == ["no_worker", "busy"]
    assert alerts.current()[1].details["count"] == 1000


def overdue(database: psycopg.Connection[Any], minutes: int) -> None:
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '9 days', "
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


@pytest.fixture
def fired(database: psycopg.Connection[Any]) -> Callable[..., None]:
    """Writes down runs that were planned for an instant and began so much later, now."""

    def begin(late: str, *, count: int = 50, status: str = "completed", **columns: Any) -> None:
        extra = "".join(f", {name}" for name in columns)
        values = "".join(", %s" for _ in columns)
        database.execute(
            f"""
            WITH planned AS (
                INSERT INTO scheduled_cron_executions
                    (cron_name, scheduled_at, created_at, status, triggered_at{extra})
                SELECT 'nothing', at, at - interval '1 h', 'triggered', now(){values}
                FROM (SELECT now() - %s::interval AS at FROM generate_series(1, %s)) x RETURNING id
            )
            INSERT INTO cron_executions (cron_name, status, target, scheduled_id, queued_at, started_at)
            SELECT 'nothing', %s, 'noop', id, now(), CASE WHEN %s <> 'queued' THEN now() END FROM planned
            """.encode(),
            (*columns.values(), late, count, status, status),
        )

    return begin


def test_lateness_over_its_target_is_a_warning(
    database: psycopg.Connection[Any], look: Callable[[], list[str]], fired: Callable[..., None]
) -> None:
    fired("900 ms")
    assert look() == []
    fired("1100 ms")
    assert look() == ["lateness"]
    assert alerts.current()[0].details == {"p99_ms": 1100, "target_ms": 1000}


def test_what_an_outage_made_hours_late_is_late_and_is_over_an_hour_after(
    database: psycopg.Connection[Any], look: Callable[[], list[str]], fired: Callable[..., None], rule: Rule
) -> None:
    rule(ADDRESS, "alert")
    fired("3 h")
    assert look() == ["lateness"]
    assert alerts.current()[0].details["p99_ms"] == 3 * 3600 * 1000
    database.execute(
        "UPDATE cron_executions SET id = overlay(e.first placing right(id::text, 17) from 20)::uuid "
        "FROM (SELECT crondesk_first_id_at(now() - interval '61 min')::text AS first) e"
    )
    assert look() == []
    assert [n.kind for n in outbox.find()] == ["alert", "alert"]


def test_a_run_that_waits_for_a_free_worker_is_late_by_now(
    look: Callable[[], list[str]], fired: Callable[..., None]
) -> None:
    fired("5 min", status="queued")
    assert look() == ["lateness"]


def test_what_was_tried_again_or_decided_late_is_not_lateness(
    database: psycopg.Connection[Any], look: Callable[[], list[str]], fired: Callable[..., None]
) -> None:
    fired("1 min", attempts=2)
    assert look() == []
    schedule = schedules.plan(
        ALICE,
        "nothing",
        datetime.now(UTC) + timedelta(minutes=1),
        not_after=datetime.now(UTC) + timedelta(minutes=2),
        late_policy="ask",
    )
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 day', held_at = now(), "
        "scheduled_at = now() - interval '3 h', not_after = now() - interval '2 h', "
        "due_at = '9999-01-01 00:00Z' WHERE id = %s",
        (schedule.id,),
    )
    schedules.decide(ALICE, schedule.id, fire=True)
    database.execute(
        "WITH fired AS (INSERT INTO cron_executions (cron_name, status, target, scheduled_id, started_at) "
        "VALUES ('nothing', 'completed', 'noop', %s, now()) RETURNING id) "
        "UPDATE scheduled_cron_executions SET status = 'triggered', triggered_at = now(), attempts = 1 "
        "WHERE id = %s",
        (schedule.id, schedule.id),
    )
    assert look() == []


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
    [alert] = database.execute("SELECT since, until FROM cron_alerts").fetchall()
    assert timedelta(minutes=19) < alert[1] - alert[0] < timedelta(minutes=21)


def test_a_worker_that_fell_silent_and_came_back_tells_the_gap_of_its_beats(
    database: psycopg.Connection[Any], rule: Rule, workers: Workers
) -> None:
    rule(ADDRESS, "alert")
    worker = workers.start()
    until(lambda: database.execute("SELECT FROM cron_workers").fetchall())
    worker.send_signal(signal.SIGSTOP)
    time.sleep(6)  # then it is due to look, and not to beat
    database.execute(
        "UPDATE cron_workers SET started_at = now() - interval '1 day', beat_at = now() - interval '50 s', "
        "beating_since = now() - interval '1 day'"
    )
    worker.send_signal(signal.SIGCONT)
    until(lambda: database.execute("SELECT FROM cron_alerts").fetchall(), 15)
    database.execute("SELECT crondesk_watch_alerts('1 second')")
    [alert] = database.execute("SELECT kind, until - since FROM cron_alerts").fetchall()
    assert alert[0] == "no_worker"
    assert timedelta(seconds=49) < alert[1] < timedelta(seconds=75)
    assert len(outbox.find()) == 1


def test_a_worker_that_is_restarted_in_time_is_no_alert(
    database: psycopg.Connection[Any], workers: Workers
) -> None:
    for _ in range(2):
        worker = workers.start()
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)
        database.execute("SELECT crondesk_watch_alerts('1 second')")
    assert database.execute("SELECT * FROM cron_alerts").fetchall() == []


@pytest.fixture
def standing_in(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Starts processes that serve the API, as operators start them, without a worker."""
    monkeypatch.setenv("LOST_AFTER_SECONDS", "2")
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        command = [sys.executable, "-m", "uvicorn", "api.app:app", "--port", port]
        started.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL))

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(20)


def test_somebody_is_told_while_no_worker_lives_and_once_when_one_is_back(
    database: psycopg.Connection[Any],
    rule: Rule,
    receiver: Receiver,
    workers: Workers,
    standing_in: Callable[[], None],
) -> None:
    rule(receiver.address, "alert", "missed")
    overdue(database, 10)
    standing_in()
    standing_in()
    until(lambda: len(receiver.posts) == 3, 30)
    titles = {post.body["title"] for post in receiver.posts}
    assert titles == {
        "Crondesk: no worker is alive",
        "Crondesk: nothing was triggered for 60 minutes, and 1 are overdue",
        "Do nothing: did not run",
    }
    until(lambda: all(n.state == "sent" for n in outbox.find()))
    assert [alert.kind for alert in alerts.current()] == ["no_worker", "stalled"]
    time.sleep(5)
    assert len(receiver.posts) == 3
    workers.start()
    until(lambda: len(receiver.posts) >= 5, 20)
    over = {post.body["title"] for post in receiver.posts[3:]}
    assert "Crondesk: over: no worker is alive" in over
    assert database.execute("SELECT count(*) FROM cron_alerts WHERE kind = 'no_worker'").fetchone() == (1,)


def test_nobody_stands_in_where_a_worker_lives(
    database: psycopg.Connection[Any], rule: Rule, ran: Ran, standing_in: Callable[[], None]
) -> None:
    rule(ADDRESS, "completed")
    ran("nothing", "completed")
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, slots, beat_at) "
        "VALUES ('w', 'h', 1, '1', 4, now() + interval '1 h')"
    )
    standing_in()
    time.sleep(8)
    assert outbox.find()[0].attempts == 0
    assert database.execute("SELECT * FROM cron_alerts").fetchall() == []


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


def all_at_once(database: psycopg.Connection[Any], ran: Ran, fired: Callable[..., None]) -> None:
    """Everything that workers can raise, at once."""
    for _ in range(5):
        ran("nothing", "failed")
    for _ in range(10):
        schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=2))
    fired("3 h", status="queued")
    database.execute(
        "UPDATE cron_executions SET id = overlay(e.first placing right(id::text, 17) from 20)::uuid, "
        "started_at = now() FROM (SELECT crondesk_first_id_at(now() - interval '30 min')::text AS first) e "
        "WHERE scheduled_id IS NOT NULL"
    )


def test_each_kind_is_told_once_by_notification_and_in_prometheus(
    server: str,
    database: psycopg.Connection[Any],
    rule: Rule,
    ran: Ran,
    look: Callable[[], list[str]],
    fired: Callable[..., None],
) -> None:
    rule(ADDRESS, "alert")
    all_at_once(database, ran, fired)
    overdue_one = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    assert sorted(look()) == ["busy", "failures", "lateness"]
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 day', "
        "scheduled_at = now() - interval '5 min', due_at = now() - interval '5 min' WHERE id = %s",
        (overdue_one.id,),
    )
    database.execute("DELETE FROM cron_executions WHERE scheduled_id IS NOT NULL")
    database.execute("DELETE FROM scheduled_cron_executions WHERE status = 'triggered'")
    assert sorted(look()) == ["busy", "failures", "stalled"]
    database.execute("UPDATE cron_workers SET beat_at = now() - interval '1 min'")
    for _ in range(2):
        database.execute("SELECT crondesk_watch_alerts('1 second')")
    metrics = requests.get(f"{server}/metrics", timeout=10).text
    for kind, severity in alerts.SEVERITY.items():
        value = 0.0 if kind == "lateness" else 1.0
        assert f'crondesk_alert{{kind="{kind}",severity="{severity}"}} {value}' in metrics
    happenings = "SELECT details ->> 'alert', happening LIKE '%%:raised' FROM cron_notification_outbox"
    told = Counter(database.execute(happenings).fetchall())
    assert told == {
        **{(kind, True): 1 for kind in alerts.SEVERITY},
        ("lateness", False): 1,
    }


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
