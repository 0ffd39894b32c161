"""Executions on the worker's side: taken from the queue, written down, rescued when a worker is lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from core.lane import Lane, storable
from core.parameters import Parameters
from core.workers import lost_after_seconds

# Another worker's catalogue may have the cron: it gets the time to take it.
PATIENCE_SECONDS = 60


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


async def fail_unknown(lane: Lane, worker: str, known: Iterable[str]) -> int:
    """Fails executions that have been queued for long and whose cron the catalogue does not have.

    Returns:
        How many.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        """
        WITH unknown AS MATERIALIZED (
            SELECT ctid AS tid FROM cron_executions
            WHERE status = 'queued' AND status IN ('queued', 'running')
              AND queued_at < clock_timestamp() - make_interval(secs => %(patience)s)
              AND cron_name <> ALL (%(known)s::text[])
            ORDER BY queued_at LIMIT 1000 FOR UPDATE SKIP LOCKED
        ), failed AS (
            UPDATE cron_executions e
            SET status = 'failed', finished_at = clock_timestamp(),
                error_message = 'not started: the catalogue has no cron ' || quote_literal(cron_name)
            FROM unknown WHERE e.ctid = unknown.tid
            RETURNING id, scheduled_id, cron_name, error_message
        ), told AS (
            INSERT INTO cron_events (actor, via, kind, schedule_id, execution_id, cron_name, details)
            SELECT %(worker)s, 'worker', 'execution.failed', scheduled_id, id, cron_name,
                   jsonb_build_object('error', error_message)
            FROM failed
        )
        SELECT count(*) FROM failed
        """,
        {"known": list(known), "worker": worker, "patience": PATIENCE_SECONDS},
    )
    return int(rows[0][0])


async def wake_others(lane: Lane) -> None:
    """Tells all workers that executions are queued.

    Raises:
        Unavailable.
    """
    await lane.fetch("SELECT pg_notify('crondesk_queue', '')")


async def write(
    lane: Lane, worker: str, printed: Sequence[Printed], finished: Sequence[Finished]
) -> set[UUID]:
    """Writes down what executions printed and how they ended, in one transaction.

    Written twice, it changes nothing: a worker that lost the database's answer may say it again.

    Returns:
        The executions whose end could not be written, since somebody holds their row: try again.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        """
        WITH told AS (
            INSERT INTO cron_execution_output (execution_id, seq, stream, at, content)
            SELECT p.* FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::timestamptz[], %s::text[])
                AS p (execution_id, seq, stream, at, content)
            WHERE EXISTS (SELECT FROM cron_executions e WHERE e.id = p.execution_id)
            ON CONFLICT DO NOTHING
        ), mine AS MATERIALIZED (
            SELECT f.* FROM
                unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::int[], %s::text[], %s::text[])
                    AS f (id, status, finished_at, exit_code, external_id, error)
                CROSS JOIN LATERAL (
                    SELECT FROM cron_executions e WHERE e.id = f.id AND e.status = 'running' AND e.worker = %s
                ) e
        ), free AS MATERIALIZED (
            -- LATERAL: each row by its index, however few the planner expects.
            SELECT mine.*, e.tid FROM mine CROSS JOIN LATERAL (
                SELECT e.ctid AS tid FROM cron_executions e WHERE e.id = mine.id AND e.status = 'running'
                FOR NO KEY UPDATE SKIP LOCKED
            ) e
        ), written AS (
            UPDATE cron_executions e
            SET status = f.status, finished_at = greatest(f.finished_at, e.started_at),
                exit_code = f.exit_code, external_id = f.external_id, error_message = f.error
            FROM free f
            WHERE e.ctid = f.tid
        )
        SELECT id FROM mine EXCEPT SELECT id FROM free
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
            [storable(f.external_id) for f in finished],
            [storable(f.error) for f in finished],
            worker,
        ),
    )
    return {row[0] for row in rows}


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


@dataclass(frozen=True, slots=True)
class Mine:
    """An execution that runs on this worker, as the database has it.

    Attributes:
        cancelled_by: who asks for its end, if somebody does.
    """

    run: Run
    cancelled_by: str | None


async def beat(lane: Lane, sign: Beat) -> list[Mine]:
    """Gives a sign of life, for the worker and for all that it runs.

    Returns:
        What runs on this worker.

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
            SET beat_at = clock_timestamp(),
                beating_since = CASE WHEN w.beat_at < clock_timestamp() - make_interval(secs => %(silent)s)
                                     THEN clock_timestamp() ELSE w.beating_since END,
                beat_before = CASE WHEN w.beat_at < clock_timestamp() - make_interval(secs => %(silent)s)
                                   THEN w.beat_at ELSE w.beat_before END,
                running = excluded.running, slots = excluded.slots,
                ticked_at = excluded.ticked_at, clock_offset_ms = excluded.clock_offset_ms,
                catalogue_error = excluded.catalogue_error, stopped_at = NULL
        ), free AS MATERIALIZED (
            -- A row that somebody holds in psql must not silence the worker.
            SELECT id FROM cron_executions
            WHERE status = 'running' AND status IN ('queued', 'running') AND worker = %(worker)s
            FOR NO KEY UPDATE SKIP LOCKED
        ), alive AS (
            UPDATE cron_executions e SET heartbeat_at = clock_timestamp() FROM free WHERE e.id = free.id
            RETURNING e.id, e.scheduled_id, e.cron_name, e.parameters,
                      e.cancel_requested_at, e.cancel_requested_by
        )
        SELECT id, scheduled_id, cron_name, parameters,
               CASE WHEN cancel_requested_at IS NOT NULL THEN coalesce(cancel_requested_by, 'somebody') END
        FROM alive
        """,
        {**{field: getattr(sign, field) for field in Beat.__slots__}, "silent": lost_after_seconds()},
    )
    return [Mine(Run(*row[:4]), row[4]) for row in rows]


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
        WITH silent AS MATERIALIZED (
            SELECT e.ctid AS tid FROM cron_executions e
            WHERE e.status = 'running' AND e.status IN ('queued', 'running')
              AND e.heartbeat_at < clock_timestamp() - make_interval(secs => %(silent)s)
              AND NOT EXISTS (
                  SELECT FROM cron_workers w WHERE w.name = e.worker AND w.stopped_at IS NULL
                  AND w.beat_at > clock_timestamp() - make_interval(secs => %(silent)s))
            FOR UPDATE OF e SKIP LOCKED
        ), lost AS (
            UPDATE cron_executions e
            SET status = 'failed', finished_at = clock_timestamp(),
                error_message = 'worker lost: ' || coalesce(e.worker, 'unknown')
                                || ' gave no sign of life since '
                                || to_char(e.heartbeat_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
            FROM silent WHERE e.ctid = silent.tid
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
            "silent": lost_after_seconds(),
            "worker": worker,
            "retried": list(retried),
            "again": list(again),
        },
    )
    return int(rows[0][0])
