"""A number outside its limits is told and plans nothing: it is never one that stood there before."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.scripts import opened


def shown(least: int, most: int) -> AppTest:
    """A page with a field of a number from one to the other, at first the middle, and what it holds."""

    def page(least, most):  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        import streamlit as st  # noqa: PLC0415

        from pages.parts.number_field import number_within  # noqa: PLC0415

        st.text(number_within("Number", least, most, (least + most) // 2, "number"))

    return AppTest.from_function(page, args=(least, most), default_timeout=30).run()


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "Must be at least 1."), (-5, "Must be at least 1."), (10_001, "Must be at most 10,000.")],
)
def test_a_number_outside_its_limits_is_none_and_told(number: int, told: str) -> None:
    tested = shown(1, 10_000)
    assert not tested.number_input[0].proto.has_min
    assert not tested.number_input[0].proto.has_max
    tested.number_input[0].set_value(number).run()
    assert [one.value for one in tested.markdown] == [f":red[{told}]"]
    assert tested.text[0].value == "None"


@pytest.mark.parametrize("number", [1, 10_000])
def test_the_limits_themselves_are_taken(number: int) -> None:
    tested = shown(1, 10_000)
    tested.number_input[0].set_value(number).run()
    assert [one.value for one in tested.markdown] == []
    assert tested.text[0].value == str(number)


@pytest.mark.parametrize(("number", "kept"), [(None, "(None, 'fire')"), (0, "None"), (525_601, "None")])
def test_a_deadline_outside_its_limits_is_not_none_at_all(number: int | None, kept: str) -> None:
    def page():  # type: ignore[no-untyped-def]  # a script of its own: it knows no name of here
        import streamlit as st  # noqa: PLC0415

        from pages.parts.lateness import deadline  # noqa: PLC0415

        st.text(deadline())

    tested = AppTest.from_function(page, default_timeout=30).run()
    tested.number_input[0].set_value(number).run()
    assert tested.text[0].value == kept
    assert len(tested.markdown) == (number is not None)


@pytest.mark.parametrize(
    ("name", "fine", "wrong"), [("every daily", 2, 367), ("count", 3, 0), ("deadline", 5, 0)]
)
def test_a_series_is_not_made_with_a_number_outside_its_limits(
    database_url: str, name: str, fine: int, wrong: int
) -> None:
    page = opened("series", new="greet")
    next(one for one in page.segmented_control if one.key == "ends").set_value("count").run()
    for number, disabled in ((fine, False), (wrong, True), (fine, False)):
        page.number_input(key=name).set_value(number).run()
        assert not page.exception
        assert page.button(key="create").disabled is disabled
        told = [one.value.replace("\\", "") for one in page.error]
        assert told == (["A number lies outside its limits: mend it first."] if disabled else [])


def test_nothing_is_filled_in_with_a_number_outside_its_limits(database_url: str) -> None:
    page = opened("bulk", way="fill", crons="greet")
    assert [one.label for one in page.button if one.key == "plan"] == ["Plan 49 runs"]
    page.number_input(key="fill every").set_value(0).run()
    assert not page.exception
    assert [one for one in page.button if one.key == "plan"] == []
