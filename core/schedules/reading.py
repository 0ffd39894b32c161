"""Find schedules."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import ColumnElement, select, text

from core.database import reading
from core.errors import Invalid, NotFound
from core.paging import FOREIGN_CURSOR, Page, check_limit, count_of, cursor_after, read_cursor
from core.schedules.records import COLUMNS, HELD_UNTIL, STATUSES, Filter, Schedule
from core.searching import beyond, mentions, search
from core.tables import schedules

SEARCHED = (schedules.c.cron_name, schedules.c.parameters, schedules.c.created_by)


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

    A search looks through 100,000 rows at most and may find none of them: its cursor searches on.

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
    matching = select(*COLUMNS).where(*conditions_of(replace(wanted, search=None)))
    ahead = wanted.status == "pending"
    key = (schedules.c.due_at if ahead else schedules.c.scheduled_at, schedules.c.id)
    begin = None if cursor is None else read_cursor(cursor)
    if begin is not None and begin[0] is None:
        raise Invalid(FOREIGN_CURSOR)
    with reading() as connection:
        if wanted.search:
            found, end = search(
                connection,
                matching,
                key,
                SEARCHED,
                wanted.search,
                begin=begin,
                ascending=ahead,
                limit=limit,
            )
            following = cursor_after(*end) if end else None
            return Page([Schedule(*row) for row in found], len(found), end is not None, following)
        rest = beyond(matching, key, begin, ascending=ahead)
        rows = [Schedule(*row) for row in connection.execute(rest.limit(limit + 1))]
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
    if wanted.due_before is not None:
        conditions.append(schedules.c.due_at < wanted.due_before)
    if wanted.search:
        conditions.append(mentions(SEARCHED, wanted.search))
    if wanted.batch_id is not None:
        conditions.append(schedules.c.batch_id == wanted.batch_id)
    if wanted.held:
        # Their due_at is the year 9999: the index of pending ones finds them at its end.
        conditions += [schedules.c.due_at >= HELD_UNTIL, schedules.c.held_at.is_not(None)]
    elif wanted.held is not None:
        conditions.append(schedules.c.held_at.is_(None))
    return conditions
