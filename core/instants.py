"""Instants as people write them: RFC 3339 with a zone in, UTC out."""

import re
from datetime import UTC, datetime, timedelta

from core.errors import Invalid

RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:[0-5]\d)", re.ASCII
)
FURTHEST_BACK = datetime(1970, 1, 2, tzinfo=UTC)
FURTHEST_AHEAD = timedelta(days=3653)


def parse_instant(text: str, field: str = "scheduledAt") -> datetime:
    """Reads an instant (RFC 3339, section 5.6; the seconds may be left out).

    Args:
        text: such as '2026-03-01T09:00:00+01:00' or '2026-03-01T08:00Z'.
        field: what the error calls it.

    Returns:
        The instant in UTC.

    Raises:
        Invalid: it is no RFC 3339 or names no zone.
    """
    example = "such as 2030-01-31T09:00:00+01:00"
    if not isinstance(text, str):
        raise Invalid(f"{field}: must be an RFC 3339 date and time in quotes, {example}")
    if not RFC_3339.fullmatch(text):
        naive = re.fullmatch(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}[\d:.]*", text, re.ASCII)
        reason = "names no zone; end it with Z or an offset" if naive else "is no RFC 3339 date and time"
        raise Invalid(f"{field}: {reason}, {example}")
    fraction = re.sub(r"(\.\d{6})\d+", r"\1", text.upper().replace(" ", "T"))
    try:
        return datetime.fromisoformat(fraction).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{field}: is no date and time that exists: {error}") from None


def check_instant(instant: datetime, field: str = "scheduledAt") -> datetime:
    """Lets an instant pass that names its zone and is not absurdly far; the database refuses the past.

    Raises:
        Invalid: it is naive, more than ten years ahead, or before 1970.
    """
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise Invalid(f"{field}: names no zone")
    try:
        instant = instant.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{field}: lies outside the years that there are") from None
    if instant < FURTHEST_BACK:  # which no table takes
        raise past(field)
    if instant - datetime.now(UTC) > FURTHEST_AHEAD:
        raise Invalid(f"{field}: is more than ten years ahead")
    return instant


def past(field: str = "scheduledAt") -> Invalid:
    """The error for an instant that has been."""
    return Invalid(f"{field}: is in the past; choose an instant to come")
