"""Fields whose code the browser loads late: what they hold is what was meant all the same."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
from playwright.sync_api import Page, Route, expect

from core import blackouts, schedules
from core.actors import Actor
from tests.pages.conftest import Visitor

ALICE = Actor("alice", "operator", "api")
TOMORROW = timedelta(days=1)


def hold_back(page: Page, field: str) -> Callable[[], None]:
    """Lets the browser wait for the code of a kind of field, until what this returns lets it come."""
    waiting: list[Route] = []
    code = re.compile(rf"/static/js/{field}\.")
    page.route(code, lambda route: waiting.append(route))

    def let_come() -> None:
        assert waiting, "the browser has not asked for it"
        page.unroute(code)  # which lets pass what waits

    return let_come


def test_a_blackout_lasts_as_long_as_its_fields_were_to_show(visit: Visitor, database_url: str) -> None:
    page = visit("series?view=blackouts")
    let_come = hold_back(page, "DateTimeInput")
    page.get_by_role("button", name="Add a blackout").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Freeze")
    dialog.get_by_label("Name").press("Enter")
    add = dialog.get_by_role("button", name="Add", exact=True)
    expect(add).to_be_enabled()
    let_come()
    dialog.get_by_role("spinbutton").first.wait_for()
    add.click()
    expect(page.get_by_role("row").filter(has_text="Freeze")).to_have_count(1)
    [added] = blackouts.find()
    midnight = datetime.now(ZoneInfo("Europe/Paris")).replace(hour=0, minute=0, second=0, microsecond=0)
    assert (added.starts_at, added.ends_at) == (midnight + TOMORROW, midnight + 2 * TOMORROW)


def test_a_run_is_planned_for_the_time_that_was_chosen(visit: Visitor, database_url: str) -> None:
    page = visit(zone="UTC")
    let_come = hold_back(page, "TimeInput")
    page.get_by_role("button", name="Schedule: Greet").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="tomorrow 09:00").click()
    expect(dialog.locator(".st-key-verdict")).to_contain_text("09:00")
    dialog.get_by_label("name").fill("Ada")
    dialog.get_by_label("name").press("Enter")
    expect(dialog.locator("pre, code").filter(has_text="Ada").first).to_be_attached()
    let_come()
    dialog.get_by_role("spinbutton").nth(3).wait_for()
    dialog.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.locator(".st-key-undo")).to_contain_text("09:00")
    [made] = schedules.find(schedules.Filter(status="pending")).rows
    morning = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
    assert (made.scheduled_at, made.parameters["name"]) == (morning + TOMORROW, "Ada")


def test_a_stretch_of_time_stands_in_its_fields_when_they_are_opened(
    visit: Visitor, database_url: str
) -> None:
    page = visit("scheduled?from=2026-02-03T09:00Z", zone="UTC")
    page.get_by_label("Search").fill("guest")
    page.wait_for_url(re.compile("search=guest"))
    page.get_by_role("button", name="From").click()
    field = page.get_by_test_id("stDateTimeInputField").first
    expect(field).to_contain_text(re.compile(r"2026\D+02\D+03\D+09\D+00"))


def test_a_list_stays_narrowed_down_as_its_address_says(visit: Visitor, database: psycopg.Connection) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    for number in (1, 2):
        made = schedules.plan(ALICE, "greet", at, {"name": f"guest{number}"})
        schedules.cancel(ALICE, made.id)
    page = visit()
    let_come = hold_back(page, "ButtonGroup")
    page.goto(f"{page.url}scheduled?status=cancelled")
    expect(page.get_by_role("row").filter(has_text="guest")).to_have_count(2)
    page.get_by_label("Search").fill("guest1")
    expect(page.get_by_role("row").filter(has_text="guest")).to_have_count(1)
    let_come()
    chosen = page.get_by_role("radio", name="Cancelled")
    expect(chosen).to_be_checked()
    page.get_by_label("Search").fill("guest")
    expect(page.get_by_role("row").filter(has_text="guest")).to_have_count(2)
    expect(chosen).to_be_checked()
