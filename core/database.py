"""The one PostgreSQL: where it is, connections to it, and what its failures mean to a person."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core import embedded, secrets
from core.actors import Actor
from core.errors import Conflict, Invalid, Unavailable
from core.parameters import read_stored
from core.patience import STATEMENT_SECONDS, PatientConnection
from core.settings import ROOT, settings

CONNECT_TIMEOUT_SECONDS = 5
NOT_MIGRATED = "the database lacks migrations of this version; run `alembic upgrade head`"
# What a statement meets where a migration is missing.
LACKING = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
)
AWAY = "the database cannot be reached; it is tried again, and nothing that was saved is lost"
BUSY = "the database is too busy to do this now; nothing was changed, try again"
FULL = "the database has no room left on its disk; nothing was changed"
# To psycopg each is an operational error, as a lost connection is.
TOO_BUSY = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.SerializationFailure,
    psycopg.errors.TooManyConnections,
)


@cache
def database_url() -> str:
    """The libpq URL of the database; starts the embedded PostgreSQL where none is configured."""
    configured = settings().database_url
    if configured is None:
        return embedded.start(settings().data_dir)
    return configured.get_secret_value()


def passwords() -> set[str]:
    """The passwords of the database, in its address and beside it, in all the forms that they have."""
    url = database_url()
    parts = conninfo_to_dict(url)
    written = urlsplit(url).password or ""
    known = {str(parts.get(name) or "") for name in ("password", "sslpassword")}
    beside = os.environ.get("PGPASSWORD", "")
    return {form for secret in (*known, written, beside) for form in secrets.forms(secret)}


def sqlalchemy_url() -> str:
    """The same address as SQLAlchemy and Alembic write it."""
    return make_url(database_url()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@cache
def engine() -> Engine:
    """The pool of connections for the pages and the API; one for each process."""
    made = create_engine(
        sqlalchemy_url(),
        isolation_level="AUTOCOMMIT",
        pool_size=10,
        max_overflow=10,
        pool_timeout=CONNECT_TIMEOUT_SECONDS,
        pool_pre_ping=False,
        hide_parameters=True,
        json_deserializer=read_stored,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "crondesk",
            "prepare_threshold": 2,
            "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_SECONDS}s",
        },
    )

    @event.listens_for(made, "do_connect")
    def be_patient(_dialect: Any, _record: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return PatientConnection.connect(*given, **named)

    @event.listens_for(made, "handle_error")
    def forget_broken_connections(context: Any) -> None:
        if isinstance(context.original_exception, psycopg.OperationalError):
            context.invalidate_pool_on_disconnect = True

    return made


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection in autocommit, for readings and for verbs that are one statement.

    Raises:
        Conflict, Invalid: a rule of the database's own, or a value that it cannot keep.
        Unavailable: the database cannot be reached, or is too busy.
    """
    with _told(), engine().connect() as connection:
        yield connection


@contextmanager
def changing(actor: Actor) -> Iterator[Connection]:
    """One transaction: it commits at the end of the block, or not at all.

    The actor is told to the database, whose functions write it into `cron_events`.

    Raises:
        Conflict, Invalid: a rule of the database's own, or a value that it cannot keep.
        Unavailable: the database cannot be reached, or is too busy.
    """
    with (
        _told(),
        engine().connect().execution_options(isolation_level="READ COMMITTED") as connection,
        connection.begin(),
    ):
        connection.execute(
            text(
                "SELECT set_config('crondesk.actor', :name, true), "
                "set_config('crondesk.role', :role, true), set_config('crondesk.via', :via, true)"
            ),
            {"name": actor.name, "role": actor.role, "via": actor.via},
        )
        yield connection


def clock(connection: Connection | None = None) -> datetime:
    """What the database's clock shows, by which everything is decided.

    Args:
        connection: asks through it, in the midst of its transaction too; through one of its own where it is
            not given.

    Returns:
        The instant, in UTC.

    Raises:
        Unavailable: the database cannot be reached; through a connection that is given, whoever opened it
            tells so.
    """
    with nullcontext(connection) if connection is not None else reading() as asked:
        now: datetime = asked.execute(select(func.clock_timestamp())).scalar_one()
    return now


@contextmanager
def copying(connection: Connection, statement: str) -> Iterator[Callable[[Sequence[Any]], None]]:
    """The way in for many rows: the database writes each while the next one is being made.

    Args:
        connection: in a transaction, which an error in the block leaves fit for a rollback only.
        statement: `COPY … FROM STDIN`.

    Returns:
        What takes one row, in the block.

    Raises:
        sqlalchemy.exc.DBAPIError: what the database says of the rows; told at the end of the block.
    """
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    try:
        with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            yield copy.write_row
    except psycopg.Error as error:
        # SQLAlchemy does so for the statements that it sends itself.
        told = DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        )
        raise told from error


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable(AWAY) from error
    except DBAPIError as error:
        # Raised by a trigger of ours; to psycopg its code is an operational one, as a lost connection's.
        if isinstance(error.orig, psycopg.errors.ObjectInUse):
            raise Conflict(str(error.orig.diag.message_primary)) from error
        if isinstance(error.orig, TOO_BUSY):
            raise Unavailable(BUSY) from error
        if isinstance(error.orig, psycopg.errors.DiskFull):
            raise Unavailable(FULL) from error
        if isinstance(error, OperationalError) or error.connection_invalidated:
            raise Unavailable(AWAY) from error
        if isinstance(error.orig, LACKING):
            raise Unavailable(NOT_MIGRATED) from error
        if isinstance(error.orig, psycopg.errors.InvalidParameterValue):
            raise Invalid(str(error.orig.diag.message_primary)) from error
        if isinstance(error.orig, psycopg.DataError):
            said = str(error.orig).partition("\n")[0][:300]  # of what follows some quotes the value
            raise Invalid(f"a value that the database cannot keep: {said}") from error
        raise
    except UnicodeEncodeError as error:
        raise Invalid("a text contains half of a surrogate pair") from error


def migrated() -> bool:
    """Whether every migration of this version of the code has been applied.

    Raises:
        Unavailable: the database cannot be reached.
    """
    from alembic.config import Config  # noqa: PLC0415  only readiness asks, and it is slow to import
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    script = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
    with reading() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == set(script.get_heads())
