"""Large batches, written while they are checked: all of one or nothing, and each fault by its place."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core import schedules
from core.actors import Actor
from core.errors import Invalid, Unavailable
from core.ids import id_after
from core.schedules import Plan
from core.schedules.planning_many import MAX_PROBLEMS

ALICE = Actor("alice", "operator", "dashboard")
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
COUNT = 5007


def plans(count: int = COUNT) -> list[Plan]:
    return [Plan("nothing", LATER + timedelta(seconds=place), {"place": place}) for place in range(count)]


def rows(database: psycopg.Connection, table: str) -> int:
    row = database.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_a_large_batch_is_one_and_in_order(database: psycopg.Connection) -> None:
    made = schedules.plan_many(ALICE, plans())
    assert len(made) == COUNT
    assert [one.parameters["place"] for one in made] == list(range(COUNT))
    for place in (0, 1, COUNT // 2, COUNT - 1, -1):
        assert schedules.get(made[place].id) == made[place]
    assert {one.batch_id for one in made} == {made.id}
    assert [one.id for one in made[3:5]] == [made[3].id, made[4].id]
    assert len({one.id for one in made}) == COUNT
    assert rows(database, "cron_events WHERE kind = 'schedules.created'") == 1


@pytest.mark.parametrize("place", [0, 1, 9_999, 2**24 - 1])
def test_ids_count_on_as_the_database_counts(database: psycopg.Connection, place: int) -> None:
    [(drawn,)] = database.execute("SELECT crondesk_uuid()")
    assert database.execute("SELECT crondesk_uuid_after(%s, %s)", [drawn, place]).fetchall() == [
        (id_after(drawn, place),)
    ]


@pytest.mark.parametrize("place", [0, COUNT // 2, COUNT - 1])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Plan("nowhere", LATER), "cronName"),
        (Plan("nothing", datetime.now(UTC) - timedelta(hours=1)), "scheduledAt: is in the past"),
        (Plan("nothing", datetime(2030, 1, 1)), "scheduledAt: names no zone"),  # noqa: DTZ001
    ],
)
def test_one_that_is_wrong_wherever_it_stands_leaves_nothing_behind(
    database: psycopg.Connection, place: int, wrong: Plan, said: str
) -> None:
    given = plans()
    given[place] = wrong
    with pytest.raises(Invalid) as caught:
        schedules.plan_many(ALICE, given)
    [detail] = caught.value.details
    assert detail.startswith(f"items.{place}.{said}")
    assert rows(database, "scheduled_cron_executions") == 0
    assert rows(database, "cron_events") == 0


def test_many_faults_are_told_up_to_a_bound(database: psycopg.Connection) -> None:
    with pytest.raises(Invalid) as caught:
        schedules.plan_many(ALICE, [Plan("nowhere", LATER)] * COUNT)
    assert len(caught.value.details) == MAX_PROBLEMS
    assert rows(database, "scheduled_cron_executions") == 0


class BrokenOff(list[Plan]):
    """Plans during whose reading the database ends the connection that they are written on."""

    def __init__(self, plans: list[Plan], database: psycopg.Connection) -> None:
        super().__init__(plans)
        self._database = database

    def __iter__(self) -> Iterator[Plan]:
        for place, plan in enumerate(super().__iter__()):
            if place == COUNT // 2:
                ended = self._database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%COPY sched%' "
                    "AND pid <> pg_backend_pid() AND datname = current_database()"
                ).fetchall()
                assert ended == [(True,)]
            yield plan


def test_a_database_that_breaks_off_in_the_middle_has_planned_nothing_and_takes_the_next(
    database: psycopg.Connection,
) -> None:
    with pytest.raises(Unavailable):
        schedules.plan_many(ALICE, BrokenOff(plans(), database))
    assert rows(database, "scheduled_cron_executions") == 0
    assert len(schedules.plan_many(ALICE, plans())) == COUNT
    assert rows(database, "scheduled_cron_executions") == COUNT
