"""What a calendar shows: in each of its slots what ran, what is planned and what series will plan.

Slots are counted by index look-ups and show a few rows each, so that a month with 100,000 pending
schedules costs no more than its counting, and never sends its rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Subquery,
    Uuid,
    cast,
    column,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from core.database import clock, reading
from core.forecast import Forecast
from core.ids import first_id_at
from core.tables import Instant, executions, hourly, hourly_changes, schedules

State = Literal["pending", "held", "queued", "running", "completed", "failed", "cancelled"]
MAX_SLOTS = 200
# Written out, not bound: only then does the planner see that a partial index serves.
UNFINISHED: dict[State, ColumnElement[str]] = {
    "queued": literal_column("'queued'"),
    "running": literal_column("'running'"),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time of the calendar: a day, or an hour."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """Something in a slot.

    Attributes:
        id: the schedule's, or the execution's.
        is_execution: which of the two it is.
        at: when it is due, or began.
        movable: whether it is pending and nobody fires it.
    """

    id: UUID
    is_execution: bool
    cron_name: str
    at: datetime
    state: State
    movable: bool = False


@dataclass(slots=True)
class Cell:
    """What is in a slot.

    Attributes:
        items: the first ones, in order of time.
        counts: how many there are in all, by state.
        forecast: what active series will plan there, as far as it is not planned yet.
    """

    items: list[Item] = field(default_factory=list)
    counts: dict[State, int] = field(default_factory=dict)
    forecast: Forecast = field(default_factory=Forecast)

    @property
    def count(self) -> int:
        """Of all that ran or is planned, without the forecast."""
        return sum(self.counts.values())


def read(slots: Sequence[Slot], cron_name: str | None = None, *, shown: int = 4) -> list[Cell]:
    """What ran and what is planned in each slot; see core.forecast for what series will add.

    Args:
        slots: at most 200, in order, of full hours or more.
        cron_name: of this cron; of all where it is None.
        shown: how many items each cell holds at most, of each kind.

    Raises:
        Unavailable.
    """
    assert len(slots) <= MAX_SLOTS
    cells = [Cell() for _ in slots]
    places = [(place, slot.since, slot.until) for place, slot in enumerate(slots)]
    with reading() as connection:
        now = clock(connection)
        begun = [place for place in places if place[1] <= now]
        _read_executions(connection, begun, cells, cron_name, shown)
        _read_unfinished(connection, begun, cells, cron_name, shown)
        _read_unfired(connection, begun, cells, cron_name, shown)
        _read_held(connection, begun, cells, cron_name, shown)
        _read_pending(connection, places, cells, cron_name, shown)
    for cell in cells:
        cell.items.sort(key=lambda item: (item.at, item.id))
    return cells


Places = Sequence[tuple[int, Any, Any]]


def _table(places: Places, bound: Any = Instant) -> Any:
    bounds = [cast([place[part] for place in places], ARRAY(bound)) for part in (1, 2)]
    numbers = cast([place[0] for place in places], ARRAY(Integer))
    columns = (column("place", Integer), column("since", bound), column("until", bound))
    return func.unnest(numbers, *bounds).table_valued(*columns, name="slot").render_derived()


def _each(connection: Connection, places: Places, wanted: Select[Any], slot: Any) -> list[Any]:
    """The rows of a query that is made anew for each slot."""
    if not places:
        return []
    found: Subquery = wanted.lateral("found")  # type: ignore[assignment]
    return list(connection.execute(select(slot.c.place, found).select_from(slot.join(found, true()))))


def _read_pending(
    connection: Connection, places: Places, cells: list[Cell], cron_name: str | None, shown: int
) -> None:
    slot = _table(places)
    conditions = [
        # Written out, not bound: only then does the planner see that a partial index serves.
        schedules.c.status == text("'pending'"),
        schedules.c.due_at >= slot.c.since,
        schedules.c.due_at < slot.c.until,
    ]
    if cron_name is not None:
        conditions.append(schedules.c.cron_name == cron_name)
    counted = select(func.count().label("count")).select_from(schedules).where(*conditions)
    for place, count in _each(connection, places, counted, slot):
        if count:
            cells[place].counts["pending"] = count
    full = [places[place] for place, cell in enumerate(cells) if "pending" in cell.counts]
    slot = _table(full)
    conditions[1:3] = [schedules.c.due_at >= slot.c.since, schedules.c.due_at < slot.c.until]
    columns = (schedules.c.id, schedules.c.cron_name, schedules.c.due_at, schedules.c.claimed_by)
    listed = select(*columns).where(*conditions).order_by(schedules.c.due_at, schedules.c.id).limit(shown)
    for place, identifier, name, at, claimed_by in _each(connection, full, listed, slot):
        cells[place].items.append(Item(identifier, False, name, at, "pending", claimed_by is None))


def _read_executions(
    connection: Connection, places: Places, cells: list[Cell], cron_name: str | None, shown: int
) -> None:
    for table in (hourly, hourly_changes):
        slot = _table(places)
        counted = (
            select(table.c.status, func.sum(table.c.count).label("count"))
            .where(
                table.c.kind == text("'execution'"),
                table.c.hour >= slot.c.since,
                table.c.hour < slot.c.until,
                *([] if cron_name is None else [table.c.cron_name == cron_name]),
            )
            .group_by(table.c.status)
        )
        for place, state, count in _each(connection, places, counted, slot):
            cells[place].counts[state] = cells[place].counts.get(state, 0) + int(count)
    # What has not ended is read elsewhere, and what failed by itself: both may be far behind the first ones.
    for place, item in _begun(connection, places, cron_name, shown):
        if item.state in ("completed", "cancelled"):
            cells[place].items.append(item)
    failed = [each for each in places if "failed" in cells[each[0]].counts]
    for place, item in _begun(connection, failed, cron_name, shown, executions.c.status == text("'failed'")):
        cells[place].items.append(item)


def _begun(
    connection: Connection,
    places: Places,
    cron_name: str | None,
    shown: int,
    *conditions: ColumnElement[bool],
) -> Iterator[tuple[int, Item]]:
    slot = _table([(place, first_id_at(since), first_id_at(until)) for place, since, until in places], Uuid)
    at = func.coalesce(executions.c.started_at, executions.c.queued_at)
    listed = (
        select(executions.c.id, executions.c.cron_name, at.label("at"), executions.c.status)
        .where(
            executions.c.id >= slot.c.since,
            executions.c.id < slot.c.until,
            *([] if cron_name is None else [executions.c.cron_name == cron_name]),
            *conditions,
        )
        .order_by(executions.c.id)
        .limit(shown)
    )
    for place, identifier, name, began, state in _each(connection, places, listed, slot):
        yield place, Item(identifier, True, name, began, state)


def _read_unfinished(
    connection: Connection, places: Places, cells: list[Cell], cron_name: str | None, shown: int
) -> None:
    for state, written in UNFINISHED.items():
        conditions = [
            executions.c.status == written,
            # Follows from the line above, which the planner does not see.
            executions.c.status.in_(UNFINISHED.values()),
            *([] if cron_name is None else [executions.c.cron_name == cron_name]),
        ]
        at = func.coalesce(executions.c.started_at, executions.c.queued_at)
        columns = (executions.c.id, executions.c.cron_name, at.label("at"))
        order = executions.c.queued_at
        found = _Found(state, conditions, order, columns, is_execution=True)
        _count_and_list(connection, places, cells, found, shown)


def _read_unfired(
    connection: Connection, places: Places, cells: list[Cell], cron_name: str | None, shown: int
) -> None:
    """What was planned and failed before anything ran, such as what was too late to fire."""
    unfired = [schedules.c.status == text("'failed'"), schedules.c.triggered_execution_id.is_(None)]
    _count_and_list(connection, places, cells, _planned("failed", unfired, cron_name), shown)


def _read_held(
    connection: Connection, places: Places, cells: list[Cell], cron_name: str | None, shown: int
) -> None:
    """What waits for a decision, where it was planned: its due_at is out of the way of all claims."""
    held = [schedules.c.status == text("'pending'"), schedules.c.held_at.is_not(None)]
    _count_and_list(connection, places, cells, _planned("held", held, cron_name), shown)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is looked for in each slot: by conditions, placed and ordered by an instant."""

    state: State
    conditions: Sequence[ColumnElement[bool]]
    order: ColumnElement[datetime]
    columns: Sequence[ColumnElement[Any]]
    is_execution: bool = False


def _planned(state: State, conditions: list[ColumnElement[bool]], cron_name: str | None) -> _Found:
    if cron_name is not None:
        conditions = [*conditions, schedules.c.cron_name == cron_name]
    columns = (schedules.c.id, schedules.c.cron_name, schedules.c.scheduled_at)
    return _Found(state, conditions, schedules.c.scheduled_at, columns)


def _count_and_list(
    connection: Connection, places: Places, cells: list[Cell], found: _Found, shown: int
) -> None:
    def within(slot: Any) -> list[ColumnElement[bool]]:
        return [*found.conditions, found.order >= slot.c.since, found.order < slot.c.until]

    slot = _table(places)
    counted = select(func.count(found.order).label("count")).where(*within(slot))
    full = []
    for place, count in _each(connection, places, counted, slot):
        if count:
            counts = cells[place].counts
            counts[found.state] = counts.get(found.state, 0) + count
            full.append(next(each for each in places if each[0] == place))
    slot = _table(full)
    listed = select(*found.columns).where(*within(slot)).order_by(found.order).limit(shown)
    for place, identifier, name, at in _each(connection, full, listed, slot):
        cells[place].items.append(Item(identifier, found.is_execution, name, at, found.state))
