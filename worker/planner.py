"""Keeps the next occurrence of every series planned."""

import asyncio

from core import advancing
from core.errors import Unavailable
from core.lane import Lane, tell

# Series go by minutes: between two looks others may use the database.
PAUSE_SECONDS = 0.25
AWAY_SECONDS = 2


class Planner:
    """Plans what is next whenever something may have left the plan.

    Args:
        name: the worker's name.
        lane: its connection for planning.
    """

    def __init__(self, name: str, lane: Lane) -> None:
        self._name = name
        self._lane = lane
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Says that a series may have nothing planned."""
        self._asked.set()

    async def serve(self) -> None:
        """Plans whenever it is asked to; for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await advancing.plan_next(self._lane, self._name)
            except Unavailable as error:
                tell(error, duty="plan")
                self._asked.set()
                await asyncio.sleep(AWAY_SECONDS)
            else:
                await asyncio.sleep(PAUSE_SECONDS)
