"""What a worker asks of the database, asked without a worker."""

from datetime import UTC, datetime, timedelta

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
            crons = list(catalogue().crons.values())
            return await firing.fire(lane, "me", crons, limit=10, slots=10, told=10, at=at)
        finally:
            await lane.close()

    return finish(ask())


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
