"""Runs executions, as many at once as there are slots, and writes down what they print and how they end."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import aiohttp

from core import running
from core.catalogue import Catalogue, Cron, catalogue
from core.clock import Clock
from core.database import passwords
from core.errors import CrondeskError, Invalid, Unavailable
from core.lane import Lane
from core.log import logger
from core.parameters import check
from core.retrying import ruling
from core.running import Finished, Printed, Run
from core.secrets import LEAST_VALUE, forms, masks
from core.settings import cron_secret, settings
from core.targets import command
from core.targets import http as http_target
from core.targets.output import Output
from worker.batches import Batches

# Until a row that somebody holds is tried again: a beat for a moment, a person in psql for longer.
HELD_PAUSE_SECONDS = 0.2
# At the worker's end it is tried again until this share of the last words has passed; then the worker goes.
HELD_SHARE = 0.75


class Runner:
    """The executions of this worker.

    Args:
        name: the worker's name.
        lane: its connection for taking from the queue.
        writing: its connection for output and results.
        http: its connections to HTTP targets.
        clock: the database's clock.
    """

    def __init__(
        self, name: str, lane: Lane, writing: Lane, http: aiohttp.ClientSession, clock: Clock
    ) -> None:
        self._name = name
        self._lane = lane
        self._writing = writing
        self._http = http
        self._clock = clock
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._cancelled_by: dict[UUID, str] = {}
        # Ended, but that is not written down yet.
        self._unwritten: set[UUID] = set()
        # Of these, those whose row somebody holds.
        self._held: set[UUID] = set()
        self._strange: set[UUID] = set()
        self._adopted: set[UUID] = set()
        self._queue_may_hold = asyncio.Event()
        self._next_attempt: asyncio.TimerHandle | None = None
        self._taking = asyncio.Lock()
        self._promised = 0
        self._turned_away = False
        self._stopping = False
        self._term_seconds: float = command.TERM_GRACE_SECONDS
        self._batches: Batches[Printed | Finished] = Batches(self._write)
        self._secrets = [*forms(cron_secret()), *passwords()]

    @property
    def running(self) -> int:
        """How many executions run now."""
        return len(self._tasks)

    @contextmanager
    def slots(self, callers: int = 1) -> Iterator[int]:
        """How many more may start now: kept free for the caller until the block ends.

        Args:
            callers: how many may ask side by side; each gets that part of what is free, rounded up.
        """
        left = 0 if self._stopping else max(0, settings().max_running - len(self._tasks) - self._promised)
        free = math.ceil(left / callers)
        self._promised += free
        try:
            yield free
        finally:
            self._promised -= free
            if free and self._turned_away:
                self._turned_away = False
                self._queue_may_hold.set()

    def start(self, run: Run) -> None:
        """Starts an execution that the database says is running on this worker."""
        if run.execution_id not in self._adopted:
            self._tasks[run.execution_id] = asyncio.create_task(self._run(run))

    def adopt(self, mine: list[Run]) -> None:
        """Starts what runs here by the database's word and nobody here knows of.

        The connection broke between the statement that began it and its answer. An answer that is only late
        comes before the next beat: what is strange twice was lost.

        Args:
            mine: all that runs on this worker, as the database has it now.
        """
        known = self._tasks.keys() | self._unwritten | self._adopted
        strange = {run.execution_id: run for run in mine if run.execution_id not in known}
        for execution_id in strange.keys() & self._strange:
            if not self._stopping:
                logger().warning("execution.adopted", id=str(execution_id))
                self.start(strange[execution_id])
                self._adopted.add(execution_id)
        self._strange = set(strange)

    def look_into_queue(self) -> None:
        """Says that the queue may hold something."""
        self._queue_may_hold.set()

    async def serve_queue(self) -> None:
        """Takes from the queue whenever it may hold something and a slot is free; for ever."""
        while True:
            await self._queue_may_hold.wait()
            self._queue_may_hold.clear()
            try:
                async with self._taking:
                    await self._take()
            except Unavailable:
                await asyncio.sleep(1)
                self._queue_may_hold.set()

    async def _take(self) -> None:
        with self.slots() as free:
            if not free:
                self._turned_away = self._promised > 0
                return  # the end of a run asks again, or of the promise
            taken, following = await running.take_queued(self._lane, self._name, catalogue().crons, free)
            for run in taken:
                self.start(run)
            if len(taken) == free:
                self._queue_may_hold.set()
            self._look_again_at(following)

    def _look_again_at(self, instant: datetime | None) -> None:
        """Looks into the queue when the next attempt that waits there may begin."""
        if self._next_attempt is not None:
            self._next_attempt.cancel()
            self._next_attempt = None
        if instant is not None:
            seconds = max(0.0, (instant - self._clock.now()).total_seconds())
            self._next_attempt = asyncio.get_running_loop().call_later(seconds, self._queue_may_hold.set)

    async def write_down(self) -> None:
        """Writes output and results; for ever."""
        await self._batches.run()

    def cancel(self, execution_id: UUID, by: str) -> None:
        """Ends an execution of this worker, if it is one."""
        task = self._tasks.get(execution_id)
        if task is not None and execution_id not in self._cancelled_by:
            self._cancelled_by[execution_id] = by
            # Not at once: a task that is cancelled before its first step never takes it, and tells nobody.
            asyncio.get_running_loop().call_soon(task.cancel)

    async def finish(self, grace_seconds: float, last_words_seconds: float) -> None:
        """Lets what runs end by itself for so long, ends the rest, and writes it all down.

        The end of a run whose row somebody holds all the while is not written: it may be taken for lost.

        Args:
            grace_seconds: until commands are told to end.
            last_words_seconds: for what comes then; half of it for those that do not heed SIGTERM.
        """
        loop = asyncio.get_running_loop()
        held_until = loop.time() + grace_seconds + last_words_seconds * HELD_SHARE
        self._stopping = True
        self._term_seconds = min(self._term_seconds, last_words_seconds / 2)
        async with self._taking:
            pass  # what is being taken now is waited for, too
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace_seconds)
        if self._tasks:
            logger().warning("worker.killed_runs", count=len(self._tasks))
            tasks = list(self._tasks.values())
            for execution_id in list(self._tasks):
                self.cancel(execution_id, "the worker's end")
            await asyncio.wait(tasks)
        await self._batches.drained()
        while self._held and loop.time() < held_until:
            await asyncio.sleep(HELD_PAUSE_SECONDS)
            await self._batches.drained()
        for execution_id in self._held:
            logger().error("execution.end_unwritten", id=str(execution_id))

    async def _run(self, run: Run) -> None:
        began = self._clock.now()
        # Once, so that what is masked is what it runs with.
        known = catalogue()
        cron = known.crons.get(run.cron_name)
        output = Output(
            run.execution_id,
            settings().output_limit_bytes,
            # Those of other crons, too: what a command cannot be given it may find.
            {*self._secrets, *masks(known.secrets, LEAST_VALUE), *masks(cron.secrets if cron else ())},
            self._clock.now,
            self._batches.add,
        )
        logger().info("execution.started", id=str(run.execution_id), cron=run.cron_name)
        try:
            finished = await self._carry_out(run, known, output)
        except Exception as error:  # noqa: BLE001  whatever it was, the run has an end that is told
            logger().exception("execution.broken", id=str(run.execution_id))
            finished = self._failed(run, f"ended by a fault of the worker: {type(error).__name__}: {error}")
        finally:
            del self._tasks[run.execution_id]
            self._cancelled_by.pop(run.execution_id, None)
            self._queue_may_hold.set()
        self._unwritten.add(run.execution_id)
        output.close()
        self._batches.add(finished)
        logger().info(
            "execution.finished",
            id=str(run.execution_id),
            cron=run.cron_name,
            status=finished.status,
            seconds=round((finished.finished_at - began).total_seconds(), 3),
            error=finished.error,
        )

    async def _carry_out(self, run: Run, known: Catalogue, output: Output) -> Finished:
        try:
            cron = known.cron(run.cron_name)
            check(run.parameters, cron.parameters)
        except CrondeskError as error:
            return self._failed(run, f"not started: {error.message}")
        try:
            if cron.http is not None:
                return await self._send(run, cron, output)
            if cron.command is not None:
                return await self._command(run, cron, output)
            return Finished(run.execution_id, "completed", self._clock.now())
        except asyncio.CancelledError:
            return self._cancelled(run)

    async def _command(self, run: Run, cron: Cron, output: Output) -> Finished:
        try:
            child = command.start(run, cron, output)
        except command.NotStarted as error:
            return self._unsuccessful(run, cron, str(error))
        try:
            async with asyncio.timeout(cron.timeout_seconds):
                code = await child.wait()
        except TimeoutError:
            await child.kill()
            code = await child.wait()
            late = f"ended after its timeout of {cron.timeout_seconds:g} s"
            return self._unsuccessful(run, cron, late, exit_code=code)
        except asyncio.CancelledError:
            await child.kill(self._term_seconds)
            return self._cancelled(run, await child.wait())
        fault = command.ended(code)
        if fault is not None:
            return self._unsuccessful(run, cron, fault, exit_code=code)
        return Finished(run.execution_id, "completed", self._clock.now(), exit_code=code)

    async def _send(self, run: Run, cron: Cron, output: Output) -> Finished:
        try:
            answer = await http_target.post(
                self._http,
                cron,
                run.parameters,
                schedule_id=run.schedule_id,
                execution_id=run.execution_id,
                first_id=run.first_id,
                secret=cron_secret(),
                timeout_seconds=min(cron.timeout_seconds, settings().http_timeout_seconds),
            )
        except Invalid as error:
            return self._failed(run, f"not sent: {error.message}")
        output.feed("stdout", answer.text.encode())
        if answer.error is not None:
            return self._unsuccessful(run, cron, answer.error, conflict=answer.conflict)
        return Finished(run.execution_id, "completed", self._clock.now(), external_id=answer.external_id)

    def _unsuccessful(
        self, run: Run, cron: Cron, error: str, *, conflict: bool = False, exit_code: int | None = None
    ) -> Finished:
        """Failed, and tried again where the cron says so."""
        ruled = ruling(
            cron,
            error,
            conflict=conflict,
            attempt=run.attempt,
            conflicts=run.conflicts,
            failures=run.failures,
        )
        return Finished(
            run.execution_id,
            "failed",
            self._clock.now(),
            exit_code=exit_code,
            error=ruled.error,
            again_in=ruled.again_in,
            conflict=conflict,
        )

    def _failed(self, run: Run, error: str) -> Finished:
        """Failed for good: it would not begin another time either, or nobody knows whether it has ended."""
        return Finished(run.execution_id, "failed", self._clock.now(), error=error)

    def _cancelled(self, run: Run, code: int | None = None) -> Finished:
        by = self._cancelled_by.get(run.execution_id)
        if by is None:
            raise asyncio.CancelledError
        error = f"cancelled by {by}"
        return Finished(run.execution_id, "cancelled", self._clock.now(), exit_code=code, error=error)

    async def _write(self, batch: list[Printed | Finished]) -> None:
        printed = [item for item in batch if isinstance(item, Printed)]
        finished = [item for item in batch if isinstance(item, Finished)]
        self._held.difference_update(item.execution_id for item in finished)
        held = await running.write(self._writing, self._name, printed, finished)
        for item in finished:
            if item.execution_id in held:
                self._held.add(item.execution_id)
                asyncio.get_running_loop().call_later(HELD_PAUSE_SECONDS, self._batches.add, item)
            else:
                self._unwritten.discard(item.execution_id)
