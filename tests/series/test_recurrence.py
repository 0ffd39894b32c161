"""Patterns: which instants they name, what is refused, and how they read."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import Invalid
from core.recurrence import in_words, instants, parse_pattern, written

PARIS = ZoneInfo("Europe/Paris")


def first_days(pattern: dict[str, Any], count: int, after: datetime, start: date) -> list[str]:
    found = islice(instants(parse_pattern(pattern), PARIS, start, after), count)
    return [instant.astimezone(PARIS).strftime("%Y-%m-%d %H:%M") for instant in found]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (
            {"kind": "daily", "at": "09:00", "every": 3},
            ["2026-05-01 09:00", "2026-05-04 09:00", "2026-05-07 09:00"],
        ),
        (
            {"kind": "weekly", "at": "09:00", "days": ["monday", "friday"]},
            ["2026-05-01 09:00", "2026-05-04 09:00", "2026-05-08 09:00"],
        ),
        (
            {"kind": "weekly", "at": "09:00", "days": ["friday"], "every": 2},
            ["2026-05-01 09:00", "2026-05-15 09:00", "2026-05-29 09:00"],
        ),
        (
            {"kind": "monthly", "at": "09:00", "day": 31},
            ["2026-05-31 09:00", "2026-07-31 09:00", "2026-08-31 09:00"],
        ),
        (
            {"kind": "monthly", "at": "09:00", "day": -1},
            ["2026-05-31 09:00", "2026-06-30 09:00", "2026-07-31 09:00"],
        ),
        (
            {"kind": "monthly", "at": "09:00", "nth": 2, "weekday": "tuesday"},
            ["2026-05-12 09:00", "2026-06-09 09:00", "2026-07-14 09:00"],
        ),
        (
            {"kind": "monthly", "at": "09:00", "nth": -1, "weekday": "sunday"},
            ["2026-05-31 09:00", "2026-06-28 09:00", "2026-07-26 09:00"],
        ),
        (
            {"kind": "cron", "expression": "0 9 * * 5L"},
            ["2026-05-29 09:00", "2026-06-26 09:00", "2026-07-31 09:00"],
        ),
        (
            {"kind": "cron", "expression": "@monthly"},
            ["2026-06-01 00:00", "2026-07-01 00:00", "2026-08-01 00:00"],
        ),
    ],
)
def test_a_pattern_names_the_days_that_it_says(pattern: dict[str, Any], expected: list[str]) -> None:
    assert first_days(pattern, 3, datetime(2026, 5, 1, 0, tzinfo=UTC), date(2026, 5, 1)) == expected
    assert parse_pattern(written(parse_pattern(pattern))) == parse_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        {"kind": "daily", "at": "09:00", "every": 7},
        {"kind": "weekly", "at": "09:00", "days": ["monday", "wednesday", "sunday"], "every": 3},
        {"kind": "monthly", "at": "09:00", "day": 31, "every": 5},
        {"kind": "monthly", "at": "09:00", "nth": 2, "weekday": "tuesday", "every": 2},
    ],
)
@pytest.mark.parametrize("start", [date(2020, 1, 1), date(2020, 2, 29), date(2021, 8, 29)])
def test_every_nth_step_counts_from_the_start_wherever_one_looks_from(
    pattern: dict[str, Any], start: date
) -> None:
    whole = list(islice(instants(parse_pattern(pattern), PARIS, start, datetime(2020, 1, 1, tzinfo=UTC)), 60))
    for place, instant in enumerate(whole[:-2]):
        just_before = instant - timedelta(seconds=1)
        assert next(instants(parse_pattern(pattern), PARIS, start, just_before)) == instant
        assert next(instants(parse_pattern(pattern), PARIS, start, instant)) == whole[place + 1]


@pytest.mark.parametrize(
    ("pattern", "field"),
    [
        ({}, "repeatPattern"),
        (None, "repeatPattern"),
        ([], "repeatPattern"),
        ("daily", "repeatPattern"),
        ({"kind": "hourly"}, "repeatPattern"),
        ({"kind": "daily"}, "repeatPattern.at"),
        ({"kind": "daily", "at": "25:00"}, "repeatPattern.at"),
        ({"kind": "daily", "at": "09:00", "every": 0}, "repeatPattern.every"),
        ({"kind": "daily", "at": "09:00+02:00"}, "repeatPattern.at"),
        ({"kind": "daily", "at": "09:00:00.5"}, "repeatPattern.at"),
        ({"kind": "daily", "at": "09:00:00,0000001"}, "repeatPattern.at"),
        ({"kind": "weekly", "at": time(9, 0, 0, 1), "days": ["monday"]}, "repeatPattern.at"),
        ({"kind": "daily", "at": 32400.5}, "repeatPattern.at"),
        ({"kind": "daily", "at": "09:00", "every": True}, "repeatPattern.every"),
        ({"kind": "weekly", "at": "09:00", "days": ["monday"], "every": "2"}, "repeatPattern.every"),
        ({"kind": "monthly", "at": "09:00", "day": True}, "repeatPattern.day"),
        ({"kind": "monthly", "at": "09:00", "nth": 1.0, "weekday": "monday"}, "repeatPattern.nth"),
        ({"kind": "daily", "at": "09:00", "on": "monday"}, "repeatPattern.on"),
        ({"kind": "weekly", "at": "09:00", "days": []}, "repeatPattern.days"),
        ({"kind": "weekly", "at": "09:00", "days": ["lundi"]}, "repeatPattern.days.0"),
        ({"kind": "monthly", "at": "09:00"}, "repeatPattern"),
        ({"kind": "monthly", "at": "09:00", "day": 32}, "repeatPattern"),
        ({"kind": "monthly", "at": "09:00", "day": 0}, "repeatPattern"),
        ({"kind": "monthly", "at": "09:00", "nth": 6, "weekday": "monday"}, "repeatPattern"),
        ({"kind": "monthly", "at": "09:00", "day": 1, "nth": 1, "weekday": "monday"}, "repeatPattern"),
        ({"kind": "cron", "expression": "61 * * * *"}, "repeatPattern"),
        ({"kind": "cron", "expression": "* * * *"}, "repeatPattern"),
        ({"kind": "cron", "expression": "* * * * * *"}, "repeatPattern"),
        ({"kind": "cron", "expression": "0 0 31 2 *"}, "repeatPattern"),
        ({"kind": "cron", "expression": "0 0 * * " + "1," * 200}, "repeatPattern.expression"),
    ],
)
def test_a_pattern_that_is_none_is_refused_naming_the_field(pattern: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_pattern(pattern)
    assert caught.value.message.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("pattern", "english", "french"),
    [
        (
            {
                "kind": "weekly",
                "at": "02:00",
                "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            },
            "every weekday at 02:00, Paris time",
            "du lundi au vendredi à 02:00, heure de Paris",
        ),
        (
            {"kind": "monthly", "at": "02:00", "nth": 2, "weekday": "tuesday"},
            "on the second Tuesday of every month at 02:00, Paris time",
            "le deuxième mardi de chaque mois à 02:00, heure de Paris",
        ),
        (
            {"kind": "monthly", "at": "02:00", "day": -1, "every": 3},
            "on the last day of the month, every 3 months, at 02:00, Paris time",
            "le dernier jour du mois, tous les 3 mois, à 02:00, heure de Paris",
        ),
        (
            {"kind": "cron", "expression": "30 2 * * 1-5"},
            "at 02:30, Monday through Friday, Paris time",
            "à 02:30, de lundi à vendredi, heure de Paris",
        ),
        (  # a day field that begins with a star: both must hold
            {"kind": "cron", "expression": "0 0 */2 * 1"},
            "at 00:00, every 2 days, only on Monday, Paris time",
            "à 00:00, tous les 2 jours, uniquement le lundi, heure de Paris",
        ),
        (
            {"kind": "cron", "expression": "0 0 5 * */2"},
            "at 00:00, on day 5 of the month, only every 2 days of the week, Paris time",
            "à 00:00, le 5 du mois, uniquement tous les 2 jours de la semaine, heure de Paris",
        ),
        (  # neither does: one suffices
            {"kind": "cron", "expression": "0 0 1 * 1-5"},
            "at 00:00, on day 1 of the month, or Monday through Friday, Paris time",
            "à 00:00, le 1 du mois, ou de lundi à vendredi, heure de Paris",
        ),
    ],
)
def test_a_pattern_reads_as_a_person_says_it(pattern: dict[str, Any], english: str, french: str) -> None:
    assert in_words(parse_pattern(pattern), "Europe/Paris", "en-GB") == english
    assert in_words(parse_pattern(pattern), "Europe/Paris", "fr-FR") == french


def test_a_zone_is_called_by_its_city_in_the_readers_language() -> None:
    nightly = parse_pattern({"kind": "daily", "at": "02:00"})
    assert in_words(nightly, "Europe/London", "fr").endswith("heure de Londres")
    assert in_words(nightly, "America/New_York", "en").endswith("New York time")
    assert in_words(nightly, "UTC", "fr").endswith("02:00, UTC")
