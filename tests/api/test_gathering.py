"""Calls that come at the same time are worked on together, and none has to suffer for another."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest

from api.gathering import MOST_TOGETHER, PATIENCE_SECONDS, Gathered
from tests.api.caller import Caller, later
from tests.asynchronous import finish
from tests.worker.waiting import until

GOOD = {"cronName": "nothing", "scheduledAt": later()}
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def waiting(database: psycopg.Connection) -> int:
    [(count,)] = database.execute(WAITING).fetchall()
    return int(count)


class Doubling:
    """Doubles numbers, once it is let; refuses what is odd."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.begun = threading.Event()
        self.may_go = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.calls.append(list(numbers))
        self.begun.set()
        assert self.may_go.wait(10)
        return [ValueError(str(number)) if number % 2 else 2 * number for number in numbers]


def test_what_waits_becomes_one_call_and_each_gets_its_own(environment: None) -> None:
    doubling = Doubling()

    async def calls() -> list[int | BaseException]:
        double = Gathered(doubling)
        first = asyncio.create_task(double(0))
        await asyncio.to_thread(doubling.begun.wait, 10)
        others = [asyncio.create_task(double(number)) for number in range(1, MOST_TOGETHER + 3)]
        await asyncio.sleep(0)
        others[3].cancel()
        doubling.may_go.set()
        return list(await asyncio.gather(first, *others, return_exceptions=True))

    answers = finish(calls())
    assert doubling.calls == [
        [0],
        list(range(1, MOST_TOGETHER + 1)),
        [MOST_TOGETHER + 1, MOST_TOGETHER + 2],
    ]
    for number, answer in enumerate(answers):
        if number == 4:
            assert isinstance(answer, asyncio.CancelledError)
        elif number % 2:
            assert isinstance(answer, ValueError)
            assert str(answer) == str(number)
        else:
            assert answer == 2 * number


def test_a_call_that_hangs_holds_up_none_that_comes_after_it(environment: None) -> None:
    doubling = Doubling()

    async def calls() -> tuple[bool, int]:
        def work(numbers: Sequence[int]) -> list[int | Exception]:
            return doubling(numbers) if 0 in numbers else [2 * number for number in numbers]

        double = Gathered(work)
        hanging = asyncio.create_task(double(0))
        await asyncio.sleep(PATIENCE_SECONDS / 2)
        answer = await double(1)
        hung = not hanging.done()
        doubling.may_go.set()
        await hanging
        return hung, answer

    assert finish(calls()) == (True, 2)


def test_a_fault_is_told_to_each_and_ends_nothing(environment: None) -> None:
    def work(numbers: Sequence[int]) -> list[int | Exception]:
        if 0 in numbers:
            raise LookupError("zero")
        return list(numbers)

    async def calls() -> int:
        same = Gathered(work)
        with pytest.raises(LookupError, match="zero"):
            await same(0)
        return await same(7)

    # In one loop after the other, as one process may have two of them.
    assert [finish(calls()) for _ in range(2)] == [7, 7]


def test_plans_that_meet_are_few_statements_and_each_is_answered_by_itself(
    api: Caller, database: psycopg.Connection, count: Callable[[str], int]
) -> None:
    bodies = [
        (GOOD, 201),
        ({**GOOD, "cronName": "nowhere"}, 404),
        ({**GOOD, "scheduledAt": "2020-01-01T00:00:00Z"}, 422),
        ({**GOOD, "parameters": [1]}, 422),
    ] * 5
    with ThreadPoolExecutor(len(bodies) + 1) as pool, psycopg.connect(database.info.dsn) as psql:
        psql.execute("LOCK TABLE scheduled_cron_executions IN SHARE MODE")
        first = pool.submit(api.another(), "POST", "/schedule", json=GOOD)
        until(lambda: waiting(database) == 1)
        calls = [pool.submit(api.another(), "POST", "/schedule", json=body) for body, _ in bodies]
        until(lambda: waiting(database) >= 2)
        psql.rollback()
        assert first.result().status_code == 201
        assert [call.result().status_code for call in calls] == [status for _, status in bodies]
    assert count("scheduled_cron_executions") == 1 + 5
    assert count("cron_events") == 1 + 5
    [(statements,)] = database.execute(
        "SELECT count(DISTINCT xmin::text) FROM scheduled_cron_executions"
    ).fetchall()
    assert statements < 1 + 5


def test_a_key_that_somebody_holds_in_psql_holds_up_no_other_call(
    api: Caller, database: psycopg.Connection
) -> None:
    plan = partial(api.another(), "POST", "/schedule", json=GOOD, headers={"Idempotency-Key": "held"})
    with ThreadPoolExecutor(9) as pool, psycopg.connect(database.info.dsn) as psql:
        psql.execute(
            "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, idempotency_key) "
            "VALUES ('nothing', now() + interval '1 day', 'held')"
        )
        held = pool.submit(plan)
        # At the same time, so that they could have become one statement.
        others = [pool.submit(api.another(), "POST", "/schedule", json=GOOD) for _ in range(8)]
        assert {other.result().status_code for other in others} == {201}
        until(lambda: waiting(database) == 1)
        assert not held.done()
        psql.rollback()
        assert held.result().status_code == 201
