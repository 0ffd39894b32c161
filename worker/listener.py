"""Listens to the database: what arrives, what is queued, what is to be ended."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from core.lane import connect
from core.log import logger

PAUSE_SECONDS = 2
CHANNELS = ("crondesk_outbox", "crondesk_due", "crondesk_queue", "crondesk_cancel", "crondesk_series")


class Listener:
    """Turns notifications into calls.

    Args:
        url: the libpq URL of the database.
        name: the worker's name.
        arrived: a schedule arrived that is due at the instant.
        queued: an execution was queued.
        cancelled: the end of an execution is asked for, and by whom.
        series: a series has nothing pending.
        outbox: there is something to tell.
        connected: it listens from now on; what was said before, nobody heard.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        arrived: Callable[[datetime], None],
        queued: Callable[[], None],
        cancelled: Callable[[UUID, str], None],
        series: Callable[[], None],
        outbox: Callable[[], None],
        connected: Callable[[], None],
    ) -> None:
        self._url = url
        self._name = name
        self._arrived = arrived
        self._queued = queued
        self._cancelled = cancelled
        self._series = series
        self._outbox = outbox
        self._connected = connected

    async def listen(self) -> None:
        """Listens for ever, and again after the connection broke."""
        away = False
        while True:
            try:
                async with await connect(self._url, f"{self._name} listening") as connection:
                    for channel in CHANNELS:
                        await connection.execute(f"LISTEN {channel}")
                    if away:
                        logger().info("database.back")
                        away = False
                    self._connected()
                    async for notification in connection.notifies():
                        self._hear(notification)
            except psycopg.Error:
                pass
            away = True
            await asyncio.sleep(PAUSE_SECONDS)

    def _hear(self, notification: psycopg.Notify) -> None:
        # Anybody may notify: what cannot be read is a reason to look, not to fall.
        try:
            if notification.channel == "crondesk_due":
                self._arrived(datetime.fromtimestamp(float(notification.payload), UTC))
            elif notification.channel == "crondesk_cancel":
                execution_id, _, by = notification.payload.partition(" ")
                self._cancelled(UUID(execution_id), by or "somebody")
            elif notification.channel == "crondesk_series":
                self._series()
            elif notification.channel == "crondesk_outbox":
                self._outbox()
            else:
                self._queued()
        except (ValueError, OverflowError, OSError):
            self._connected()
