"""The worker's process: its parts, the APScheduler jobs that drive them, its start and its end."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from core import __version__, advancing, beating, firing, running
from core.beating import Beat
from core.catalogue import catalogue
from core.clock import Clock
from core.database import database_url
from core.errors import Unavailable
from core.lane import Lane, tell
from core.log import logger
from core.notifications import watching
from core.settings import settings
from core.targets import http as http_target
from core.workers import beat_seconds, lost_after_seconds
from worker.dispatcher import Dispatcher
from worker.folding import FOLD_SECONDS, fold
from worker.listener import Listener
from worker.notifying import Notifier
from worker.planner import Planner
from worker.runner import Runner
from worker.sender import Sender
from worker.tidying import tidy
from worker.timers import Timers

POLL_SECONDS = 60
TIDY_SECONDS = 3600
WATCH_SECONDS = 60
# Firing waits no longer than this for word of what did not run.
FIRST_WATCH_SECONDS = 2
START_PAUSE_SECONDS = 2
# The end of the grace period is for a command that does not heed SIGTERM, and to write down how it ended:
# so many seconds of it, of a short one this share. It lasts two seconds at least.
LAST_WORDS_SECONDS = 9
LAST_WORDS_SHARE = 0.4
LEAST_GRACE_SECONDS = 2
PURPOSES = (
    "firing",
    "firing too",
    "looking",
    "settling",
    "queue",
    "writing",
    "planning",
    "watching",
    "notifying",
    "notified",
    # By itself: behind a duty that takes long, a living worker would pass for lost.
    "beating",
    "duties",
)


class Process:
    """One worker. Make it within a running event loop, then `run` it."""

    def __init__(self) -> None:
        host = socket.gethostname()
        self.name = f"{host}:{os.getpid()}:{secrets.token_hex(2)}"
        url = database_url()
        self._lanes = {purpose: Lane(url, f"crondesk worker {purpose}") for purpose in PURPOSES}
        self._clock = Clock()
        self._timers = Timers(self._clock)
        self._http = http_target.session(settings().http_connections)
        self._runner = Runner(
            self.name, self._lanes["queue"], self._lanes["writing"], self._http, self._clock
        )
        self._sender = Sender(
            self.name,
            self._lanes["settling"],
            self._http,
            self._clock,
            self._timers,
            freed=self._look,
        )
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._dispatcher = Dispatcher(
            self.name,
            self._lanes["firing"],
            self._lanes["firing too"],
            self._lanes["looking"],
            self._clock,
            self._sender,
            self._runner,
            look_at=self._look_at,
            returned=self._returned,
        )
        self._planner = Planner(self.name, self._lanes["planning"])
        self._notifier = Notifier(
            self.name, self._lanes["notifying"], self._lanes["notified"], self._clock, self._timers
        )
        self._listener = Listener(
            url,
            f"crondesk worker {host}",
            arrived=self._dispatcher.arrived,
            queued=self._runner.look_into_queue,
            cancelled=self._runner.cancel,
            series=self._planner.ask,
            outbox=self._notifier.ask,
            connected=self._look_everywhere,
        )
        self._beating_since: float | None = None
        self._beaten_at: float | None = None
        self._stop = asyncio.Event()
        self._problems: tuple[str, ...] = ()

    async def run(self) -> None:
        """Works until SIGTERM or SIGINT, then ends in good order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        await self._wait_for_the_database()
        services = [
            asyncio.create_task(service(), name=service.__qualname__)
            for service in (
                self._runner.write_down,
                self._sender.settle,
                self._runner.serve_queue,
                self._dispatcher.serve_due,
                self._dispatcher.serve_looks,
                self._planner.serve,
                self._notifier.serve,
                self._notifier.settle,
                self._listener.listen,
            )
        ]
        self._add_jobs()
        self._scheduler.start()
        self._look_everywhere()
        logger().info("worker.started", name=self.name, crons=len(catalogue().crons), version=__version__)
        stopped = asyncio.create_task(self._stop.wait())
        ended, _ = await asyncio.wait([stopped, *services], return_when=asyncio.FIRST_COMPLETED)
        await self._end()
        for service in services:
            service.cancel()
        await asyncio.gather(*services, return_exceptions=True)
        for lane in self._lanes.values():
            await lane.close()
        for task in ended - {stopped}:
            task.result()  # a service that ends by itself has met an error nobody foresaw: let it be seen

    def _add_jobs(self) -> None:
        jobs: dict[str, tuple[Callable[[], Coroutine[Any, Any, None]], float]] = {
            "poll": (self._poll, POLL_SECONDS),
            "beat": (self._beat, beat_seconds()),
            "tidy": (self._tidy, TIDY_SECONDS),
            "fold": (self._fold, FOLD_SECONDS),
            "watch": (self._watch, WATCH_SECONDS),
        }
        for name, (call, seconds) in jobs.items():
            self._scheduler.add_job(
                _duty(name, call),
                IntervalTrigger(seconds=seconds),
                id=name,
                next_run_time=_soon(name),
            )

    def _look_at(self, instant: datetime) -> None:
        here = instant - timedelta(seconds=self._clock.offset_seconds)
        self._scheduler.add_job(self._look, DateTrigger(here), id="look", replace_existing=True)

    def _look(self) -> None:
        self._dispatcher.look()

    async def _returned(self) -> None:
        """What did not run is told before it runs: afterwards nothing shows that it was not there in time."""
        try:
            async with asyncio.timeout(FIRST_WATCH_SECONDS):
                await watching.watch_schedules(self._lanes["watching"])
        except TimeoutError:
            logger().warning("watch.skipped", seconds=FIRST_WATCH_SECONDS)
        await advancing.catch_up(self._lanes["planning"], self.name)

    def _look_everywhere(self) -> None:
        self._dispatcher.look()
        self._planner.ask()
        self._dispatcher.fire()
        self._runner.look_into_queue()
        self._notifier.ask()

    async def _poll(self) -> None:
        """The safety net: whatever was not heard of is seen within a minute."""
        self._tell_of_the_catalogue()
        self._look_everywhere()
        known = catalogue().crons
        if known:
            lane = self._lanes["duties"]
            count = await firing.fail_unknown(lane, self.name, known)
            count += await running.fail_unknown(lane, self.name, known)
            if count:
                logger().warning("schedules.unknown", count=count)

    async def _beat(self) -> None:
        lane = self._lanes["beating"]
        try:
            await self._clock.measure(lane)
            mine = await beating.beat(lane, self._sign())
        except Unavailable:
            self._beating_since = None
            raise
        for one in mine:
            if one.cancelled_by is not None:
                self._runner.cancel(one.run.execution_id, one.cancelled_by)
        self._runner.adopt([one.run for one in mine])
        # After an outage, or a machine's sleep, all are silent for a moment: whoever was away himself
        # declares nobody lost.
        now = self._clock.time()
        if self._beaten_at is None or now - self._beaten_at > lost_after_seconds():
            self._beating_since = None
        self._beaten_at = now
        if self._beating_since is None:
            self._beating_since = now
        if now - self._beating_since > lost_after_seconds():
            retried = [cron.name for cron in catalogue().crons.values() if cron.retry_lost]
            count = await running.rescue_lost(lane, self.name, retried)
            if count:
                logger().warning("execution.lost", count=count)
                await running.wake_others(lane)

    def _sign(self) -> Beat:
        return Beat(
            worker=self.name,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            slots=settings().max_running,
            running=self._runner.running,
            ticked_at=self._dispatcher.ticked_at,
            clock_offset_ms=round(self._clock.offset_seconds * 1000, 3),
            catalogue_error="; ".join(catalogue().problems)[:2000] or None,
        )

    async def _fold(self) -> None:
        await fold(self._lanes["duties"])

    async def _tidy(self) -> None:
        await tidy(self._lanes["duties"], self._clock)

    async def _watch(self) -> None:
        """What no change of a row tells: what is to come, what did not come, how the whole stands."""
        # After an outage, or a machine's sleep, this one is back before it tells that nobody is there.
        await self._beat()
        await watching.watch(self._lanes["watching"])

    def _tell_of_the_catalogue(self) -> None:
        problems = catalogue().problems
        if problems != self._problems:
            self._problems = problems
            if problems:
                logger().error("catalogue.broken", problems=list(problems))
            else:
                logger().info("catalogue.loaded", crons=len(catalogue().crons))

    async def _wait_for_the_database(self) -> None:
        while not self._stop.is_set():
            try:
                await self._clock.measure(self._lanes["beating"])
                await beating.beat(self._lanes["beating"], self._sign())
            except Unavailable:
                logger().warning("database.away")
                await asyncio.sleep(START_PAUSE_SECONDS)
            else:
                return

    async def _end(self) -> None:
        logger().info("worker.stopping", running=self._runner.running)
        self._scheduler.pause()
        grace = max(settings().grace_seconds, LEAST_GRACE_SECONDS)
        last_words = min(LAST_WORDS_SECONDS, grace * LAST_WORDS_SHARE)
        until = asyncio.get_running_loop().time() + grace
        beats = asyncio.create_task(self._keep_beating())
        try:
            async with asyncio.timeout_at(until):
                await self._dispatcher.stop()
                self._timers.clear()
                # Those that could not be handed back come due again when their leases end.
                await _guarded("hand back", self._sender.hand_back)()
                left = until - asyncio.get_running_loop().time()
                patience = max(0.0, left - last_words)
                await asyncio.gather(
                    self._sender.finish(patience),
                    self._runner.finish(patience, left - patience),
                    self._notifier.finish(),
                )
                beats.cancel()
                await beating.say_stopped(self._lanes["beating"], self.name)
        except (TimeoutError, Unavailable):
            logger().warning("database.away")
        beats.cancel()
        self._scheduler.shutdown(wait=False)
        # Before its connections: an answer that is cut off by us would pass for a failure of the target.
        await self._sender.give_up()
        await self._http.close()
        logger().info("worker.stopped", name=self.name)

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(beat_seconds())
            await _guarded("beat", self._beat)()


def _guarded(
    name: str, call: Callable[[], Coroutine[Any, Any, None]]
) -> Callable[[], Coroutine[Any, Any, None]]:
    async def run() -> None:
        try:
            await call()
        except Unavailable as error:
            tell(error, duty=name)

    return run


def _duty(
    name: str, call: Callable[[], Coroutine[Any, Any, None]]
) -> Callable[[], Coroutine[Any, Any, None]]:
    async def run() -> None:
        with suppress(asyncio.CancelledError):  # the worker ends in the middle of it
            await _guarded(name, call)()

    return run


def _soon(name: str) -> datetime:
    delays = {"poll": 0, "beat": 0, "tidy": 60, "watch": 5, "fold": 5}
    return datetime.now(UTC) + timedelta(seconds=delays[name])
