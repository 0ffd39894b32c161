"""Pages by key: a cursor says after which row the next page begins; the last costs what the first does."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Select, func, select

from core.errors import Invalid

MAX_LIMIT = 1000
COUNTED_EXACTLY = 5_000
FOREIGN_CURSOR = "cursor: is none that this list has given"

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list.

    Attributes:
        rows: at most as many as asked for.
        count: of all rows that match; above 5,000 the planner's estimate; of a search, those found.
        count_is_estimate: whether count is that estimate, or a search may find more.
        cursor: what asks for the next page; None on the last one.
    """

    rows: list[Row]
    count: int
    count_is_estimate: bool
    cursor: str | None


def check_limit(limit: int) -> None:
    """Lets a page's size pass that is 1 to 1000.

    Raises:
        Invalid: it is not.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(f"limit: must be 1 to {MAX_LIMIT}")


def cursor_after(instant: datetime | None, row_id: UUID) -> str:
    """A cursor for the page that begins after the row."""
    key = [instant.isoformat() if instant else None, str(row_id)]
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime | None, UUID]:
    """What a cursor says.

    Raises:
        Invalid: it is none of ours.
    """
    try:
        instant, row_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return (datetime.fromisoformat(instant) if instant else None), UUID(row_id)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Invalid(FOREIGN_CURSOR) from None


def count_of(connection: Connection, matching: Select[Any]) -> tuple[int, bool]:
    """How many rows match: exactly up to 5,000, above that as the planner estimates.

    Returns:
        The count and whether it is an estimate.
    """
    bounded = matching.limit(COUNTED_EXACTLY + 1).subquery()
    count = connection.execute(select(func.count()).select_from(bounded)).scalar_one()
    if count <= COUNTED_EXACTLY:
        return count, False
    written_out = matching.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN (FORMAT JSON) " + str(written_out)
    plan = connection.exec_driver_sql(explain).scalar_one()
    return max(COUNTED_EXACTLY + 1, int(plan[0]["Plan"]["Plan Rows"])), True
