"""Parameters that people keep under a name."""

from migrations.plain_sql import run, run_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_file("0005_presets.sql")


def downgrade() -> None:
    run("""
    DROP INDEX scheduled_crons_newest_by_cron;
    DROP TABLE cron_presets;
    """)
