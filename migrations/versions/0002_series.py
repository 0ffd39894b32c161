"""Series of schedules, and periods in which they pause."""

from migrations.plain_sql import run, run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_file("0002_series.sql")


def downgrade() -> None:
    run("""
    DROP TRIGGER series_wants_its_next ON scheduled_cron_executions;
    DROP FUNCTION crondesk_plan_occurrences, crondesk_supersede, crondesk_count_as, crondesk_untried,
        crondesk_blackouts_lock, crondesk_wake_planners;
    DROP INDEX scheduled_crons_of_series, scheduled_crons_pending_of_series;
    DROP TABLE cron_series, cron_blackouts;
    """)
