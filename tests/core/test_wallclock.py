"""Which instants a wall clock names."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.errors import Invalid
from core.wallclock import instant_of, instants_of, midnight, next_that_exists, zone, zone_names

ZONES = [
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "UTC",
]
FIRST, LAST = datetime(2000, 1, 1), datetime(2037, 1, 1)  # noqa: DTZ001
walls = some.datetimes(min_value=FIRST, max_value=LAST)
instants = some.datetimes(min_value=FIRST, max_value=LAST, timezones=some.just(UTC))
zones = some.sampled_from(ZONES).map(zone)


def wall(year: int, month: int, day: int, hour: int, minute: int) -> datetime:
    """What a clock shows."""
    return datetime(year, month, day, hour, minute)  # noqa: DTZ001


@given(walls, zones)
def test_each_instant_shows_that_time_on_the_wall(shown: datetime, where: ZoneInfo) -> None:
    for instant in instants_of(shown, where):
        assert instant.astimezone(where).replace(tzinfo=None, fold=0) == shown


@given(instants, zones)
def test_every_instant_is_among_those_that_its_wall_clock_names(instant: datetime, where: ZoneInfo) -> None:
    shown = instant.astimezone(where).replace(tzinfo=None, fold=0)
    assert instant in instants_of(shown, where)


@given(walls, zones)
def test_the_next_time_that_exists_exists_and_comes_soon(shown: datetime, where: ZoneInfo) -> None:
    follows = next_that_exists(shown, where)
    assert instants_of(follows, where)
    assert timedelta(0) <= follows - shown <= timedelta(hours=3)


def test_a_time_that_the_clocks_jump_over_names_no_instant() -> None:
    paris = zone("Europe/Paris")
    assert instants_of(wall(2026, 3, 29, 2, 30), paris) == []
    assert next_that_exists(wall(2026, 3, 29, 2, 30), paris) == wall(2026, 3, 29, 3, 0)
    assert next_that_exists(wall(2026, 10, 4, 2, 10), zone("Australia/Lord_Howe")) == wall(2026, 10, 4, 2, 30)


def test_of_a_time_that_is_shown_twice_either_instant_can_be_had() -> None:
    paris = zone("Europe/Paris")
    twice = wall(2026, 10, 25, 2, 30)
    assert [instant_of(twice, paris, which) for which in (0, -1)] == instants_of(twice, paris)
    jumped_over = wall(2026, 3, 29, 2, 30)
    assert instant_of(jumped_over, paris) == instant_of(jumped_over, paris, -1)
    assert instant_of(jumped_over, paris) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_day_begins_at_the_first_instant_that_its_clocks_show() -> None:
    assert midnight(date(2026, 1, 1), zone("Europe/Paris")) == datetime(2025, 12, 31, 23, tzinfo=UTC)
    # In Cairo the clocks are put forward at midnight.
    assert midnight(date(2026, 4, 24), zone("Africa/Cairo")) == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert midnight(date(2026, 4, 24), zone("Africa/Cairo")).astimezone(zone("Africa/Cairo")).hour == 1


def test_a_time_that_is_shown_twice_names_two_instants_in_order() -> None:
    assert instants_of(wall(2026, 10, 25, 2, 30), zone("Europe/Paris")) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "europe/paris"])
def test_an_unknown_zone_is_invalid(name: str) -> None:
    with pytest.raises(Invalid):
        zone(name)


@pytest.mark.parametrize("name", ["localtime", "posixrules", "Factory", "right/UTC", "posix/Europe/Paris"])
def test_what_lies_beside_the_zones_of_a_machine_is_none(name: str) -> None:
    with pytest.raises(Invalid, match="is no IANA time zone"):
        zone(name)
    assert name not in zone_names()


@pytest.mark.parametrize("name", ["Europe/Kiev", "US/Eastern", "Etc/GMT+5", "UTC", "Zulu", "EST5EDT"])
def test_an_old_name_of_a_zone_is_one(name: str) -> None:
    assert zone(name).key == name
