"""Where no worker is alive there is somebody all the same who says so: every process that serves the API."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

from core.beating import is_alone
from core.database import database_url
from core.errors import CrondeskError
from core.lane import Lane
from core.notifications import delivery
from core.notifications.delivery import Due, Outcome
from core.notifications.posting import AT_ONCE, log_outcome, post
from core.notifications.watching import watch
from core.workers import lost_after_seconds

LOOK_SECONDS = 15


@asynccontextmanager
async def standing_in() -> AsyncIterator[None]:
    """While no worker is alive, watches and tells in its stead; for the length of the block."""
    task = asyncio.create_task(_stand_in(), name="standing in")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _stand_in() -> None:
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)} standing in"
    lane: Lane | None = None
    seeing_since: float | None = None
    try:
        while True:
            try:
                # The first call may start the embedded PostgreSQL.
                lane = lane or Lane(await asyncio.to_thread(database_url), "crondesk standing in")
                alone = await is_alone(lane, name)
                seeing_since = seeing_since or monotonic()
                # Whoever has just come, or was away himself, gives workers the time to show that they live.
                if alone and monotonic() - seeing_since >= lost_after_seconds():
                    await watch(lane)
                    await _send_all(lane, name)
            except CrondeskError:
                # The database is away, or not at this version yet: readiness and pages say so.
                seeing_since = None
            await asyncio.sleep(min(LOOK_SECONDS, lost_after_seconds()))
    finally:
        if lane is not None:
            await lane.close()


async def _send_all(lane: Lane, name: str) -> None:
    """Sends what is due; a worker that comes meanwhile takes other rows."""
    while claimed := await delivery.claim(lane, name, limit=AT_ONCE, busy=()):
        outcomes = await asyncio.gather(*(_sent(due) for due in claimed))
        await delivery.settle(lane, name, outcomes)
        for outcome in outcomes:
            log_outcome(outcome)
        if not await is_alone(lane, name):
            return


async def _sent(due: Due) -> Outcome:
    sent: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def done(outcome: Outcome) -> None:
        if not sent.done():
            sent.set_result(outcome)

    post(due, done)
    return await sent
