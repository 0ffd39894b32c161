"""Page by page, every row comes once."""

import psycopg
import pytest

from tests.api.caller import Caller

ROWS = 2500


@pytest.mark.parametrize("query", [{}, {"status": "pending"}, {"cronName": "nothing"}])
def test_pages_of_schedules_have_no_gap_and_no_double(
    api: Caller, database: psycopg.Connection, query: dict[str, str]
) -> None:
    # Many at the same instant: only the id tells them apart.
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at) "
        "SELECT 'nothing', at, at FROM (SELECT now() + make_interval(hours => 1 + n / 700) AS at "
        "FROM generate_series(1, %s) n) planned",
        [ROWS],
    )

    found = _all(api, "/schedule", "scheduled", query)

    assert len(found) == len(set(found)) == ROWS
    order = "due_at, id" if query.get("status") == "pending" else "scheduled_at DESC, id DESC"
    expected = database.execute(f"SELECT id::text FROM scheduled_cron_executions ORDER BY {order}")
    assert found == [row[0] for row in expected]


def test_pages_of_executions_have_no_gap_and_no_double(api: Caller, database: psycopg.Connection) -> None:
    database.execute(
        "INSERT INTO cron_executions (cron_name, target) "
        "SELECT 'nothing', 'noop' FROM generate_series(1, %s)",
        [ROWS],
    )

    found = _all(api, "/", "executions", {})

    assert len(found) == len(set(found)) == ROWS
    expected = database.execute("SELECT id::text FROM cron_executions ORDER BY id DESC")
    assert found == [row[0] for row in expected]


def test_rows_that_come_between_two_pages_shift_nothing(api: Caller) -> None:
    before = [api.plan(scheduledAt=f"2031-01-01T00:00:{second:02}Z")["id"] for second in range(10)]
    first = api("GET", "/schedule", params={"status": "pending", "limit": 5}).json()
    api.plan(scheduledAt="2030-01-01T00:00:00Z")
    api("DELETE", "/schedule", params={"id": before[0]})

    second = api(
        "GET", "/schedule", params={"status": "pending", "limit": 5, "cursor": first["nextCursor"]}
    ).json()

    assert [scheduled["id"] for scheduled in first["scheduled"] + second["scheduled"]] == before


def _all(api: Caller, path: str, name: str, query: dict[str, str]) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = {"limit": "333", **query} | ({"cursor": cursor} if cursor else {})
        response = api("GET", path, params=page)
        assert response.status_code == 200, response.text
        answered = response.json()
        assert answered["count"] == ROWS
        found += [row["id"] for row in answered[name]]
        cursor = answered["nextCursor"]
        if cursor is None:
            return found
