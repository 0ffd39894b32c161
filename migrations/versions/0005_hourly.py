"""What ended, counted by the hour: figures over weeks without reading the rows."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    run((SQL / "0005_hourly.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    run("""
    DROP TRIGGER executions_are_counted_on_arrival ON cron_executions;
    DROP TRIGGER executions_are_counted ON cron_executions;
    DROP TRIGGER schedules_are_counted_on_arrival ON scheduled_cron_executions;
    DROP TRIGGER schedules_are_counted ON scheduled_cron_executions;
    DROP FUNCTION crondesk_count_executions, crondesk_count_schedules, crondesk_fold_hours, crondesk_bucket;
    DROP TABLE cron_hourly, cron_hourly_lengths, cron_hourly_changes;
    """)


def run(sql: str) -> None:
    """Executes SQL as it stands; a driver would read '%' and ':' in it as its own."""
    op.get_bind().connection.cursor().execute(sql.encode())
