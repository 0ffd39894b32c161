"""A worker's connection to the database, which is opened again after it broke."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads

from core.database import AWAY, CONNECT_TIMEOUT_SECONDS
from core.errors import Refused, Unavailable
from core.log import logger
from core.parameters import read_stored
from core.patience import STATEMENT_SECONDS, PatientAsyncConnection

KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

Values = Sequence[Any] | Mapping[str, Any]


class Lane:
    """One connection in autocommit, used by one task at a time.

    Args:
        url: the libpq URL of the database.
        name: what PostgreSQL shows as the application's name.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._lock = asyncio.Lock()

    async def fetch(self, statement: str, values: Values = ()) -> list[TupleRow]:
        """Runs one statement, which is one transaction, and returns its rows.

        Raises:
            Unavailable: the database cannot be reached or broke off, and whether the statement took
                effect is then unknown; or it lacks for now what a migration or a restore brings back.
            Refused: it refuses one of the values, and nothing was changed; or it gave one that cannot be
                read here.
        """
        async with self._lock:
            try:
                connection = await self._connected()
                cursor = await connection.cursor(binary=True).execute(statement, values, prepare=True)
                return await cursor.fetchall() if cursor.description else []
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                await self._drop()
                raise Unavailable(AWAY) from error
            except (psycopg.DataError, psycopg.IntegrityError, UnicodeEncodeError) as error:
                raise Refused(said_of(error)) from error
            except psycopg.Error as error:
                # A new connection forgets plans that were prepared for tables as they were.
                await self._drop()
                logger().error("database.refused", error=said_of(error), sqlstate=error.sqlstate)
                raise Unavailable(AWAY) from error
            except asyncio.CancelledError:
                await self._drop()
                raise

    async def close(self) -> None:
        """Closes the connection; another call opens it again."""
        async with self._lock:
            await self._drop()

    async def _connected(self) -> psycopg.AsyncConnection[TupleRow]:
        if self._connection is None:
            self._connection = await connect(self._url, self._name)
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def said_of(error: Exception) -> str:
    """What the database said of a fault, without what it quotes: parameters, and libpq an address."""
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return (said or type(error).__name__)[:300]


def tell(error: Unavailable, **fields: object) -> None:
    """Logs why a statement brought nothing: the database is away, or refuses a value of it."""
    if isinstance(error, Refused):
        logger().error("database.refused", error=error.message, **fields)
    else:
        logger().warning("database.away", **fields)


def storable(text: str | None) -> str | None:
    """Text as PostgreSQL takes it: without NUL bytes and halves of surrogate pairs."""
    return text and text.replace("\x00", "\ufffd").encode(errors="replace").decode()


async def connect(url: str, name: str) -> psycopg.AsyncConnection[TupleRow]:
    """Opens a connection as workers use it: autocommit, UTC, and quick to notice a dead network.

    What workers ask is answered by indexes. A plan that was made while a table was all but empty, that of the
    foreign key's check too, is kept: as a scan it grew with the table, to 2 ms a firing at 40,000 rows.
    """
    connection = await PatientAsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        application_name=name,
        options=f"-c timezone=UTC -c statement_timeout={STATEMENT_SECONDS}s -c jit=off -c enable_seqscan=off",
        **KEEPALIVE,
    )
    set_json_loads(read_stored, connection)
    return connection
