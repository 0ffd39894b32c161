"""Calls that come while others are at work are worked on together, by one thread.

With a thread for each they hinder one another at the interpreter's lock, and at the disk.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from anyio.lowlevel import RunVar
from starlette.concurrency import run_in_threadpool

MOST_TOGETHER = 100
# Whoever comes later than this does not wait for the call's end: the disk is slow, or the database hangs.
PATIENCE_SECONDS = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gathered(Generic[Item, Result]):
    """A function of many things, to be called with one: what is wanted at the same time becomes one call.

    Args:
        work: the function; of each thing, in their order, it returns what became of it, or the error.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> None:
        self._work = work
        # Of each event loop: the dashboard's server has one, and tests have many.
        self._waiting: RunVar[list[tuple[Item, asyncio.Future[Result]]]] = RunVar("waiting")
        self._serving: RunVar[asyncio.Task[None] | None] = RunVar("serving", None)
        # A loop keeps no task alive by itself.
        self._at_work: set[asyncio.Task[None]] = set()

    async def __call__(self, item: Item) -> Result:
        """Has one worked on.

        Raises:
            Exception: what the function says of it, or raises.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get([])
        waiting.append((item, future))
        self._waiting.set(waiting)
        serving = self._serving.get()
        if serving is None or serving.done():
            # It serves whoever comes, so nothing of the call that began it may stick to it.
            self._serving.set(asyncio.create_task(self._serve(waiting), context=Context()))
        return await future

    async def _serve(self, waiting: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        while waiting:
            together, waiting[:] = waiting[:MOST_TOGETHER], waiting[MOST_TOGETHER:]
            work = asyncio.create_task(self._carry_out(together))
            self._at_work.add(work)
            work.add_done_callback(self._at_work.discard)
            await asyncio.wait({work}, timeout=PATIENCE_SECONDS)

    async def _carry_out(self, together: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        outcomes: Sequence[Result | Exception]
        try:
            outcomes = await run_in_threadpool(self._work, [item for item, _ in together])
        except Exception as error:  # noqa: BLE001  each call tells it
            outcomes = [error] * len(together)
        for (_, future), outcome in zip(together, outcomes, strict=True):
            if future.done():
                continue  # its call was broken off
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
