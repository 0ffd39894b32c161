"""Firing on the worker's side: what is due, claimed, fired and settled, a batch in one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from core.catalogue import Cron
from core.lane import Lane, storable
from core.parameters import Parameters

# A catalogue may be half saved, and another worker's may have the cron.
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Claimed:
    """A schedule that this worker fires, until its lease ends.

    Attributes:
        fire_at: when to fire it.
        lease_until: when it comes due for others again.
        attempt: names this claim when it is settled.
        checked: fingerprint of the schema that its parameters were last found to fit.
        tries: which try this is since it was planned, moved or decided about; 1 is the first.
        conflicts: how many of those before it met an earlier run that had not ended.
        failures: how many of those before it failed.
        drop_after: its deadline, where it is to be dropped after that.
        fires_until: it is not fired after this instant: its deadline, where it has one that is kept.
        started: it has an execution already: somebody has started it by its id. It is not sent again.
    """

    id: UUID
    cron_name: str
    parameters: Parameters
    scheduled_at: datetime
    execution_id: UUID
    fire_at: datetime
    lease_until: datetime
    attempt: int
    checked: str | None
    tries: int
    conflicts: int
    failures: int
    drop_after: datetime | None
    fires_until: datetime | None = None
    started: bool = False


@dataclass(frozen=True, slots=True)
class Fired:
    """What became of a due schedule whose execution begins in the database.

    Attributes:
        outcome: 'running' (this worker runs it now), 'queued' (any worker may), 'completed',
            'conflict' (tried again later), 'later' (an occurrence of its series runs: it waits),
            'failed', 'exists' (it had an execution already), or 'unchecked' (claimed: its parameters
            are to be checked against a changed schema).
        parameters: of those running and unchecked.
        alike: how many schedules it stands for: of many completed at once only the latest is told.
    """

    outcome: Literal["running", "queued", "completed", "conflict", "later", "failed", "exists", "unchecked"]
    schedule_id: UUID
    execution_id: UUID | None
    cron_name: str
    parameters: Parameters | None
    scheduled_at: datetime
    fired_at: datetime
    attempt: int
    alike: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of firing a claimed schedule over HTTP.

    Attributes:
        outcome: 'conflict' and 'failure' are tried again.
        again_at: of these two: the next try.
        error: one sentence for a person.
        output: what the target answered.
    """

    claimed: Claimed
    outcome: Literal["triggered", "failed", "conflict", "failure"]
    fired_at: datetime
    finished_at: datetime
    again_at: datetime | None = None
    external_id: str | None = None
    error: str | None = None
    output: str = ""


async def fire(
    lane: Lane,
    worker: str,
    crons: Sequence[Cron],
    *,
    limit: int,
    slots: int,
    told: int,
    at: datetime | None = None,
) -> list[Fired]:
    """Fires what is due of these crons: claim, execution and 'triggered' in one transaction.

    Args:
        worker: who fires.
        crons: those that fire here (Cron.fires_here).
        limit: how many schedules at most.
        slots: how many executions the worker can start at once; the rest is queued.
        told: how many completed ones are told one by one; of more, the latest stands for all.
        at: an instant a few milliseconds away that the database waits for first.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        # An argument is there before the call: what is due is looked for when the instant has come.
        "SELECT * FROM crondesk_fire(%s, (SELECT %s::int FROM crondesk_wait_until(%s)), %s, %s, %s, %s, %s, "
        "%s::int[], %s::float8[], %s::float8[], %s::float8[], %s)",
        (
            worker,
            limit,
            at,
            slots,
            [cron.name for cron in crons],
            [cron.target for cron in crons],
            [cron.exclusive for cron in crons],
            [cron.fingerprint for cron in crons],
            [cron.retry_conflict.attempts for cron in crons],
            [cron.retry_conflict.delay_seconds for cron in crons],
            [cron.retry_conflict.backoff for cron in crons],
            [cron.retry_conflict.jitter for cron in crons],
            told,
        ),
    )
    return [Fired(*row) for row in rows]


async def claim(
    lane: Lane, worker: str, crons: Iterable[str], *, limit: int, lease: timedelta, ahead: timedelta
) -> list[Claimed]:
    """Claims what comes due of these crons within `ahead`.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        "SELECT id, cron_name, parameters, scheduled_at, execution_id, due_at, attempts, checked, "
        "attempts - attempts_before, conflicts, failures, CASE late_policy WHEN 'drop' THEN not_after END, "
        "CASE WHEN late_policy <> 'fire' THEN not_after END "
        "FROM get_ready_scheduled_crons(%s, %s, %s, %s, %s)",
        (limit, worker, lease, ahead, list(crons)),
    )
    started = await _started(lane, [row[0] for row in rows]) if rows else frozenset()
    return [
        Claimed(
            id=row[0],
            cron_name=row[1],
            parameters=row[2],
            scheduled_at=row[3],
            execution_id=row[4],
            fire_at=_instant_of(row[3], row[8], row[5] - lease, ahead),
            lease_until=row[5],
            attempt=row[6],
            checked=row[7],
            tries=row[8],
            conflicts=row[9],
            failures=row[10],
            drop_after=row[11],
            fires_until=row[12],
            started=row[0] in started,
        )
        for row in rows
    ]


async def _started(lane: Lane, claimed: Sequence[UUID]) -> frozenset[UUID]:
    """Those of them that have an execution; whoever would start one now finds them claimed.

    A statement of its own: the one that claims does not see what was committed while it waited for a row.
    """
    rows = await lane.fetch(
        "SELECT scheduled_id FROM cron_executions WHERE scheduled_id = ANY (%s::uuid[])", (claimed,)
    )
    return frozenset(row[0] for row in rows)


def _instant_of(scheduled_at: datetime, attempt: int, latest: datetime, ahead: timedelta) -> datetime:
    """When a claim fires: at its instant, where that is still to come or this is the first attempt.

    A later attempt was due at some moment until the latest one, which is `ahead` of the claim.
    """
    return scheduled_at if attempt == 1 or scheduled_at > latest - ahead else latest


async def settle(lane: Lane, worker: str, settlements: Sequence[Settlement]) -> set[UUID]:
    """Writes down what came of firing.

    Returns:
        The schedules that were settled. Of the others somebody holds the row: try again; or another
        attempt has taken them since.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        "SELECT * FROM crondesk_settle(%s, %s::uuid[], %s::int[], %s::text[], %s::timestamptz[], "
        "%s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[], %s::text[])",
        (
            worker,
            [s.claimed.id for s in settlements],
            [s.claimed.attempt for s in settlements],
            [s.outcome for s in settlements],
            [s.fired_at for s in settlements],
            [s.finished_at for s in settlements],
            [s.again_at for s in settlements],
            [storable(s.external_id) for s in settlements],
            [storable(s.error) for s in settlements],
            [storable(s.output) for s in settlements],
        ),
    )
    return {row[0] for row in rows}


async def hand_back(lane: Lane, worker: str, claims: Sequence[Claimed]) -> None:
    """Gives claims back that were not fired; they come due for others at their instant.

    Raises:
        Unavailable.
    """
    await lane.fetch(
        """
        UPDATE scheduled_cron_executions s
        SET claimed_by = NULL, due_at = mine.fire_at, attempts = s.attempts - 1
        FROM unnest(%s::uuid[], %s::int[], %s::timestamptz[]) AS mine (id, attempt, fire_at)
        WHERE s.id = mine.id AND s.attempts = mine.attempt AND s.claimed_by = %s AND s.status = 'pending'
        """,
        ([c.id for c in claims], [c.attempt for c in claims], [c.fire_at for c in claims], worker),
    )


async def let_pass(lane: Lane, worker: str, schedule_id: UUID, attempt: int, fingerprint: str) -> None:
    """Writes down that a claimed schedule's parameters fit the schema of today, and lets it fire now.

    Raises:
        Unavailable.
    """
    await lane.fetch(
        """
        UPDATE scheduled_cron_executions
        SET checked = %s, claimed_by = NULL, due_at = clock_timestamp(), attempts = attempts - 1
        WHERE id = %s AND attempts = %s AND claimed_by = %s AND status = 'pending'
        """,
        (fingerprint, schedule_id, attempt, worker),
    )


async def refuse(lane: Lane, worker: str, schedule_id: UUID, attempt: int, error: str) -> None:
    """Fails a claimed schedule before anything was run.

    Raises:
        Unavailable.
    """
    await lane.fetch(
        """
        WITH settled AS (
            UPDATE scheduled_cron_executions
            SET status = 'failed', claimed_by = NULL, error_message = %(error)s
            WHERE id = %(id)s AND attempts = %(attempt)s AND claimed_by = %(worker)s AND status = 'pending'
            RETURNING id, cron_name, attempts - attempts_before AS attempt, error_message
        )
        INSERT INTO cron_events (actor, via, kind, schedule_id, cron_name, details)
        SELECT %(worker)s, 'worker', 'schedule.failed', id, cron_name,
               jsonb_build_object('attempt', attempt, 'error', error_message)
        FROM settled
        """,
        {"error": storable(error), "id": schedule_id, "attempt": attempt, "worker": worker},
    )


async def fail_unknown(lane: Lane, worker: str, known: Iterable[str], limit: int = 1000) -> int:
    """Fails schedules that have been due for long and whose cron the catalogue does not have.

    Returns:
        How many.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT ctid AS tid FROM scheduled_cron_executions
            WHERE status = 'pending' AND due_at <= statement_timestamp() - make_interval(secs => %(patience)s)
              AND cron_name <> ALL (%(known)s::text[])
            ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ), settled AS (
            UPDATE scheduled_cron_executions s
            SET status = 'failed', claimed_by = NULL, attempts = attempts + 1,
                error_message = 'the catalogue has no cron ' || quote_literal(cron_name)
                                || ': restore it in the catalogue and plan again'
            FROM due WHERE s.ctid = due.tid
            RETURNING id, cron_name, error_message
        ), told AS (
            INSERT INTO cron_events (actor, via, kind, schedule_id, cron_name, details)
            SELECT %(worker)s, 'worker', 'schedule.failed', id, cron_name,
                   jsonb_build_object('error', error_message)
            FROM settled
        )
        SELECT count(*) FROM settled
        """,
        {"known": list(known), "limit": limit, "worker": worker, "patience": PATIENCE_SECONDS},
    )
    return int(rows[0][0])


async def next_instants(
    lane: Lane, crons: Iterable[str], *, now: datetime, until: datetime, limit: int
) -> list[datetime]:
    """When schedules of these crons come due: every instant from `now` to `until`, and the first one after.

    Of those that have passed, however many there are, only the first one: it says that something is overdue.

    Raises:
        Unavailable.
    """
    rows = await lane.fetch(
        """
        -- Python reads no later years, and no earlier ones.
        SELECT greatest(timestamptz '1970-01-01 00:00Z', least(timestamptz '9999-01-01 00:00Z', due_at))
        FROM (
            SELECT min(due.due_at) AS due_at
            FROM unnest(%(crons)s::text[]) AS cron (name), LATERAL (
                SELECT due_at FROM scheduled_cron_executions
                WHERE cron_name = cron.name AND status = 'pending' AND due_at <= %(now)s
                ORDER BY due_at LIMIT 1
            ) due
            UNION
            SELECT due.due_at
            FROM unnest(%(crons)s::text[]) AS cron (name), LATERAL (
                SELECT due_at FROM scheduled_cron_executions
                WHERE cron_name = cron.name AND status = 'pending'
                  AND due_at > %(now)s AND due_at <= %(until)s
                ORDER BY due_at LIMIT %(limit)s
            ) due
            UNION
            SELECT min(due.due_at)
            FROM unnest(%(crons)s::text[]) AS cron (name), LATERAL (
                SELECT due_at FROM scheduled_cron_executions
                WHERE cron_name = cron.name AND status = 'pending' AND due_at > %(until)s
                ORDER BY due_at LIMIT 1
            ) due
        ) instants WHERE due_at IS NOT NULL ORDER BY due_at LIMIT %(limit)s
        """,
        {"crons": list(crons), "now": now, "until": until, "limit": limit},
    )
    return [row[0] for row in rows]
