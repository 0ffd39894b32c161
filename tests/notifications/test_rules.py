"""Which happenings enter the outbox, and that firing pays only while somebody wants to know."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core import schedules
from core.actors import Actor
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.notifications import channels, rules
from tests.notifications.conftest import ALICE, Workers, until
from tests.notifications.receivers import Receiver

ADDRESS = "json://example.org/hook"
Rule = Callable[..., UUID]
Ran = Callable[..., UUID]
Told = Callable[[], list[str]]


def triggers(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'notify_of%'").fetchone()
    assert row is not None
    return int(row[0])


def test_without_rules_the_busy_tables_carry_no_trigger(
    database: psycopg.Connection[Any], rule: Rule
) -> None:
    assert triggers(database) == 0
    first, second = rule(ADDRESS, "failed"), rule(ADDRESS, "completed")
    assert triggers(database) == 3
    rules.remove(ALICE, first)
    assert triggers(database) == 2
    rules.remove(ALICE, second)
    assert triggers(database) == 0
    rule(ADDRESS, "reminder", "missed", "alert")
    assert triggers(database) == 0


def test_an_execution_tells_how_it_ended_once(rule: Rule, ran: Ran, told: Told) -> None:
    rule(ADDRESS, "completed")
    rule(ADDRESS, "failed")
    ran("nothing", "completed")
    ran("nothing", "failed")
    ran("nothing", "cancelled")
    assert told() == ["completed", "failed"]


def test_a_happening_and_its_telling_are_one_transaction(
    database: psycopg.Connection[Any], rule: Rule, told: Told
) -> None:
    rule(ADDRESS, "completed")
    with database.transaction(force_rollback=True):
        database.execute(
            "INSERT INTO cron_executions (cron_name, status, target) VALUES ('a', 'completed', 'noop')"
        )
        assert told() == ["completed"]
    assert told() == []


def test_a_rule_is_about_one_cron_a_tag_or_all(rule: Rule, ran: Ran, told: Told) -> None:
    rule(ADDRESS, "completed", cron_name="nothing")
    rule(ADDRESS, "failed", tag="loud")
    ran("fail", "completed")
    ran("nothing", "failed")
    assert told() == []
    ran("nothing", "completed")
    ran("fail", "failed")
    assert told() == ["completed", "failed"]


def test_a_disabled_rule_tells_nothing(rule: Rule, ran: Ran, told: Told) -> None:
    rule(ADDRESS, "completed", enabled=False)
    rule(ADDRESS, "failed")
    ran("nothing", "completed")
    assert told() == []


def test_only_after_so_many_failures_in_a_row(rule: Rule, ran: Ran, told: Told) -> None:
    rule(ADDRESS, "failed", "recovered", after_failures=3)
    ran("nothing", "failed")
    ran("nothing", "failed")
    ran("nothing", "completed")
    assert told() == []
    ran("nothing", "failed")
    ran("nothing", "failed")
    ran("fail", "failed")
    ran("nothing", "cancelled")
    assert told() == []
    ran("nothing", "failed")
    ran("nothing", "failed")
    assert told() == ["failed", "failed"]
    ran("nothing", "completed")
    ran("nothing", "completed")
    assert told() == ["failed", "failed", "recovered"]


def test_what_is_tried_again_is_told_only_when_its_last_attempt_has_failed(
    rule: Rule, ran: Ran, told: Told, database: psycopg.Connection[Any]
) -> None:
    rule(ADDRESS, "failed", after_failures=2)
    rule(ADDRESS, "recovered")

    def failed_and_tried_again() -> None:
        database.execute(
            "INSERT INTO cron_executions (cron_name, status, target, started_at, finished_at, retried_by) "
            "VALUES ('nothing', 'failed', 'command', now(), now(), crondesk_uuid())"
        )

    failed_and_tried_again()
    failed_and_tried_again()
    assert told() == []
    ran("nothing", "completed")
    assert told() == []
    for _ in range(2):
        failed_and_tried_again()
        ran("nothing", "failed")
    assert told() == ["failed"]


def test_failures_of_one_batch_count_one_after_the_other(
    database: psycopg.Connection[Any], rule: Rule, told: Told
) -> None:
    rule(ADDRESS, "failed", after_failures=3)
    database.execute(
        "INSERT INTO cron_executions (cron_name, status, target) SELECT 'nothing', 'failed', 'noop' "
        "FROM generate_series(1, 4)"
    )
    assert told() == ["failed", "failed"]


def test_a_schedule_that_fails_before_anything_ran_counts_too(
    database: psycopg.Connection[Any], rule: Rule, ran: Ran, told: Told
) -> None:
    rule(ADDRESS, "failed", "recovered", after_failures=2)
    ran("nothing", "failed")
    instant = datetime.now(UTC) + timedelta(minutes=1)
    schedule = schedules.plan(ALICE, "nothing", instant)
    schedules.mark_failed(Actor("shell", "admin", "api"), schedule.id, "no such host")
    assert told() == ["failed"]
    database.execute(
        "UPDATE scheduled_cron_executions "
        "SET scheduled_at = now() - interval '1 min', created_at = now() - interval '1 h'"
    )
    ran("nothing", "completed")
    assert told() == ["failed", "recovered"]


def test_an_execution_that_fails_is_told_once_not_also_as_its_schedule(
    database: psycopg.Connection[Any], rule: Rule, told: Told
) -> None:
    rule(ADDRESS, "failed", "triggered")
    instant = datetime.now(UTC) + timedelta(minutes=1)
    schedule = schedules.plan(ALICE, "nothing", instant)
    database.execute(
        "WITH e AS (INSERT INTO cron_executions (cron_name, status, target, scheduled_id) "
        "VALUES ('nothing', 'failed', 'http', %s) RETURNING id) "
        "UPDATE scheduled_cron_executions SET status = 'failed', triggered_execution_id = e.id FROM e",
        (schedule.id,),
    )
    assert told() == ["failed"]


def test_triggered_is_told_of_what_was_planned(rule: Rule, told: Told) -> None:
    rule(ADDRESS, "triggered")
    schedule = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1))
    schedules.mark_triggered(Actor("shell", "admin", "api"), schedule.id, schedule.id)
    assert told() == ["triggered"]


@pytest.mark.parametrize(
    ("usual", "seconds", "slow"),
    [(10, 39, False), (10, 41, True), (60, 119, False), (60, 121, True), (1, 30, False), (1, 32, True)],
)
def test_slow_is_twice_the_usual_and_thirty_seconds_more(
    rule: Rule, ran: Ran, told: Told, usual: float, seconds: float, slow: bool
) -> None:
    rule(ADDRESS, "slow")
    for _ in range(5):
        ran("nothing", "completed", seconds=usual)
    ran("nothing", "completed", seconds=seconds)
    assert told() == (["slow"] if slow else [])


def test_what_is_usual_is_not_known_before_five_runs(rule: Rule, ran: Ran, told: Told) -> None:
    rule(ADDRESS, "slow")
    for _ in range(4):
        ran("nothing", "completed", seconds=1)
    ran("nothing", "completed", seconds=1000)
    assert told() == []


def hanging(database: psycopg.Connection[Any], seconds: int, silent: int = 0) -> UUID:
    """An execution that has been running for so long, and whose worker was heard so long ago."""
    row = database.execute(
        "INSERT INTO cron_executions (cron_name, status, target, "
        "queued_at, started_at, heartbeat_at, worker) "
        "SELECT 'nothing', 'running', 'command', at, at, now() - %s * interval '1 s', 'w' "
        "FROM (SELECT now() - %s * interval '1 s' AS at) began RETURNING id",
        (silent, seconds),
    ).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


def test_what_still_hangs_is_told_while_it_runs_and_not_again_at_its_end(
    database: psycopg.Connection[Any], rule: Rule, ran: Ran, told: Told
) -> None:
    rule(ADDRESS, "slow")
    rule(ADDRESS, "slow", cron_name="fail")
    for _ in range(5):
        ran("nothing", "completed", seconds=10)
    hanging(database, 38)
    hanging(database, 600, silent=90)
    execution = hanging(database, 42)
    for _ in range(2):
        database.execute("SELECT crondesk_watch_schedules()")
    assert told() == ["slow"]
    [row] = database.execute("SELECT execution_id, details FROM cron_notification_outbox").fetchall()
    assert row[0] == execution
    assert row[1]["usual_seconds"] == pytest.approx(10, abs=0.1)
    database.execute(
        "UPDATE cron_executions SET status = 'completed', finished_at = now() WHERE id = %s", (execution,)
    )
    assert told() == ["slow"]


@pytest.mark.parametrize(("silent", "expected"), [(5, ["slow"]), (40, [])])
def test_what_ends_by_its_timeout_took_longer_and_what_was_lost_did_not(
    database: psycopg.Connection[Any], rule: Rule, ran: Ran, told: Told, silent: int, expected: list[str]
) -> None:
    rule(ADDRESS, "slow")
    for _ in range(5):
        ran("nothing", "completed", seconds=10)
    execution = hanging(database, 50, silent)
    database.execute(
        "UPDATE cron_executions SET status = 'failed', finished_at = now(), "
        "error_message = 'timeout' WHERE id = %s",
        (execution,),
    )
    assert told() == expected


def test_what_still_hangs_reads_as_such(
    database: psycopg.Connection[Any], rule: Rule, ran: Ran, workers: Workers, receiver: Receiver
) -> None:
    rule(receiver.address, "slow", language="fr")
    for _ in range(5):
        ran("nothing", "completed", seconds=10)
    hanging(database, 300)
    database.execute("SELECT crondesk_watch_schedules()")
    workers.start()
    until(lambda: receiver.posts)
    assert (
        receiver.posts[0]
        .body["title"]
        .startswith("Ne rien faire\u00a0: plus long que d’habitude, et toujours")
    )
    assert "D’habitude\u00a0: 10.0 s" in receiver.posts[0].text


def test_a_removed_rule_takes_what_waits_with_it(rule: Rule, ran: Ran, told: Told) -> None:
    rule_id = rule(ADDRESS, "completed")
    ran("nothing", "completed")
    rules.remove(ALICE, rule_id)
    assert told() == []


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"events": []}, "events"),
        ({"events": ["exploded"]}, "events"),
        ({"cron_name": "nothing", "tag": "loud"}, "tag"),
        ({"tag": "unheard"}, "tag"),
        ({"after_failures": 0}, "afterFailures"),
        ({"remind_minutes": 1441}, "remindMinutes"),
        ({"language": "de"}, "language"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: Rule, wish: dict[str, Any], field: str) -> None:
    channel = channels.add(ALICE, "ops", ADDRESS)
    with pytest.raises(Invalid, match=f"^{field}: "):
        rules.add(ALICE, rules.Wish(channel.id, **{"events": ["failed"], **wish}))


def test_a_rule_names_a_cron_and_a_channel_that_exist(rule: Rule) -> None:
    channel = channels.add(ALICE, "ops", ADDRESS)
    with pytest.raises(NotFound):
        rules.add(ALICE, rules.Wish(channel.id, ["failed"], cron_name="unheard"))
    with pytest.raises(NotFound):
        rules.add(ALICE, rules.Wish(UUID(int=0), ["failed"]))


def test_viewers_change_nothing(database: psycopg.Connection[Any]) -> None:
    with pytest.raises(Forbidden):
        channels.add(Actor("eve", "viewer", "dashboard"), "ops", ADDRESS)


def test_two_channels_have_two_names(database: psycopg.Connection[Any]) -> None:
    channels.add(ALICE, "ops", ADDRESS)
    with pytest.raises(Conflict):
        channels.add(ALICE, "ops", ADDRESS)


def test_rules_follow_the_tags_of_the_catalogue(
    database: psycopg.Connection[Any], rule: Rule, crons_file: Any, workers: Any, told: Told
) -> None:
    rule(ADDRESS, "failed", tag="loud")
    crons_file.write_text(crons_file.read_text().replace('["quiet"]', '["quiet", "loud"]'))
    workers.start()
    names = "SELECT cron_names FROM cron_notification_rules"
    until(lambda: database.execute(names).fetchall() == [(["fail", "nothing"],)], 15)
