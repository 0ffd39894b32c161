"""The outbox on the worker's side: claimed, settled, and filled with what no change of a row tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from core.catalogue import catalogue
from core.lane import Lane
from core.notifications.kinds import Kind, Language
from core.notifications.sending import SEND_SECONDS
from core.workers import lost_after_seconds

LEASE = timedelta(seconds=4 * SEND_SECONDS)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)
KEPT_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Due:
    """A row of the outbox that this worker sends.

    Attributes:
        attempt: which one; also the fencing token.
        address: of the channel, sealed.
        details: what was known when it happened.
    """

    id: UUID
    attempt: int
    kind: Kind
    cron_name: str | None
    schedule_id: UUID | None
    execution_id: UUID | None
    details: dict[str, Any]
    channel_id: UUID
    channel: str
    address: str
    language: Language
    timezone: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sending.

    Attributes:
        error: why it was not taken; None when it was.
    """

    due: Due
    error: str | None = None


async def watch(lane: Lane, lateness_target: timedelta) -> int:
    """Puts reminders, what did not run, and alerts into the outbox, each once; returns how many schedules.

    Raises:
        Unavailable.
    """
    await _follow_tags(lane)
    lost_after = timedelta(seconds=lost_after_seconds())
    await lane.fetch("SELECT crondesk_watch_alerts(%s, %s)", (lateness_target, lost_after))
    [(count,)] = await lane.fetch("SELECT crondesk_watch_schedules()")
    return int(count)


async def _follow_tags(lane: Lane) -> None:
    """Lets rules about a tag follow the catalogue."""
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


async def claim(lane: Lane, worker: str, *, limit: int, busy: Sequence[UUID]) -> list[Due]:
    """Claims what is due, one for each channel: one that is slow holds nobody else up.

    Args:
        limit: how many at most.
        busy: channels that take nothing more now.

    Raises:
        Unavailable.
    """
    await _drop_idle_reminders(lane)
    rows = await lane.fetch(
        """
        WITH picked AS MATERIALIZED (
            SELECT due.id, c.name, c.address FROM cron_notification_channels c CROSS JOIN LATERAL (
                SELECT o.id FROM cron_notification_outbox o
                WHERE o.channel_id = c.id AND o.sent_at IS NULL AND o.given_up_at IS NULL
                  AND o.due_at <= clock_timestamp()
                ORDER BY o.due_at LIMIT 1 FOR UPDATE SKIP LOCKED
            ) due
            WHERE c.id <> ALL (%(busy)s::uuid[]) LIMIT %(limit)s
        ), claimed AS (
            UPDATE cron_notification_outbox o
            SET claimed_by = %(worker)s, due_at = clock_timestamp() + %(lease)s, attempts = attempts + 1,
                error = CASE WHEN claimed_by IS NULL THEN error
                             ELSE 'no word of an attempt: its worker is gone or the service hangs' END
            FROM picked WHERE o.id = picked.id
            RETURNING o.*, picked.name AS channel, picked.address
        )
        SELECT c.id, c.attempts, c.kind, c.cron_name, c.schedule_id, c.execution_id, c.details, c.channel_id,
               c.channel, c.address, coalesce(r.language, 'en'), coalesce(r.timezone, 'UTC')
        FROM claimed c LEFT JOIN cron_notification_rules r ON r.id = c.rule_id ORDER BY c.created_at
        """,
        {
            "limit": limit,
            "busy": list(busy),
            "worker": worker,
            "lease": LEASE,
        },
    )
    return [Due(*row) for row in rows]


async def _drop_idle_reminders(lane: Lane) -> None:
    """A reminder of what was moved, cancelled or fired meanwhile reminds of nothing."""
    await lane.fetch(
        """
        UPDATE cron_notification_outbox o
        SET given_up_at = clock_timestamp(), claimed_by = NULL,
            error = 'not needed any more: the run was moved, cancelled or fired before'
        WHERE o.kind = 'reminder' AND o.sent_at IS NULL AND o.given_up_at IS NULL
          AND o.due_at <= clock_timestamp()
          AND NOT EXISTS (
              SELECT FROM scheduled_cron_executions s
              WHERE s.id = o.schedule_id AND s.status = 'pending' AND s.scheduled_at > clock_timestamp()
                AND s.scheduled_at = (o.details ->> 'scheduled_at')::timestamptz)
        """
    )


async def settle(lane: Lane, worker: str, outcomes: Sequence[Outcome]) -> None:
    """Writes down what came of sending; a row that another attempt has taken since stays as it is.

    Raises:
        Unavailable.
    """
    await lane.fetch(
        """
        UPDATE cron_notification_outbox o
        SET claimed_by = NULL, error = said.error,
            sent_at = CASE WHEN said.error IS NULL THEN clock_timestamp() END,
            given_up_at = CASE WHEN said.error IS NOT NULL
                AND o.created_at < clock_timestamp() - %(patience)s THEN clock_timestamp() END,
            due_at = clock_timestamp() + least(%(first)s * power(2, o.attempts - 1), %(longest)s)
        FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(errors)s::text[])
            AS said (id, attempt, error)
        WHERE o.id = said.id AND o.attempts = said.attempt AND o.claimed_by = %(worker)s
          AND o.sent_at IS NULL AND o.given_up_at IS NULL
        """,
        {
            "patience": GIVE_UP_AFTER,
            "first": FIRST_PAUSE,
            "longest": LONGEST_PAUSE,
            "ids": [o.due.id for o in outcomes],
            "attempts": [o.due.attempt for o in outcomes],
            "errors": [o.error for o in outcomes],
            "worker": worker,
        },
    )


async def next_due(lane: Lane, busy: Sequence[UUID]) -> datetime | None:
    """When the next row comes due; None while none waits.

    Raises:
        Unavailable.
    """
    [(instant,)] = await lane.fetch(
        """
        SELECT min(due.due_at) FROM cron_notification_channels c CROSS JOIN LATERAL (
            SELECT o.due_at FROM cron_notification_outbox o
            WHERE o.channel_id = c.id AND o.sent_at IS NULL AND o.given_up_at IS NULL
            ORDER BY o.due_at LIMIT 1) due
        WHERE c.id <> ALL (%s::uuid[])
        """,
        (list(busy),),
    )
    return instant  # type: ignore[no-any-return]


async def delete_old(lane: Lane, before: datetime) -> int:
    """Deletes one batch of what was sent or given up, and of alerts that are over; returns how many."""
    [(count,)] = await lane.fetch(
        """
        WITH gone AS (
            DELETE FROM cron_notification_outbox WHERE id IN (
                SELECT id FROM cron_notification_outbox
                WHERE created_at < %(before)s AND (sent_at IS NOT NULL OR given_up_at IS NOT NULL)
                ORDER BY created_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
            RETURNING 1
        ), over AS (
            DELETE FROM cron_alerts WHERE id IN (
                SELECT id FROM cron_alerts WHERE since < %(before)s AND until < %(before)s LIMIT %(batch)s)
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM over)
        """,
        {"before": before, "batch": KEPT_BATCH},
    )
    return int(count)
