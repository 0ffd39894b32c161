"""Answers that programs ask for every few seconds, and that must not hang with the database."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from core.database import AWAY
from core.errors import Unavailable

ANSWER_SECONDS = 5
MOST_AT_ONCE = 4

Answer = TypeVar("Answer")

# Apart from the threads that serve everybody: where the database hangs, all of these wait for it.
_threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="in time")


async def in_time(ask: Callable[[], Answer]) -> Answer:
    """What a function answers that asks the database.

    A thread that is late goes on until its connection is given up, and keeps its place for as long.

    Raises:
        Unavailable: it did not answer in time.
    """
    asked = asyncio.get_running_loop().run_in_executor(_threads, ask)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asked
    except TimeoutError as error:
        raise Unavailable(AWAY) from error
