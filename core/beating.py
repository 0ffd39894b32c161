"""A worker's signs of life: for itself, and for all that it runs."""

from dataclasses import dataclass
from datetime import datetime

from core.lane import Lane
from core.running import RUN_COLUMNS, RUN_LENGTH, Run
from core.workers import LIVES, lost_after_seconds


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
        f"""
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
            RETURNING {RUN_COLUMNS},
                      CASE WHEN e.cancel_requested_at IS NOT NULL
                           THEN coalesce(e.cancel_requested_by, 'somebody') END
        )
        SELECT * FROM alive
        """,  # noqa: S608  the columns are our own
        {**{field: getattr(sign, field) for field in Beat.__slots__}, "silent": lost_after_seconds()},
    )
    return [Mine(Run(*row[:RUN_LENGTH]), row[RUN_LENGTH]) for row in rows]


async def is_alone(lane: Lane, worker: str) -> bool:
    """Whether no other worker lives.

    Args:
        lane: a connection.
        worker: the one that asks, which is not counted; whoever is no worker gives a name that none has.

    Returns:
        Whether it is, by the database's clock.

    Raises:
        Unavailable.
    """
    others = await lane.fetch(
        f"SELECT 1 FROM cron_workers w WHERE w.name <> %(worker)s AND {LIVES} LIMIT 1",  # noqa: S608  our own
        {"worker": worker, "silent": lost_after_seconds()},
    )
    return not others


async def say_stopped(lane: Lane, worker: str) -> None:
    """Writes down that a worker has ended in good order.

    Raises:
        Unavailable.
    """
    await lane.fetch("UPDATE cron_workers SET stopped_at = clock_timestamp() WHERE name = %s", (worker,))
