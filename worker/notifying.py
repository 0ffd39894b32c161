"""Sends what the outbox holds, so that no service ever delays a firing."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from core.clock import Clock
from core.errors import Unavailable
from core.lane import Lane, tell
from core.notifications import delivery
from core.notifications.delivery import Due, Outcome
from core.notifications.posting import AT_ONCE, log_outcome, post
from worker.batches import Batches
from worker.timers import Timers

# Of those that are sent at once; a service that hangs takes no more than this from the others.
AT_ONCE_PER_CHANNEL = 2
# And after a failure it rests, longer each time: the others go first.
REST_SECONDS = (5, 10, 20, 40, 60)
AWAY_SECONDS = 2
LAST_WORDS_SECONDS = 5


class Notifier:
    """The notifications that this worker sends.

    Args:
        name: the worker's name.
        lane: its connection for claiming.
        settling: its connection for settling.
        clock: the database's clock.
        timers: rings when the next one is due.
    """

    def __init__(self, name: str, lane: Lane, settling: Lane, clock: Clock, timers: Timers) -> None:
        self._name = name
        self._lane = lane
        self._settling = settling
        self._clock = clock
        self._timers = timers
        self._take_back: Callable[[], None] = lambda: None
        self._asked = asyncio.Event()
        self._under_way: Counter[UUID] = Counter()
        self._failures: Counter[UUID] = Counter()
        self._resting: set[UUID] = set()
        self._batches: Batches[Outcome] = Batches(self._settle)
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    def ask(self) -> None:
        """Says that something may be due."""
        self._asked.set()

    async def serve(self) -> None:
        """Claims and sends whenever something is due; for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if self._stopping:
                continue
            try:
                await self._take()
            except Unavailable as error:
                tell(error, duty="notify")
                await asyncio.sleep(AWAY_SECONDS)
                self._asked.set()

    async def settle(self) -> None:
        """Writes down what came of sending; for ever."""
        await self._batches.run()

    async def finish(self) -> None:
        """Takes no more, and gives what is being sent a moment; the rest comes due again by itself."""
        self._stopping = True
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._idle.wait()
                await self._batches.drained()
        except TimeoutError:
            pass

    async def _take(self) -> None:
        while (free := AT_ONCE - self._under_way.total()) > 0:
            claimed = await delivery.claim(self._lane, self._name, limit=free, busy=self._busy())
            for due in claimed:
                self._send(due)
            if not claimed:
                break
        instant = await delivery.next_due(self._lane, self._busy())
        self._take_back()
        if instant is not None and self._under_way.total() < AT_ONCE:
            self._ring_at(instant)

    def _ring_at(self, instant: datetime) -> None:
        self._take_back = self._timers.at(instant, self.ask)

    def _busy(self) -> list[UUID]:
        full = {channel for channel, count in self._under_way.items() if count >= AT_ONCE_PER_CHANNEL}
        return list(full | self._resting)

    def _send(self, due: Due) -> None:
        self._under_way[due.channel_id] += 1
        self._idle.clear()
        post(due, self._done)

    def _done(self, outcome: Outcome) -> None:
        due = outcome.due
        self._under_way[due.channel_id] -= 1
        if not self._under_way[due.channel_id]:
            del self._under_way[due.channel_id]
        if not self._under_way:
            self._idle.set()
        if outcome.error is None:
            self._failures.pop(due.channel_id, None)
        else:
            self._rest(due.channel_id)
        self._batches.add(outcome)
        log_outcome(outcome)
        self.ask()

    def _rest(self, channel: UUID) -> None:
        seconds = REST_SECONDS[min(self._failures[channel], len(REST_SECONDS) - 1)]
        self._failures[channel] += 1
        self._resting.add(channel)

        def rested() -> None:
            self._resting.discard(channel)
            self.ask()

        asyncio.get_running_loop().call_later(seconds, rested)

    async def _settle(self, batch: list[Outcome]) -> None:
        await delivery.settle(self._settling, self._name, batch)
        self.ask()
