"""Find schedules."""

from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Text,
    cast,
    or_,
    select,
    text,
    tuple_,
)

from core.database import reading
from core.errors import Invalid, NotFound
from core.paging import FOREIGN_CURSOR, Page, check_limit, count_of, cursor_after, read_cursor
from core.schedules.records import COLUMNS, HELD_UNTIL, STATUSES, Filter, Schedule
from core.tables import schedules


def get(schedule_id: UUID) -> Schedule:
    """The schedule of that id.

    Raises:
        NotFound, Unavailable.
    """
    with reading() as connection:
        row = connection.execute(select(*COLUMNS).where(schedules.c.id == schedule_id)).one_or_none()
    if row is None:
        raise NotFound("id: there is no such schedule")
    return Schedule(*row)


def find(wanted: Filter, *, limit: int = 100, cursor: str | None = None) -> Page[Schedule]:
    """The schedules that match: pending ones next first, all others latest first.

    Args:
        wanted: which ones.
        limit: how many at most, 1 to 1000.
        cursor: of the page before.

    Raises:
        Invalid: the limit, the cursor or the status is none.
        Unavailable.
    """
    check_limit(limit)
    if wanted.status is not None and wanted.status not in STATUSES:
        raise Invalid(f"status: must be one of {', '.join(STATUSES)}")
    matching = select(*COLUMNS).where(*conditions_of(wanted))
    ahead = wanted.status == "pending"
    key = schedules.c.due_at if ahead else schedules.c.scheduled_at
    page = matching.order_by(*((key, schedules.c.id) if ahead else (key.desc(), schedules.c.id.desc())))
    if cursor is not None:
        instant, row_id = read_cursor(cursor)
        if instant is None:
            raise Invalid(FOREIGN_CURSOR)
        after, here = tuple_(instant, row_id), tuple_(key, schedules.c.id)
        page = page.where(here > after if ahead else here < after)
    with reading() as connection:
        rows = [Schedule(*row) for row in connection.execute(page.limit(limit + 1))]
        count, estimated = count_of(connection, matching.with_only_columns(schedules.c.id))
    last = rows[limit - 1] if len(rows) > limit else None
    following = cursor_after(last.due_at if ahead else last.scheduled_at, last.id) if last else None
    return Page(rows[:limit], count, estimated, following)


def conditions_of(wanted: Filter) -> list[ColumnElement[bool]]:
    """The filter as conditions over the table of schedules."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        # Written out, not bound: only then does the planner see that a partial index serves.
        conditions.append(schedules.c.status == text(f"'{wanted.status}'"))
    if wanted.cron_name is not None:
        conditions.append(schedules.c.cron_name == wanted.cron_name)
    if wanted.since is not None:
        conditions.append(schedules.c.scheduled_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(schedules.c.scheduled_at < wanted.until)
    if wanted.search:
        searched = (
            schedules.c.cron_name,
            cast(schedules.c.parameters, Text),
            schedules.c.created_by,
        )
        conditions.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in searched)))
    if wanted.batch_id is not None:
        conditions.append(schedules.c.batch_id == wanted.batch_id)
    if wanted.held:
        # Their due_at is the year 9999: the index of pending ones finds them at its end.
        conditions += [schedules.c.due_at >= HELD_UNTIL, schedules.c.held_at.is_not(None)]
    elif wanted.held is not None:
        conditions.append(schedules.c.held_at.is_(None))
    return conditions
