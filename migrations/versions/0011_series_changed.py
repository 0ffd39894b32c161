"""Series say when, and by whom, they were last changed."""

from migrations.plain_sql import run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run("ALTER TABLE cron_series ADD COLUMN changed_at timestamptz, ADD COLUMN changed_by text")
    # As the others: one row that programs cannot read would keep all series from being planned.
    run("""
        ALTER TABLE cron_series ADD CONSTRAINT cron_series_begun_and_changed_within_the_calendar CHECK (
            first >= '1970-01-01 00:00Z' AND first < '9999-01-01 00:00Z'
            AND changed_at >= '1970-01-01 00:00Z' AND changed_at < '9999-01-01 00:00Z')
    """)


def downgrade() -> None:
    run("ALTER TABLE cron_series DROP CONSTRAINT cron_series_begun_and_changed_within_the_calendar")
    run("ALTER TABLE cron_series DROP COLUMN changed_at, DROP COLUMN changed_by")
