"""A day outside its limits is told and plans nothing: it is never the one that stood there before."""

from datetime import UTC, date, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.scripts import opened

FIRST = date(2030, 6, 1)


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        (date(26, 6, 1), "None"),
        (date(2030, 5, 31), "None"),
        (FIRST, "2030-06-01"),
        (date(2040, 6, 1), "2040-06-01"),
        (date(2040, 6, 3), "None"),
    ],
)
def test_a_day_outside_its_limits_is_none_and_told(day: date, kept: str) -> None:
    def page(first):  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        from datetime import timedelta  # noqa: PLC0415

        import streamlit as st  # noqa: PLC0415

        from pages.parts.date_field import date_within  # noqa: PLC0415

        st.text(date_within("Day", first + timedelta(days=9), "day", first))

    tested = AppTest.from_function(page, args=(FIRST,), default_timeout=30).run()
    tested.date_input[0].set_value(day).run()
    assert not tested.exception
    assert tested.text[0].value == kept
    assert len(tested.markdown) == (kept == "None")


@pytest.mark.parametrize("day", [date(26, 1, 2), date(2020, 1, 2), date(2090, 1, 2), date(9998, 1, 2)])
def test_a_series_ends_on_no_day_outside_its_limits(database_url: str, day: date) -> None:
    page = opened("series", new="nothing")
    next(one for one in page.segmented_control if one.key == "ends").set_value("until").run()
    page.date_input(key="until").set_value(day).run()
    assert not page.exception
    assert page.button(key="create").disabled
    assert "A day lies outside its limits: mend it first." in [
        one.value.replace("\\", "") for one in page.error
    ]
    page.date_input(key="until").set_value(datetime.now(UTC).date() + timedelta(days=3)).run()
    assert not page.button(key="create").disabled


@pytest.mark.parametrize("year", [26, 2001, 2045, 9998])
def test_a_stretch_of_time_that_begins_elsewhere_than_it_may_is_told_and_plans_nothing(
    database_url: str, year: int
) -> None:
    page = opened("bulk", way="fill", crons="nothing")
    page.datetime_input(key="fill from").set_value(datetime(year, 1, 2, 9, 0)).run()  # noqa: DTZ001  a wall clock's
    assert not page.exception
    assert str(page.datetime_input(key="fill from").value).startswith(f"{year:04}-01-02")
    assert len(page.error) == 1
    assert [one for one in page.button if one.key == "plan"] == []
