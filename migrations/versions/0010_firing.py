"""Firing at less cost: what nothing is in the way of fires by one plain statement, planned once."""

from migrations.plain_sql import run_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_file("0010_firing.sql")


def downgrade() -> None:
    run_file("0010_firing_down.sql")
    run_file("0007_firing.sql")
