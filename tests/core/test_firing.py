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

    async def ask() -> list[datetime]:
        lane = Lane(database_url, "test")
        try:
            until = datetime(9999, 6, 1, tzinfo=UTC)
            return await firing.next_instants(lane, ["nothing"], until=until, limit=10)
        finally:
            await lane.close()

    assert soon in finish(ask())


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

    async def fire() -> list[Fired]:
        lane = Lane(database_url, "test")
        try:
            crons = list(catalogue().crons.values())
            return await firing.fire(lane, "me", crons, limit=10, slots=10, told=10)
        finally:
            await lane.close()

    assert [one.outcome for one in finish(fire())] == ["conflict"]
    assert schedules.get(planned).status == "pending"
