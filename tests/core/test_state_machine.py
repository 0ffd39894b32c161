"""A schedule's life in any order of events: what has ended stays ended, and nothing runs twice."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from psycopg.rows import dict_row

from core import firing, schedules
from core.actors import Actor
from core.catalogue import catalogue
from core.errors import Conflict
from core.firing import Claimed, Settlement
from core.lane import Lane

ALICE = Actor("alice", "admin", "cli")
WORKERS = ("one", "two")
places = st.integers(0, 20)
workers = st.sampled_from(WORKERS)
Row = dict[str, Any]
LANES: dict[str, Any] = {}


class Life(RuleBasedStateMachine):
    """Two workers, and people, on a handful of schedules."""

    @initialize()
    def begin(self) -> None:
        self.connection = LANES["connection"]
        self.connection.execute(
            "TRUNCATE scheduled_cron_executions, cron_executions, cron_hourly_changes, cron_hourly CASCADE"
        )
        self.ids: list[UUID] = []
        self.ended: dict[UUID, Row] = {}
        self.claims: dict[str, list[Claimed]] = {worker: [] for worker in WORKERS}

    @rule(cron=st.sampled_from(["nothing", "greet", "wait", "hook"]))
    def plan(self, cron: str) -> None:
        self.ids.append(schedules.plan(ALICE, cron, datetime.now(UTC) + timedelta(hours=1)).id)

    @rule(place=places)
    def time_comes(self, place: int) -> None:
        for schedule_id in self.chosen(place):
            self.connection.execute(
                "UPDATE scheduled_cron_executions SET due_at = clock_timestamp(), "
                "scheduled_at = created_at + interval '1 microsecond' "
                "WHERE id = %s AND claimed_by IS NULL AND status = 'pending'",
                [schedule_id],
            )

    @rule(place=places)
    def lease_ends(self, place: int) -> None:
        for schedule_id in self.chosen(place):
            self.connection.execute(
                "UPDATE scheduled_cron_executions SET due_at = clock_timestamp() "
                "WHERE id = %s AND claimed_by IS NOT NULL AND status = 'pending'",
                [schedule_id],
            )

    @rule(place=places)
    def cancel(self, place: int) -> None:
        self.person(place, lambda schedule_id: schedules.cancel(ALICE, schedule_id))

    @rule(place=places)
    def move(self, place: int) -> None:
        later = datetime.now(UTC) + timedelta(hours=2)
        self.person(place, lambda schedule_id: schedules.change(ALICE, schedule_id, scheduled_at=later))

    @rule(place=places, error=st.booleans())
    def mark(self, place: int, error: bool) -> None:
        def settle(schedule_id: UUID) -> schedules.Schedule:
            if error:
                return schedules.mark_failed(ALICE, schedule_id, "by hand")
            return schedules.mark_triggered(ALICE, schedule_id, UUID(int=1))

        for schedule_id in self.chosen(place):
            before = schedules.get(schedule_id)
            try:
                settle(schedule_id)
            except Conflict:
                assert before.status != "pending"

    @rule(worker=workers)
    def fire(self, worker: str) -> None:
        crons = [cron for cron in catalogue().crons.values() if cron.fires_here]
        ask(firing.fire(LANES[worker], worker, crons, limit=10, slots=2, told=50))

    @rule(worker=workers)
    def claim(self, worker: str) -> None:
        lease = timedelta(minutes=1)
        found = ask(firing.claim(LANES[worker], worker, ["hook"], limit=10, lease=lease, ahead=timedelta(0)))
        self.claims[worker] += found

    @rule(worker=workers, outcome=st.sampled_from(["triggered", "failed", "conflict", "failure"]))
    def settle(self, worker: str, outcome: Any) -> None:
        now = datetime.now(UTC)
        again = now if outcome in ("conflict", "failure") else None
        claims, self.claims[worker] = self.claims[worker], []
        told = [Settlement(one, outcome, now, now, again_at=again, error="e") for one in claims]
        settled = ask(firing.settle(LANES[worker], worker, told))
        assert settled <= {one.id for one in claims}

    @rule(worker=workers)
    def hand_back(self, worker: str) -> None:
        claims, self.claims[worker] = self.claims[worker], []
        ask(firing.hand_back(LANES[worker], worker, claims))

    @rule()
    def runs_end(self) -> None:
        self.connection.execute("UPDATE cron_executions SET status = 'completed' WHERE status <> 'completed'")

    def chosen(self, place: int) -> list[UUID]:
        return [self.ids[place % len(self.ids)]] if self.ids else []

    def person(self, place: int, act: Callable[[UUID], schedules.Schedule]) -> None:
        """What a person does succeeds on what nobody fires, and is a conflict otherwise."""
        for schedule_id in self.chosen(place):
            before = schedules.get(schedule_id)
            free = before.status == "pending" and (
                before.claimed_by is None or before.due_at <= datetime.now(UTC)
            )
            try:
                act(schedule_id)
            except Conflict:
                assert not free
            else:
                assert free

    @invariant()
    def what_has_ended_stays_as_it_was(self) -> None:
        rows = self.connection.execute("SELECT * FROM scheduled_cron_executions").fetchall()
        for row in rows:
            if row["id"] in self.ended:
                assert row == self.ended[row["id"]]
            elif row["status"] != "pending":
                self.ended[row["id"]] = row
                assert row["claimed_by"] is None

    @invariant()
    def what_ends_is_counted_once(self) -> None:
        counted = self.connection.execute(
            "SELECT kind, cron_name, status, sum(count) AS n FROM cron_hourly_changes "
            "GROUP BY 1, 2, 3 HAVING sum(count) <> 0 ORDER BY 1, 2, 3"
        ).fetchall()
        there = self.connection.execute(
            "SELECT 'execution' AS kind, cron_name, status, count(*) AS n FROM cron_executions "
            "WHERE status NOT IN ('queued', 'running') GROUP BY 2, 3 UNION ALL "
            "SELECT 'schedule', cron_name, status, count(*) FROM scheduled_cron_executions "
            "WHERE status <> 'pending' GROUP BY 2, 3 ORDER BY 1, 2, 3"
        ).fetchall()
        assert counted == there

    @invariant()
    def executions_and_schedules_agree(self) -> None:
        rows = self.connection.execute(
            "SELECT s.status, s.triggered_execution_id, s.execution_id, s.error_message, e.id "
            "FROM scheduled_cron_executions s LEFT JOIN cron_executions e ON e.scheduled_id = s.id"
        ).fetchall()
        assert len(rows) == len(self.ids)
        for row in rows:
            if row["status"] in ("pending", "cancelled"):
                assert row["id"] is None
            elif row["id"] is not None:
                assert row["triggered_execution_id"] == row["id"] == row["execution_id"]
            if row["status"] == "failed":
                assert row["error_message"]


def ask(call: Any) -> Any:
    return LANES["loop"].run_until_complete(call)


@pytest.fixture
def lanes(database_url: str) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        LANES.update(loop=loop, connection=connection)
        LANES.update({worker: Lane(database_url, worker) for worker in WORKERS})
        yield
    for worker in WORKERS:
        loop.run_until_complete(LANES[worker].close())
    loop.close()
    LANES.clear()


def test_in_any_order_what_has_ended_stays_ended_and_nothing_runs_twice(lanes: None) -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
