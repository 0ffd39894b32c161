"""Instants as people write them: RFC 3339 with a zone, or a sentence that says what is wrong."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import Invalid
from core.instants import check_instant, parse_instant

offsets = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,12})?)?([Zz]|[+-]\d\d:\d\d)?"))
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59-14:00")
@example("2030-02-30T00:00:00Z")
@example("2030-01-01T00:00:60Z")
@example("٢٠٣٠-01-01T00:00:00Z")
def test_any_text_is_an_instant_in_utc_or_invalid(text: str) -> None:
    try:
        zone, message = parse_instant(text).tzinfo, "scheduledAt: "
    except Invalid as error:
        zone, message = UTC, error.message
    assert zone is UTC
    assert message.startswith("scheduledAt: ")


@given(st.datetimes(timezones=offsets).filter(lambda instant: 1 < instant.year < 9998))
def test_what_a_machine_writes_is_read_as_it_was_meant(instant: datetime) -> None:
    assert parse_instant(instant.isoformat()) == instant


@pytest.mark.parametrize("text", ["2030-01-01T09:00", "2030-01-01 09:00:00", "2030-01-01T09:00:00.5"])
def test_without_a_zone_the_error_says_so(text: str) -> None:
    with pytest.raises(Invalid, match="names no zone"):
        parse_instant(text)


@pytest.mark.parametrize("offset", ["+14:60", "-00:99", "+24:00", "+01:0", "+0100", "+01"])
def test_an_offset_that_no_clock_has_is_refused(offset: str) -> None:
    with pytest.raises(Invalid, match="is no"):
        parse_instant(f"2030-01-31T09:00:00{offset}")


@given(st.datetimes(timezones=st.none() | offsets))
@example(datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))))
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))
def test_any_datetime_passes_or_is_invalid(instant: datetime) -> None:
    try:
        passed = check_instant(instant)
    except Invalid:
        return
    assert passed == instant
    assert passed.tzinfo is UTC
    assert passed < datetime.now(UTC) + timedelta(days=3654)
