"""Identifiers that hold their instant (UUID version 7, RFC 9562, section 5.7)."""

from datetime import datetime
from uuid import UUID


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
