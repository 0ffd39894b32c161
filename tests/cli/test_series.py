"""`series …`: what repeats, from the command line."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from core import schedules
from tests.cli.command import Command

pytestmark = pytest.mark.release


def made(cli: Command, *options: object) -> dict[str, Any]:
    expression = ("--expression", "30 2 * * mon-fri", "--timezone", "Europe/Paris")
    answer = cli("series", "create", "greet", *expression, *options, "--json")
    assert answer.code == 0, answer.err
    series: dict[str, Any] = answer.document["series"]
    return series


def pending() -> int:
    return schedules.find(schedules.Filter(status="pending")).count


def test_a_series_that_nobody_can_read_is_listed_and_ended(
    cli: Command, database: psycopg.Connection
) -> None:
    bad = made(cli, "--param", "name=Zoé")["id"]
    database.execute("UPDATE cron_series SET timezone = 'Nowhere/X' WHERE id = %s", [bad])
    assert bad in cli("series", "list").out
    assert cli("series", "show", bad).code == 0
    ended = cli("series", "end", bad)
    assert (ended.code, ended.out.split()[:3]) == (0, [bad, "greet", "ended"])


def test_a_series_is_made_paused_resumed_and_ended(cli: Command) -> None:
    series = made(cli, "--param", "name=Zoé")
    assert (series["status"], series["timezone"], series["parameters"]) == (
        "active",
        "Europe/Paris",
        {"name": "Zoé"},
    )
    assert pending() == 1
    for verb, status, left in (("pause", "paused", 0), ("resume", "active", 1), ("end", "ended", 0)):
        changed = cli("series", verb, series["id"], "--json")
        assert changed.code == 0
        assert changed.document["series"]["status"] == status
        assert pending() == left
    assert cli("series", "resume", series["id"]).code == 4


def test_a_dry_run_makes_nothing_and_shows_when(cli: Command, count: Callable[[str], int]) -> None:
    options = ("--pattern", '{"kind": "daily", "at": "02:00"}', "--timezone", "Europe/Paris", "--dry-run")
    shown = cli("series", "create", "greet", *options, "--json")
    assert shown.document["words"] == "every day at 02:00, Paris time"
    assert len(shown.document["upcoming"]) == 10
    assert "every day at 02:00" in cli("series", "create", "greet", *options).out
    assert count("cron_series") == 0


def test_series_are_listed_and_shown_with_what_is_to_come(cli: Command) -> None:
    series = made(cli, "--count", 3, "--exclude", "2030-12-25")
    assert cli("series", "list", "--json").document["series"][0]["id"] == series["id"]
    assert cli("series", "list", "--status", "paused", "--json").document["count"] == 0
    shown = cli("series", "show", series["id"], "--json").document
    assert len(shown["upcoming"]) == 2  # of three, one is planned already
    assert "2030-12-25" in cli("series", "show", series["id"]).out


def test_a_list_of_series_counts_those_that_it_has_no_room_for(cli: Command) -> None:
    made(cli)
    made(cli)
    assert cli("series", "list", "--limit", 1, "--json").document["count"] == 2
    assert "1 of 2" in cli("series", "list", "--limit", 1).err


@pytest.mark.parametrize(
    "options",
    [
        ["--expression", "61 * * * *"],
        ["--expression", "* * * *"],
        ["--pattern", '{"kind": "never"}'],
        ["--pattern", "{"],
        [],
        ["--expression", "@daily", "--exclude", "25.12."],
        ["--expression", "@daily", "--fire-within", "soon"],
        ["--expression", "@daily", "--until", "2020-01-01T00:00Z"],
    ],
)
def test_what_cannot_repeat_ends_with_2(
    cli: Command, count: Callable[[str], int], options: list[str]
) -> None:
    assert cli("series", "create", "greet", "--timezone", "Europe/Paris", *options).code == 2
    assert count("cron_series") == 0


def test_a_series_is_changed_by_what_is_given_alone(cli: Command) -> None:
    series = made(cli, "--param", "name=Zoé", "--repeat-count", 5, "--fire-within", "15m")
    changed = cli(
        "series", "change", series["id"], "--expression", "45 3 * * *", "--param", "times=3", "--json"
    )
    assert changed.code == 0, changed.err
    after = changed.document["series"]
    assert after["repeatPattern"] == {"kind": "cron", "expression": "45 3 * * *"}
    assert after["parameters"] == {"name": "Zoé", "times": 3}
    assert (after["repeatCount"], after["fireWithinSeconds"], after["timezone"]) == (5, 900, "Europe/Paris")
    cleared = cli(
        "series", "change", series["id"], "--clear", "repeat-count", "--clear", "fire-within-seconds"
    )
    assert cleared.code == 0, cleared.err
    shown = cli("series", "show", series["id"], "--json").document["series"]
    assert (shown["repeatCount"], shown["fireWithinSeconds"]) == (None, None)
    assert pending() == 1


def test_parameters_that_nobody_can_read_are_not_changed_one_by_one(
    cli: Command, database: psycopg.Connection
) -> None:
    daily = ("--expression", "@daily", "--timezone", "UTC", "--json")
    series = cli("series", "create", "nothing", *daily).document["series"]["id"]
    database.execute(
        "UPDATE cron_series SET parameters = jsonb_build_object('a', repeat('9', 5000)::numeric)"
    )
    refused = cli("series", "change", series, "--param", "b=1")
    assert refused.code == 2
    assert "too many digits" in refused.err
    assert cli("series", "change", series, "--parameters", '{"b": 1}').code == 0


def test_a_dry_run_of_a_change_changes_nothing(cli: Command) -> None:
    series = made(cli)
    dry = cli("series", "change", series["id"], "--timezone", "Asia/Tokyo", "--dry-run", "--json")
    assert len(dry.document["upcoming"]) == 10
    assert cli("series", "show", series["id"], "--json").document["series"]["timezone"] == "Europe/Paris"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "give what shall be different"),
        (("--clear", "first", "--first", "2030-01-01T00:00:00Z"), "--clear, --first"),
        (("--expression", "* * * * *", "--pattern", "{}"), "--expression, --repeat-pattern"),
        (("--timezone", "Nowhere/X"), "timezone"),
        (("--clear", "timezone"), "--clear"),
    ],
)
def test_what_cannot_be_changed_ends_with_2(cli: Command, options: tuple[str, ...], told: str) -> None:
    refused = cli("series", "change", made(cli)["id"], *options)
    assert (refused.code, told in refused.err) == (2, True), refused.err
