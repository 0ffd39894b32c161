"""Connections that do not wait for ever: a database that hangs says nothing, and does not hang up."""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

STATEMENT_SECONDS = 30
# A database that lives has ended the statement by then, and said so.
PATIENCE_SECONDS = STATEMENT_SECONDS + 5
INTERVAL_SECONDS = 0.1  # psycopg's own, between two looks for a signal

Row = TypeVar("Row")
Result = TypeVar("Result")


class PatientConnection(psycopg.Connection[Row]):
    """One that is given up when the database has not answered a statement in time.

    What became of the statement is unknown then, as with a connection that broke.
    """

    def wait(
        self,
        gen: PQGen[Result],
        interval: float = INTERVAL_SECONDS,
        timeout: float | None = PATIENCE_SECONDS,
    ) -> Result:
        """Waits for an answer, as psycopg does for all that it sends.

        Raises:
            psycopg.OperationalError: there was none in time.
        """
        try:
            return super().wait(gen, interval, timeout)
        except psycopg.OperationalError:
            _give_up(self)
            raise


class PatientAsyncConnection(psycopg.AsyncConnection[Row]):
    """The same for asyncio. Notifications are waited for without an end, unless a time is given."""

    async def wait(
        self,
        gen: PQGen[Result],
        interval: float = INTERVAL_SECONDS,
        timeout: float | None = PATIENCE_SECONDS,  # noqa: ASYNC109  psycopg's own
    ) -> Result:
        """Waits for an answer, as psycopg does for all that it sends.

        Raises:
            psycopg.OperationalError: there was none in time.
        """
        try:
            return await super().wait(gen, interval, timeout)
        except psycopg.OperationalError:
            _give_up(self)
            raise


def _give_up(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    # The answer is still to come: whoever got this connection next would take it for his own.
    if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
        connection.pgconn.finish()
