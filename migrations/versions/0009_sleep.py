"""A wait for an instant no longer oversleeps it by a millisecond."""

from migrations.plain_sql import run, run_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_file("0009_sleep.sql")


def downgrade() -> None:
    run("DROP FUNCTION crondesk_wait_until")
    run_file("0006_waiting.sql")
