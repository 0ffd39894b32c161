"""Addresses of the calendar feed."""

from migrations.plain_sql import run, run_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_file("0004_calendar.sql")


def downgrade() -> None:
    run("DROP TABLE cron_calendar_addresses;")
