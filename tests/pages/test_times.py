"""Days, and times to go and gone, in words."""

from datetime import date, timedelta

import pytest

from pages.parts import times
from pages.parts.times import NO_BREAK, lasted, remaining, spelled_out


def unbroken(text: str) -> str:
    return text.replace(" ", NO_BREAK)


@pytest.mark.parametrize(
    ("left", "written"),
    [
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=15, seconds=59), "15 min"),
        (timedelta(hours=2, minutes=30), "2 h 30 min"),
        (timedelta(days=3, hours=5, minutes=59), "3 d 5 h"),
        (timedelta(hours=1, seconds=20), "1 h"),
        # As in the browser, where it ticks: a started second counts.
        (timedelta(minutes=14, seconds=59.2), "15 min"),
        (timedelta(0), "0 s"),
    ],
)
def test_a_time_to_go_is_short(left: timedelta, written: str) -> None:
    assert remaining(left) == unbroken(written)


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
    assert spelled_out(left) == unbroken(written)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, "–"), (0.0874, "87 ms"), (2.44, "2.4 s"), (7, "7 s"), (200.4, "3 min 20 s")],
)
def test_a_duration_has_the_unit_that_suits_it(seconds: float | None, written: str) -> None:
    assert lasted(seconds) == unbroken(written)


@pytest.mark.parametrize(
    ("code", "day", "written"),
    [
        ("fr", date(2026, 12, 1), "mar. 1er déc. 2026"),
        ("fr", date(2026, 12, 11), "ven. 11 déc. 2026"),
        ("en", date(2026, 12, 1), "Tue 1 Dec 2026"),
    ],
)
def test_the_first_of_a_month_is_written_as_each_language_does(
    monkeypatch: pytest.MonkeyPatch, code: str, day: date, written: str
) -> None:
    monkeypatch.setattr(times, "language", lambda: code)
    assert times.date_in_words(day) == unbroken(written)
