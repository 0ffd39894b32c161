"""Addresses of the calendar feed."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    run((SQL / "0004_calendar.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    run("DROP TABLE cron_calendar_addresses;")


def run(sql: str) -> None:
    """Executes SQL as it stands; a driver would read '%' and ':' in it as its own."""
    op.get_bind().connection.cursor().execute(sql.encode())
