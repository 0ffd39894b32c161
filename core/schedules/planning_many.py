"""Plan many executions at once: in one transaction, and so all of them or none."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import IntegrityError

from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import changing, reading
from core.errors import CrondeskError, Invalid
from core.instants import check_instant, past
from core.parameters import Parameters, checked_text
from core.schedules.planning import checked_name
from core.schedules.records import MAX_BATCH, Plan, Schedule

MAX_PROBLEMS = 100
# Of so many a statement takes about as long as the check of as many.
PORTION = 2_500


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
        return Schedule(
            id=schedule_id,
            cron_name=cron_name,
            scheduled_at=instant,
            due_at=instant,
            parameters=parameters,
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
    batch = {"batch": batch_id, "count": len(plans), "created_by": by}
    instants: list[datetime] = []
    problems: list[str] = []
    try:
        # The database writes a portion while the next one is being checked.
        with changing(actor) as connection, ThreadPoolExecutor(1) as writer:
            told = writer.submit(_rows, connection, _TELL, batch)
            written = []
            for first in range(0, len(plans), PORTION):
                portion = _checked(plans[first : first + PORTION], first, problems)
                instants += portion["instants"]
                if not problems:
                    written.append(writer.submit(_rows, connection, _PLAN, batch | portion))
            if problems:
                raise Invalid("items: nothing was planned, for some break a rule", problems)
            created_at = told.result()[0][0]
            ids = [row[0] for each in written for row in each.result()]
    except IntegrityError as error:
        raise _past_ones(instants) from error
    planned = [
        (schedule_id, plan.cron_name, instant, plan.parameters or {})
        for schedule_id, plan, instant in zip(ids, plans, instants, strict=True)
    ]
    return Batch(batch_id, created_at, by, planned)


def _checked(plans: Sequence[Plan], first: int, problems: list[str]) -> dict[str, list[Any]]:
    """The columns of a portion; what is wrong with it is added to the problems."""
    known = catalogue()
    columns: dict[str, list[Any]] = {"crons": [], "instants": [], "parameters": [], "fingerprints": []}
    for place, plan in enumerate(plans, first):
        if len(problems) >= MAX_PROBLEMS:
            break
        try:
            cron = known.cron(plan.cron_name)
            instant = check_instant(plan.scheduled_at)
            text = checked_text(plan.parameters or {}, cron.parameters)
        except CrondeskError as error:
            problems += [f"items.{place}.{detail}" for detail in error.details or [error.message]]
            continue
        columns["crons"].append(cron.name)
        columns["instants"].append(instant)
        columns["parameters"].append(text)
        columns["fingerprints"].append(cron.fingerprint)
    return columns


def _rows(connection: Connection, statement: str, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    return connection.exec_driver_sql(statement, values).all()


_TELL = """
INSERT INTO cron_events (actor, role, via, kind, batch_id, details)
VALUES (crondesk_actor(), crondesk_role(), crondesk_via(), 'schedules.created', %(batch)s,
        jsonb_build_object('count', %(count)s::int))
RETURNING now()
"""
# %b: as text, each string of an array would be escaped by a regular expression.
_PLAN = """
INSERT INTO scheduled_cron_executions
    (id, cron_name, scheduled_at, due_at, parameters, checked, created_by, batch_id)
SELECT crondesk_uuid_after((SELECT crondesk_uuid()), place), cron_name, scheduled_at, scheduled_at,
       parameters::jsonb, checked, %(created_by)s, %(batch)s
FROM unnest(%(crons)b::text[], %(instants)b::timestamptz[], %(parameters)b::text[], %(fingerprints)b::text[])
    WITH ORDINALITY AS item (cron_name, scheduled_at, parameters, checked, place)
ORDER BY place
RETURNING id
"""


def _past_ones(instants: Sequence[datetime]) -> Invalid:
    with reading() as connection:
        now = connection.execute(select(func.clock_timestamp())).scalar_one()
    late = [place for place, instant in enumerate(instants) if instant <= now][:MAX_PROBLEMS]
    problems = [f"items.{place}.{past().message}" for place in late]
    return Invalid("items: nothing was planned, for some break a rule", problems)
