"""Which days the calendar shows, and how it is turned."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pages.parts.calendar_days import FIRST_DAY, VIEWS, View, clamped, last_day, span, stepped
from tests.pages.scripts import opened

TODAY = date(2031, 2, 28)
ZONES = [ZoneInfo(name) for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Paris")]


@given(some.dates(), some.sampled_from(VIEWS), some.sampled_from(ZONES))
def test_any_day_of_an_address_is_shown_or_the_nearest_one_that_is(
    day: date, view: View, where: ZoneInfo
) -> None:
    shown = clamped(day, TODAY)
    assert FIRST_DAY <= shown <= last_day(TODAY)
    assert shown == day or not FIRST_DAY <= day <= last_day(TODAY)
    assert shown in span(view, shown, where).days


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("end", "direction"), [(FIRST_DAY, -1), (last_day(TODAY), 1)])
def test_at_its_ends_the_calendar_turns_no_further(view: View, end: date, direction: int) -> None:
    day = end
    for _step in range(3):
        day = stepped(view, day, direction, TODAY)
    assert FIRST_DAY <= day <= last_day(TODAY)
    assert stepped(view, day, direction, TODAY) == day
    assert stepped(view, day, -direction, TODAY) != day


def test_a_leap_day_has_an_end_ten_years_on() -> None:
    assert last_day(date(2028, 2, 29)).year == 2038


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("day", "spent"), [("9999-12-31", "later"), ("0001-01-01", "earlier"), ("yesterday", None)]
)
def test_any_address_opens_the_calendar_and_at_its_end_nothing_leads_further(
    database_url: str, view: str, day: str, spent: str | None
) -> None:
    page = opened("calendar", view=view, day=day)
    assert not page.exception
    assert not page.error
    assert [key for key in ("earlier", "later") if page.button(key=key).disabled] == [spent] * bool(spent)
