"""Parameters that people keep under a name."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    run((SQL / "0005_presets.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    run("""
    DROP INDEX scheduled_crons_newest_by_cron;
    DROP TABLE cron_presets;
    """)


def run(sql: str) -> None:
    """Executes SQL as it stands; a driver would read '%' and ':' in it as its own."""
    op.get_bind().connection.cursor().execute(sql.encode())
