"""Fires claimed schedules over HTTP, each at its instant, and settles them a batch at a time."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import aiohttp

from core import firing
from core.catalogue import Cron, catalogue
from core.clock import Clock
from core.errors import CrondeskError, Invalid, Unavailable
from core.firing import Claimed, Settlement
from core.lane import Lane
from core.log import logger
from core.parameters import check
from core.retrying import settlement_of
from core.settings import cron_secret, settings
from core.targets.http import post
from worker.batches import Batches
from worker.timers import Timers

WAITING_PER_CONNECTION = 8
LOGGED_ONE_BY_ONE = 50
# Until a row that somebody holds is tried again.
HELD_PAUSE_SECONDS = 1


class Sender:
    """The HTTP firings of this worker.

    Args:
        name: the worker's name.
        lane: its connection for settling.
        http: its connections to the targets.
        clock: the database's clock.
        timers: rings at each instant.
        freed: called when there is room for more claims again.
    """

    def __init__(
        self,
        name: str,
        lane: Lane,
        http: aiohttp.ClientSession,
        clock: Clock,
        timers: Timers,
        freed: Callable[[], None],
    ) -> None:
        self._name = name
        self._lane = lane
        self._http = http
        self._clock = clock
        self._timers = timers
        self._freed = freed
        self._waiting: dict[UUID, tuple[Claimed, Callable[[], None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # Due, and waiting for a connection.
        self._queued: dict[UUID, Claimed] = {}
        self._capacity = settings().http_connections * WAITING_PER_CONNECTION
        self._connections = asyncio.Semaphore(settings().http_connections)
        self._batches: Batches[Settlement] = Batches(self._settle)
        self._full = False

    @property
    def room(self) -> int:
        """How many more claims it takes now."""
        return max(0, self._capacity - len(self._waiting) - len(self._tasks))

    def take(self, claimed: Claimed) -> None:
        """Fires a claimed schedule at its instant."""
        self._waiting[claimed.id] = (
            claimed,
            self._timers.at(claimed.fire_at, lambda: self._due(claimed)),
        )
        self._full = self._full or not self.room

    async def settle(self) -> None:
        """Writes down what came of firing; for ever."""
        await self._batches.run()

    async def hand_back(self) -> None:
        """Gives back what has not been sent yet.

        Raises:
            Unavailable.
        """
        claims = [claimed for claimed, _ in self._waiting.values()] + list(self._queued.values())
        self._queued.clear()
        for _, take_back in self._waiting.values():
            take_back()
        self._waiting.clear()
        if claims:
            await firing.hand_back(self._lane, self._name, claims)
            logger().info("schedule.handed_back", count=len(claims))

    async def finish(self, grace_seconds: float) -> None:
        """Waits for the answers under way, within the grace period, and settles them.

        An answer that takes longer is not heard: when its lease ends the next attempt asks again, with
        the same Idempotency-Key.
        """
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        await self.give_up()
        await self._batches.drained()

    async def give_up(self) -> None:
        """Ends what is under way without a word: nobody knows what the target makes of it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self, claimed: Claimed) -> None:
        self._waiting.pop(claimed.id, None)
        task = asyncio.create_task(self._fire(claimed))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._full and self.room > self._capacity // 2:
            self._full = False
            self._freed()

    async def _fire(self, claimed: Claimed) -> None:
        if claimed.started:
            now = self._clock.now()
            self._batches.add(Settlement(claimed, "triggered", now, now))
            return
        try:
            cron = catalogue().cron(claimed.cron_name)
            if claimed.checked != cron.fingerprint:
                check(claimed.parameters, cron.parameters)
        except CrondeskError as error:
            self._not_sent(claimed, error)
            return
        timeout = min(cron.timeout_seconds, settings().http_timeout_seconds)
        self._queued[claimed.id] = claimed
        async with self._connections:
            if self._queued.pop(claimed.id, None) is None:
                return  # handed back meanwhile
            fired_at = self._clock.now()
            if fired_at + timedelta(seconds=timeout) > claimed.lease_until:
                return  # it comes due again for everybody; to send it now could send it twice at once
            # A later attempt may follow one that was sent and never settled: only its answer tells.
            if claimed.attempt == 1 and claimed.fires_until is not None and fired_at > claimed.fires_until:
                await self._give_back(claimed)
                return
            await self._send(claimed, cron, fired_at, timeout)

    async def _give_back(self, claimed: Claimed) -> None:
        """It waited here until after its deadline: what becomes of it is decided at the next look."""
        try:
            await firing.hand_back(self._lane, self._name, [claimed])
        except Unavailable:
            return  # it comes due again when its lease ends
        self._freed()

    async def _send(self, claimed: Claimed, cron: Cron, fired_at: datetime, timeout_seconds: float) -> None:
        try:
            answer = await post(
                self._http,
                cron,
                claimed.parameters,
                schedule_id=claimed.id,
                execution_id=claimed.execution_id,
                secret=cron_secret(),
                timeout_seconds=timeout_seconds,
            )
        except Invalid as error:
            self._not_sent(claimed, error)
            return
        self._batches.add(settlement_of(claimed, cron, answer, fired_at, self._clock.now()))

    def _not_sent(self, claimed: Claimed, error: CrondeskError) -> None:
        now = self._clock.now()
        self._batches.add(Settlement(claimed, "failed", now, now, error=f"not sent: {error.message}"))

    async def _settle(self, batch: list[Settlement]) -> None:
        settled = await firing.settle(self._lane, self._name, batch)
        _log([settlement for settlement in batch if settlement.claimed.id in settled])
        for settlement in batch:
            if settlement.claimed.id in settled:
                continue
            if self._clock.now() < settlement.claimed.lease_until:
                # Somebody may hold the row in psql: the others of the batch did not wait for that.
                asyncio.get_running_loop().call_later(HELD_PAUSE_SECONDS, self._batches.add, settlement)
            else:
                logger().warning(
                    "schedule.settled_late",
                    id=str(settlement.claimed.id),
                    attempt=settlement.claimed.attempt,
                )


def _log(settled: list[Settlement]) -> None:
    events = {
        "triggered": "schedule.fired",
        "conflict": "schedule.retried",
        "failure": "schedule.retried",
        "failed": "schedule.failed",
    }
    fired = [one for one in settled if one.outcome == "triggered"]
    many = len(fired) > LOGGED_ONE_BY_ONE
    if many:
        worst = max(one.fired_at - one.claimed.scheduled_at for one in fired)
        logger().info(
            "schedules.fired",
            count=len(fired),
            lateness_ms_max=round(worst.total_seconds() * 1000, 3),
        )
    for one in settled:
        if many and one.outcome == "triggered":
            continue
        logger().info(
            events[one.outcome],
            id=str(one.claimed.id),
            cron=one.claimed.cron_name,
            due=one.claimed.scheduled_at.isoformat(),
            fired=one.fired_at.isoformat(),
            lateness_ms=round((one.fired_at - one.claimed.scheduled_at).total_seconds() * 1000, 3),
            attempt=one.claimed.attempt,
            error=one.error,
        )
