"""What a worker asks of the database, asked without a worker."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from core import firing, schedules
from core.actors import Actor
from core.catalogue import catalogue
from core.errors import Refused
from core.firing import Fired
from core.lane import Lane
from tests.asynchronous import finish

ALICE = Actor("alice", "admin", "cli")


def test_a_row_that_no_program_could_read_hides_no_instant_of_the_others(
    database: psycopg.Connection, database_url: str
) -> None:
    database.execute(
        "ALTER TABLE scheduled_cron_executions DROP CONSTRAINT scheduled_cron_executions_within_the_calendar"
    )
    soon = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(minutes=1)).scheduled_at
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, created_at, due_at) "
        "SELECT 'nothing', now() + interval '1 h', '-infinity', due FROM unnest(ARRAY["
        "'-infinity', '0044-03-15 BC', '20000-01-01', 'infinity']::timestamptz[]) due"
    )

    assert soon in instants(database_url, ["nothing"], datetime(9999, 6, 1, tzinfo=UTC))


def instants(url: str, crons: list[str], until: datetime) -> list[datetime]:
    """When schedules come due, as a worker asks."""

    async def ask() -> list[datetime]:
        lane = Lane(url, "test")
        try:
            return await firing.next_instants(lane, crons, now=datetime.now(UTC), until=until, limit=10)
        finally:
            await lane.close()

    return finish(ask())


def test_of_what_is_overdue_only_the_first_instant_is_told(
    database: psycopg.Connection, database_url: str
) -> None:
    def planned(cron: str, minutes: int) -> datetime:
        instant: datetime
        [(instant,)] = database.execute(
            "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, created_at, due_at) "
            "SELECT %s, at, at - interval '1 h', at "
            "FROM (SELECT now() + make_interval(mins => %s) AS at) one RETURNING due_at",
            [cron, minutes],
        )
        return instant

    overdue = [planned(cron, -minutes) for cron in ("nothing", "greet") for minutes in (30, 20, 10)]
    ahead = [planned(cron, minutes) for cron in ("nothing", "greet") for minutes in (10, 20)]
    beyond = [planned("nothing", 40), planned("greet", 50)]
    until = datetime.now(UTC) + timedelta(minutes=30)
    assert instants(database_url, ["nothing", "greet"], until) == [
        min(overdue),
        *sorted(set(ahead)),
        min(beyond),
    ]


def fire(url: str, at: datetime | None = None) -> list[Fired]:
    """Fires whatever is due, as a worker does."""

    async def ask() -> list[Fired]:
        lane = Lane(url, "test")
        try:
            return await fire_on(lane, at)
        finally:
            await lane.close()

    return finish(ask())


async def fire_on(lane: Lane, at: datetime | None = None) -> list[Fired]:
    """Fires whatever is due on a connection that counts at once what it read and wrote."""
    crons = list(catalogue().crons.values())
    fired = await firing.fire(lane, "me", crons, limit=10, slots=10, told=10, at=at)
    # Left to itself it would count when it ends, which closing it does not wait for.
    await lane.fetch("SELECT pg_stat_force_next_flush()")
    await lane.fetch("SELECT 1")
    return fired


def planned_in(database: psycopg.Connection, milliseconds: int) -> datetime:
    """The instant, by the database's clock, of a schedule that is planned that soon."""
    instant: datetime
    [(instant,)] = database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, checked, scheduled_at) "
        "VALUES ('nothing', %s, clock_timestamp() + make_interval(secs => %s)) RETURNING scheduled_at",
        [catalogue().cron("nothing").fingerprint, milliseconds / 1000],
    )
    return instant


def test_a_statement_sent_before_the_instant_waits_for_it_and_fires_then(
    database: psycopg.Connection, database_url: str
) -> None:
    for milliseconds in range(1, 45, 4):
        instant = planned_in(database, milliseconds)
        [fired] = fire(database_url, at=instant)
        assert fired.outcome == "completed"
        assert fired.fired_at >= instant


def test_a_statement_waits_for_no_instant_that_is_far_away(
    database: psycopg.Connection, database_url: str
) -> None:
    due, later = planned_in(database, 10), planned_in(database, 3_600_000)
    database.execute("SELECT pg_sleep(0.02)")
    assert [one.scheduled_at for one in fire(database_url, at=later)] == [due]


def due(database: psycopg.Connection, *crons: str) -> list[UUID]:
    """Schedules that have been due for a minute, each a second longer than the next."""
    found = []
    for place, cron in enumerate(crons):
        [(schedule_id,)] = database.execute(
            "INSERT INTO scheduled_cron_executions (cron_name, checked, created_at, scheduled_at) "
            "SELECT %s, %s, at - interval '1 h', at "
            "FROM (SELECT now() - make_interval(secs => %s) AS at) one RETURNING id",
            [cron, catalogue().cron(cron).fingerprint, 60 - place],
        )
        found.append(schedule_id)
    return found


def test_one_that_meets_another_run_holds_up_none_of_its_batch(
    database: psycopg.Connection, database_url: str
) -> None:
    first, second, other = due(database, "wait", "wait", "nothing")
    [unchecked] = due(database, "nothing")
    database.execute("UPDATE scheduled_cron_executions SET checked = 'else' WHERE id = %s", [unchecked])
    fired = fire(database_url)
    assert {one.schedule_id: one.outcome for one in fired} == {
        first: "running",
        second: "conflict",
        other: "completed",
        unchecked: "unchecked",
    }
    # The other way round: nothing is in the way, and the unchecked one is left.
    other, another = due(database, "nothing", "nothing")
    database.execute("UPDATE scheduled_cron_executions SET checked = 'else' WHERE id = %s", [another])
    fired = fire(database_url)
    assert {one.schedule_id: one.outcome for one in fired} == {other: "completed", another: "unchecked"}
    ids = [one.execution_id for one in fired if one.execution_id]
    rows = database.execute("SELECT scheduled_id FROM cron_executions WHERE id = ANY (%s)", [ids]).fetchall()
    assert rows == [(other,)]


def test_where_one_meets_another_run_little_is_done_twice(
    database: psycopg.Connection, database_url: str
) -> None:
    def written(table: str) -> int:
        database.execute("SELECT pg_stat_force_next_flush()")
        row = database.execute(
            "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = %s", [table]
        ).fetchone()
        assert row is not None
        return int(row[0])

    due(database, "wait")
    assert [one.outcome for one in fire(database_url)] == ["running"]
    due(database, *["nothing"] * 9, "wait")
    schedules_before, executions_before = (
        written(table) for table in ("scheduled_cron_executions", "cron_executions")
    )
    assert sorted(one.outcome for one in fire(database_url)) == ["completed"] * 9 + ["conflict"]
    assert written("scheduled_cron_executions") - schedules_before == 10
    assert written("cron_executions") - executions_before < 9 + 3


def test_ended_runs_and_schedules_to_come_cost_a_firing_nothing(
    database: psycopg.Connection, database_url: str
) -> None:
    async def ask() -> None:
        lane = Lane(database_url, "test")
        try:
            due(database, "wait")
            for _ in range(8):  # of a plan that is kept for all arguments, five are made for some before
                due(database, "nothing")
                assert "completed" in [one.outcome for one in await fire_on(lane)]
            fill(database)
            before = entries_read(database)
            due(database, "nothing", "wait")
            assert sorted(one.outcome for one in await fire_on(lane)) == ["completed", "conflict"]
            assert entries_read(database) - before < 300
        finally:
            await lane.close()

    finish(ask())


def fill(database: psycopg.Connection) -> None:
    """20,000 ended runs of the crons that fire, and as many schedules to come."""
    database.execute(
        "INSERT INTO cron_executions (cron_name, target, status, started_at, finished_at, scheduled_id) "
        "SELECT CASE g % 2 WHEN 0 THEN 'wait' ELSE 'nothing' END, 'noop', 'completed', now(), now(), "
        "crondesk_uuid() FROM generate_series(1, 20000) g"
    )
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at) "
        "SELECT CASE g % 2 WHEN 0 THEN 'wait' ELSE 'nothing' END, now() + g * interval '1 minute' "
        "FROM generate_series(1, 20000) g"
    )
    database.execute("ANALYZE cron_executions, scheduled_cron_executions")


def entries_read(database: psycopg.Connection) -> int:
    """Index entries and scanned rows that statements have read so far, of schedules and executions."""
    row = database.execute(
        "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = ANY (t)) "
        "     + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = ANY (t)) "
        "FROM (VALUES (ARRAY['scheduled_cron_executions', 'cron_executions'])) tables (t)"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_what_the_database_refuses_is_said_without_the_values(database_url: str) -> None:
    async def ask() -> None:
        lane = Lane(database_url, "test")
        try:
            await lane.fetch("SELECT %s::jsonb", ('{"open": sesame}',))
        finally:
            await lane.close()

    with pytest.raises(Refused) as caught:
        finish(ask())
    assert "sesame" not in caught.value.message


def test_an_execution_of_another_cron_settles_no_schedule(
    database: psycopg.Connection, database_url: str
) -> None:
    planned = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1)).id
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '2 h', "
        "scheduled_at = now() - interval '1 h'"
    )
    database.execute(
        "INSERT INTO cron_executions (cron_name, target, scheduled_id) VALUES ('greet', 'command', %s)",
        [planned],
    )

    assert [one.outcome for one in fire(database_url)] == ["conflict"]
    assert schedules.get(planned).status == "pending"
