"""Executions on the worker's side: taken from the queue, written down, rescued when a worker is lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from core.lane import Lane, storable
from core.parameters import Parameters
from core.workers import LIVES, lost_after_seconds

# Another worker's catalogue may have the cron: it gets the time to take it.
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Run:
    """An execution that this worker runs.

    Attributes:
        schedule_id: the schedule it comes from, by way of the attempts before it too.
        attempt: which attempt it is; 1 is the first.
        conflicts: how many of those before it met an earlier run that had not ended.
        failures: how many of those before it failed.
        first_id: the first attempt; None where it is this one.
    """

    execution_id: UUID
    schedule_id: UUID | None
    cron_name: str
    parameters: Parameters
    attempt: int = 1
    conflicts: int = 0
    failures: int = 0
    first_id: UUID | None = None


# How often a run is run again after its worker died under it.
LOST_AGAIN = 3

# The columns of a Run, of cron_executions e: the schedule is known to the first attempt alone.
RUN_COLUMNS = """
    e.id,
    CASE WHEN e.first_id IS NULL THEN e.scheduled_id
         ELSE (SELECT f.scheduled_id FROM cron_executions f WHERE f.id = e.first_id) END AS scheduled_id,
    e.cron_name, e.parameters, e.attempt, e.conflicts, e.failures, e.first_id
"""
RUN_LENGTH = 8


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
        again_in: of a failed one that is tried again: how long the next attempt waits.
        conflict: whether it failed since an earlier run had not ended.
    """

    execution_id: UUID
    status: Literal["completed", "failed", "cancelled"]
    finished_at: datetime
    exit_code: int | None = None
    external_id: str | None = None
    error: str | None = None
    again_in: timedelta | None = None
    conflict: bool = False


async def take_queued(
    lane: Lane, worker: str, crons: Iterable[str], slots: int
) -> tuple[list[Run], datetime | None]:
    """Takes queued executions of these crons, the oldest first; each goes to one worker.

    Returns:
        What was taken; and when the next one of these crons may begin that has to wait.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        f"""
        WITH queued AS MATERIALIZED (
            SELECT ctid AS tid FROM cron_executions
            WHERE status = 'queued' AND status IN ('queued', 'running')
              AND coalesce(not_before, queued_at) <= statement_timestamp()
              AND cron_name = ANY (%(crons)s::text[])
            ORDER BY coalesce(not_before, queued_at) LIMIT %(slots)s FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE cron_executions e
            SET status = 'running', worker = %(worker)s,
                started_at = clock_timestamp(), heartbeat_at = clock_timestamp()
            FROM queued WHERE e.ctid = queued.tid
            RETURNING {RUN_COLUMNS}
        )
        SELECT taken.*, NULL FROM taken
        UNION ALL
        SELECT {"NULL, " * RUN_LENGTH} min(coalesce(not_before, queued_at)) FROM cron_executions
        WHERE status = 'queued' AND status IN ('queued', 'running')
          AND coalesce(not_before, queued_at) > statement_timestamp()
          AND cron_name = ANY (%(crons)s::text[])
        """,  # noqa: S608  the columns are our own
        {"crons": list(crons), "slots": slots, "worker": worker},
    )
    return [Run(*row[:RUN_LENGTH]) for row in rows[:-1]], rows[-1][RUN_LENGTH]


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
              AND coalesce(not_before, queued_at)
                  < statement_timestamp() - make_interval(secs => %(patience)s)
              AND cron_name <> ALL (%(known)s::text[])
            ORDER BY coalesce(not_before, queued_at) LIMIT 1000 FOR UPDATE SKIP LOCKED
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

    It is the same statement that fails an execution and queues its next attempt, where there is one and
    nobody has asked for the execution's end. Of a cron that forbids overlap, the next attempt takes over
    the place of the one before: nothing comes in between.

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
                unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::int[], %s::text[], %s::text[],
                       %s::interval[], %s::boolean[])
                    AS f (id, status, finished_at, exit_code, external_id, error, again_in, conflict)
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
                exit_code = f.exit_code, external_id = f.external_id, error_message = f.error,
                retried_by = CASE WHEN f.again_in IS NOT NULL AND e.cancel_requested_at IS NULL
                                  THEN crondesk_uuid() END
            FROM free f
            WHERE e.ctid = f.tid
            RETURNING e.*, f.conflict, clock_timestamp() + f.again_in AS again_at
        ), retried AS (
            INSERT INTO cron_executions AS r (id, cron_name, parameters, triggered_by, target, exclusive,
                retry_of, first_id, attempt, conflicts, failures, queued_at, not_before)
            SELECT retried_by, cron_name, parameters, triggered_by, target, exclusive, id,
                   coalesce(first_id, id), attempt + 1, conflicts + conflict::integer,
                   failures + (NOT conflict)::integer, clock_timestamp(), again_at
            FROM written WHERE retried_by IS NOT NULL
            RETURNING r.id
        ), noted AS (
            INSERT INTO cron_events (actor, via, kind, schedule_id, execution_id, cron_name, details)
            SELECT w.worker, 'worker', 'execution.retried',
                   coalesce((SELECT f.scheduled_id FROM cron_executions f WHERE f.id = w.first_id),
                            w.scheduled_id),
                   w.retried_by, w.cron_name,
                   jsonb_build_object('retry_of', w.id, 'attempt', w.attempt + 1, 'not_before', w.again_at,
                                      'error', w.error_message)
            FROM written w WHERE w.retried_by IS NOT NULL
        ), woken AS (
            SELECT pg_notify('crondesk_queue', '') FROM retried LIMIT 1
        )
        -- Of free, those that changed since this statement began are not written either.
        (SELECT id FROM mine EXCEPT SELECT id FROM written)
        UNION ALL
        SELECT NULL FROM woken
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
            [f.again_in for f in finished],
            [f.conflict for f in finished],
            worker,
        ),
    )
    return {row[0] for row in rows if row[0] is not None}


async def rescue_lost(lane: Lane, worker: str, retried: Iterable[str]) -> int:
    """Fails executions whose worker is gone, and queues those anew whose cron says retry_lost.

    One that was lost LOST_AGAIN times before may itself be what kills workers: it stays failed.

    Args:
        retried: crons that say retry_lost.

    Returns:
        How many were lost.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        f"""
        WITH silent AS MATERIALIZED (
            SELECT e.ctid AS tid FROM cron_executions e
            WHERE e.status = 'running' AND e.status IN ('queued', 'running')
              AND e.heartbeat_at < clock_timestamp() - make_interval(secs => %(silent)s)
              AND NOT EXISTS (SELECT FROM cron_workers w WHERE w.name = e.worker AND {LIVES})
            FOR UPDATE OF e SKIP LOCKED
        ), lost AS (
            UPDATE cron_executions e
            SET status = 'failed', finished_at = clock_timestamp(),
                error_message = 'worker lost: ' || coalesce(e.worker, 'unknown')
                                || ' gave no sign of life since '
                                || to_char(e.heartbeat_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
                                || CASE WHEN e.attempt > 1 THEN ' (attempt ' || e.attempt || ')' ELSE '' END,
                -- Of its attempts those that neither conflicted nor failed were lost, as this one is.
                retried_by = CASE WHEN e.cron_name = ANY (%(retried)s::text[])
                                       AND e.cancel_requested_at IS NULL
                                       AND e.attempt - e.conflicts - e.failures <= %(again)s
                                  THEN crondesk_uuid() END
            FROM silent WHERE e.ctid = silent.tid
            RETURNING e.*, coalesce((SELECT f.scheduled_id FROM cron_executions f WHERE f.id = e.first_id),
                                    e.scheduled_id) AS of_schedule
        ), told AS (
            INSERT INTO cron_events (actor, via, kind, schedule_id, execution_id, cron_name, details)
            SELECT %(worker)s, 'worker', 'execution.lost', of_schedule, id, cron_name,
                   jsonb_build_object('error', error_message)
            FROM lost
        ), retried AS (
            -- It takes over the place of the lost one: in an index of one at a time nothing comes in between.
            INSERT INTO cron_executions (id, cron_name, parameters, triggered_by, target, exclusive, retry_of,
                first_id, attempt, conflicts, failures, queued_at)
            SELECT retried_by, cron_name, parameters, triggered_by, target, exclusive, id,
                   coalesce(first_id, id), attempt + 1, conflicts, failures, clock_timestamp()
            FROM lost WHERE retried_by IS NOT NULL
        ), told_too AS (
            INSERT INTO cron_events (actor, via, kind, schedule_id, execution_id, cron_name, details)
            SELECT %(worker)s, 'worker', 'execution.retried', of_schedule, retried_by, cron_name,
                   jsonb_build_object('retry_of', id, 'attempt', attempt + 1, 'not_before', clock_timestamp(),
                                      'error', error_message)
            FROM lost WHERE retried_by IS NOT NULL
        )
        SELECT count(*) FROM lost
        """,  # noqa: S608  the condition is our own
        {
            "silent": lost_after_seconds(),
            "worker": worker,
            "retried": list(retried),
            "again": LOST_AGAIN,
        },
    )
    return int(rows[0][0])
