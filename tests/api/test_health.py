"""Health, readiness and metrics."""

from collections.abc import Callable

import psycopg
import pytest

from api.authentication import is_loopback
from tests.api.caller import Caller


@pytest.fixture
def near(server: str, database_url: str) -> Caller:
    """Calls without a token, from this machine."""
    return Caller(server, {})


@pytest.mark.parametrize("path", ["//healthz", "//readyz", "//metrics"])
def test_who_is_near_needs_no_token(near: Caller, path: str) -> None:
    assert near("GET", path).status_code == 200


@pytest.mark.parametrize("path", ["//healthz", "//readyz", "//metrics"])
def test_who_comes_from_afar_needs_the_token(near: Caller, api: Caller, path: str) -> None:
    # The server believes a proxy on this machine where a request comes from.
    afar = {"X-Forwarded-For": "192.0.2.7"}

    assert near("GET", path, headers=afar).status_code == 401
    assert api("GET", path, headers=afar).status_code == 200


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("10.0.0.1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_near_is_a_loopback_address(host: str, near: bool) -> None:
    assert is_loopback(host) is near


def test_readiness_says_what_is_ready(near: Caller) -> None:
    assert near("GET", "//readyz").json() == {
        "success": True,
        "database": "reachable",
        "migrations": "current",
    }


def test_readiness_says_that_migrations_are_missing(near: Caller, database: psycopg.Connection) -> None:
    database.execute("UPDATE alembic_version SET version_num = '0000'")

    response = near("GET", "//readyz")

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert response.json()["success"] is False
    assert "not current" in response.json()["migrations"]


def test_metrics_tell_how_the_crons_stand(near: Caller, api: Caller, database: psycopg.Connection) -> None:
    api.plan()
    api.plan()
    api("POST", "/trigger", json={"cronName": "greet"})
    api("POST", "/trigger", json={"cronName": "wait"})
    database.execute("UPDATE cron_executions SET status = 'running' WHERE cron_name = 'wait'")
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, created_at, scheduled_at, due_at) "
        "SELECT 'nothing', at - interval '1 day', at, at FROM (SELECT now() - interval '1 minute' AS at) due"
    )
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, slots, beat_at) "
        "VALUES ('w', 'h', 1, '1', 4, now() - interval '20 seconds'), "
        "('gone', 'h', 2, '1', 4, now() - interval '2 hours')"
    )

    value = _metrics(near)

    assert value("crondesk_database_up") == 1
    assert value("crondesk_schedules_pending") == 3
    assert value("crondesk_schedules_overdue") == 1
    assert value("crondesk_executions_running") == 1
    assert value("crondesk_executions_queued") == 1
    assert value("crondesk_workers_alive") == 1
    assert 20 <= value("crondesk_worker_beat_age_seconds") < 60


def test_metrics_count_requests_by_route_not_by_path(near: Caller, api: Caller) -> None:
    scheduled = api.plan()
    route = 'method="PATCH",route="/api/admin/cron-executions/schedule/{id}"'
    before = _metrics(near)(f'crondesk_api_requests_total{{{route},status="200"}}')

    api("PATCH", f"/schedule/{scheduled['id']}", json={"scheduledAt": "2031-01-01T00:00:00Z"})
    for name in ("one", "two"):
        api("GET", f"//api/{name}")

    after = _metrics(near)
    assert after(f'crondesk_api_requests_total{{{route},status="200"}}') == before + 1
    assert after(f"crondesk_api_request_seconds_count{{{route}}}") >= 1
    text = near("GET", "//metrics").text
    assert scheduled["id"] not in text
    assert "/api/one" not in text


def _metrics(caller: Caller) -> Callable[[str], float]:
    response = caller("GET", "//metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    lines = [line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#")]
    found = {name: float(value) for name, value in lines}
    return lambda name: found.get(name, 0.0)
