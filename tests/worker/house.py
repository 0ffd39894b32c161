"""Everything around a worker: a database of its own, a catalogue, a target, and people who plan."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from core import database, executions, schedules
from core.actors import Actor
from core.parameters import read_stored
from tests.worker.target_server import TargetServer
from tests.worker.waiting import until
from tests.worker.worker_process import WorkerProcess

ALICE = Actor("alice", "admin", "cli")
Row = dict[str, Any]


class House:
    """What the tests of a module share.

    Args:
        url: of the database.
        directory: for logs and such.
        target: what HTTP crons are POSTed to.
    """

    def __init__(self, url: str, directory: Path, target: TargetServer) -> None:
        self.url = url
        self.directory = directory
        self.target = target
        self.workers: list[WorkerProcess] = []
        self._connection: psycopg.Connection[Row] | None = None

    def start_worker(self, prelude: str = "", **environment: str) -> WorkerProcess:
        """A worker that is ready to fire."""
        return self.begin_worker(prelude, **environment).started()

    def begin_worker(self, prelude: str = "", **environment: str) -> WorkerProcess:
        """A worker that may not be ready yet."""
        log = self.directory / f"worker-{len(self.workers)}.log"
        worker = WorkerProcess(log, prelude, **environment)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        if self._connection is not None:
            self._connection.close()

    def forget_connections(self) -> None:
        """After an outage: this process connects anew."""
        database.engine().dispose()
        if self._connection is not None:
            self._connection.close()

    def rows(self, query: str, *values: Any) -> list[Row]:
        """Runs a statement in autocommit."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.url, autocommit=True, row_factory=dict_row)
            set_json_loads(read_stored, self._connection)
        cursor = self._connection.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *values: Any) -> Any:
        [row] = self.rows(query, *values)
        [value] = row.values()
        return value

    def plan(self, cron: str, parameters: Row | None = None, *, seconds: float = 0.2) -> UUID:
        """Plans a run in so many seconds."""
        instant = datetime.now(UTC) + timedelta(seconds=seconds)
        return schedules.plan(ALICE, cron, instant, parameters).id

    def plan_many(self, cron: str, count: int, *, seconds: float, parameters: Row | None = None) -> datetime:
        """Plans many runs for one second; returns the instant."""
        instant = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
        schedules.plan_many(ALICE, [schedules.Plan(cron, instant, parameters)] * count)
        return instant

    def schedule(self, schedule_id: UUID) -> Row:
        [row] = self.rows("SELECT * FROM scheduled_cron_executions WHERE id = %s", schedule_id)
        return row

    def settled(self, schedule_id: UUID, seconds: float = 20) -> Row:
        """The schedule, once it is no longer pending."""
        return until(lambda: self._schedule_in(schedule_id), seconds, self)

    def _schedule_in(self, schedule_id: UUID) -> Row | None:
        row = self.schedule(schedule_id)
        return row if row["status"] != "pending" else None

    def executions_of(self, schedule_id: UUID) -> list[Row]:
        return self.rows("SELECT * FROM cron_executions WHERE scheduled_id = %s", schedule_id)

    def ended(self, schedule_id: UUID, seconds: float = 20) -> Row:
        """The one execution of a schedule, once it has ended."""
        finished = "SELECT * FROM cron_executions WHERE scheduled_id = %s AND finished_at IS NOT NULL"
        [row] = until(lambda: self.rows(finished, schedule_id), seconds, self)
        return row

    def running(self, schedule_id: UUID, seconds: float = 20) -> Row:
        """The one execution of a schedule, once it runs."""
        begun = "SELECT * FROM cron_executions WHERE scheduled_id = %s AND status = 'running'"
        [row] = until(lambda: self.rows(begun, schedule_id), seconds, self)
        return row

    def run(self, cron: str, parameters: Row | None = None, seconds: float = 20) -> Row:
        """Plans a run, waits for its end, and gives its execution."""
        return self.ended(self.plan(cron, parameters), seconds)

    def output(self, execution: Row, streams: Sequence[str] = ("stdout", "stderr", "crondesk")) -> str:
        """What an execution printed."""
        chunks = executions.output_of(execution["id"])
        return "".join(chunk.content for chunk in chunks if chunk.stream in streams)

    def printed(self, schedule_id: UUID, text: str) -> Row:
        """The execution of a schedule, once it has printed the text."""
        execution = self.running(schedule_id)
        until(lambda: text in self.output(execution), 20, self)
        return execution

    def count(self, table: str, condition: str = "true") -> int:
        return int(self.value(f"SELECT count(*) FROM {table} WHERE {condition}"))

    def __str__(self) -> str:
        return "\n".join(worker.log[-5000:] for worker in self.workers)
