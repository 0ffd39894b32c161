"""The form that changes a series shows it as it is, and changes what its reader changed alone."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from core import schedules, series
from core.actors import Actor
from core.series import Series
from pages.parts import times
from pages.parts.words import plain
from tests.pages.scripts import opened
from tests.series.acting import plan_next

ALICE = Actor("alice", "operator", "api")
DAILY = {"kind": "daily", "at": "02:00"}
AHEAD = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def made(**given: Any) -> Series:
    whole = {"cron_name": "greet", "pattern": DAILY, "timezone": "Europe/Paris", "parameters": SHOWN} | given
    return series.create(ALICE, **whole)


SHOWN = {"name": "Ada", "times": 2}


def sound(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    assert [one.value for one in page.error] == []
    return page


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"pattern": {"kind": "daily", "at": "23:59:58", "every": 366}},
        {"pattern": {"kind": "weekly", "at": "02:00", "days": ["sunday", "monday"], "every": 2}},
        {"pattern": {"kind": "monthly", "at": "02:00", "day": 31}},
        {"pattern": {"kind": "monthly", "at": "02:00", "day": -1, "every": 3}},
        {"pattern": {"kind": "monthly", "at": "02:00", "nth": -1, "weekday": "friday"}},
        {"pattern": {"kind": "cron", "expression": "@hourly"}},
        {"timezone": "Pacific/Chatham", "first": AHEAD, "repeat_until": AHEAD + timedelta(days=3)},
        {"repeat_count": 3},
        {"repeat_count": 1_000_000, "repeat_until": AHEAD},
        {"excluded_dates": [date(2031, 1, 2), date(2030, 3, 4)]},
        {"missed": "all", "fire_within": timedelta(seconds=90), "late_policy": "ask"},
        {"fire_within": timedelta(seconds=1), "late_policy": "fire"},
        {"late_policy": "drop"},
        {"cron_name": "nothing", "parameters": {}},
    ],
)
def test_whatever_a_series_says_the_form_says_it_and_changes_nothing(
    database_url: str, given: dict[str, Any]
) -> None:
    one = made(**given)
    page = sound(opened("series", change=str(one.id)))
    assert page.button(key="save").disabled
    page.radio(key="missed").set_value("one" if one.missed == "all" else "all").run()
    page.button(key="save").click().run()
    after = series.get(one.id)
    kept = ("parameters", "pattern", "timezone", "first", "starts_on", "repeat_until", "repeat_count")
    for name in (*kept, "excluded_dates", "fire_within", "late_policy"):
        assert getattr(after, name) == getattr(one, name), name
    assert after.missed != one.missed


def test_what_another_changed_meanwhile_is_not_changed_back(database_url: str) -> None:
    one = made()
    page = sound(opened("series", change=str(one.id)))
    series.change(ALICE, one.id, timezone="Asia/Tokyo", parameters={"name": "Zoé", "times": 2})
    page.time_input(key="at").set_value(time(5, 30)).run()
    page.button(key="save").click().run()
    after = series.get(one.id)
    assert (after.timezone, after.parameters["name"]) == ("Asia/Tokyo", "Zoé")
    assert after.pattern["at"].startswith("05:30")


def test_a_series_that_begins_later_counts_from_its_first_day(database_url: str) -> None:
    page = sound(opened("series", new="nothing"))
    day = datetime.now(UTC).date() + timedelta(days=20)
    next(one for one in page.segmented_control if one.key == "begins").set_value("day").run()
    page.date_input(key="first").set_value(day).run()
    page.number_input(key="every daily").set_value(2).run()
    sound(page)
    page.button(key="create").click().run()
    [one] = series.find()
    assert (one.starts_on, one.first) == (day, datetime.combine(day, time(), UTC))
    expected = [datetime.combine(day + timedelta(days=2 * n), time(2), UTC) for n in range(2)]
    assert [
        series.next_of([one.id])[one.id].at,
        next(series.upcoming(one, [], datetime.now(UTC))),
    ] == expected


def test_a_chosen_exception_stays_where_what_repeats_falls_on_that_day_no_more(database_url: str) -> None:
    page = sound(opened("series", new="nothing"))
    day = series.preview(DAILY, "UTC", cron_name="nothing")[4].date()
    page.multiselect(key="excluded").select(day.isoformat()).run()
    page.number_input(key="every daily").set_value(366).run()
    page.number_input(key="every daily").set_value(365).run()
    sound(page)
    page.button(key="create").click().run()
    [one] = series.find()
    assert one.excluded_dates == [day]


def test_the_next_runs_of_a_series_are_those_that_are_planned_too(database_url: str) -> None:
    one = made(cron_name="nothing", parameters={}, timezone="UTC", repeat_count=4)
    planned = series.next_of([one.id])[one.id]
    schedules.change(ALICE, planned.schedule_id, scheduled_at=planned.at + timedelta(hours=36))
    assert plan_next(database_url) == 1
    page = sound(opened("series", id=str(one.id)))
    days = [planned.at + timedelta(days=n) for n in (1.5, 2, 3)]
    shown = next(text.value for text in page.markdown if text.value.startswith("1. "))
    assert [line.removeprefix("1. ") for line in shown.splitlines()] == [
        plain(times.day_and_time_in(day, ZoneInfo("UTC"))) for day in days
    ]


def test_every_other_day_does_not_become_every_other_week(database_url: str) -> None:
    one = made(pattern={"kind": "daily", "at": "04:05", "every": 90})
    page = sound(opened("series", change=str(one.id)))
    next(field for field in page.segmented_control if field.key == "kind").set_value("weekly").run()
    sound(page)
    page.button(key="save").click().run()
    after = series.get(one.id).pattern
    assert (after["kind"], after["at"], after["every"]) == ("weekly", "04:05:00", 1)


def test_a_duplicate_is_the_same_again_of_one_that_has_ended_too(database_url: str) -> None:
    one = made(pattern={"kind": "weekly", "at": "04:05", "days": ["friday"]}, missed="all")
    series.end(ALICE, one.id)
    page = sound(opened("series", new="greet", like=str(one.id)))
    page.button(key="create").click().run()
    [made_anew] = series.find(status="active")
    for name in ("cron_name", "parameters", "pattern", "timezone", "missed", "fire_within", "excluded_dates"):
        assert getattr(made_anew, name) == getattr(one, name), name


def test_a_series_that_has_ended_meanwhile_is_told_and_one_that_nobody_can_read_is_mended(
    database_url: str, database: Any
) -> None:
    one = made()
    page = sound(opened("series", change=str(one.id)))
    series.end(ALICE, one.id)
    page.time_input(key="at").set_value(time(5, 30)).run()
    page.button(key="save").click().run()
    assert not page.exception
    assert len(page.error) == 1
    other = made()
    database.execute("UPDATE cron_series SET pattern = '5', timezone = 'Nowhere/X' WHERE id = %s", [other.id])
    page = sound(opened("series", change=str(other.id)))
    page.button(key="save").click().run()
    after = series.get(other.id)
    assert (after.in_words("en"), after.timezone) == ("every day at 02:00, UTC", "UTC")
