"""Looks for what comes due, and sends, just before its instant, the statement that waits for it and fires."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush

from core import advancing, beating, firing, running
from core.catalogue import Cron, catalogue
from core.clock import Clock
from core.errors import CrondeskError, Unavailable
from core.firing import Fired
from core.lane import Lane, tell
from core.log import logger
from core.parameters import check
from core.running import Run
from core.settings import settings
from worker.runner import Runner
from worker.sender import Sender

FIRE_BATCH = 2000
CLAIM_BATCH = 500
LANES = 2
LOGGED_ONE_BY_ONE = 50
# How far ahead HTTP firings are claimed, and instants known: only a local timer then stands
# between the instant and the firing.
AHEAD = timedelta(seconds=1)
# How long before an instant the statement is sent that waits for it in the database.
EARLY = timedelta(milliseconds=5)
# Between looks, and before one at what another worker or somebody's transaction holds: much less than AHEAD.
LOOK_PAUSE_SECONDS = 0.25
# Where nothing was due although a timer rang: this machine's clock may run a little ahead of the database's.
EARLY_PAUSES_SECONDS = (0.003, 0.02)
# Whoever has not looked for as long was away, whatever kept him: each minute there is a look.
AWAY = timedelta(seconds=90)


class Dispatcher:
    """Decides when this worker claims and fires.

    Args:
        name: the worker's name.
        firing_lane: its connection for firing.
        second_lane: another one, for what comes due meanwhile.
        looking_lane: its connection for claiming and looking ahead.
        clock: the database's clock.
        sender: fires over HTTP.
        runner: runs what fires here.
        look_at: asks for the next look at an instant.
        returned: is waited for before the first look, and before the first one after this worker was away.
    """

    def __init__(
        self,
        name: str,
        firing_lane: Lane,
        second_lane: Lane,
        looking_lane: Lane,
        clock: Clock,
        sender: Sender,
        runner: Runner,
        look_at: Callable[[datetime], None],
        returned: Callable[[], Awaitable[None]],
    ) -> None:
        self._name = name
        self._firing_lane = firing_lane
        self._second_lane = second_lane
        self._looking_lane = looking_lane
        self._clock = clock
        self._sender = sender
        self._runner = runner
        self._look_at = look_at
        self._returned = returned
        self._returning = asyncio.Lock()
        self._seen_at: datetime | None = None
        self._looks = asyncio.Event()
        self._due = {lane: asyncio.Event() for lane in (firing_lane, second_lane)}
        self._busy: set[Lane] = set()
        self._timed: set[datetime] = set()
        self._coming: list[datetime] = []
        self._next_look: datetime | None = None
        self._looking = asyncio.Lock()
        self._firing = asyncio.Semaphore(LANES)
        self._stopping = False
        # Another worker fires what is long due, too: one lane of each is as quick as it gets.
        self._shares_backlog = False
        self._in_vain = 0
        self.ticked_at: datetime | None = None

    def look(self) -> None:
        """Asks for a look now."""
        self._looks.set()

    def fire(self) -> None:
        """Asks to fire now what is due."""
        if self._shares_backlog:
            return  # the lane that fires goes on until nothing is due
        taken = self._firing_lane in self._busy or self._due[self._firing_lane].is_set()
        self._due[self._second_lane if taken else self._firing_lane].set()

    def arrived(self, instant: datetime) -> None:
        """Says that a schedule arrived which is due at the instant."""
        if self._next_look is None or instant < self._next_look + AHEAD:
            self.look()

    async def stop(self) -> None:
        """Claims and fires no more; what is being claimed and fired now has been handed on."""
        self._stopping = True
        async with self._looking:
            for _ in range(LANES):
                await self._firing.acquire()

    async def serve_looks(self) -> None:
        """Looks whenever it is asked to; for ever."""
        while True:
            await self._looks.wait()
            self._looks.clear()
            if self._stopping:
                continue
            try:
                async with self._looking:
                    await self._be_back()
                    await self._look()
            except Unavailable as error:
                tell(error)
                self._ask_again(1)

    async def serve_due(self) -> None:
        """Fires whenever an instant has come; for ever.

        On two lanes: an instant that comes while another one is being written down need not wait for that.
        """
        await asyncio.gather(*map(self._serve_due, self._due))

    async def _serve_due(self, lane: Lane) -> None:
        while True:
            await self._due[lane].wait()
            self._due[lane].clear()
            if self._stopping:
                continue
            self._busy.add(lane)
            try:
                async with self._firing:
                    await self._be_back()
                    instant = self._next_coming()
                    if instant is not None:
                        await self._warm_up(lane)
                    self._try_again_soon(bool(await self._fire_all(lane, instant)))
            except Unavailable as error:
                tell(error)
                self._ask_again(1)
            finally:
                self._busy.discard(lane)
                if self._coming:
                    self.fire()

    async def _warm_up(self, lane: Lane) -> None:
        """Fires nothing: after a rest the first statement takes twice as long."""
        await firing.fire(lane, self._name, _fired_here(), limit=0, slots=0, told=LOGGED_ONE_BY_ONE)

    def _try_again_soon(self, fired: bool) -> None:
        if fired:
            self._in_vain = 0
        elif self._in_vain < len(EARLY_PAUSES_SECONDS):
            asyncio.get_running_loop().call_later(EARLY_PAUSES_SECONDS[self._in_vain], self.fire)
            self._in_vain += 1
        else:
            # Another worker was quicker, or somebody holds the row: a look will tell.
            self._in_vain = 0
            self._ask_again(LOOK_PAUSE_SECONDS)

    async def _look(self) -> None:
        # What arrives from here on may come too late for this look: it asks for another one.
        self._next_look = None
        crons = catalogue().crons.values()
        now = self._clock.now()
        await advancing.catch_up(self._looking_lane, self._name)
        await advancing.decide_late(self._looking_lane, self._name)
        here = [cron.name for cron in crons if cron.fires_here]
        over_http = [cron.name for cron in crons if not cron.fires_here]
        looks: list[datetime] = []
        if here:
            instants = await firing.next_instants(
                self._looking_lane, here, now=now, until=now + AHEAD, limit=FIRE_BATCH
            )
            looks += self._set_timers(instants, now)
        if over_http:
            looks += await self._claim(over_http, now)
        self._next_look = min(looks, default=None)
        if self._next_look is not None:
            self._look_at(self._next_look)
        self.ticked_at = self._seen_at = self._clock.now()

    async def _be_back(self) -> None:
        async with self._returning:
            if self._seen_at is None or self._clock.now() - self._seen_at > AWAY:
                await self._returned()
                self._seen_at = self._clock.now()

    def _set_timers(self, instants: list[datetime], now: datetime) -> list[datetime]:
        """Sets a timer for each instant within reach; returns when to look for those beyond."""
        within = [instant for instant in instants if instant <= now + AHEAD]
        for instant in within:
            if instant not in self._timed:
                left = (instant - EARLY - self._clock.now()).total_seconds()
                asyncio.get_running_loop().call_later(left, self._ring, instant)
                self._timed.add(instant)
        if len(instants) > len(within):
            return [_no_sooner(instants[-1] - AHEAD, now)]
        if len(within) < FIRE_BATCH:
            return []
        return [_no_sooner(within[-1], now)]  # there may be more after it

    def _ring(self, instant: datetime) -> None:
        self._timed.discard(instant)
        heappush(self._coming, instant)
        self.fire()

    def _next_coming(self) -> datetime | None:
        """The first instant that is still to come; those that have come need not be waited for."""
        now = self._clock.now()
        while self._coming:
            instant = heappop(self._coming)
            if instant > now:
                return instant
        return None

    async def _claim(self, crons: list[str], now: datetime) -> list[datetime]:
        lease = timedelta(seconds=settings().lease_seconds)
        while (room := self._sender.room) > 0:
            limit = min(room, CLAIM_BATCH)
            claims = await firing.claim(
                self._looking_lane, self._name, crons, limit=limit, lease=lease, ahead=AHEAD
            )
            for claimed in claims:
                self._sender.take(claimed)
            if len(claims) < limit:
                break
        else:
            return []  # the sender asks for a look when it has room again
        later = self._clock.now()
        following = await firing.next_instants(self._looking_lane, crons, now=later, until=later, limit=1)
        return [_no_sooner(following[0] - AHEAD, now)] if following else []

    async def _fire_all(self, lane: Lane, instant: datetime | None) -> int:
        """Waits for the instant and fires batch after batch until one is not full; returns how many it fired.

        One lane of each of two workers is as quick as two of one; with more, they wait for one another.
        """
        fired = batch = await self._fire(lane, instant)
        if batch < FIRE_BATCH:
            return fired
        if await beating.is_alone(lane, self._name):
            self.fire()
        elif lane is self._second_lane:
            return fired
        else:
            self._shares_backlog = True
        try:
            while batch >= FIRE_BATCH and not self._stopping:
                batch = await self._fire(lane)
                fired += batch
        finally:
            if self._shares_backlog and lane is self._firing_lane:
                self._shares_backlog = False
                # For what came due when the last batch had been chosen already.
                self.fire()
        return fired

    async def _fire(self, lane: Lane, instant: datetime | None = None) -> int:
        """Fires one batch; returns how many schedules were in it."""
        with self._runner.slots(LANES) as slots:
            fired = await firing.fire(
                lane,
                self._name,
                _fired_here(),
                limit=FIRE_BATCH,
                slots=slots,
                told=LOGGED_ONE_BY_ONE,
                at=instant,
            )
            for one in fired:
                if one.outcome == "running" and one.execution_id is not None:
                    self._runner.start(
                        Run(one.execution_id, one.schedule_id, one.cron_name, one.parameters or {})
                    )
        self._log(fired)
        # The database may go away from here on; all that runs has been started.
        for one in fired:
            if one.outcome == "unchecked":
                await self._check(one)
        if any(one.outcome == "queued" for one in fired):
            self._runner.look_into_queue()
            await running.wake_others(lane)
        if any(one.outcome in ("conflict", "later", "unchecked") for one in fired):
            self.look()
        return sum(one.alike for one in fired)

    async def _check(self, one: Fired) -> None:
        """The schema has changed since it was planned, or it was planned past core: looks at it now."""
        try:
            cron: Cron = catalogue().cron(one.cron_name)
            check(one.parameters, cron.parameters)
        except CrondeskError as error:
            await firing.refuse(
                self._firing_lane,
                self._name,
                one.schedule_id,
                one.attempt,
                f"not started: {error.message}",
            )
        else:
            await firing.let_pass(
                self._firing_lane, self._name, one.schedule_id, one.attempt, cron.fingerprint
            )
            self.fire()

    def _log(self, fired: list[Fired]) -> None:
        events = {"conflict": "schedule.conflicted", "failed": "schedule.failed"}
        told = [one for one in fired if one.outcome not in ("unchecked", "later")]
        count = sum(one.alike for one in told)
        if count > LOGGED_ONE_BY_ONE:
            worst = max(one.fired_at - one.scheduled_at for one in told)
            logger().info(
                "schedules.fired",
                count=count,
                lateness_ms_max=round(worst.total_seconds() * 1000, 3),
            )
            return
        for one in told:
            logger().info(
                events.get(one.outcome, "schedule.fired"),
                id=str(one.schedule_id),
                cron=one.cron_name,
                due=one.scheduled_at.isoformat(),
                fired=one.fired_at.isoformat(),
                lateness_ms=round((one.fired_at - one.scheduled_at).total_seconds() * 1000, 3),
                outcome=one.outcome,
                attempt=one.attempt,
            )

    def _ask_again(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self.look)


def _no_sooner(instant: datetime, now: datetime) -> datetime:
    """When to look again, at the instant or a pause from now: a look takes time that what fires may need."""
    return max(instant, now + timedelta(seconds=LOOK_PAUSE_SECONDS))


def _fired_here() -> list[Cron]:
    return [cron for cron in catalogue().crons.values() if cron.fires_here]
