"""Plan many executions at once: in one transaction, and so all of them or none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import overload
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.actors import Actor, require
from core.catalogue import Cron, catalogue
from core.database import changing, clock, copying
from core.errors import CrondeskError, Invalid
from core.ids import id_after
from core.instants import check_instant, past
from core.names import checked_name
from core.parameters import checked_text
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
    _drawn: UUID
    _plans: Sequence[Plan]

    def __len__(self) -> int:
        return len(self._plans)

    @overload
    def __getitem__(self, place: int) -> Schedule: ...
    @overload
    def __getitem__(self, place: slice) -> list[Schedule]: ...
    def __getitem__(self, place: int | slice) -> Schedule | list[Schedule]:
        places = range(len(self))[place]
        return self._made(places) if isinstance(places, int) else list(map(self._made, places))

    def __iter__(self) -> Iterator[Schedule]:
        return map(self._made, range(len(self)))

    def _made(self, place: int) -> Schedule:
        plan = self._plans[place]
        instant = plan.scheduled_at.astimezone(UTC)
        return Schedule(
            id=id_after(self._drawn, place),
            cron_name=plan.cron_name,
            scheduled_at=instant,
            due_at=instant,
            parameters=plan.parameters or {},
            created_by=self.created_by,
            created_at=self.created_at,
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
    by = checked_name(created_by, "createdBy") or actor.name
    batch_id = uuid4()
    problems: list[str] = []
    try:
        with changing(actor) as connection:
            told = {"batch": batch_id, "count": len(plans)}
            created_at, drawn = connection.execute(_TELL, told).one()
            with copying(connection, _COPY) as write:
                for place, cron, instant, parameters in _checked(plans, problems):
                    schedule_id = id_after(drawn, place)
                    write(
                        (schedule_id, cron.name, instant, instant, parameters, cron.fingerprint, by, batch_id)
                    )
                if problems:
                    raise Invalid("items: nothing was planned, for some break a rule", problems)
    except IntegrityError as error:
        raise _past_ones([plan.scheduled_at for plan in plans]) from error
    return Batch(batch_id, created_at, by, drawn, tuple(plans))


def _checked(plans: Sequence[Plan], problems: list[str]) -> Iterator[tuple[int, Cron, datetime, str]]:
    """What is written of each plan, until one breaks a rule; what is wrong joins the problems."""
    known = catalogue()
    for place, plan in enumerate(plans):
        try:
            cron = known.cron(plan.cron_name)
            instant = check_instant(plan.scheduled_at)
            parameters = checked_text(plan.parameters or {}, cron.parameters)
        except CrondeskError as error:
            problems += [f"items.{place}.{detail}" for detail in error.details or [error.message]]
            if len(problems) >= MAX_PROBLEMS:
                return
        else:
            if not problems:
                yield place, cron, instant, parameters


_TELL = text("""
INSERT INTO cron_events (actor, role, via, kind, batch_id, details)
VALUES (crondesk_actor(), crondesk_role(), crondesk_via(), 'schedules.created', :batch,
        jsonb_build_object('count', :count))
RETURNING now(), crondesk_uuid()
""")
_COPY = """
COPY scheduled_cron_executions
    (id, cron_name, scheduled_at, due_at, parameters, checked, created_by, batch_id)
FROM STDIN
"""


def _past_ones(instants: Sequence[datetime]) -> Invalid:
    now = clock()
    late = [place for place, instant in enumerate(instants) if instant <= now][:MAX_PROBLEMS]
    problems = [f"items.{place}.{past().message}" for place in late]
    return Invalid("items: nothing was planned, for some break a rule", problems)
