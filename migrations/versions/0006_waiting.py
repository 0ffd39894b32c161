"""Statements that wait for their instant."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    run((SQL / "0006_waiting.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    run("DROP FUNCTION crondesk_wait_until;")


def run(sql: str) -> None:
    """Executes SQL as it stands; a driver would read '%' and ':' in it as its own."""
    op.get_bind().connection.cursor().execute(sql.encode())
