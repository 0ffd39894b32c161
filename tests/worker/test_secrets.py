"""Secrets by reference in a live worker: the target gets the value, and nobody else does."""

import psycopg
import pytest

from tests.worker.house import House
from tests.worker.target_server import TargetServer
from tests.worker.worker_process import WorkerProcess

PART = "kestrel"  # as no chance writes it; the rest is written in more than one way
HUSH = f'hush "{PART}" é'
REFERENCE = {"token": {"$secret": "API_TOKEN"}}
# As long as the token must be, and written otherwise in JSON.
TOKEN = r'token-of-"a\kestrel"'
HEADER = r'header-of-"a\kestrel"'
MISSING = {"token": {"$secret": "NOT_SET"}}


@pytest.fixture(scope="module")
def worker(house: House) -> WorkerProcess:
    return house.start_worker(API_TOKEN=HUSH, CRON_SECRET=TOKEN, HOOK_TOKEN=HEADER, PGPASSWORD=f"pg{PART}")


def everything(house: House) -> str:
    """All that the database holds, as text."""
    with psycopg.connect(house.url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            str(row) for (table,) in tables for row in connection.execute(f"SELECT * FROM {table}".encode())
        )


def test_a_command_gets_the_value_three_ways_and_it_stands_nowhere_else(
    house: House, worker: WorkerProcess
) -> None:
    execution = house.run("keeper", REFERENCE)
    assert execution["status"] == "completed", execution["error_message"]
    assert house.output(execution) == f"True {len(HUSH)} False *****\n"
    assert execution["parameters"] == REFERENCE
    assert PART not in everything(house)
    assert PART not in worker.log


def test_a_password_of_the_database_reaches_only_who_names_it_and_is_masked(
    house: House, worker: WorkerProcess
) -> None:
    assert "PGPASSWORD" not in house.output(house.run("show"))
    trusted = house.run("trusted")
    assert trusted["status"] == "completed"
    assert house.output(trusted, ["stderr"]).endswith(" *****\n")


def test_a_service_gets_the_value_in_the_body_and_its_echo_is_masked(
    house: House, worker: WorkerProcess, target: TargetServer
) -> None:
    schedule_id = house.plan("teller", REFERENCE)
    execution = house.ended(schedule_id)
    [arrival] = target.of(schedule_id)
    assert arrival.body["parameters"] == {"token": HUSH}
    assert "*****" in house.output(execution)
    assert PART not in everything(house)
    assert PART not in worker.log


def test_the_token_and_a_header_are_masked_where_a_service_echoes_them_as_json(
    house: House, worker: WorkerProcess, target: TargetServer
) -> None:
    schedule_id = house.plan("echo")
    execution = house.ended(schedule_id)
    [arrival] = target.of(schedule_id)
    assert arrival.headers["Authorization"] == f"Bearer {TOKEN}"
    assert arrival.headers["X-Token"] == f"token {HEADER}"
    assert '"Bearer *****"' in house.output(execution)
    assert '"token *****"' in house.output(execution)
    assert PART not in everything(house)


def test_the_token_is_masked_where_a_command_writes_it_as_json(house: House, worker: WorkerProcess) -> None:
    assert house.output(house.run("told")) == '"*****"\n'


@pytest.mark.parametrize("cron", ["keeper", "teller"])
def test_a_secret_that_is_not_set_fails_the_run_in_a_sentence_that_names_it(
    house: House, worker: WorkerProcess, target: TargetServer, cron: str
) -> None:
    schedule_id = house.plan(cron, MISSING)
    row = house.settled(schedule_id)
    error = row["error_message"] or house.ended(schedule_id)["error_message"]
    assert "the secret NOT_SET is not set: set NOT_SET in the environment of the worker" in error
    assert not target.of(schedule_id)


@pytest.mark.parametrize("name", ["API_TOKEN", "HOOK_TOKEN"])
def test_a_secret_of_parameters_or_of_a_header_is_withheld_from_commands_that_do_not_name_it(
    house: House, worker: WorkerProcess, name: str
) -> None:
    execution = house.run("show", {"text": "x"})
    assert name not in house.output(execution)


def test_a_command_that_names_the_secrets_of_others_gets_them_and_they_are_masked(
    house: House, worker: WorkerProcess
) -> None:
    execution = house.run("given")
    assert house.output(execution) == f"{len(HUSH)} *****\n{len(HEADER)} *****\n"
