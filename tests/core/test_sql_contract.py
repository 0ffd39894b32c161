"""The public functions, triggers and the view, as psql and shell scripts use them: in autocommit."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

Count = Callable[[str], int]
Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def sql(database_url: str) -> Any:
    """Runs a statement in autocommit and gives its rows."""
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:

        def run(query: str, *values: Any) -> list[dict[str, Any]]:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

        yield run


def insert(sql: Sql, seconds: float = 3600, count: int = 1) -> list[UUID]:
    rows = sql(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at) "
        "SELECT 'nothing', clock_timestamp() + make_interval(secs => %s) FROM generate_series(1, %s) "
        "RETURNING id",
        seconds,
        count,
    )
    return [row["id"] for row in rows]


def due(sql: Sql, count: int = 1) -> list[UUID]:
    """Schedules whose instant has come, as after an hour of waiting."""
    ids = insert(sql, count=count)
    sql(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '2 h', "
        "scheduled_at = now() - interval '1 h' WHERE id = ANY (%s)",
        ids,
    )
    return ids


def claim(sql: Sql, arguments: str = "") -> list[dict[str, Any]]:
    return sql(f"SELECT * FROM get_ready_scheduled_crons({arguments})")


def one(sql: Sql, schedule_id: UUID) -> dict[str, Any]:
    [row] = sql("SELECT * FROM scheduled_cron_executions WHERE id = %s", schedule_id)
    return row


def test_twenty_sessions_never_get_the_same_row(sql: Sql, database_url: str) -> None:
    ids = due(sql, 2000)

    def work(_: int) -> list[UUID]:
        mine: list[UUID] = []
        with psycopg.connect(database_url, autocommit=True) as connection:
            while rows := connection.execute("SELECT id FROM get_ready_scheduled_crons(17)").fetchall():
                mine += [row[0] for row in rows]
                for row in rows:
                    done = connection.execute(
                        "SELECT mark_scheduled_cron_triggered(%s, NULL)", row
                    ).fetchone()
                    assert done == (True,)
        return mine

    with ThreadPoolExecutor(20) as pool:
        got = Counter(schedule_id for mine in pool.map(work, range(20)) for schedule_id in mine)
    assert got == Counter(ids)
    assert sql("SELECT count(*) AS n FROM scheduled_cron_executions WHERE status = 'triggered'") == [
        {"n": 2000}
    ]


def test_without_arguments_it_claims_up_to_a_hundred_for_a_minute(sql: Sql) -> None:
    due(sql, 150)
    claimed = claim(sql)
    assert len(claimed) == 100
    [lease] = sql("SELECT %s - now() AS left", claimed[0]["due_at"])
    assert 55 < lease["left"].total_seconds() <= 60
    assert claimed[0]["claimed_by"].startswith("sql:")
    assert {row["attempts"] for row in claimed} == {1}
    assert len(claim(sql)) == 50
    assert claim(sql) == []


def test_what_is_not_due_yet_is_not_claimed(sql: Sql) -> None:
    insert(sql, 30)
    assert claim(sql) == []
    assert len(claim(sql, "10, 'me', '1 minute', '40 seconds'")) == 1


def test_only_the_crons_that_were_asked_for_are_claimed(sql: Sql) -> None:
    due(sql)
    assert claim(sql, "10, 'me', '1 minute', '0', ARRAY['other']") == []
    assert len(claim(sql, "10, 'me', '1 minute', '0', ARRAY['nothing', 'other']")) == 1


@pytest.mark.parametrize(
    "arguments", ["-1", "NULL", "1, ''", "1, NULL", "1, 'me', '0'", "1, 'me', '1 s', '-1 s'"]
)
def test_arguments_that_mean_nothing_are_refused(sql: Sql, arguments: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        claim(sql, arguments)


def test_a_lease_that_ends_makes_the_row_due_again_with_the_next_attempt(sql: Sql) -> None:
    [schedule_id] = due(sql)
    [first] = claim(sql, "1, 'first', '10 milliseconds'")
    sql("SELECT pg_sleep(0.02)")
    [second] = claim(sql, "1, 'second'")
    assert second["id"] == first["id"] == schedule_id
    assert (first["attempts"], second["attempts"]) == (1, 2)
    assert second["execution_id"] == first["execution_id"]
    [event] = sql("SELECT * FROM cron_events WHERE kind = 'schedule.lease_expired'")
    assert event["details"] == {"worker": "first", "attempt": 1}


@pytest.mark.parametrize(
    ("mark", "status"),
    [
        ("mark_scheduled_cron_triggered(%s, NULL)", "triggered"),
        ("mark_scheduled_cron_failed(%s, 'why')", "failed"),
    ],
)
def test_marking_says_whether_it_did_and_changes_nothing_twice(sql: Sql, mark: str, status: str) -> None:
    [schedule_id] = due(sql)
    claim(sql)
    assert sql(f"SELECT {mark} AS done", schedule_id) == [{"done": True}]
    row = one(sql, schedule_id)
    assert (row["status"], row["claimed_by"]) == (status, None)
    for again in ("mark_scheduled_cron_triggered(%s, NULL)", "mark_scheduled_cron_failed(%s, 'else')"):
        assert sql(f"SELECT {again} AS done", schedule_id) == [{"done": False}]
    assert one(sql, schedule_id) == row
    assert sql(f"SELECT {mark} AS done", uuid4()) == [{"done": False}]
    [event] = sql("SELECT * FROM cron_events WHERE schedule_id = %s", schedule_id)
    assert (event["kind"], event["via"]) == (f"schedule.{status}", "sql")


def test_marking_links_an_execution_that_is_here_and_notes_one_that_is_not(sql: Sql) -> None:
    here, elsewhere = due(sql, 2)
    [execution] = sql(
        "INSERT INTO cron_executions (cron_name, target) VALUES ('nothing', 'noop') RETURNING id"
    )
    sql("SELECT mark_scheduled_cron_triggered(%s, %s)", here, execution["id"])
    other = uuid4()
    sql("SELECT mark_scheduled_cron_triggered(%s, %s)", elsewhere, other)
    assert one(sql, here)["triggered_execution_id"] == execution["id"]
    assert one(sql, elsewhere)["triggered_execution_id"] is None
    assert one(sql, elsewhere)["execution_id"] == other


def test_a_reference_to_an_execution_is_held_as_a_foreign_key_holds_it(sql: Sql) -> None:
    moved, inserted, kept = due(sql, 3)
    refer = "UPDATE scheduled_cron_executions SET triggered_execution_id = %s WHERE id = %s"
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="triggered_execution_id"):
        sql(refer, uuid4(), moved)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        sql(
            "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, triggered_execution_id) "
            "VALUES ('nothing', now() + interval '1 hour', %s)",
            uuid4(),
        )
    runs = sql(
        "INSERT INTO cron_executions (cron_name, target) VALUES ('a', 'noop'), ('b', 'noop') RETURNING id"
    )
    for schedule, run in zip((moved, kept), runs, strict=True):
        sql(refer, run["id"], schedule)
    sql("DELETE FROM cron_executions WHERE id = %s", runs[0]["id"])
    assert one(sql, moved)["triggered_execution_id"] is None
    assert one(sql, kept)["triggered_execution_id"] == runs[1]["id"]
    assert one(sql, inserted)["triggered_execution_id"] is None


def test_whoever_refers_to_a_deleted_execution_lets_go_of_it(sql: Sql) -> None:
    fired, marked, claimed = due(sql, 3)
    [own] = sql(
        "INSERT INTO cron_executions (cron_name, target, scheduled_id) VALUES ('nothing', 'noop', %s) "
        "RETURNING id",
        fired,
    )
    [foreign] = sql("INSERT INTO cron_executions (cron_name, target) VALUES ('nothing', 'noop') RETURNING id")
    sql("SELECT mark_scheduled_cron_triggered(%s, %s)", fired, own["id"])
    sql("SELECT mark_scheduled_cron_triggered(%s, %s)", marked, foreign["id"])
    # The id that its claim gave, of an execution that does not name its schedule.
    [given] = sql("SELECT execution_id AS id FROM get_ready_scheduled_crons(1)")
    sql("INSERT INTO cron_executions (id, cron_name, target) VALUES (%s, 'nothing', 'noop')", given["id"])
    sql("SELECT mark_scheduled_cron_triggered(%s, %s)", claimed, given["id"])
    runs = {fired: own["id"], marked: foreign["id"], claimed: given["id"]}
    for schedule_id, execution_id in runs.items():
        assert one(sql, schedule_id)["triggered_execution_id"] == execution_id
        sql("DELETE FROM cron_executions WHERE id = %s", execution_id)
        assert one(sql, schedule_id)["triggered_execution_id"] is None


@pytest.mark.parametrize(
    "by_hand",
    [
        "UPDATE cron_executions SET scheduled_id = NULL",
        "UPDATE cron_executions SET scheduled_id = crondesk_uuid()",
        "UPDATE scheduled_cron_executions SET id = crondesk_uuid()",
        "UPDATE scheduled_cron_executions SET execution_id = triggered_execution_id",
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_a_reference_is_let_go_of_whatever_was_changed_by_hand(sql: Sql, by_hand: str, own: bool) -> None:
    [schedule_id] = due(sql)
    [run] = sql(
        "INSERT INTO cron_executions (cron_name, target, scheduled_id) VALUES ('nothing', 'noop', %s) "
        "RETURNING id",
        schedule_id if own else None,
    )
    sql("SELECT mark_scheduled_cron_triggered(%s, %s)", schedule_id, run["id"])
    sql(by_hand)
    [row] = sql("SELECT * FROM scheduled_cron_executions")
    assert row["triggered_execution_id"] == run["id"]
    sql("DELETE FROM cron_executions")
    [row] = sql("SELECT * FROM scheduled_cron_executions")
    assert row["triggered_execution_id"] is None


def test_an_execution_is_not_deleted_from_under_a_reference_that_is_being_made(
    sql: Sql, database_url: str
) -> None:
    [schedule_id] = due(sql)
    [run] = sql("INSERT INTO cron_executions (cron_name, target) VALUES ('nothing', 'noop') RETURNING id")
    with psycopg.connect(database_url) as other:
        other.execute(
            "UPDATE scheduled_cron_executions SET triggered_execution_id = %s WHERE id = %s",
            [run["id"], schedule_id],
        )
        sql("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            sql("DELETE FROM cron_executions WHERE id = %s", run["id"])
    sql("DELETE FROM cron_executions WHERE id = %s", run["id"])
    assert one(sql, schedule_id)["triggered_execution_id"] is None


def test_the_actor_of_a_session_stands_in_its_events(sql: Sql) -> None:
    [schedule_id] = due(sql)
    sql("SET crondesk.actor = 'alice'")
    sql("SELECT mark_scheduled_cron_failed(%s, '')", schedule_id)
    [event] = sql("SELECT * FROM cron_events")
    assert (event["actor"], event["details"]["error"]) == ("alice", "failed without a reason")


def test_a_row_without_due_at_is_due_at_its_instant(sql: Sql) -> None:
    [schedule_id] = insert(sql)
    row = one(sql, schedule_id)
    assert row["due_at"] == row["scheduled_at"]
    assert (row["status"], row["attempts"], row["parameters"]) == ("pending", 0, {})


def test_moving_by_hand_moves_due_at(sql: Sql) -> None:
    [schedule_id] = insert(sql)
    sql("UPDATE scheduled_cron_executions SET scheduled_at = scheduled_at + interval '1 day'")
    row = one(sql, schedule_id)
    assert row["due_at"] == row["scheduled_at"]


@pytest.mark.parametrize(
    "change",
    [
        "status = 'cancelled'",
        "scheduled_at = scheduled_at + interval '1 h'",
        "parameters = '{\"x\": 1}'",
        "cron_name = 'y'",
    ],
)
def test_what_is_being_fired_refuses_a_change_by_hand(sql: Sql, change: str) -> None:
    [schedule_id] = due(sql)
    claim(sql)
    with pytest.raises(psycopg.errors.ObjectInUse, match="too late"):
        sql(f"UPDATE scheduled_cron_executions SET {change} WHERE id = %s", schedule_id)
    sql("UPDATE scheduled_cron_executions SET due_at = now() WHERE id = %s", schedule_id)
    sql(f"UPDATE scheduled_cron_executions SET {change} WHERE id = %s", schedule_id)


def test_the_past_is_refused_when_a_row_is_made_and_only_then(sql: Sql) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="in_the_future"):
        insert(sql, -1)
    [schedule_id] = due(sql)
    sql(
        "UPDATE scheduled_cron_executions SET created_by = 'bob', error_message = 'late' WHERE id = %s",
        schedule_id,
    )
    assert one(sql, schedule_id)["created_by"] == "bob"


@pytest.mark.parametrize("status", ["skipped", "", "PENDING"])
def test_no_other_status_is_taken(sql: Sql, status: str) -> None:
    [schedule_id] = insert(sql)
    with pytest.raises(psycopg.errors.CheckViolation, match="status_known"):
        sql("UPDATE scheduled_cron_executions SET status = %s WHERE id = %s", status, schedule_id)


def test_a_second_execution_of_a_schedule_is_refused(sql: Sql) -> None:
    [schedule_id] = due(sql)
    make = "INSERT INTO cron_executions (cron_name, target, scheduled_id) VALUES ('nothing', 'noop', %s)"
    sql(make, schedule_id)
    with pytest.raises(psycopg.errors.UniqueViolation):
        sql(make, schedule_id)


def test_of_an_exclusive_cron_one_execution_is_under_way_at_most(sql: Sql) -> None:
    make = (
        "INSERT INTO cron_executions (cron_name, target, exclusive, status) VALUES ('x', 'command', true, %s)"
    )
    sql(make, "running")
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_at_a_time"):
        sql(make, "queued")
    sql("UPDATE cron_executions SET status = 'completed'")
    sql(make, "queued")


def test_cleaning_takes_old_finished_ones_in_batches_and_never_a_pending_one(sql: Sql) -> None:
    ids = insert(sql, count=8)
    old, status = (
        "now() - interval '31 days'",
        "UPDATE scheduled_cron_executions SET status = %s WHERE id = ANY (%s)",
    )
    sql(
        f"UPDATE scheduled_cron_executions SET created_at = {old} - interval '1 d', scheduled_at = {old} "
        "WHERE id = ANY (%s)",
        ids[:6],
    )
    for place, name in enumerate(("triggered", "cancelled", "failed")):
        sql(status, name, [ids[place]])
        sql(status, name, [ids[6]])
    sql(status, "triggered", [ids[3]])
    sql("UPDATE scheduled_cron_executions SET triggered_at = now() WHERE id = %s", ids[3])
    clean = "SELECT cleanup_old_scheduled_crons(NULL, 2) AS n"
    assert [sql(clean)[0]["n"] for _ in range(3)] == [2, 1, 0]
    left = {row["id"] for row in sql("SELECT id FROM scheduled_cron_executions")}
    # Pending ones, those fired lately, and those of lately.
    assert left == {ids[3], ids[4], ids[5], ids[6], ids[7]}
    sql("SET crondesk.retention = '1 hour'")
    sql("UPDATE scheduled_cron_executions SET triggered_at = NULL")
    assert sql("SELECT cleanup_old_scheduled_crons() AS n") == [{"n": 1}]
    assert sql("SELECT count(*) AS n FROM scheduled_cron_executions WHERE status = 'pending'") == [{"n": 3}]


def test_cleaning_leaves_what_somebody_holds(sql: Sql, database_url: str) -> None:
    ids = due(sql, 2)
    sql("UPDATE scheduled_cron_executions SET status = 'failed'")
    with psycopg.connect(database_url) as psql:
        psql.execute("SELECT FROM scheduled_cron_executions WHERE id = %s FOR UPDATE", [ids[0]])
        assert sql("SELECT cleanup_old_scheduled_crons('1 minute') AS n") == [{"n": 1}]


def test_the_view_counts_by_status_and_tells_what_is_next_and_how_many_succeed(sql: Sql) -> None:
    ids = insert(sql, 3600, 6)
    sql(
        "UPDATE scheduled_cron_executions SET status = 'triggered', triggered_at = now() WHERE id = ANY (%s)",
        ids[:2],
    )
    sql("UPDATE scheduled_cron_executions SET status = 'failed' WHERE id = %s", ids[2])
    sql("UPDATE scheduled_cron_executions SET status = 'cancelled' WHERE id = %s", ids[3])
    [row] = sql("SELECT * FROM vw_scheduled_crons_summary")
    counts = (row["pending"], row["triggered"], row["cancelled"], row["failed"])
    assert (row["cron_name"], counts) == ("nothing", (2, 2, 1, 1))
    assert row["next_scheduled_at"] == min(one(sql, schedule_id)["due_at"] for schedule_id in ids[4:])
    assert row["last_triggered_at"] == one(sql, ids[0])["triggered_at"]
    assert float(row["success_rate_7d"]) == pytest.approx(2 / 3, abs=1e-4)


@pytest.mark.parametrize("change", ["UPDATE cron_events SET actor = 'nobody'", "DELETE FROM cron_events"])
def test_events_can_neither_be_changed_nor_deleted(sql: Sql, change: str) -> None:
    [schedule_id] = due(sql)
    sql("SELECT mark_scheduled_cron_failed(%s, 'why')", schedule_id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        sql(change)
    assert sql("SELECT count(*) AS n FROM cron_events") == [{"n": 1}]


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("scheduled_at", "'infinity'"),
        ("scheduled_at", "'10000-01-01'"),
        ("scheduled_at, created_at", "now() + interval '1 h', '-infinity'"),
        ("scheduled_at, created_at", "now() + interval '1 h', '0044-03-15 BC'"),
        ("scheduled_at, due_at", "now() + interval '1 h', '-infinity'"),
        ("scheduled_at, due_at", "now() + interval '1 h', 'infinity'"),
        ("scheduled_at, not_after", "now() + interval '1 h', 'infinity'"),
        ("scheduled_at, triggered_at", "now() + interval '1 h', 'infinity'"),
        ("scheduled_at, occurrence", "now() + interval '1 h', 'infinity'"),
        ("scheduled_at, parameters", "now() + interval '1 h', '[1]'"),
        ("scheduled_at, parameters", "now() + interval '1 h', 'null'"),
        ("scheduled_at, parameters", "now() + interval '1 h', '5'"),
    ],
)
def test_a_schedule_that_no_program_could_read_is_refused(sql: Sql, columns: str, values: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        sql(f"INSERT INTO scheduled_cron_executions (cron_name, {columns}) VALUES ('nothing', {values})")
    [schedule_id] = insert(sql)
    with pytest.raises(psycopg.errors.CheckViolation):
        sql(
            f"UPDATE scheduled_cron_executions SET ({columns}) = ROW({values}) WHERE id = %s",
            schedule_id,
        )


@pytest.mark.parametrize(
    ("table", "columns", "values"),
    [
        ("cron_executions", "cron_name, target, queued_at", "'x', 'command', 'infinity'"),
        ("cron_executions", "cron_name, target, started_at", "'x', 'command', '-infinity'"),
        ("cron_executions", "cron_name, target, finished_at", "'x', 'command', '12000-01-01'"),
        ("cron_executions", "cron_name, target, parameters", "'x', 'command', '[]'"),
        ("cron_series", "cron_name, pattern, timezone, starts_on", "'x', '{}', 'UTC', 'infinity'"),
        (
            "cron_series",
            "cron_name, pattern, timezone, starts_on, repeat_until",
            "'x', '{}', 'UTC', now(), 'infinity'",
        ),
        (
            "cron_series",
            "cron_name, pattern, timezone, starts_on, first",
            "'x', '{}', 'UTC', now(), 'infinity'",
        ),
        (
            "cron_series",
            "cron_name, pattern, timezone, starts_on, changed_at",
            "'x', '{}', 'UTC', now(), '-infinity'",
        ),
        (
            "cron_series",
            "cron_name, pattern, timezone, starts_on, excluded_dates",
            "'x', '{}', 'UTC', now(), '{infinity}'",
        ),
        (
            "cron_series",
            "cron_name, pattern, timezone, starts_on, parameters",
            "'x', '{}', 'UTC', now(), 'null'",
        ),
        ("cron_blackouts", "name, starts_at, ends_at", "'x', now(), 'infinity'"),
    ],
)
def test_no_table_takes_what_no_program_could_read(sql: Sql, table: str, columns: str, values: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        sql(f"INSERT INTO {table} ({columns}) VALUES ({values})")


def test_what_is_held_or_being_fired_is_not_what_comes_next(sql: Sql) -> None:
    [held] = insert(sql)
    sql(
        "UPDATE scheduled_cron_executions SET held_at = now(), due_at = '9999-01-01 00:00Z' WHERE id = %s",
        held,
    )
    [row] = sql("SELECT * FROM vw_scheduled_crons_summary")
    assert (row["pending"], row["next_scheduled_at"]) == (1, None)
    [fired] = due(sql)
    claim(sql)
    [row] = sql("SELECT * FROM vw_scheduled_crons_summary")
    assert row["next_scheduled_at"] == one(sql, fired)["scheduled_at"]


def test_future_and_finished_rows_cost_a_claim_nothing(sql: Sql) -> None:
    insert(sql, 86_400, 20_000)
    sql(
        "UPDATE scheduled_cron_executions SET status = 'failed' "
        "WHERE id IN (SELECT id FROM scheduled_cron_executions LIMIT 5000)"
    )
    sql("VACUUM ANALYZE scheduled_cron_executions")
    due(sql, 3)
    before = reads(sql)
    assert len(claim(sql, "100, 'me', '1 minute'")) == 3
    assert reads(sql) - before < 1000


def reads(sql: Sql) -> int:
    sql("SELECT pg_stat_force_next_flush()")
    [row] = sql(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_user_tables "
        "WHERE relname = 'scheduled_cron_executions'"
    )
    return int(row["n"])
