"""Reminders before a run, and the links in them."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import requests
from itsdangerous import URLSafeSerializer

from core import schedules, series
from core.notifications import links, outbox
from core.schedules import Schedule
from tests.conftest import SECRET
from tests.notifications.conftest import ALICE, Workers, until
from tests.notifications.receivers import Mailbox, Receiver

pytestmark = pytest.mark.release

Rule = Callable[..., UUID]
ADDRESS = "json://127.0.0.1:9/"


@pytest.fixture
def watch(database: psycopg.Connection[Any]) -> Callable[[], None]:
    """Looks at what is to come, as a worker does each minute."""

    def look() -> None:
        database.execute("SELECT crondesk_watch_schedules()")

    return look


@pytest.fixture
def reminded(
    server: str, database: psycopg.Connection[Any], rule: Rule, watch: Callable[[], None]
) -> Callable[[], tuple[Schedule, str, str]]:
    """Plans a run and its reminder: the schedule and the addresses that cancel and delay it."""

    def plan() -> tuple[Schedule, str, str]:
        schedule = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=5))
        watch()
        [row] = database.execute(
            "SELECT id FROM cron_notification_outbox WHERE schedule_id = %s", (schedule.id,)
        ).fetchall()
        cancel, delay = (f"{server}/api/links/{_token(row[0], action)}" for action in links.ACTIONS)
        return schedule, cancel, delay

    rule(ADDRESS, "reminder")
    return plan


def _token(reminder: UUID, action: links.Action) -> str:
    return links.address_of(reminder, action).rsplit("/", 1)[1]


def test_a_reminder_brings_links_that_work(
    server: str, rule: Rule, mailbox: Mailbox, workers: Workers, database: psycopg.Connection[Any]
) -> None:
    rule(mailbox.address, "reminder", timezone="Europe/Paris")
    schedule = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=4))
    workers.start()
    until(lambda: mailbox.mails, 20)
    body = mailbox.mails[0].get_body(("plain", "html"))
    assert body is not None
    found = re.findall(rf"{re.escape(server)}/api/links/[\w.-]+", body.get_content())
    cancel, delay = dict.fromkeys(found)
    assert requests.get(delay, timeout=10).status_code == 200
    assert requests.post(delay, timeout=10).status_code == 200
    moved = schedules.get(schedule.id)
    assert moved.scheduled_at == schedule.scheduled_at + timedelta(minutes=30)
    assert requests.post(cancel, timeout=10).status_code == 409


def test_a_reminder_goes_out_at_its_minute_not_before(
    rule: Rule, database: psycopg.Connection[Any], watch: Callable[[], None]
) -> None:
    rule(ADDRESS, "reminder", remind_minutes=10)
    soon = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=11))
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=13))
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(seconds=50))
    watch()
    watch()
    [waiting] = outbox.find()
    assert waiting.schedule_id == soon.id
    assert waiting.due_at == soon.scheduled_at - timedelta(minutes=10)


def test_a_moved_run_gets_another_reminder_and_the_first_is_not_sent(
    rule: Rule,
    receiver: Receiver,
    workers: Workers,
    database: psycopg.Connection[Any],
    watch: Callable[[], None],
) -> None:
    rule(receiver.address, "reminder")
    schedule = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=4))
    cancelled = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=4))
    watch()
    moved = schedules.change(ALICE, schedule.id, scheduled_at=schedule.scheduled_at + timedelta(seconds=30))
    schedules.cancel(ALICE, cancelled.id)
    watch()
    workers.start()
    until(lambda: sorted(n.state for n in outbox.find()) == ["not sent", "not sent", "sent"], 15)
    [post] = receiver.posts
    assert post.body["title"].startswith("Do nothing: runs at ")
    assert moved.scheduled_at.strftime("%H:%M:%S") in post.text


def test_get_changes_nothing(reminded: Callable[[], tuple[Schedule, str, str]]) -> None:
    schedule, cancel, delay = reminded()
    for address in (cancel, delay):
        for method in ("GET", "HEAD", "OPTIONS"):
            requests.request(method, address, timeout=10)
        page = requests.get(address, timeout=10)
        assert '<form method="post">' in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
    assert schedules.get(schedule.id) == schedule


def test_cancel_cancels_once(
    reminded: Callable[[], tuple[Schedule, str, str]], database: psycopg.Connection[Any]
) -> None:
    schedule, cancel, delay = reminded()
    done = requests.post(cancel, timeout=10)
    assert (done.status_code, schedules.get(schedule.id).status) == (200, "cancelled")
    assert "Cancelled: it will not run." in done.text
    for address in (cancel, delay):
        again = requests.post(address, timeout=10)
        assert again.status_code == 409
        assert "links were used already" in again.text
    event = "SELECT kind, actor, details ? 'reminder' FROM cron_events WHERE schedule_id = %s ORDER BY id"
    rows = database.execute(event, (schedule.id,)).fetchall()
    assert rows[-1] == ("schedule.cancelled", "link of a reminder", True)


def test_a_used_link_stays_used_when_the_run_is_moved_back(
    reminded: Callable[[], tuple[Schedule, str, str]],
) -> None:
    schedule, _, delay = reminded()
    assert requests.post(delay, timeout=10).status_code == 200
    schedules.change(ALICE, schedule.id, scheduled_at=schedule.scheduled_at)
    assert requests.post(delay, timeout=10).status_code == 409
    assert schedules.get(schedule.id).scheduled_at == schedule.scheduled_at


def test_many_who_click_at_once_do_it_once(reminded: Callable[[], tuple[Schedule, str, str]]) -> None:
    schedule, _, delay = reminded()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: requests.post(delay, timeout=20).status_code, range(8)))
    assert sorted(statuses) == [200] + [409] * 7
    assert schedules.get(schedule.id).scheduled_at == schedule.scheduled_at + timedelta(minutes=30)


def test_a_link_of_before_a_move_is_refused(reminded: Callable[[], tuple[Schedule, str, str]]) -> None:
    schedule, cancel, _ = reminded()
    schedules.change(ALICE, schedule.id, scheduled_at=schedule.scheduled_at + timedelta(hours=1))
    refused = requests.post(cancel, timeout=10)
    assert refused.status_code == 409
    assert "was moved after this reminder" in refused.text
    assert schedules.get(schedule.id).status == "pending"


def test_a_link_is_refused_after_firing_and_while_firing(
    reminded: Callable[[], tuple[Schedule, str, str]], database: psycopg.Connection[Any]
) -> None:
    schedule, cancel, delay = reminded()
    database.execute("UPDATE scheduled_cron_executions SET due_at = now(), claimed_by = NULL")
    database.execute("SELECT * FROM get_ready_scheduled_crons()")
    assert "begins now" in requests.post(cancel, timeout=10).text
    database.execute("SELECT mark_scheduled_cron_triggered(%s, NULL)", (schedule.id,))
    for address in (cancel, delay):
        refused = requests.post(address, timeout=10)
        assert refused.status_code == 409
        assert "Too late: the run has begun." in refused.text
    assert schedules.get(schedule.id).status == "triggered"


def test_tampered_and_foreign_links_are_refused(
    server: str, reminded: Callable[[], tuple[Schedule, str, str]], database: psycopg.Connection[Any]
) -> None:
    schedule, cancel, delay = reminded()
    [row] = database.execute("SELECT id FROM cron_notification_outbox").fetchall()
    payload, signature = cancel.rsplit("/", 1)[1].split(".")
    other = delay.rsplit("/", 1)[1].split(".")[0]
    foreign = URLSafeSerializer("another-secret-of-the-tests", salt=links.SALT)
    salted = URLSafeSerializer(SECRET, salt="something else")
    ours = URLSafeSerializer(SECRET, salt=links.SALT)
    for token in (
        payload,
        f"{payload}.",
        f"{payload}.{signature[:-2]}AA",
        f"{other}.{signature}",
        foreign.dumps([row[0].hex, "cancel"]),
        salted.dumps([row[0].hex, "cancel"]),
        ours.dumps([row[0].hex, "drop tables"]),
        ours.dumps([UUID(int=1).hex, "cancel"]),
        ours.dumps({"a": 1}),
        ours.dumps(["x", "cancel"]),
        "é",
        "x" * 5000,
    ):
        for method in ("GET", "POST"):
            refused = requests.request(method, f"{server}/api/links/{token}", timeout=10)
            assert refused.status_code == 404
            assert "not valid" in refused.text
    assert schedules.get(schedule.id) == schedule


def test_the_page_speaks_the_rules_language_and_escapes_what_comes_from_outside(
    server: str, rule: Rule, database: psycopg.Connection[Any], watch: Callable[[], None]
) -> None:
    rule(ADDRESS, "reminder", language="fr", timezone="Europe/Paris")
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=5))
    database.execute("UPDATE scheduled_cron_executions SET cron_name = '<script>alert(1)</script>'")
    watch()
    [row] = database.execute("SELECT id FROM cron_notification_outbox").fetchall()
    page = requests.get(f"{server}/api/links/{_token(row[0], 'cancel')}", timeout=10).text
    assert '<html lang="fr">' in page
    assert "Annuler cette exécution\u202f?" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_run_that_was_tried_is_reminded_of_again_once_it_was_moved(
    rule: Rule, database: psycopg.Connection[Any], watch: Callable[[], None], told: Callable[[], list[str]]
) -> None:
    rule(ADDRESS, "reminder")
    schedule = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    database.execute(
        "UPDATE scheduled_cron_executions SET attempts = 4, conflicts = 4, due_at = now() + interval '4 min'"
    )
    watch()
    assert told() == []
    schedules.change(ALICE, schedule.id, scheduled_at=datetime.now(UTC) + timedelta(minutes=5))
    watch()
    assert told() == ["reminder"]


def test_what_did_not_run_is_told_once(
    rule: Rule, database: psycopg.Connection[Any], watch: Callable[[], None], told: Callable[[], list[str]]
) -> None:
    rule(ADDRESS, "missed")
    schedule = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))

    def late(minutes: int) -> None:
        database.execute(
            "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 day', "
            "scheduled_at = now() - %(min)s * interval '1 min', due_at = now() - %(min)s * interval '1 min' "
            "WHERE id = %(id)s",
            {"min": minutes, "id": schedule.id},
        )

    late(4)
    watch()
    assert told() == []
    late(6)
    watch()
    watch()
    assert told() == ["missed"]
    database.execute("UPDATE scheduled_cron_executions SET due_at = now() + interval '5 min', attempts = 2")
    watch()
    assert told() == ["missed"]


def test_what_waits_for_a_decision_is_told(
    rule: Rule, database: psycopg.Connection[Any], watch: Callable[[], None], told: Callable[[], list[str]]
) -> None:
    rule(ADDRESS, "missed")
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 day', held_at = now(), "
        "scheduled_at = now() - interval '10 min', due_at = '9999-01-01 00:00Z'"
    )
    watch()
    assert told() == ["missed"]


def test_what_is_tried_again_much_later_is_told_at_five_minutes_all_the_same(
    rule: Rule, database: psycopg.Connection[Any], watch: Callable[[], None], told: Callable[[], list[str]]
) -> None:
    rule(ADDRESS, "missed")
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=3))
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 day', attempts = 3, "
        "scheduled_at = now() - interval '10 min', due_at = now() + interval '3 h', error_message = 'down' "
        "WHERE scheduled_at < now() + interval '1 h'"
    )
    watch()
    watch()
    assert told() == ["missed"]


def test_a_series_that_paused_itself_is_told_once(
    rule: Rule,
    database: psycopg.Connection[Any],
    watch: Callable[[], None],
    receiver: Receiver,
    workers: Workers,
) -> None:
    rule(receiver.address, "missed")
    made = series.create(ALICE, "nothing", {"kind": "daily", "at": "02:00"}, "UTC")
    by_hand = series.create(ALICE, "nothing", {"kind": "daily", "at": "02:00"}, "UTC")
    series.pause(ALICE, by_hand.id)
    watch()
    assert outbox.find() == []
    database.execute(
        "UPDATE cron_series SET status = 'paused', error_message = 'paused: name: is missing' WHERE id = %s",
        (made.id,),
    )
    watch()
    workers.start()
    until(lambda: receiver.posts)
    watch()
    assert [post.body["title"] for post in receiver.posts] == ["Do nothing: a series has paused itself"]
    assert "name: is missing" in receiver.posts[0].text
    assert "/series?cron=nothing" in receiver.posts[0].text
    assert len(outbox.find()) == 1


def put_off(database: psycopg.Connection[Any], schedule: Schedule, minutes: int) -> None:
    """As if nobody had been there for so many minutes after its instant."""
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 day', "
        "scheduled_at = now() - %(min)s * interval '1 min', due_at = now() - %(min)s * interval '1 min' "
        "WHERE id = %(id)s",
        {"min": minutes, "id": schedule.id},
    )


def test_the_first_worker_after_an_outage_tells_what_did_not_run_and_runs_it(
    rule: Rule, database: psycopg.Connection[Any], workers: Workers, receiver: Receiver
) -> None:
    rule(receiver.address, "missed")
    late = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    put_off(database, late, 60)
    workers.start()
    until(lambda: schedules.get(late.id).status == "triggered")
    until(lambda: receiver.posts)
    assert receiver.posts[0].body["title"] == "Do nothing: did not run"
    assert len(outbox.find()) == 1


def test_what_a_series_missed_is_told_before_it_counts_as_its_newest_occurrence(
    rule: Rule, database: psycopg.Connection[Any], workers: Workers
) -> None:
    rule(ADDRESS, "missed")
    made = series.create(ALICE, "nothing", {"kind": "cron", "expression": "* * * * *"}, "UTC")
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 day', occurrence = at, "
        "scheduled_at = at, due_at = at FROM (SELECT date_trunc('minute', now()) - interval '2 h' AS at) x"
    )
    database.execute(
        "UPDATE cron_series SET last_occurrence = date_trunc('minute', now()) - interval '2 h', "
        "starts_on = current_date - 2 WHERE id = %s",
        (made.id,),
    )
    workers.start()
    until(lambda: database.execute(TRIGGERED).fetchall())
    [told] = outbox.find()
    assert told.kind == "missed"


TRIGGERED = "SELECT FROM scheduled_cron_executions WHERE status = 'triggered'"


def test_firing_does_not_wait_long_for_word_of_what_did_not_run(
    rule: Rule, database: psycopg.Connection[Any], database_url: str, workers: Workers
) -> None:
    rule(ADDRESS, "missed")
    late = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    put_off(database, late, 10)
    with psycopg.connect(database_url) as holding:
        holding.execute("LOCK TABLE cron_notification_rules IN ACCESS EXCLUSIVE MODE")
        workers.start()
        until(lambda: schedules.get(late.id).status == "triggered", 10)
    assert "watch.skipped" in workers.log


@pytest.mark.parametrize(("seconds", "expected"), [(5 * 60 - 10, True), (5 * 60 + 130, False)])
def test_a_reminder_is_for_five_minutes_before_where_nothing_else_is_said(
    rule: Rule, watch: Callable[[], None], seconds: int, expected: bool
) -> None:
    rule(ADDRESS, "reminder")
    schedule = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(seconds=seconds))
    watch()
    assert [n.schedule_id for n in outbox.find()] == ([schedule.id] if expected else [])


def test_a_reminder_within_the_next_look_waits_for_its_five_minutes(
    rule: Rule, watch: Callable[[], None]
) -> None:
    rule(ADDRESS, "reminder")
    schedule = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=5, seconds=1))
    watch()
    [waiting] = outbox.find()
    assert waiting.due_at == schedule.scheduled_at - timedelta(minutes=5)
