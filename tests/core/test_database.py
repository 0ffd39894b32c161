"""The one database: what its failures say, and what they keep to themselves."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.actors import Actor
from core.database import AWAY, BUSY, FULL, NOT_MIGRATED, changing, passwords, reading
from core.errors import Conflict, Unavailable
from core.settings import settings

ALICE = Actor("alice", "operator", "api")


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM no_such_table", "SELECT no_such_column FROM cron_events", "SELECT no_such_function()"],
)
def test_what_a_migration_would_bring_is_said_to_be_missing(database_url: str, statement: str) -> None:
    with pytest.raises(Unavailable) as caught, reading() as connection:
        connection.execute(text(statement))
    assert caught.value.message == NOT_MIGRATED


def test_what_the_database_refuses_as_it_is_being_fired_is_a_conflict(database: psycopg.Connection) -> None:
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, claimed_by) "
        "VALUES ('greet', now() + interval '1 h', now() + interval '2 h', 'somebody')"
    )
    with pytest.raises(Conflict, match="is being fired by somebody"), reading() as connection:
        connection.execute(text("UPDATE scheduled_cron_executions SET status = 'cancelled'"))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)", BUSY),
        ("SET LOCAL lock_timeout = 20; LOCK TABLE cron_presets", BUSY),
        ("DO $$ BEGIN RAISE disk_full; END $$", FULL),
        ("DO $$ BEGIN RAISE deadlock_detected; END $$", BUSY),
        ("SELECT pg_terminate_backend(pg_backend_pid())", AWAY),
    ],
)
def test_a_database_that_answers_is_not_said_to_be_away(
    database: psycopg.Connection, statement: str, told: str
) -> None:
    with database.transaction():
        database.execute("LOCK TABLE cron_presets IN ACCESS SHARE MODE")
        with pytest.raises(Unavailable) as caught, changing(ALICE) as connection:
            connection.execute(text(statement))
    assert caught.value.message == told


def test_a_fault_of_a_statement_does_not_tell_its_parameters(database_url: str) -> None:
    with pytest.raises(DBAPIError) as caught, reading() as connection:
        connection.execute(text("SELEC :given"), {"given": "open-sesame"})
    assert "open-sesame" not in str(caught.value)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("url", "forms"),
    [
        ("postgresql://me:open%2Fsesame@somewhere/else", {"open/sesame", "open%2Fsesame", "open%252Fsesame"}),
        ("postgresql://me@somewhere/else?password=open-sesame", {"open-sesame"}),
        (
            "postgresql://me:open%22ses%5Came@somewhere/else",
            {
                'open"ses\\ame',
                'open"ses\\\\ame',
                'open\\"ses\\\\ame',
                "open%22ses%5Came",
                "open%2522ses%255Came",
            },
        ),
        ("postgresql://me@somewhere/else", set()),
    ],
)
def test_a_password_is_known_wherever_the_address_has_it(
    monkeypatch: pytest.MonkeyPatch, url: str, forms: set[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    assert passwords() == forms
