"""What is wanted at the same time is planned in one statement, and yet each for itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core import schedules
from core.actors import Actor
from core.errors import Forbidden, Invalid, NotFound, Unavailable
from core.schedules import OwnPlan, Schedule
from tests.conftest import _forget

ALICE = Actor("alice", "operator", "api")
EVE = Actor("eve", "viewer", "api")
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
PAST = LATER - timedelta(days=2)
GOOD = OwnPlan("nothing", LATER)


def planned(*plans: OwnPlan) -> list[Schedule | Exception]:
    return schedules.plan_each(ALICE, plans)


def test_each_is_what_it_would_be_alone(database: psycopg.Connection) -> None:
    plans = [
        OwnPlan("greet", LATER, {"name": 'Ada "}\\,{ NULL', "times": 2}),
        OwnPlan("nothing", LATER + timedelta(hours=1), None, "bruno"),
        OwnPlan("nothing", LATER, {}, not_after=LATER + timedelta(minutes=5), late_policy="drop"),
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
        (OwnPlan("nowhere", LATER), NotFound, "cronName"),
        (OwnPlan("greet", LATER, {"times": 0}), Invalid, "parameters"),
        (OwnPlan("nothing", LATER, created_by=""), Invalid, "createdBy"),
        # Of this one the database's clock decides.
        (OwnPlan("nothing", PAST), Invalid, "scheduledAt: is in the past"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_is_wrong_takes_no_other_with_it(
    database_url: str,
    count: Callable[[str], int],
    wrong: OwnPlan,
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


def statements(database: psycopg.Connection) -> int:
    [(count,)] = database.execute(
        "SELECT count(DISTINCT xmin::text) FROM scheduled_cron_executions"
    ).fetchall()
    return int(count)


def test_what_can_be_planned_is_one_statement_whatever_else_is_asked_for(
    database: psycopg.Connection,
) -> None:
    planned(GOOD, OwnPlan("nothing", PAST), GOOD, OwnPlan("nowhere", LATER), GOOD)
    assert statements(database) == 1
    planned(GOOD)
    assert statements(database) == 2


def test_what_the_database_alone_refuses_is_told_to_the_one_it_is_about(database: psycopg.Connection) -> None:
    """Such as a rule of its own that somebody has added."""
    database.execute(
        "ALTER TABLE scheduled_cron_executions ADD CONSTRAINT no_greeting CHECK (cron_name <> 'greet')"
    )
    first, refused, last = planned(GOOD, OwnPlan("greet", LATER), GOOD)
    assert isinstance(refused, Invalid)
    assert "no_greeting" in str(refused)
    assert isinstance(first, Schedule)
    assert isinstance(last, Schedule)


def test_a_viewer_plans_none_of_them(count: Callable[[str], int]) -> None:
    with pytest.raises(Forbidden):
        schedules.plan_each(EVE, [GOOD, GOOD])
    assert count("scheduled_cron_executions") == 0


def test_without_a_database_each_is_told_so(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    _forget()
    made = planned(GOOD, OwnPlan("nowhere", LATER), GOOD)
    assert [type(one) for one in made] == [Unavailable, NotFound, Unavailable]
