"""SQL as it stands, for migrations: a driver would read '%' and ':' in it as its own."""

from pathlib import Path

from alembic import op

FILES = Path(__file__).parent / "sql"


def run(sql: str) -> None:
    """Executes one statement or several."""
    op.get_bind().connection.cursor().execute(sql.encode())


def run_file(name: str) -> None:
    """Executes a file of migrations/sql."""
    run((FILES / name).read_text(encoding="utf-8"))
