"""Series say when, and by whom, they were last changed."""

from migrations.plain_sql import run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run("ALTER TABLE cron_series ADD COLUMN changed_at timestamptz, ADD COLUMN changed_by text")


def downgrade() -> None:
    run("ALTER TABLE cron_series DROP COLUMN changed_at, DROP COLUMN changed_by")
