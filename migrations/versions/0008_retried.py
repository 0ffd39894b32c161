"""Alerts count what failed for good, and not what is tried again."""

from migrations.plain_sql import FILES, run, run_file

revision = "0008"
down_revision = "0007"

FILE, ADDED = "0008_retried.sql", "AND retried_by IS NULL"


def upgrade() -> None:
    run_file(FILE)


def downgrade() -> None:
    lines = (FILES / FILE).read_text(encoding="utf-8").splitlines()
    run("\n".join(line for line in lines if line.strip() != ADDED))
