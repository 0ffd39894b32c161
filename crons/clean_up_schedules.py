"""Delete the schedules that finished over RETENTION_DAYS ago, batch after batch until none is left."""

import psycopg

from core.errors import Invalid
from core.settings import settings
from crons import database


def main() -> None:
    """Call the database's own clean-up until it has nothing more to delete."""
    total = 0
    with database.connect() as connection:
        _keep_what_settings_say(connection)
        # Each call is a transaction of its own (autocommit): no lock outlives its batch.
        while deleted := _delete_batch(connection):
            total += deleted
            print(f"{deleted} deleted, {total} so far")
    print(f"{total} finished schedules deleted; pending ones are never touched")


def _keep_what_settings_say(connection: psycopg.Connection) -> None:
    try:
        kept = f"{settings().retention_days} days"
    except Invalid as fault:
        raise SystemExit(fault.message) from None
    connection.execute("SELECT set_config('crondesk.retention', %s, false)", [kept])


def _delete_batch(connection: psycopg.Connection) -> int:
    try:
        row = connection.execute("SELECT cleanup_old_scheduled_crons()").fetchone()
    except psycopg.errors.UndefinedFunction:
        raise SystemExit(
            "The database has no cleanup_old_scheduled_crons(): run the migrations first."
        ) from None
    except psycopg.errors.InsufficientPrivilege as fault:
        raise SystemExit(
            f"The database refused ({fault.diag.message_primary}): "
            "let DATABASE_URL's user execute cleanup_old_scheduled_crons()."
        ) from None
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
