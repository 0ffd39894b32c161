"""What no change of a row tells: what is to come, what did not come, how the whole stands."""

import asyncio
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from core.catalogue import catalogue
from core.forecast import count_until
from core.lane import Lane
from core.series import COLUMNS, Series, fetch_blackouts
from core.settings import settings
from core.workers import lost_after_seconds

PLANNED_WITHIN = timedelta(days=1)


async def watch(lane: Lane) -> int:
    """Puts reminders, what did not run or runs too long, and alerts into the outbox, each once.

    Returns:
        How many notifications about schedules, series and executions.

    Raises:
        Unavailable.
    """
    await follow_tags(lane)
    await lane.fetch(
        "SELECT crondesk_watch_alerts(%s, %s, %s)",
        (
            timedelta(milliseconds=settings().lateness_target_ms),
            timedelta(seconds=lost_after_seconds()),
            await _forecast(lane),
        ),
    )
    return await watch_schedules(lane)


async def watch_schedules(lane: Lane) -> int:
    """As `watch`, without the alerts: little enough to be done before what is overdue fires.

    Raises:
        Unavailable.
    """
    [(count,)] = await lane.fetch("SELECT crondesk_watch_schedules()")
    return int(count)


async def follow_tags(lane: Lane) -> None:
    """Lets rules about a tag follow the catalogue.

    Raises:
        Unavailable.
    """
    tags: dict[str, list[str]] = {}
    for cron in catalogue().crons.values():
        for tag in cron.tags:
            tags.setdefault(tag, []).append(cron.name)
    await lane.fetch(
        """
        UPDATE cron_notification_rules r SET cron_names = now.names
        FROM (SELECT q.id, array_remove(array_agg(t.name ORDER BY t.name), NULL) AS names
              FROM cron_notification_rules q
              LEFT JOIN (SELECT key AS tag, jsonb_array_elements_text(value) AS name FROM jsonb_each(%s)) t
                  ON t.tag = q.tag
              WHERE q.tag IS NOT NULL GROUP BY q.id) now
        WHERE r.id = now.id AND r.cron_names IS DISTINCT FROM now.names
        """,
        (Jsonb(tags),),
    )


async def _forecast(lane: Lane) -> int:
    """How many runs series will plan within a day, beyond those that are pending; up to 1,000."""
    rows = await lane.fetch(
        f"""
        SELECT now(), {", ".join(column.name for column in COLUMNS)} FROM cron_series
        -- The next one of any other is pending, and later than that.
        WHERE status = 'active' AND (last_occurrence IS NULL OR last_occurrence < now() + %s)
        """,  # noqa: S608  the columns are our own
        (PLANNED_WITHIN,),
    )
    if not rows:
        return 0
    periods = await fetch_blackouts(lane)
    now: datetime = rows[0][0]
    # Not in the loop, in which firings wait for their instants.
    return await asyncio.to_thread(
        count_until,
        [Series(*row[1:]) for row in rows],
        periods,
        now,
        now + PLANNED_WITHIN,
    )
