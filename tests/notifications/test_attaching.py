"""Rules come and go while workers fire: nothing is lost, nobody is turned away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg

from core import schedules
from core.notifications import channels, rules
from tests.notifications.conftest import ALICE, Workers, until

ADDRESS = "json://127.0.0.1:9/"
PLANNED = 4000


def test_rules_come_and_go_while_workers_fire(
    database: psycopg.Connection[Any], workers: Workers, count: Callable[[str], int]
) -> None:
    channel = channels.add(ALICE, "ops", ADDRESS)
    workers.start()
    workers.start()
    begin = datetime.now(UTC) + timedelta(hours=1)
    plans = [
        schedules.Plan("nothing", begin + timedelta(milliseconds=place % 4000)) for place in range(PLANNED)
    ]
    schedules.plan_many(ALICE, plans)
    # However long that took: they come due while the rules come and go.
    database.execute(
        "UPDATE scheduled_cron_executions SET scheduled_at = now() + (scheduled_at - %s)", (begin,)
    )
    errors: list[Exception] = []

    def come_and_go() -> None:
        try:
            for _ in range(5):
                rules.remove(ALICE, rules.add(ALICE, rules.Wish(channel.id, ["failed", "triggered"])))
        except Exception as error:  # noqa: BLE001  told below
            errors.append(error)

    threads = [Thread(target=come_and_go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [], [repr(error.__cause__) for error in errors]
    left = "SELECT count(*) FROM scheduled_cron_executions WHERE status <> 'triggered'"
    until(lambda: database.execute(left).fetchone() == (0,), 30)
    assert count("cron_executions") == PLANNED
    attached = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'notify_of%'"
    assert database.execute(attached).fetchone() == (0,)
    assert [line for line in workers.log.splitlines() if '"level": "error"' in line] == []


def test_of_two_who_add_and_remove_at_once_the_rule_that_stays_is_heard(
    database: psycopg.Connection[Any],
    database_url: str,
    ran: Callable[..., UUID],
    told: Callable[[], list[str]],
) -> None:
    channel = channels.add(ALICE, "ops", ADDRESS)
    first = rules.add(ALICE, rules.Wish(channel.id, ["completed"]))
    with psycopg.connect(database_url) as other:
        # The last rule goes, and with it the triggers; not committed yet.
        other.execute("DELETE FROM cron_notification_rules WHERE id = %s", (first,))
        adding = Thread(target=rules.add, args=(ALICE, rules.Wish(channel.id, ["completed"])))
        adding.start()
        adding.join(0.3)
        other.commit()
    adding.join(10)
    ran("nothing", "completed")
    assert told() == ["completed"]
