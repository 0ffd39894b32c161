"""Fills the product's tables with rows as they would be after weeks of use."""

from benchmarks.product import CRONS, Product
from core.catalogue import parse

PARAMETERS = "jsonb_build_object('customer', g, 'region', 'eu-' || g %% 5, 'dryRun', false)"
OF_KIND = {"noop": 20, "http": 1, "command": 1}


def fingerprint(cron: str) -> str:
    """What the worker compares the schedule's check with."""
    return parse(CRONS.read_text(encoding="utf-8"))[cron].fingerprint


def due(product: Product, count: int, kind: str = "noop") -> None:
    """Schedules whose instant has come: planned an hour ago, due over the last minute."""
    _schedules(product, count, kind, "now() - interval '1 minute' + g * interval '1 minute' / %(count)s")


def future(product: Product, count: int) -> None:
    """Schedules of the days to come, planned before all others."""
    _schedules(product, count, "noop", "now() + interval '1 day' + g * interval '1 second'")


def steady(product: Product, count: int, kind: str, seconds: int) -> None:
    """Schedules that come due one after the other over the next seconds, the first one soon."""
    _schedules(
        product, count, kind, f"now() + interval '3 seconds' + g * interval '{seconds} seconds' / %(count)s"
    )


def _schedules(product: Product, count: int, kind: str, instant: str) -> None:
    with product.database.transaction():
        # No NOTIFY, no check by the way: the rows are as core writes them.
        product.database.execute("SET LOCAL session_replication_role = replica")
        product.database.execute(
            f"""
            INSERT INTO scheduled_cron_executions
                (id, cron_name, scheduled_at, due_at, parameters, created_by, created_at, checked)
            SELECT uuidv7(interval '-1 hour'), %(kind)s || '-' || 1 + g %% %(kinds)s, {instant}, {instant},
                   {PARAMETERS}, 'alice', now() - interval '1 hour', %(checked)s
            FROM generate_series(1, %(count)s) g
            """.encode(),
            {
                "count": count,
                "kind": kind,
                "kinds": OF_KIND[kind],
                "checked": fingerprint(f"{kind}-1"),
            },
        )


def finished(product: Product, count: int) -> None:
    """Schedules of the last 25 days that were fired, each with its execution; one in 200 failed."""
    database = product.database
    with database.transaction():
        database.execute("SET LOCAL session_replication_role = replica")
        database.execute(
            f"""
            CREATE TEMP TABLE past ON COMMIT DROP AS
            SELECT g, now() - age AS instant, age,
                   uuidv7(-age - interval '1 hour') AS schedule, uuidv7(-age) AS execution,
                   'noop-' || 1 + g %% 20 AS cron, {PARAMETERS} AS parameters, g %% 200 = 0 AS bad
            FROM (SELECT g, interval '25 days' * (1 - g / %(count)s::float8) + interval '10 minutes' AS age
                  FROM generate_series(1, %(count)s) g) ages
            """.encode(),
            {"count": count},
        )
        database.execute(
            """
            INSERT INTO cron_executions (
                id, cron_name, parameters, status, scheduled_id, triggered_by, target, worker,
                queued_at, started_at, heartbeat_at, finished_at, exit_code, error_message)
            SELECT execution, cron, parameters, CASE WHEN bad THEN 'failed' ELSE 'completed' END,
                   schedule, 'alice', 'noop', 'host:4711:ab12',
                   instant, instant, instant, instant + interval '3 seconds', bad::int,
                   CASE WHEN bad THEN 'ended with exit code 1' END
            FROM past ORDER BY g
            """
        )
        database.execute(
            """
            INSERT INTO scheduled_cron_executions (
                id, cron_name, scheduled_at, due_at, parameters, created_by, created_at, status,
                triggered_at, triggered_execution_id, execution_id, attempts, checked)
            SELECT schedule, cron, instant, instant, parameters, 'alice', instant - interval '1 hour',
                   'triggered', instant + interval '2 milliseconds', execution, execution, 1, %s
            FROM past ORDER BY g
            """,
            (fingerprint("noop-1"),),
        )
        # What the triggers would have counted.
        for kind, status, bucket in (
            (
                "execution",
                "CASE WHEN bad THEN 'failed' ELSE 'completed' END",
                "CASE WHEN NOT bad THEN crondesk_bucket(interval '3 seconds') END",
            ),
            ("schedule", "'triggered'", "crondesk_bucket(interval '2 milliseconds')"),
        ):
            database.execute(
                f"""
                INSERT INTO cron_hourly_changes
                SELECT '{kind}', date_trunc('hour', instant, 'UTC'), cron, {status}, {bucket}, count(*)
                FROM past GROUP BY 2, 3, 4, 5
                """.encode()
            )
        database.execute("SELECT crondesk_fold_hours(2147483647)")


def tidy(product: Product) -> None:
    """Brings the tables into the state that autovacuum keeps them in."""
    product.database.execute("VACUUM ANALYZE")
    product.database.execute("CHECKPOINT")
