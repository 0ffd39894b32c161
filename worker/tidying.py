"""Tidies every hour: what is older than is kept goes, a batch at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from core import metrics, tidying
from core.clock import Clock
from core.lane import Lane
from core.log import logger
from core.notifications import delivery
from core.settings import settings

# Between batches others get their turn.
PAUSE_SECONDS = 0.05
WORKERS_KEPT = timedelta(days=1)


async def tidy(lane: Lane, clock: Clock) -> None:
    """Deletes all that is older than the settings keep.

    Raises:
        Unavailable.
    """
    keep = timedelta(days=settings().retention_days)
    before = clock.now() - timedelta(days=settings().execution_retention_days)
    await _until_none("schedules", lambda: tidying.delete_old_schedules(lane, keep))
    await _until_none("executions", lambda: tidying.delete_old_executions(lane, before))
    await _until_none("events", lambda: tidying.delete_old_events(lane, before))
    await _until_none("notifications", lambda: delivery.delete_old(lane, before))
    await tidying.forget_old_workers(lane, clock.now() - WORKERS_KEPT)
    await metrics.forget_old(lane, clock.now() - metrics.KEPT)


async def _until_none(kind: str, delete: Callable[[], Awaitable[int]]) -> None:
    total = 0
    while count := await delete():
        total += count
        await asyncio.sleep(PAUSE_SECONDS)
    if total:
        logger().info("rows.cleaned", kind=kind, count=total)
