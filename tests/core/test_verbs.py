"""The verbs over schedules and executions: an error says what is wrong, a change leaves its event."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from core import database as core_database
from core import events, executions, schedules
from core.actors import Actor
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from core.executions import Execution
from core.schedules import Filter, Plan, Schedule
from tests.conftest import _forget

ALICE = Actor("alice", "operator", "dashboard")
ROOT = Actor("root", "admin", "api")
EVE = Actor("eve", "viewer", "dashboard")

pytestmark = pytest.mark.usefixtures("database_url")


def ahead(**length: float) -> datetime:
    return datetime.now(UTC) + timedelta(**(length or {"hours": 1}))


def plan(cron: str = "nothing", **values: Any) -> Schedule:
    return schedules.plan(ALICE, cron, values.pop("at", None) or ahead(), **values)


@pytest.mark.parametrize(
    "act",
    [
        lambda one: schedules.plan(EVE, "nothing", ahead()),
        lambda one: schedules.plan_many(EVE, [Plan("nothing", ahead())]),
        lambda one: schedules.cancel(EVE, one.id),
        lambda one: schedules.change(EVE, one.id, parameters={}),
        lambda one: schedules.mark_failed(ALICE, one.id, "why"),
        lambda one: schedules.mark_triggered(ALICE, one.id, uuid4()),
        lambda one: executions.trigger(EVE, "nothing"),
        lambda one: executions.cancel(EVE, one.id),
    ],
)
def test_who_may_not_may_not(act: Callable[[Schedule], object], count: Callable[[str], int]) -> None:
    one = plan()
    before = count("cron_events")
    with pytest.raises(Forbidden):
        act(one)
    assert schedules.get(one.id) == one
    assert count("cron_events") == before
    assert count("cron_executions") == 0


@pytest.mark.parametrize(
    "act",
    [
        lambda: schedules.get(uuid4()),
        lambda: schedules.cancel(ALICE, uuid4()),
        lambda: schedules.change(ALICE, uuid4(), parameters={}),
        lambda: schedules.change(ALICE, uuid4(), scheduled_at=ahead()),
        lambda: schedules.mark_failed(ROOT, uuid4(), "why"),
        lambda: schedules.plan(ALICE, "nobody's", ahead()),
        lambda: executions.get(uuid4()),
        lambda: executions.cancel(ALICE, uuid4()),
        lambda: executions.output_of(uuid4()),
        lambda: executions.trigger(ALICE, "nobody's"),
    ],
)
def test_what_is_not_there_is_not_found(act: Callable[[], object]) -> None:
    with pytest.raises(NotFound):
        act()


@pytest.mark.parametrize(
    "act",
    [
        lambda: plan(at=ahead(seconds=-1)),
        lambda: plan(at=ahead(days=4000)),
        lambda: plan(at=datetime(2030, 1, 1)),  # noqa: DTZ001
        lambda: plan(parameters=[1]),
        lambda: plan("greet", parameters={"times": 0}),
        lambda: plan(created_by=""),
        lambda: plan(created_by="a\nb"),
        lambda: plan(created_by="x" * 201),
        lambda: plan(idempotency_key="\x00"),
        lambda: plan(not_after=ahead()),
        lambda: plan(late_policy="drop"),
        lambda: plan(late_policy="perhaps", not_after=ahead(hours=2)),
        lambda: schedules.plan_many(ALICE, []),
        lambda: schedules.plan_many(ALICE, [Plan("nothing", ahead()), Plan("nothing", ahead(seconds=-1))]),
        lambda: schedules.change(ALICE, plan().id),
        lambda: schedules.change(ALICE, plan().id, scheduled_at=ahead(seconds=-1)),
        lambda: schedules.change(ALICE, plan("greet").id, parameters={"times": 0}),
        lambda: schedules.find(Filter(), limit=0),
        lambda: schedules.find(Filter(), cursor="none of ours"),
        lambda: schedules.find(Filter(status="gone")),  # type: ignore[arg-type]  # no status, on purpose
        lambda: schedules.find(Filter(search="\x00")),
        lambda: schedules.find(Filter(cron_name="\ud800")),
        lambda: schedules.mark_failed(ROOT, plan().id, "half \ud800"),
        lambda: executions.find(executions.Filter(search="\x00")),
        lambda: executions.trigger(ALICE, "greet", {"times": "many"}),
        lambda: executions.trigger(ALICE, "nothing", idempotency_key="\x00"),
    ],
)
def test_what_breaks_a_rule_is_invalid_and_writes_nothing(
    act: Callable[[], object], count: Callable[[str], int]
) -> None:
    with pytest.raises(Invalid):
        act()
    assert count("scheduled_cron_executions") == count("cron_events") <= 1
    assert count("cron_executions") == 0


def test_every_change_leaves_its_event_with_its_actor() -> None:
    one = plan("greet")
    moved = ahead(hours=2)
    schedules.change(ALICE, one.id, scheduled_at=moved)
    schedules.change(ROOT, one.id, parameters={"name": "you"})
    schedules.cancel(EVE_AS_OPERATOR, one.id)
    told = events.of_schedule(one.id)
    assert [(event.kind, event.actor, event.via) for event in told] == [
        ("schedule.created", "alice", "dashboard"),
        ("schedule.moved", "alice", "dashboard"),
        ("schedule.edited", "root", "api"),
        ("schedule.cancelled", "eve", "cli"),
    ]
    assert datetime.fromisoformat(told[1].details["to"]) == moved
    assert told[2].details == {"old": {}, "new": {"name": "you"}}


EVE_AS_OPERATOR = Actor("eve", "operator", "cli")


def claimed(database: psycopg.Connection) -> Schedule:
    """A schedule that a worker is firing at this moment."""
    one = plan()
    database.execute("UPDATE scheduled_cron_executions SET due_at = now()")
    database.execute("SELECT get_ready_scheduled_crons()")
    return one


def cancelled(database: psycopg.Connection) -> Schedule:
    return schedules.cancel(ALICE, plan().id)


@pytest.mark.parametrize(("make", "told"), [(claimed, "too late"), (cancelled, "cancelled already")])
def test_too_late_is_a_conflict_that_says_so(
    database: psycopg.Connection, make: Callable[[psycopg.Connection], Schedule], told: str
) -> None:
    one = make(database)
    acts: list[Callable[[], object]] = [
        lambda: schedules.cancel(ALICE, one.id),
        lambda: schedules.change(ALICE, one.id, scheduled_at=ahead()),
        lambda: schedules.change(ALICE, one.id, parameters={}),
    ]
    for act in acts:
        with pytest.raises(Conflict, match=told):
            act()


def test_marking_twice_is_the_same_and_otherwise_a_conflict() -> None:
    one = plan()
    failed = schedules.mark_failed(ROOT, one.id, "why")
    assert schedules.mark_failed(ROOT, one.id, "else") == failed
    with pytest.raises(Conflict, match="failed already"):
        schedules.mark_triggered(ROOT, one.id, uuid4())


def test_marking_twice_is_the_same_though_the_execution_is_gone(database: psycopg.Connection) -> None:
    one, run = plan(), executions.trigger(ALICE, "nothing")
    marked = schedules.mark_triggered(ROOT, one.id, run.id)
    assert marked.triggered_execution_id == run.id
    database.execute("DELETE FROM cron_executions")
    again = schedules.mark_triggered(ROOT, one.id, run.id)
    assert (again.status, again.triggered_at) == ("triggered", marked.triggered_at)


def test_a_cron_under_way_starts_nothing_more(count: Callable[[str], int]) -> None:
    executions.trigger(ALICE, "nothing")
    first = executions.trigger(ALICE, "wait")
    with pytest.raises(Conflict, match="already running") as caught:
        executions.trigger(ALICE, "wait")
    assert caught.value.details == [f"executionId: {first.id}"]
    assert count("cron_executions") == 2
    executions.cancel(ALICE, first.id)
    assert executions.trigger(ALICE, "wait").status == "queued"


def test_the_same_schedule_starts_one_execution() -> None:
    schedule_id = uuid4()
    first = executions.trigger(ALICE, "greet", scheduled_id=schedule_id)
    assert executions.trigger(ALICE, "greet", scheduled_id=schedule_id) == first
    with pytest.raises(Conflict):
        executions.trigger(ALICE, "greet", {"name": "other"}, scheduled_id=schedule_id)


def test_a_queued_execution_ends_at_once_and_only_once() -> None:
    one = executions.cancel(ALICE, executions.trigger(ALICE, "wait").id)
    assert (one.status, one.error_message) == ("cancelled", "cancelled by alice before it began")
    with pytest.raises(Conflict, match="ended already"):
        executions.cancel(ALICE, one.id)


def test_pages_of_a_list_hold_each_row_once() -> None:
    ids = {plan(at=ahead(hours=1 + place % 3)).id for place in range(25)}
    for wanted in (Filter(), Filter(status="pending")):
        found: list[Schedule] = []
        cursor = None
        while True:
            page = schedules.find(wanted, limit=4, cursor=cursor)
            assert page.count == 25
            found += page.rows
            if (cursor := page.cursor) is None:
                break
        assert [one.id for one in found] == list(dict.fromkeys(one.id for one in found))
        assert {one.id for one in found} == ids
        instants = [one.scheduled_at for one in found]
        assert instants == sorted(instants, reverse=wanted.status is None)


def test_a_cursor_of_another_list_is_invalid() -> None:
    runs: list[Execution] = [executions.trigger(ALICE, "nothing") for _ in range(2)]
    cursor = executions.find(executions.Filter(), limit=1).cursor
    assert cursor is not None
    assert executions.find(executions.Filter(), limit=1, cursor=cursor).rows == [runs[0]]
    with pytest.raises(Invalid, match="cursor"):
        schedules.find(Filter(), cursor=cursor)


def test_a_database_that_is_away_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
    _forget()
    for act in (
        lambda: plan(),
        lambda: schedules.find(Filter()),
        lambda: executions.trigger(ALICE, "nothing"),
    ):
        with pytest.raises(Unavailable):
            act()
    with pytest.raises(Unavailable):
        core_database.migrated()
