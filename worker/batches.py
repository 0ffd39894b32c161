"""Gathers what is to be written and writes it a batch at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from core.errors import Refused, Unavailable
from core.log import logger

Item = TypeVar("Item")
BATCH = 500
# What comes within so little time is written at once: it is seen no later, and spares the database work.
GATHER_SECONDS = 0.004
PATIENCE_SECONDS = (0.1, 0.3, 1, 2, 5)


class Batches(Generic[Item]):
    """Writes items in the order they came; while one batch is being written the next one gathers.

    While the database is away the items wait, and nothing is lost unless the process ends. Of a batch
    that it refuses, each item is written alone, and only what it refuses then is given up.

    Args:
        write: writes one batch, all of it or nothing.
    """

    def __init__(self, write: Callable[[list[Item]], Awaitable[None]]) -> None:
        self._write = write
        self._items: list[Item] = []
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, item: Item) -> None:
        """Puts an item into the next batch."""
        self._items.append(item)
        self._empty.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Writes for ever; cancel it after `drained`."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._arrived.clear()
            while self._items:
                batch = self._items[:BATCH]
                await self._persist(batch)
                del self._items[: len(batch)]
            self._empty.set()

    async def drained(self) -> None:
        """Waits until all that was added is written."""
        await self._empty.wait()

    async def _persist(self, batch: list[Item]) -> None:
        tries = 0
        while True:
            try:
                await self._write(batch)
            except Refused as error:
                if len(batch) > 1:
                    for item in batch:
                        await self._persist([item])
                    return
                # Not the record itself: it holds parameters, or what was printed.
                logger().error(
                    "record.refused", record=type(batch[0]).__name__, id=_id_of(batch[0]), error=error.message
                )
                return
            except Unavailable:
                logger().warning("database.away", waiting=len(self._items))
                await asyncio.sleep(PATIENCE_SECONDS[min(tries, len(PATIENCE_SECONDS) - 1)])
                tries += 1
            else:
                return


def _id_of(item: object) -> str | None:
    whose = getattr(item, "claimed", None) or getattr(item, "due", None)
    known = getattr(item, "execution_id", None) or getattr(whose, "id", None)
    return str(known) if known else None
