"""Filling a stretch of time: how many runs begin when."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.filling import again, once
from core.schedules import MAX_BATCH

TEN = datetime(2030, 1, 1, 22, tzinfo=UTC)
SIX = datetime(2030, 1, 2, 6, tzinfo=UTC)


def minutes(placed: list[tuple[datetime, int]]) -> list[tuple[float, int]]:
    return [((instant - TEN) / timedelta(minutes=1), run) for instant, run in placed]


def test_every_ten_minutes_from_ten_until_six_are_forty_nine() -> None:
    placed = again(TEN, SIX, timedelta(minutes=10), 1, 1)
    assert len(placed) == 49
    assert minutes(placed)[:2] == [(0, 0), (10, 0)]
    assert placed[-1] == (SIX, 0)


def test_three_of_which_two_may_begin_together_are_shifted_within_the_step() -> None:
    placed = again(TEN, TEN + timedelta(minutes=10), timedelta(minutes=10), 3, 2)
    assert minutes(placed) == [(0, 0), (0, 1), (5, 2), (10, 0), (10, 1)]


def test_five_spread_over_an_hour_two_at_a_time() -> None:
    placed = once(TEN, TEN + timedelta(hours=1), 5, 2)
    assert minutes(placed) == [(0, 0), (0, 1), (30, 2), (30, 3), (60, 4)]


lengths = st.integers(0, 100_000).map(lambda seconds: timedelta(seconds=seconds))


@given(lengths, st.integers(1, 200), st.integers(1, 10))
def test_each_is_spread_once_within_the_time_and_never_too_many_together(
    length: timedelta, runs: int, together: int
) -> None:
    placed = once(TEN, TEN + length, runs, together)
    assert [run for _, run in placed] == list(range(runs))
    assert all(TEN <= instant <= TEN + length for instant, _ in placed)
    if length > timedelta(seconds=runs):
        assert max(Counter(instant for instant, _ in placed).values()) <= together


@given(lengths, st.integers(60, 10_000), st.integers(1, 5), st.integers(1, 5))
def test_again_and_again_never_begins_too_many_together(
    length: timedelta, every_seconds: int, runs: int, together: int
) -> None:
    placed = again(TEN, TEN + length, timedelta(seconds=every_seconds), runs, together)
    assert placed == sorted(placed)
    assert max(Counter(instant for instant, _ in placed).values()) <= together
    firsts = [instant for instant, run in placed if run == 0]
    assert firsts == [TEN + timedelta(seconds=every_seconds) * step for step in range(len(firsts))]


@pytest.mark.parametrize(
    ("end", "every", "runs", "together"),
    [
        (TEN - timedelta(seconds=1), timedelta(minutes=1), 1, 1),
        (SIX, timedelta(0), 1, 1),
        (SIX, timedelta(seconds=1), 1, 1),
        (SIX, timedelta(hours=1), 0, 1),
        (SIX, timedelta(hours=1), 1, 0),
        (SIX, timedelta(hours=1), MAX_BATCH + 1, 1),
    ],
)
def test_what_cannot_be_filled_is_refused(end: datetime, every: timedelta, runs: int, together: int) -> None:
    with pytest.raises(Invalid):
        again(TEN, end, every, runs, together)
