"""Plan many executions at once: in one statement, and so all of them or none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from core.actors import Actor, require
from core.catalogue import Cron, catalogue
from core.database import reading
from core.errors import CrondeskError, Invalid
from core.instants import check_instant, past
from core.parameters import Parameters, checked_text
from core.schedules.planning import checked_name
from core.schedules.records import MAX_BATCH, Plan, Schedule

MAX_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Batch(Sequence[Schedule]):
    """Schedules that were planned together, in the order of their plans.

    Each is made into an object when it is looked at: of thousands few are.

    Attributes:
        id: their batch_id.
        created_at: when they were planned.
        created_by: in whose name.
    """

    id: UUID
    created_at: datetime
    created_by: str
    _planned: Sequence[tuple[UUID, str, datetime, Parameters]]

    def __len__(self) -> int:
        return len(self._planned)

    @overload
    def __getitem__(self, place: int) -> Schedule: ...
    @overload
    def __getitem__(self, place: slice) -> list[Schedule]: ...
    def __getitem__(self, place: int | slice) -> Schedule | list[Schedule]:
        if isinstance(place, slice):
            return [self._made(*one) for one in self._planned[place]]
        return self._made(*self._planned[place])

    def __iter__(self) -> Iterator[Schedule]:
        return (self._made(*one) for one in self._planned)

    def _made(self, schedule_id: UUID, cron_name: str, instant: datetime, parameters: Parameters) -> Schedule:
        return Schedule.just_planned(
            schedule_id,
            self.created_at,
            cron_name,
            instant,
            parameters,
            self.created_by,
            batch_id=self.id,
        )


def plan_many(actor: Actor, plans: Sequence[Plan], *, created_by: str | None = None) -> Batch:
    """Plans many executions in one transaction: all of them or none.

    Args:
        actor: who plans them.
        plans: 1 to 10,000 of them.
        created_by: in whose name; the actor's where it is not given.

    Raises:
        Invalid: some plan breaks a rule; the details name each by its place, as in 'items.3.scheduledAt: …'.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    if not 1 <= len(plans) <= MAX_BATCH:
        raise Invalid(f"items: must be 1 to {MAX_BATCH} schedules")
    crons, instants, texts = _checked(plans)
    batch = uuid4()
    by = checked_name(created_by, "createdBy") or actor.name
    values = {
        "crons": [cron.name for cron in crons],
        "instants": instants,
        "parameters": texts,
        "fingerprints": [cron.fingerprint for cron in crons],
        "created_by": by,
        "batch": batch,
        "actor": actor.name,
        "role": actor.role,
        "via": actor.via,
    }
    try:
        with reading() as connection:
            rows = connection.exec_driver_sql(_PLAN_MANY, values).all()
    except IntegrityError as error:
        raise _past_ones(instants) from error
    planned = [
        (row[0], plan.cron_name, instant, plan.parameters or {})
        for row, plan, instant in zip(rows, plans, instants, strict=True)
    ]
    return Batch(batch, rows[0][1], by, planned)


def _checked(plans: Sequence[Plan]) -> tuple[list[Cron], list[datetime], list[str]]:
    known = catalogue()
    crons: list[Cron] = []
    instants: list[datetime] = []
    texts: list[str] = []
    problems: list[str] = []
    for place, plan in enumerate(plans):
        try:
            cron = known.cron(plan.cron_name)
            instants.append(check_instant(plan.scheduled_at))
            texts.append(checked_text(plan.parameters or {}, cron.parameters))
            crons.append(cron)
        except CrondeskError as error:
            problems += [f"items.{place}.{detail}" for detail in error.details or [error.message]]
            if len(problems) >= MAX_PROBLEMS:
                break
    if problems:
        raise Invalid("items: nothing was planned, for some break a rule", problems)
    return crons, instants, texts


# %b: as text, each string of an array would be escaped by a regular expression.
_PLAN_MANY: Any = """
WITH told AS (
    INSERT INTO cron_events (actor, role, via, kind, batch_id, details)
    VALUES (%(actor)s, %(role)s, %(via)s, 'schedules.created', %(batch)s,
            jsonb_build_object('count', cardinality(%(crons)b::text[])))
)
INSERT INTO scheduled_cron_executions
    (cron_name, scheduled_at, due_at, parameters, checked, created_by, batch_id)
SELECT cron_name, scheduled_at, scheduled_at, parameters::jsonb, checked, %(created_by)s, %(batch)s
FROM unnest(%(crons)b::text[], %(instants)b::timestamptz[], %(parameters)b::text[], %(fingerprints)b::text[])
    WITH ORDINALITY AS item (cron_name, scheduled_at, parameters, checked, place)
ORDER BY place
RETURNING id, created_at
"""


def _past_ones(instants: Sequence[datetime]) -> Invalid:
    with reading() as connection:
        now = connection.execute(select(func.clock_timestamp())).scalar_one()
    late = [place for place, instant in enumerate(instants) if instant <= now][:MAX_PROBLEMS]
    problems = [f"items.{place}.{past().message}" for place in late]
    return Invalid("items: nothing was planned, for some break a rule", problems)
