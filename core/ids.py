"""Identifiers that hold their instant (UUID version 7, RFC 9562, section 5.7), and ranges of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, tuple_

FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)


def first_id_at(instant: datetime) -> UUID:
    """The least id that could be made at the instant, to the millisecond: a bound for ranges in time."""
    milliseconds = max(0, int(instant.timestamp() * 1000))
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62))


def id_after(drawn: UUID, place: int) -> UUID:
    """The id of a place in a batch, as crondesk_uuid_after gives it: the place ends the id of the batch.

    Args:
        drawn: an id of version 7 that the database has drawn for the batch.
        place: 0 to 2^24 - 1; the last 24 bits.
    """
    return UUID(int=drawn.int >> 24 << 24 | place)


def all_of(
    name: ColumnElement[str],
    cron_name: Column[Any],
    key: Column[Any],
    ends: tuple[Any, Any] = (FIRST_ID, LAST_ID),
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What holds for all rows of a cron, said as the range of an index over its name and a key.

    Args:
        name: the cron's.
        cron_name: the first column of the index.
        key: its second one.
        ends: the least and the greatest value of the key; those of ids where they are not given.

    Returns:
        Two conditions, both of which are to hold.
    """
    # With an equality the planner takes the order by the key alone to be as good, and reads the whole
    # table backwards for a cron that seldom runs.
    first, last = ends
    here = tuple_(cron_name, key)
    return here >= tuple_(name, first), here <= tuple_(name, last)
