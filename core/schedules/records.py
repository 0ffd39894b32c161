"""Schedules as core gives them out: rows, what is to be planned, and which ones are meant."""

from dataclasses import dataclass, field, fields
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
    due_at: datetime
    parameters: Parameters
    created_by: str | None
    created_at: datetime
    status: Status = "pending"
    triggered_at: datetime | None = None
    triggered_execution_id: UUID | None = None
    error_message: str | None = None
    claimed_by: str | None = None
    attempts: int = 0
    batch_id: UUID | None = None
    not_after: datetime | None = None
    late_policy: LatePolicy = "fire"
    held_at: datetime | None = None
    series_id: UUID | None = None
    attempts_before: int = 0
    conflicts: int = 0
    failures: int = 0
    retry_of: UUID | None = None
    retried_by: UUID | None = None

    @property
    def tries(self) -> int:
        """How often it was tried since it was planned, moved or decided about."""
        return self.attempts - self.attempts_before

    def __post_init__(self) -> None:
        # Whoever shows it shows no secret: rows from before its schema had one may hold it in clear.
        object.__setattr__(self, "parameters", shown(self.cron_name, self.parameters))


@dataclass(frozen=True, slots=True)
class Changed(Schedule):
    """A schedule as somebody has just changed it.

    Attributes:
        event_id: of the event that tells it: `core.undo.undo_event` takes it back.
    """

    event_id: int = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall be planned; `scheduled_at` names its zone."""

    cron_name: str
    scheduled_at: datetime
    parameters: Parameters | None = None


@dataclass(frozen=True, slots=True)
class OwnPlan:
    """What shall be planned by itself, whatever becomes of what is planned beside it.

    Attributes:
        cron_name: a cron of the catalogue.
        scheduled_at: when; names its zone, and is to come by the database's clock.
        parameters: for this run; checked against the cron's schema, kept as given.
        created_by: in whose name; the actor's where it is not given.
        not_after: its deadline, where it could not fire in time.
        late_policy: what happens after the deadline: 'fire' it all the same, 'drop' it (it becomes
            failed, 'expired'), or 'ask' (it is held until a person decides).
    """

    cron_name: str
    scheduled_at: datetime
    parameters: Parameters | None = None
    created_by: str | None = None
    not_after: datetime | None = None
    late_policy: LatePolicy = "fire"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which schedules; None leaves a thing open.

    Attributes:
        since: planned for this instant or later.
        until: planned for before this instant.
        search: text within the cron's name or title, the parameters or who made it.
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


COLUMNS = [schedules.c[each.name] for each in fields(Schedule)]
# Nobody is firing it: no worker has claimed it, or the lease of one that died has ended. By the transaction's
# begin, as the trigger reads it that refuses changes while one is being fired.
FREE = and_(
    schedules.c.status == "pending",
    or_(schedules.c.claimed_by.is_(None), schedules.c.due_at <= func.now()),
)
