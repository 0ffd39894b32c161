"""Identifiers that hold their instant (UUID version 7, RFC 9562, section 5.7)."""

from datetime import datetime
from uuid import UUID


def first_id_at(instant: datetime) -> UUID:
    """The least id that could be made at the instant, to the millisecond: a bound for ranges in time."""
    milliseconds = max(0, int(instant.timestamp() * 1000))
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62))
