"""Two who want different things of one schedule: one gets it, the other is told."""

from collections.abc import Callable
from functools import partial
from threading import Barrier, Thread

import psycopg
import requests

from tests.api.caller import Caller

ROUNDS = 25


def at_once(*calls: Callable[[], requests.Response]) -> list[requests.Response]:
    """Makes the calls at the same moment; their answers in order."""
    barrier = Barrier(len(calls))
    answers: dict[int, requests.Response] = {}

    def make(place: int, call: Callable[[], requests.Response]) -> None:
        barrier.wait()
        answers[place] = call()

    threads = [Thread(target=make, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[place] for place in range(len(calls))]


def test_of_two_who_cancel_one_succeeds(api: Caller, database: psycopg.Connection) -> None:
    one, other = api.another(), api.another()
    for _ in range(ROUNDS):
        query = {"id": api.plan()["id"]}
        answers = at_once(
            partial(one, "DELETE", "/schedule", params=query),
            partial(other, "DELETE", "/schedule", params=query),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]

    told = database.execute("SELECT count(*) FROM cron_events WHERE kind = 'schedule.cancelled'").fetchone()
    assert told == (ROUNDS,)


def test_a_schedule_is_not_moved_after_it_was_cancelled(api: Caller, database: psycopg.Connection) -> None:
    one, other = api.another(), api.another()
    for _ in range(ROUNDS):
        schedule = api.plan()["id"]
        cancelled, moved = at_once(
            partial(one, "DELETE", "/schedule", params={"id": schedule}),
            partial(other, "PATCH", f"/schedule/{schedule}", json={"scheduledAt": "2031-01-01T00:00:00Z"}),
        )
        assert cancelled.status_code == 200
        assert moved.status_code in (200, 409)
        kinds = database.execute(
            "SELECT array_agg(kind ORDER BY id) FROM cron_events WHERE schedule_id = %s", [schedule]
        ).fetchone()
        expected = ["schedule.created", "schedule.moved", "schedule.cancelled"]
        assert kinds == ([kind for kind in expected if moved.status_code == 200 or "moved" not in kind],)


def test_a_schedule_is_cancelled_or_claimed_never_both(api: Caller, database_url: str) -> None:
    one = api.another()
    with psycopg.connect(database_url, autocommit=True) as worker:
        for _ in range(ROUNDS):
            schedule = api.plan()["id"]
            claimed: list[bool] = []

            def claim(claimed: list[bool] = claimed) -> requests.Response:
                # As though its instant had come: the claim looks a day ahead.
                rows = worker.execute(
                    "SELECT id FROM get_ready_scheduled_crons(10, 'race', '1 minute', '1 day')"
                ).fetchall()
                claimed.append(bool(rows))
                return requests.Response()

            cancelled, _ = at_once(partial(one, "DELETE", "/schedule", params={"id": schedule}), claim)

            assert cancelled.status_code == (409 if claimed[0] else 200)
            worker.execute("DELETE FROM scheduled_cron_executions")
