"""Undo for thirty seconds: on every page, each act by itself, and never what somebody else did."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from streamlit.testing.v1 import AppTest

from core import schedules
from core.actors import Actor
from core.schedules import Filter, Schedule
from tests.pages.conftest import Visitor
from tests.pages.waiting import eventually

pytestmark = pytest.mark.release

ALICE = Actor("alice", "operator", "dashboard")
BOB = Actor("bob", "operator", "api")


def planned(name: str = "Ada", **ahead: float) -> Schedule:
    instant = datetime.now(UTC) + timedelta(**(ahead or {"hours": 2}))
    return schedules.plan(ALICE, "greet", instant, {"name": name})


def cancel(page: Page, name: str, button: str = "Cancel", confirm: str = "Cancel the run") -> None:
    page.get_by_role("row").filter(has_text=name).get_by_role("button", name=button).click()
    page.get_by_role("dialog").get_by_role("button", name=confirm).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def undo_buttons(page: Page, name: str = "Undo") -> Locator:
    return page.locator(".st-key-undo").get_by_role("button", name=name)


def test_two_acts_within_thirty_seconds_are_both_undone(visit: Visitor, database_url: str) -> None:
    one, two = planned("Ada"), planned("Bob")
    page = visit("scheduled")
    cancel(page, "Ada")
    cancel(page, "Bob")
    expect(undo_buttons(page)).to_have_count(2)
    undo_buttons(page).last.click()
    expect(page.get_by_role("row").filter(has_text="Ada")).to_have_count(1)
    # Also from another page, to which one has gone meanwhile.
    page.get_by_role("link", name="Executions").click()
    expect(page.get_by_role("heading", name="Executions", level=1)).to_be_visible()
    undo_buttons(page).click()
    expect(undo_buttons(page)).to_have_count(0)
    eventually(lambda: [schedules.get(each.id).status for each in (one, two)] == ["pending", "pending"])


def test_a_cancel_from_the_page_of_one_run_is_undone_there(visit: Visitor, database_url: str) -> None:
    one = planned()
    page = visit(f"scheduled?id={one.id}", locale="fr")
    page.get_by_role("button", name="Annuler l’exécution").click()
    page.get_by_role("dialog").get_by_role("button", name="Annuler l’exécution").click()
    undo_buttons(page, "Défaire").click()
    expect(page.get_by_text("En attente", exact=True)).to_be_visible()
    assert schedules.get(one.id).status == "pending"


def test_what_somebody_else_did_since_is_not_undone_and_that_is_said(
    visit: Visitor, database_url: str
) -> None:
    one = planned()
    page = visit("scheduled")
    page.get_by_role("row").filter(has_text="Ada").get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("name").fill("Grace")
    dialog.get_by_label("name").press("Tab")
    dialog.get_by_role("button", name="tomorrow 09:00").click()
    expect(dialog.locator(".st-key-verdict")).to_contain_text("09:00")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(undo_buttons(page)).to_have_count(1)
    there = schedules.change(BOB, one.id, scheduled_at=one.scheduled_at + timedelta(hours=1)).scheduled_at
    undo_buttons(page).click()
    told = page.get_by_test_id("stToast").filter(has_text="somebody has changed this run since")
    expect(told).to_be_visible()
    present = schedules.get(one.id)
    assert (present.scheduled_at, present.parameters) == (there, {"name": "Grace", "times": 1})


def test_a_duplicate_is_made_from_its_row_and_undone(visit: Visitor, database_url: str) -> None:
    planned()
    page = visit("scheduled")
    page.get_by_role("row").filter(has_text="Ada").get_by_role("button", name="Duplicate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("name")).to_have_value("Ada")
    dialog.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="Ada")).to_have_count(2)
    undo_buttons(page).click()
    expect(page.get_by_role("row").filter(has_text="Ada")).to_have_count(1)
    assert len(schedules.find(Filter(status="cancelled")).rows) == 1


def test_the_bar_ticks_and_leaves_at_thirty_seconds_without_the_server(
    visit: Visitor, database_url: str
) -> None:
    planned()
    page = visit("scheduled")
    page.clock.install()
    page.reload()
    cancel(page, "Ada")
    left = page.locator(".st-key-undo .left")
    expect(left).to_be_visible()
    page.context.set_offline(True)
    page.clock.fast_forward(10_000)
    expect(left).to_have_text("20 s")
    page.clock.fast_forward(21_000)
    expect(undo_buttons(page)).to_have_count(0)


def _offering(script: dict) -> None:  # type: ignore[type-arg]  # a script of its own imports nothing
    import streamlit as st  # noqa: PLC0415  runs as a script of its own

    from pages.parts.taking_back import offer_event, taking_back  # noqa: PLC0415

    for event_id, told in script.pop("acts", []):
        offer_event(event_id, told)
    taking_back()
    st.session_state["shown"] = [offer.told for offer in st.session_state.get("taking back", [])]


def test_offers_stand_side_by_side_latest_first_and_go_after_thirty_seconds(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = {"acts": [(1, "first"), (2, "second"), (1, "first again")]}
    tested = AppTest.from_function(_offering, args=(script,), default_timeout=30).run()
    assert not tested.exception
    assert tested.session_state["shown"] == ["first again", "second"]
    monkeypatch.setattr("core.database.clock", lambda: datetime.now(UTC) + timedelta(seconds=31))
    assert tested.run().session_state["shown"] == []
