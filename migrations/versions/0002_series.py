"""Series of schedules, and periods in which they pause."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    run((SQL / "0002_series.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    run("""
    DROP TRIGGER series_wants_its_next ON scheduled_cron_executions;
    DROP FUNCTION crondesk_plan_occurrences, crondesk_supersede, crondesk_count_as, crondesk_untried,
        crondesk_blackouts_lock, crondesk_wake_planners;
    DROP INDEX scheduled_crons_of_series, scheduled_crons_pending_of_series;
    DROP TABLE cron_series, cron_blackouts;
    """)


def run(sql: str) -> None:
    """Executes SQL as it stands; a driver would read '%' and ':' in it as its own."""
    op.get_bind().connection.cursor().execute(sql.encode())
