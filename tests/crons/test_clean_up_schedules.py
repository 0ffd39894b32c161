"""clean-up-schedules: calls the database's function until nothing is left to delete."""

import psycopg
from alembic import command
from alembic.config import Config

from tests.crons.cron_process import ROOT, Cron, last_line

# The function's contract in small: deletes at most two finished rows a call, says how many.
CONTRACT = """
    CREATE TABLE schedule (id int, status text);
    CREATE FUNCTION cleanup_old_scheduled_crons() RETURNS integer LANGUAGE sql AS $$
        WITH gone AS (
            DELETE FROM schedule WHERE id IN
                (SELECT id FROM schedule WHERE status <> 'pending' LIMIT 2)
            RETURNING 1
        ) SELECT count(*)::int FROM gone
    $$;
"""


def migrate(database_url: str) -> None:
    migrations = Config(ROOT / "alembic.ini")
    migrations.set_main_option("sqlalchemy.url", database_url.replace("postgresql:", "postgresql+psycopg:"))
    command.upgrade(migrations, "head")


def test_the_products_own_finished_schedules_go_and_pending_ones_stay(database_url: str) -> None:
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, created_at, status)"
            " SELECT status || ' ' || age, now() - age, now() - age - interval '1 hour', status"
            " FROM unnest(ARRAY['pending', 'triggered', 'cancelled', 'failed']) status,"
            " unnest(ARRAY[interval '1 day', interval '40 days']) age"
        )

        done = Cron("clean-up-schedules", {"DATABASE_URL": database_url}).run()

        names = connection.execute("SELECT cron_name FROM scheduled_cron_executions").fetchall()
    assert done.returncode == 0, done.stderr
    assert last_line(done.stdout).startswith("3 finished schedules deleted")
    assert {name for (name,) in names if name.endswith("40 days")} == {"pending 40 days"}
    assert len(names) == 5


def test_what_retention_days_keeps_is_kept(database: psycopg.Connection, database_url: str) -> None:
    migrate(database_url)
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, created_at, status)"
        " SELECT age::text, now() - age, now() - age - interval '1 hour', 'triggered'"
        " FROM unnest(ARRAY[interval '40 days', interval '364 days', interval '366 days']) age"
    )

    done = Cron("clean-up-schedules", {"DATABASE_URL": database_url, "RETENTION_DAYS": "365"}).run()

    assert done.returncode == 0, done.stderr
    left = database.execute(
        "SELECT cron_name FROM scheduled_cron_executions ORDER BY scheduled_at"
    ).fetchall()
    assert left == [("364 days",), ("40 days",)]


def test_a_retention_that_means_nothing_deletes_nothing(database_url: str) -> None:
    done = Cron("clean-up-schedules", {"DATABASE_URL": database_url, "RETENTION_DAYS": "-1"}).run()

    assert done.returncode == 1
    assert "RETENTION_DAYS" in last_line(done.stderr)


def test_batches_are_deleted_until_none_is_left(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(CONTRACT)
        connection.execute("INSERT INTO schedule SELECT n, 'triggered' FROM generate_series(1,5) n")
        connection.execute("INSERT INTO schedule VALUES (6, 'pending')")

        done = Cron("clean-up-schedules", {"DATABASE_URL": database_url}).run()

        assert connection.execute("SELECT id FROM schedule").fetchall() == [(6,)]
    assert done.returncode == 0
    assert done.stdout.splitlines()[:3] == [
        "2 deleted, 2 so far",
        "2 deleted, 4 so far",
        "1 deleted, 5 so far",
    ]
    assert last_line(done.stdout).startswith("5 finished schedules deleted")


def test_nothing_to_delete_is_a_success(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(CONTRACT)

    done = Cron("clean-up-schedules", {"DATABASE_URL": database_url}).run()

    assert done.returncode == 0
    assert last_line(done.stdout).startswith("0 finished")


def test_a_database_without_the_product_says_to_migrate(database_url: str) -> None:
    done = Cron("clean-up-schedules", {"DATABASE_URL": database_url}).run()

    assert done.returncode == 1
    assert "run the migrations" in last_line(done.stderr)


def test_a_user_who_may_not_clean_up_is_told_so(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(CONTRACT)
        connection.execute(
            "REVOKE EXECUTE ON FUNCTION cleanup_old_scheduled_crons() FROM PUBLIC;"
            "DROP ROLE IF EXISTS crons_reader; CREATE ROLE crons_reader LOGIN"
        )
        url = database_url.replace("postgres:@", "crons_reader:@")
        done = Cron("clean-up-schedules", {"DATABASE_URL": url}).run()
        connection.execute("DROP ROLE crons_reader")

    assert done.returncode == 1
    assert "execute cleanup_old_scheduled_crons()" in last_line(done.stderr)
