"""Series and deadlines on the worker's side: plans what is next, and decides about what is too late."""

from datetime import datetime, timedelta
from typing import Any

from core.catalogue import catalogue
from core.errors import Invalid, NotFound, Refused
from core.lane import Lane
from core.log import logger
from core.parameters import check
from core.series import COLUMNS, Blackout, Series, fetch_blackouts, fetch_touched, to_plan
from core.series.planning import TRIES

SERIES_AT_ONCE = 500
# Patterns go by the minute: what is due for less has no newer occurrence that could go in its stead.
BEHIND = timedelta(minutes=1)

_ACTIVE = f"SELECT {', '.join(f's.{each.name}' for each in COLUMNS)}, clock_timestamp() FROM cron_series s"  # noqa: S608
# An occurrence that was moved, is held or has had its instant is no reason to wait.
_WANT_NEXT = f"""
{_ACTIVE}
WHERE s.status = 'active' AND (%(after)s::uuid IS NULL OR s.id > %(after)s)
  AND (s.last_occurrence <= statement_timestamp() OR NOT EXISTS (
      SELECT FROM scheduled_cron_executions p
      WHERE p.series_id = s.id AND p.status = 'pending' AND p.scheduled_at = p.occurrence
        AND p.held_at IS NULL))
ORDER BY s.id LIMIT %(limit)s
"""
_ARE_BEHIND = f"""
{_ACTIVE}
WHERE s.status = 'active' AND s.last_occurrence < statement_timestamp() - %(behind)s::interval
ORDER BY s.last_occurrence LIMIT %(limit)s
"""


async def plan_next(lane: Lane, worker: str) -> int:
    """Plans the next occurrences of all active series that want one.

    Returns:
        Of how many series it looked for one.

    Raises:
        Unavailable.
    """
    count = 0
    after = None
    while True:
        rows = await lane.fetch(_WANT_NEXT, {"after": after, "limit": SERIES_AT_ONCE})
        await _plan(lane, worker, rows)
        count += len(rows)
        if len(rows) < SERIES_AT_ONCE:
            return count
        after = rows[-1][0]


async def catch_up(lane: Lane, worker: str) -> None:
    """After an outage: what a series missed fires once, as the newest, or all of it, the newest first.

    To be done before anything is fired: what waits since before the outage would fire as what it was.

    Raises:
        Unavailable.
    """
    looked_at: set[Any] = set()
    while True:
        rows = await lane.fetch(_ARE_BEHIND, {"behind": BEHIND, "limit": SERIES_AT_ONCE})
        rows = [row for row in rows if row[0] not in looked_at]
        if not rows:
            return
        looked_at.update(row[0] for row in rows)
        await _plan(lane, worker, rows)


async def _plan(lane: Lane, worker: str, rows: list[Any]) -> None:
    if not rows:
        return
    many = [Series(*columns) for *columns, _ in rows]
    seen = [one.last_occurrence for one in many if one.last_occurrence is not None]
    periods = await fetch_blackouts(lane, min(seen, default=None))
    kept = await fetch_touched(lane, many, max(row[-1] for row in rows))
    for series, row in zip(many, rows, strict=True):
        try:
            await _plan_one(lane, worker, series, periods, kept[series.id], row[-1])
        except Refused:
            logger().error("planning.refused", id=str(series.id))


async def _plan_one(
    lane: Lane, worker: str, series: Series, periods: list[Blackout], kept: set[datetime], now: datetime
) -> None:
    for _ in range(TRIES):
        own = [period for period in periods if period.holds_for(series.cron_name)]
        try:
            cron = catalogue().cron(series.cron_name)
            check(series.parameters, cron.parameters)
            plan = to_plan(series, own, now, kept)
        except (Invalid, NotFound) as error:
            await _pause(lane, worker, series, error.message)
            return
        if not plan.missed and plan.following is None:
            await _nothing_more(lane, worker, series, over=plan.over)
            return
        [(outcome,)] = await lane.fetch(
            "SELECT crondesk_plan_occurrences(%s, %s, %s::timestamptz[], %s, %s, %s, %s, 'worker')",
            (
                series.id,
                series.last_occurrence,
                plan.missed,
                plan.following,
                plan.left_out_before,
                cron.fingerprint,
                worker,
            ),
        )
        if outcome != "dark":
            return
        periods = await fetch_blackouts(lane, series.last_occurrence)


async def _pause(lane: Lane, worker: str, series: Series, reason: str) -> None:
    await lane.fetch(
        """
        WITH paused AS (
            UPDATE cron_series SET status = 'paused', error_message = %(reason)s
            WHERE id = %(id)s AND status = 'active' RETURNING id, cron_name, error_message
        )
        INSERT INTO cron_events (actor, via, kind, cron_name, details)
        SELECT %(worker)s, 'worker', 'series.paused', cron_name,
               jsonb_build_object('series_id', id, 'error', error_message)
        FROM paused
        """,
        {"reason": f"paused: {reason}", "id": series.id, "worker": worker},
    )


async def _nothing_more(lane: Lane, worker: str, series: Series, *, over: bool) -> None:
    """Ends a series that is over once nothing of it is pending; others have been looked at until now."""
    await lane.fetch(
        """
        WITH changed AS (
            UPDATE cron_series s
            SET last_occurrence = greatest(last_occurrence, statement_timestamp()),
                status = CASE WHEN %(over)s AND NOT EXISTS (
                    SELECT FROM scheduled_cron_executions p WHERE p.series_id = s.id AND p.status = 'pending')
                    THEN 'ended' ELSE status END
            WHERE id = %(id)s AND status = 'active' AND last_occurrence IS NOT DISTINCT FROM %(seen)s
            RETURNING id, cron_name, status
        )
        INSERT INTO cron_events (actor, via, kind, cron_name, details)
        SELECT %(worker)s, 'worker', 'series.ended', cron_name, jsonb_build_object('series_id', id)
        FROM changed WHERE status = 'ended'
        """,
        {"over": over, "id": series.id, "seen": series.last_occurrence, "worker": worker},
    )


async def decide_late(lane: Lane, worker: str) -> int:
    """Drops, or holds for a person to decide, what could not fire before its deadline.

    Returns:
        How many.

    Raises:
        Unavailable.
    """
    [(count,)] = await lane.fetch("SELECT crondesk_decide_late(%s)", (worker,))
    return int(count)
