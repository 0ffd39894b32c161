"""Series and deadlines on the worker's side: plans what is next, and decides about what is too late."""

from core.catalogue import catalogue
from core.clock import Clock
from core.errors import Invalid, NotFound
from core.lane import Lane
from core.series import COLUMNS, Blackout, Series, newest_missed, next_batch

SERIES_AT_ONCE = 500


async def plan_next(lane: Lane, worker: str, clock: Clock) -> int:
    """Plans the next occurrences of all active series that have none pending.

    Returns:
        How many series got one.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        f"""
        SELECT {", ".join(column.name for column in COLUMNS)} FROM cron_series s
        WHERE status = 'active' AND NOT EXISTS (
            SELECT FROM scheduled_cron_executions p WHERE p.series_id = s.id AND p.status = 'pending')
        ORDER BY id LIMIT %s
        """,  # noqa: S608  the columns are our own
        (SERIES_AT_ONCE,),
    )
    if not rows:
        return 0
    found = await lane.fetch(
        "SELECT id, name, starts_at, ends_at, cron_name FROM cron_blackouts WHERE ends_at > now()"
    )
    periods = [Blackout(*row) for row in found]
    for row in rows:
        await _plan_one(lane, worker, Series(*row), periods, clock)
    return len(rows)


async def _plan_one(lane: Lane, worker: str, series: Series, periods: list[Blackout], clock: Clock) -> None:
    own = [period for period in periods if period.cron_name in (None, series.cron_name)]
    try:
        batch = next_batch(series, own, clock.now())
        fingerprint = catalogue().cron(series.cron_name).fingerprint
    except (Invalid, NotFound) as error:
        await lane.fetch(
            "UPDATE cron_series SET status = 'paused', error_message = %s "
            "WHERE id = %s AND status = 'active'",
            (f"paused: {error.message}", series.id),
        )
        return
    if not batch:
        await lane.fetch(
            "UPDATE cron_series SET status = 'ended' WHERE id = %s AND status = 'active' "
            "AND last_occurrence IS NOT DISTINCT FROM %s",
            (series.id, series.last_occurrence),
        )
        return
    await lane.fetch(
        "SELECT crondesk_plan_occurrences(%s, %s, %s::timestamptz[], %s::timestamptz[], %s, %s, 'worker')",
        (
            series.id,
            series.last_occurrence,
            [occurrence for occurrence, _ in batch],
            [instant for _, instant in batch],
            fingerprint,
            worker,
        ),
    )


async def decide_late(lane: Lane, worker: str) -> int:
    """Drops, or holds for a person to decide, what could not fire before its deadline.

    Returns:
        How many.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        """
        WITH late AS MATERIALIZED (
            SELECT ctid AS tid FROM scheduled_cron_executions
            WHERE status = 'pending' AND not_after IS NOT NULL AND not_after < statement_timestamp()
              AND late_policy <> 'fire' AND held_at IS NULL
              AND (claimed_by IS NULL OR due_at <= clock_timestamp())
            ORDER BY not_after LIMIT 1000 FOR UPDATE SKIP LOCKED
        ), decided AS (
            UPDATE scheduled_cron_executions s
            SET status = CASE late_policy WHEN 'drop' THEN 'failed' ELSE 'pending' END,
                held_at = CASE late_policy WHEN 'ask' THEN clock_timestamp() END,
                due_at = CASE late_policy WHEN 'ask' THEN timestamptz '9999-01-01 00:00Z' ELSE due_at END,
                claimed_by = NULL,
                error_message = CASE late_policy
                    WHEN 'drop' THEN 'expired: it could not fire before '
                    ELSE 'held: a person decides whether it still fires; it could not fire before ' END
                    || to_char(not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
            FROM late WHERE s.ctid = late.tid
            RETURNING id, cron_name, late_policy, not_after, error_message
        ), told AS (
            INSERT INTO cron_events (actor, via, kind, schedule_id, cron_name, details)
            SELECT %s, 'worker',
                   CASE late_policy WHEN 'drop' THEN 'schedule.expired' ELSE 'schedule.held' END,
                   id, cron_name, jsonb_build_object('not_after', not_after, 'error', error_message)
            FROM decided
        )
        SELECT count(*) FROM decided
        """,
        (worker,),
    )
    return int(rows[0][0])


async def collapse_missed(lane: Lane) -> None:
    """After an outage: what a series has overdue counts as the newest occurrence that was missed.

    It fires once, and as that one. A series that wants all missed ones is left alone, and so is a
    schedule that a person has moved.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        f"""
        SELECT p.id, {", ".join(f"s.{column.name}" for column in COLUMNS)}, clock_timestamp()
        FROM scheduled_cron_executions p JOIN cron_series s ON s.id = p.series_id
        WHERE p.status = 'pending' AND p.series_id IS NOT NULL AND p.claimed_by IS NULL
          AND p.due_at < clock_timestamp() - interval '1 minute' AND p.scheduled_at = p.occurrence
          AND s.missed = 'one' AND s.status = 'active'
        LIMIT %s
        """,  # noqa: S608  the columns are our own
        (SERIES_AT_ONCE,),
    )
    for schedule_id, *columns, now in rows:
        newest = newest_missed(Series(*columns), now)
        if newest is None:
            continue
        await lane.fetch(
            """
            WITH moved AS (
                UPDATE scheduled_cron_executions
                SET scheduled_at = %(newest)s, due_at = %(newest)s, occurrence = %(newest)s,
                    not_after = %(newest)s + (not_after - scheduled_at)
                WHERE id = %(id)s AND status = 'pending' AND claimed_by IS NULL
                RETURNING series_id
            )
            UPDATE cron_series SET last_occurrence = %(newest)s FROM moved WHERE id = moved.series_id
            """,
            {"newest": newest, "id": schedule_id},
        )
