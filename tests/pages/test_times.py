"""Times to go and gone, in words."""

from datetime import timedelta

import pytest

from pages.parts.times import lasted, remaining, spelled_out


@pytest.mark.parametrize(
    ("left", "written"),
    [
        (timedelta(seconds=45), "45s"),
        (timedelta(minutes=15, seconds=59), "15 min"),
        (timedelta(hours=2, minutes=30), "2h 30min"),
        (timedelta(days=3, hours=5, minutes=59), "3d 5h"),
        (timedelta(0), "0s"),
    ],
)
def test_a_time_to_go_is_short(left: timedelta, written: str) -> None:
    assert remaining(left) == written


@pytest.mark.parametrize(
    ("left", "written"),
    [
        (timedelta(hours=18, minutes=20), "18 h 20 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(minutes=1, seconds=5), "1 min 5 s"),
        (timedelta(days=2, minutes=5), "2 d"),
    ],
)
def test_a_time_to_go_is_spelled_out_in_a_verdict(left: timedelta, written: str) -> None:
    assert spelled_out(left) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, "–"), (0.0874, "87 ms"), (2.44, "2.4 s"), (7, "7 s"), (200.4, "3 min 20 s")],
)
def test_a_duration_has_the_unit_that_suits_it(seconds: float | None, written: str) -> None:
    assert lasted(seconds) == written
