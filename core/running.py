"""Executions on the worker's side: taken from the queue, written down, rescued when a worker is lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from core.lane import Lane
from core.parameters import Parameters
from core.workers import SILENT_SECONDS


@dataclass(frozen=True, slots=True)
class Run:
    """An execution that this worker runs."""

    execution_id: UUID
    schedule_id: UUID | None
    cron_name: str
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Printed:
    """A piece of what an execution printed."""

    execution_id: UUID
    seq: int
    stream: Literal["stdout", "stderr", "crondesk"]
    at: datetime
    content: str


@dataclass(frozen=True, slots=True)
class Finished:
    """How an execution ended.

    Attributes:
        error: one sentence for a person; None when it completed.
    """

    execution_id: UUID
    status: Literal["completed", "failed", "cancelled"]
    finished_at: datetime
    exit_code: int | None = None
    external_id: str | None = None
    error: str | None = None


async def take_queued(lane: Lane, worker: str, crons: Iterable[str], slots: int) -> list[Run]:
    """Takes queued executions of these crons, the oldest first; each goes to one worker.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        """
        WITH queued AS MATERIALIZED (
            SELECT ctid AS tid FROM cron_executions
            WHERE status = 'queued' AND status IN ('queued', 'running')
              AND cron_name = ANY (%(crons)s::text[])
            ORDER BY queued_at LIMIT %(slots)s FOR UPDATE SKIP LOCKED
        )
        UPDATE cron_executions e
        SET status = 'running', worker = %(worker)s,
            started_at = clock_timestamp(), heartbeat_at = clock_timestamp()
        FROM queued WHERE e.ctid = queued.tid
        RETURNING e.id, e.scheduled_id, e.cron_name, e.parameters
        """,
        {"crons": list(crons), "slots": slots, "worker": worker},
    )
    return [Run(*row) for row in rows]


async def wake_others(lane: Lane) -> None:
    """Tells all workers that executions are queued.

    Raises:
        Unavailable.
    """
    await lane.fetch("SELECT pg_notify('crondesk_queue', '')")


async def write(lane: Lane, worker: str, printed: Sequence[Printed], finished: Sequence[Finished]) -> None:
    """Writes down what executions printed and how they ended, in one transaction.

    Written twice, it changes nothing: a worker that lost the database's answer may say it again.

    Raises:
        Unavailable.
    """
    await lane.fetch(
        """
        WITH told AS (
            INSERT INTO cron_execution_output (execution_id, seq, stream, at, content)
            SELECT p.* FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::timestamptz[], %s::text[])
                AS p (execution_id, seq, stream, at, content)
            WHERE EXISTS (SELECT FROM cron_executions e WHERE e.id = p.execution_id)
            ON CONFLICT DO NOTHING
        )
        UPDATE cron_executions e
        SET status = f.status, finished_at = f.finished_at, exit_code = f.exit_code,
            external_id = f.external_id, error_message = f.error
        FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::int[], %s::text[], %s::text[])
            AS f (id, status, finished_at, exit_code, external_id, error)
        WHERE e.id = f.id AND e.status = 'running' AND e.worker = %s
        """,
        (
            [p.execution_id for p in printed],
            [p.seq for p in printed],
            [p.stream for p in printed],
            [p.at for p in printed],
            [p.content for p in printed],
            [f.execution_id for f in finished],
            [f.status for f in finished],
            [f.finished_at for f in finished],
            [f.exit_code for f in finished],
            [f.external_id for f in finished],
            [f.error for f in finished],
            worker,
        ),
    )


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker says of itself with each sign of life."""

    worker: str
    host: str
    pid: int
    version: str
    slots: int
    running: int
    ticked_at: datetime | None
    clock_offset_ms: float
    catalogue_error: str | None


async def beat(lane: Lane, sign: Beat) -> list[tuple[UUID, str]]:
    """Gives a sign of life, for the worker and for all that it runs.

    Returns:
        The executions of this worker whose end is asked for, each with the name of who asks.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        """
        WITH sign AS (
            INSERT INTO cron_workers AS w (name, host, pid, version, slots, running, ticked_at,
                                           clock_offset_ms, catalogue_error)
            VALUES (%(worker)s, %(host)s, %(pid)s, %(version)s, %(slots)s, %(running)s, %(ticked_at)s,
                    %(clock_offset_ms)s, %(catalogue_error)s)
            ON CONFLICT (name) DO UPDATE
            SET beat_at = clock_timestamp(), running = excluded.running, slots = excluded.slots,
                ticked_at = excluded.ticked_at, clock_offset_ms = excluded.clock_offset_ms,
                catalogue_error = excluded.catalogue_error, stopped_at = NULL
        ), alive AS (
            UPDATE cron_executions SET heartbeat_at = clock_timestamp()
            WHERE status = 'running' AND status IN ('queued', 'running') AND worker = %(worker)s
            RETURNING id, cancel_requested_at, cancel_requested_by
        )
        SELECT id, coalesce(cancel_requested_by, 'somebody') FROM alive WHERE cancel_requested_at IS NOT NULL
        """,
        {field: getattr(sign, field) for field in Beat.__slots__},
    )
    return [(row[0], row[1]) for row in rows]


async def say_stopped(lane: Lane, worker: str) -> None:
    """Writes down that a worker has ended in good order.

    Raises:
        Unavailable.
    """
    await lane.fetch("UPDATE cron_workers SET stopped_at = clock_timestamp() WHERE name = %s", (worker,))


async def rescue_lost(lane: Lane, worker: str, retried: Iterable[str], again: Iterable[bool]) -> int:
    """Fails executions whose worker is gone, and queues those anew whose cron says retry_lost.

    Args:
        retried: crons that say retry_lost.
        again: for each of them in the same order: whether overlap is forbidden.

    Returns:
        How many were lost.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        """
        WITH lost AS (
            UPDATE cron_executions e
            SET status = 'failed', finished_at = clock_timestamp(),
                error_message = 'worker lost: ' || coalesce(e.worker, 'unknown')
                                || ' gave no sign of life since '
                                || to_char(e.heartbeat_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
            WHERE e.status = 'running' AND e.status IN ('queued', 'running')
              AND e.heartbeat_at < clock_timestamp() - make_interval(secs => %(silent)s)
              AND NOT EXISTS (
                  SELECT FROM cron_workers w WHERE w.name = e.worker AND w.stopped_at IS NULL
                  AND w.beat_at > clock_timestamp() - make_interval(secs => %(silent)s))
            RETURNING e.id, e.scheduled_id, e.cron_name, e.parameters, e.triggered_by, e.target,
                      e.error_message
        ), told AS (
            INSERT INTO cron_events (actor, via, kind, schedule_id, execution_id, cron_name, details)
            SELECT %(worker)s, 'worker', 'execution.lost', scheduled_id, id, cron_name,
                   jsonb_build_object('error', error_message)
            FROM lost
        ), retried AS (
            INSERT INTO cron_executions (cron_name, parameters, triggered_by, target, exclusive, retry_of)
            SELECT lost.cron_name, lost.parameters, lost.triggered_by, lost.target, k.exclusive, lost.id
            FROM lost JOIN unnest(%(retried)s::text[], %(again)s::boolean[]) AS k (cron_name, exclusive)
                USING (cron_name)
            ON CONFLICT DO NOTHING
            RETURNING id, retry_of, cron_name
        ), told_too AS (
            INSERT INTO cron_events (actor, via, kind, execution_id, cron_name, details)
            SELECT %(worker)s, 'worker', 'execution.retried', id, cron_name,
                   jsonb_build_object('retry_of', retry_of)
            FROM retried
        )
        SELECT count(*) FROM lost
        """,
        {
            "silent": SILENT_SECONDS,
            "worker": worker,
            "retried": list(retried),
            "again": list(again),
        },
    )
    return int(rows[0][0])
