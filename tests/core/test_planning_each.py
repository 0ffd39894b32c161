"""What is wanted at the same time is planned in one statement, and yet each for itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core import schedules
from core.actors import Actor
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from core.schedules import Schedule, SinglePlan
from tests.conftest import _forget

ALICE = Actor("alice", "operator", "api")
EVE = Actor("eve", "viewer", "api")
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
PAST = LATER - timedelta(days=2)
GOOD = SinglePlan("nothing", LATER)


def planned(*plans: SinglePlan) -> list[Schedule | Exception]:
    return schedules.plan_each(ALICE, plans)


def test_each_is_what_it_would_be_alone(database: psycopg.Connection) -> None:
    plans = [
        SinglePlan("greet", LATER, {"name": 'Ada "}\\,{ NULL', "times": 2}),
        SinglePlan("nothing", LATER + timedelta(hours=1), None, "bruno", "key 1"),
        SinglePlan("nothing", LATER, {}, not_after=LATER + timedelta(minutes=5), late_policy="drop"),
        GOOD,
    ]
    made = planned(*plans)
    for plan, one in zip(plans, made, strict=True):
        assert isinstance(one, Schedule), one
        assert schedules.get(one.id) == one
        assert (one.cron_name, one.scheduled_at, one.parameters) == (
            plan.cron_name,
            plan.scheduled_at,
            plan.parameters or {},
        )
        assert (one.created_by, one.not_after) == (plan.created_by or "alice", plan.not_after)
        assert (one.late_policy, one.batch_id) == (plan.late_policy, None)
        told = database.execute(
            "SELECT actor, role, via, kind, cron_name FROM cron_events WHERE schedule_id = %s", [one.id]
        ).fetchall()
        assert told == [("alice", "operator", "api", "schedule.created", plan.cron_name)]


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (SinglePlan("nowhere", LATER), NotFound, "cronName"),
        (SinglePlan("greet", LATER, {"times": 0}), Invalid, "parameters"),
        (SinglePlan("nothing", LATER, created_by=""), Invalid, "createdBy"),
        # These two the database alone can tell.
        (SinglePlan("nothing", PAST), Invalid, "scheduledAt: is in the past"),
        (SinglePlan("nothing", PAST, idempotency_key="new"), Invalid, "scheduledAt: is in the past"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_is_wrong_takes_no_other_with_it(
    database_url: str,
    count: Callable[[str], int],
    wrong: SinglePlan,
    error: type[Exception],
    said: str,
    place: int,
) -> None:
    plans = [GOOD, GOOD]
    plans.insert(place, wrong)
    made = planned(*plans)
    told = made.pop(place)
    assert isinstance(told, error)
    assert said in str(told)
    assert all(isinstance(one, Schedule) for one in made)
    assert count("scheduled_cron_executions") == 2
    assert count("cron_events") == 2


def test_a_key_makes_one_whether_before_or_in_the_same_statement(
    database_url: str, count: Callable[[str], int]
) -> None:
    keyed = SinglePlan("greet", LATER, {"times": 2}, idempotency_key="once")
    other = SinglePlan("greet", LATER, {"times": 3}, idempotency_key="once")
    first, again, refused, _good = planned(keyed, keyed, other, GOOD)
    assert isinstance(first, Schedule)
    assert again == first
    assert isinstance(refused, Conflict)
    assert planned(GOOD, keyed)[1] == first
    assert count("scheduled_cron_executions") == 3
    assert count("cron_events") == 3


def test_a_call_repeated_after_its_instant_gets_what_was_planned_then(database: psycopg.Connection) -> None:
    late = SinglePlan("nothing", PAST, idempotency_key="late")
    [(made,)] = database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, created_at, idempotency_key) "
        "VALUES ('nothing', %s, %s, 'late') RETURNING id",
        [PAST, PAST - timedelta(hours=1)],
    ).fetchall()
    known, good = planned(late, GOOD)
    assert isinstance(known, Schedule)
    assert known.id == made
    assert isinstance(good, Schedule)


def test_nobody_and_nothing(database_url: str) -> None:
    assert planned() == []
    with pytest.raises(Forbidden):
        schedules.plan_each(EVE, [GOOD])


def test_without_a_database_each_is_told_so(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    _forget()
    made = planned(GOOD, SinglePlan("nowhere", LATER), GOOD)
    assert [type(one) for one in made] == [Unavailable, NotFound, Unavailable]
