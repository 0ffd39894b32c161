"""Statements that wait for their instant."""

from migrations.plain_sql import run, run_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_file("0006_waiting.sql")


def downgrade() -> None:
    run("DROP FUNCTION crondesk_wait_until;")
