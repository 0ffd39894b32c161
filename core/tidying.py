"""Deletes what is older than is kept, in batches that hold no long lock."""

from datetime import datetime, timedelta

from core.ids import first_id_at
from core.lane import Lane

BATCH = 5000


async def delete_old_schedules(lane: Lane, keep: timedelta) -> int:
    """Deletes one batch of finished schedules; returns how many they were.

    Raises:
        Unavailable.
    """
    [(count,)] = await lane.fetch("SELECT cleanup_old_scheduled_crons(%s, %s)", (keep, BATCH))
    return int(count)


async def delete_old_executions(lane: Lane, before: datetime) -> int:
    """Deletes one batch of ended executions with their output; returns how many they were.

    Raises:
        Unavailable.
    """
    [(count,)] = await lane.fetch(
        """
        WITH old AS MATERIALIZED (
            SELECT ctid AS tid FROM cron_executions
            WHERE id < %s AND status NOT IN ('queued', 'running') ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM cron_executions e USING old WHERE e.ctid = old.tid RETURNING 1
        )
        SELECT count(*) FROM gone
        """,
        (first_id_at(before), BATCH),
    )
    return int(count)


async def delete_old_events(lane: Lane, before: datetime) -> int:
    """Deletes one batch of events; returns how many they were.

    Raises:
        Unavailable.
    """
    [(count,)] = await lane.fetch(
        """
        WITH allowed AS MATERIALIZED (
            SELECT set_config('crondesk.cleanup', 'on', true)
        ), old AS MATERIALIZED (
            SELECT e.ctid AS tid FROM allowed, cron_events e WHERE e.at < %s ORDER BY e.at LIMIT %s
        ), gone AS (
            DELETE FROM cron_events e USING old WHERE e.ctid = old.tid RETURNING 1
        )
        SELECT count(*) FROM gone
        """,
        (before, BATCH),
    )
    return int(count)


async def forget_old_workers(lane: Lane, before: datetime) -> None:
    """Deletes workers that have been silent since.

    Raises:
        Unavailable.
    """
    await lane.fetch("DELETE FROM cron_workers WHERE beat_at < %s", (before,))
