"""The axis of a chart over time: all of the period that was chosen, whatever it holds."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.metrics import Window
from pages.parts import charts


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "ends"),
    [
        # Hours, quarters of a day and days, by the clocks of Paris, an hour ahead.
        (at(24, 9, 20), at(25, 9, 20), [(24, 10), (25, 11)]),
        (at(18, 9, 20), at(25, 9, 20), [(18, 6), (25, 12)]),
        (at(1, 9, 20), at(25, 9, 20), [(1, 0), (26, 0)]),
        # A day of one's own, from midnight to midnight there.
        (at(23, 23), at(24, 23), [(24, 0), (25, 0)]),
    ],
)
def test_an_axis_of_time_spans_the_steps_of_the_whole_period(
    monkeypatch: pytest.MonkeyPatch, since: datetime, until: datetime, ends: list[tuple[int, int]]
) -> None:
    monkeypatch.setattr(charts, "language", lambda: "en")
    axis: Any = charts.time_axis(Window(since, until, "Europe/Paris")).to_dict()
    assert [(end["date"], end["hours"]) for end in axis["scale"]["domain"]] == ends
