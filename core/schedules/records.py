"""Schedules as core gives them out: rows, what is to be planned, and which ones are meant."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    and_,
    func,
    or_,
)

from core.catalogue import shown
from core.parameters import Parameters
from core.tables import schedules

Status = Literal["pending", "triggered", "cancelled", "failed"]
LatePolicy = Literal["fire", "drop", "ask"]
LATE_POLICIES: tuple[LatePolicy, ...] = ("fire", "drop", "ask")
STATUSES: tuple[Status, ...] = ("pending", "triggered", "cancelled", "failed")
MAX_BATCH = 10_000
# What is held for a decision is due then: never, until somebody decides.
HELD_UNTIL = datetime(9999, 1, 1, tzinfo=UTC)
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Schedule:
    """The intention to run a cron once at an instant: a row of scheduled_cron_executions.

    Attributes:
        attempts: how often it was claimed, ever; also the fencing token.
        attempts_before: how often before it was last moved or decided about.
        conflicts: how many of its tries met an earlier run that had not ended.
        failures: how many of them failed and were tried again.
        retry_of: the failed schedule that it tries again.
        retried_by: the schedule that tries it again, which has failed.
    """

    id: UUID
    cron_name: str
    scheduled_at: datetime
    parameters: Parameters
    created_by: str | None
    created_at: datetime
    status: Status
    triggered_at: datetime | None
    triggered_execution_id: UUID | None
    error_message: str | None
    due_at: datetime
    claimed_by: str | None
    attempts: int
    batch_id: UUID | None
    not_after: datetime | None
    late_policy: LatePolicy
    held_at: datetime | None
    series_id: UUID | None
    attempts_before: int
    conflicts: int
    failures: int
    retry_of: UUID | None
    retried_by: UUID | None

    @property
    def tries(self) -> int:
        """How often it was tried since it was planned, moved or decided about."""
        return self.attempts - self.attempts_before

    @classmethod
    def just_planned(
        cls,
        schedule_id: UUID,
        created_at: datetime,
        cron_name: str,
        scheduled_at: datetime,
        parameters: Parameters,
        created_by: str,
        *,
        batch_id: UUID | None = None,
        not_after: datetime | None = None,
        late_policy: LatePolicy = "fire",
    ) -> "Schedule":
        """One that has just been planned: the database need not send back what it was given."""
        return cls(
            id=schedule_id,
            cron_name=cron_name,
            scheduled_at=scheduled_at,
            parameters=parameters,
            created_by=created_by,
            created_at=created_at,
            status="pending",
            triggered_at=None,
            triggered_execution_id=None,
            error_message=None,
            due_at=scheduled_at,
            claimed_by=None,
            attempts=0,
            batch_id=batch_id,
            not_after=not_after,
            late_policy=late_policy,
            held_at=None,
            series_id=None,
            attempts_before=0,
            conflicts=0,
            failures=0,
            retry_of=None,
            retried_by=None,
        )

    def __post_init__(self) -> None:
        # Whoever shows it shows no secret: rows from before its schema had one may hold it in clear.
        object.__setattr__(self, "parameters", shown(self.cron_name, self.parameters))


@dataclass(frozen=True, slots=True)
class Changed(Schedule):
    """A schedule as somebody has just changed it.

    Attributes:
        event_id: of the event that tells it: `core.undo.undo_event` takes it back.
    """

    event_id: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall be planned; `scheduled_at` names its zone."""

    cron_name: str
    scheduled_at: datetime
    parameters: Parameters | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which schedules; None leaves a thing open.

    Attributes:
        since: planned for this instant or later.
        until: planned for before this instant.
        search: text within the cron's name, the parameters or who made it.
        batch_id: planned together in this batch.
        held: True for those that wait for a person to decide, since their deadline passed.
        due_before: their next attempt is before this instant.
    """

    status: Status | None = None
    cron_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None
    batch_id: UUID | None = None
    held: bool | None = None
    due_before: datetime | None = None


COLUMNS = [schedules.c[field.name] for field in fields(Schedule)]
FREE = and_(
    schedules.c.status == "pending",
    # The lease of a worker that died has ended: nobody is firing it.
    or_(schedules.c.claimed_by.is_(None), schedules.c.due_at <= func.clock_timestamp()),
)
