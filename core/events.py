"""Who did what: rows of cron_events, written in the transaction that did it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Text,
    cast,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.actors import Actor
from core.catalogue import shown
from core.database import reading
from core.tables import events


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that somebody or something did.

    Attributes:
        kind: such as 'schedule.created'; docs/events.md lists them.
        details: what the kind says, such as {'from': …, 'to': …} of a move.
    """

    id: int
    at: datetime
    actor: str
    role: str | None
    via: str
    kind: str
    schedule_id: UUID | None
    execution_id: UUID | None
    batch_id: UUID | None
    cron_name: str | None
    details: dict[str, Any]

    def __post_init__(self) -> None:
        # An edit tells the parameters; whoever shows it shows no secret.
        edited = {
            name: shown(self.cron_name or "", self.details[name])
            for name in ("old", "new")
            if isinstance(self.details.get(name), dict)
        }
        object.__setattr__(self, "details", {**self.details, **edited})


def told(
    actor: Actor,
    kind: str,
    changed: FromClause,
    *,
    schedule_id: ColumnElement[Any] | None = None,
    execution_id: ColumnElement[Any] | None = None,
    details: ColumnElement[Any] | None = None,
    name: str = "told",
) -> CTE:
    """The part of a statement that writes one event for each row that another part of it changed.

    Its rows are the events' ids.

    Args:
        actor: who did it.
        kind: the event's kind.
        changed: the common table expression that changed the rows; has a column cron_name.
        schedule_id: the column of `changed` with the schedule, if it is about one.
        execution_id: likewise for the execution.
        details: a jsonb expression over `changed`.
        name: of the part, where a statement has several.
    """
    chosen = select(
        literal(actor.name, Text),
        literal(actor.role, Text),
        literal(actor.via, Text),
        literal(kind),
        null() if schedule_id is None else schedule_id,
        null() if execution_id is None else execution_id,
        changed.c.cron_name,
        cast(literal("{}", Text), JSONB) if details is None else details,
    ).select_from(changed)
    columns = [
        "actor",
        "role",
        "via",
        "kind",
        "schedule_id",
        "execution_id",
        "cron_name",
        "details",
    ]
    return insert(events).from_select(columns, chosen).returning(events.c.id).cte(name)


def of_schedule(schedule_id: UUID, batch_id: UUID | None = None, limit: int = 1000) -> list[Event]:
    """What happened to a schedule, oldest first, with what happened to its whole batch."""
    matching = events.c.schedule_id == schedule_id
    if batch_id is not None:
        matching |= events.c.batch_id == batch_id
    return _read(matching, limit)


def of_execution(execution_id: UUID, limit: int = 1000) -> list[Event]:
    """What happened to an execution, oldest first."""
    return _read(events.c.execution_id == execution_id, limit)


def of_run(
    schedule_id: UUID | None, execution_id: UUID | None, batch_id: UUID | None = None, limit: int = 1000
) -> list[Event]:
    """What happened to a schedule, its batch and its execution together, oldest first.

    Args:
        schedule_id, execution_id, batch_id: None leaves one out.
        limit: how many at most.
    """
    given = {
        events.c.schedule_id: schedule_id,
        events.c.execution_id: execution_id,
        events.c.batch_id: batch_id,
    }
    return _read(or_(false(), *(column == one for column, one in given.items() if one is not None)), limit)


def _read(matching: ColumnElement[bool], limit: int) -> list[Event]:
    with reading() as connection:
        rows = connection.execute(select(events).where(matching).order_by(events.c.id).limit(limit))
        return [Event(*row) for row in rows]


def object_of(**fields: Any) -> ColumnElement[Any]:
    """A jsonb object of SQL expressions."""
    arguments = [part for name, value in fields.items() for part in (literal(name, Text), value)]
    return func.jsonb_build_object(*arguments)
