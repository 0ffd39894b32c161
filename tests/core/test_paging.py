"""Cursors: ours are read as they were made, and everything else is refused."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import Invalid
from core.paging import check_limit, cursor_after, read_cursor

encoded = st.text().map(lambda text: base64.urlsafe_b64encode(text.encode()).decode())


@given(st.none() | st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_says_what_it_was_made_of(instant: datetime | None, row_id: UUID) -> None:
    assert read_cursor(cursor_after(instant, row_id)) == (instant, row_id)


@given(st.text(st.characters(exclude_categories=())) | encoded)
@example(base64.urlsafe_b64encode(b"[" * 100_000).decode())
@example(base64.urlsafe_b64encode(b'[1, "x"]').decode())
@example(base64.urlsafe_b64encode(b'{"a": 1, "b": 2}').decode())
@example(base64.urlsafe_b64encode(b"1" * 5000).decode())
def test_any_other_text_is_invalid(text: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        read_cursor(text)


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**20])
def test_a_page_has_1_to_1000_rows(limit: int) -> None:
    with pytest.raises(Invalid, match="limit"):
        check_limit(limit)
