"""What ended, counted by the hour: figures over weeks without reading the rows."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parent.parent / "sql"

DROPPED = """
    DROP TRIGGER IF EXISTS schedules_are_counted_on_arrival ON scheduled_cron_executions;
    DROP TRIGGER IF EXISTS schedules_are_counted ON scheduled_cron_executions;
    DROP TRIGGER IF EXISTS executions_are_counted_on_arrival ON cron_executions;
    DROP TRIGGER IF EXISTS executions_are_counted ON cron_executions;
    DROP FUNCTION IF EXISTS crondesk_count_executions, crondesk_count_schedules, crondesk_fold_hours,
        crondesk_bucket;
    DROP TABLE IF EXISTS cron_hourly, cron_hourly_lengths, cron_hourly_changes;
"""


def upgrade() -> None:
    """The triggers hold writers off for an instant; what was there before them is counted afterwards.

    Beside it another connection looks at the tables in that very instant, and keeps what it sees: whatever is
    written from then on is the triggers' to count, however long the counting of the old takes.
    """
    run(DROPPED)  # what an upgrade that broke off half-way has left
    run((SQL / "0005_hourly.sql").read_text(encoding="utf-8"))
    beside = op.get_bind().engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with beside:
        beside.exec_driver_sql("SELECT 1")
        with op.get_context().autocommit_block():
            beside.connection.cursor().execute((SQL / "0005_backfill.sql").read_bytes())
            beside.commit()
            while op.get_bind().exec_driver_sql("SELECT crondesk_fold_hours(50000)").scalar():
                pass


def downgrade() -> None:
    run(DROPPED)


def run(sql: str) -> None:
    """Executes SQL as it stands; a driver would read '%' and ':' in it as its own."""
    op.get_bind().connection.cursor().execute(sql.encode())
