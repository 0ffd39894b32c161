"""Folds what ended into the counts by the hour, that metrics are read from."""

import asyncio

from core import metrics
from core.lane import Lane

FOLD_SECONDS = 60
# Between batches others get their turn.
PAUSE_SECONDS = 0.05


async def fold(lane: Lane) -> None:
    """Folds all there is; several workers share it out among them.

    Raises:
        Unavailable.
    """
    while True:
        if await metrics.fold(lane) < metrics.FOLDED_AT_ONCE:
            return
        await asyncio.sleep(PAUSE_SECONDS)
