"""The calendar: seen, planned in and moved in, with the mouse and with the keyboard."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from core import calendar_address, executions, schedules, series
from core.actors import Actor
from core.schedules import Filter, Schedule
from tests.pages.conftest import Outage, Visitor
from tests.pages.test_accessibility import serious
from tests.pages.waiting import eventually

ALICE = Actor("alice", "operator", "api")
PARIS = ZoneInfo("Europe/Paris")


def in_days(days: int, hour: int = 10) -> datetime:
    """That hour of a day to come, by the clock of Paris; in hours to come the first hour has begun."""
    there = datetime.now(PARIS) + timedelta(days=days)
    return there.replace(hour=hour, minute=0, second=0, microsecond=0)


def planned(instant: datetime, cron: str = "greet") -> Schedule:
    return schedules.plan(ALICE, cron, instant)


def address(view: str, instant: datetime, **query: str) -> str:
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"calendar?view={view}&day={instant.date().isoformat()}{more}"


def slot(page: Page, instant: datetime) -> Locator:
    """The cell of a day, or of an hour, that begins then."""
    return page.locator(f'[data-slot="{instant.astimezone(UTC).isoformat()}"]')


def day_of(instant: datetime) -> datetime:
    return instant.replace(hour=0)


def instants() -> list[datetime]:
    return [one.scheduled_at for one in schedules.find(Filter(status="pending")).rows]


@pytest.mark.parametrize(
    ("locale", "title", "pending"), [("en-GB", "Greet", "Pending"), ("fr-FR", "Saluer", "En attente")]
)
def test_what_is_planned_stands_in_its_day_week_and_hour(
    visit: Visitor, database_url: str, locale: str, title: str, pending: str
) -> None:
    at = in_days(2)
    planned(at)
    for view, begin in (("month", day_of(at)), ("week", at), ("day", at)):
        page = visit(address(view, at), locale=locale)
        cell = slot(page, begin)
        expect(cell.locator(".item")).to_have_text(re.compile(rf"10:00\s*{title}"))
        expect(cell).to_have_attribute("aria-label", re.compile(rf"{pending}\W+1\b"))


@pytest.mark.release
def test_a_day_shows_how_full_it_is_and_leads_to_its_hours(visit: Visitor, database_url: str) -> None:
    at = in_days(3)
    for minute in range(8):
        planned(at + timedelta(minutes=minute))
    page = visit(address("month", at))
    cell = slot(page, day_of(at))
    expect(cell.locator(".total")).to_have_text("8")
    expect(cell.locator(".item")).to_have_count(3)
    cell.get_by_role("button", name="5 more").click()
    expect(page).to_have_url(re.compile(rf"view=day&day={at.date()}"))
    expect(slot(page, at).locator(".item")).to_have_count(8)


@pytest.mark.release
@pytest.mark.parametrize(
    ("locale", "choose", "schedule", "title"),
    [("en-GB", "Choose a cron", "Schedule", "Greet"), ("fr-FR", "Choisir un cron", "Planifier", "Saluer")],
)
def test_a_click_on_an_hour_plans_there(
    visit: Visitor, database_url: str, locale: str, choose: str, schedule: str, title: str
) -> None:
    at = in_days(1, 15)
    page = visit(address("week", at), locale=locale)
    slot(page, at).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").first.click()
    page.get_by_role("option", name=title).click()
    dialog.get_by_role("button", name=schedule, exact=True).click()
    expect(slot(page, at).locator(".item")).to_have_text(re.compile(rf"15:00\s*{title}"))
    assert instants() == [at]


@pytest.mark.release
def test_a_day_of_one_cron_is_planned_in_by_keyboard(visit: Visitor, database_url: str) -> None:
    at = in_days(0)
    page = visit(address("month", at, cron="greet"))
    today = slot(page, day_of(at))
    today.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    # By elapsed days the same weekday; the clocks may have changed in between.
    expect(page.locator("[data-slot]:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Schedule", exact=True).click()
    expect(dialog).to_have_count(0)
    assert [one.astimezone(PARIS).hour for one in eventually(instants)] == [9]


@pytest.mark.release
def test_a_run_is_dragged_to_another_day_and_that_is_undone(visit: Visitor, database_url: str) -> None:
    begin = in_days(0).replace(day=12) + timedelta(days=31)
    at, target = begin.replace(day=12), begin.replace(day=14)
    planned(at)
    page = visit(address("month", at))
    slot(page, day_of(at)).locator(".item").drag_to(slot(page, day_of(target)))
    expect(slot(page, day_of(target)).locator(".item")).to_have_count(1)
    assert instants() == [target]
    page.get_by_role("button", name="Undo").click()
    expect(slot(page, day_of(at)).locator(".item")).to_have_count(1)
    assert instants() == [at]


@pytest.mark.release
def test_a_run_is_moved_by_keyboard_and_what_happens_is_said(visit: Visitor, database_url: str) -> None:
    at = in_days(1)
    planned(at + timedelta(minutes=20))
    page = visit(address("day", at))
    item = slot(page, at).locator(".item")
    item.focus()
    page.keyboard.press("m")
    expect(page.get_by_role("status").filter(has_text="Picked up: Greet")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("status").filter(has_text="Left where it was.")).to_have_count(1)
    item.focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(slot(page, at + timedelta(hours=2)).locator(".item")).to_have_text(re.compile("12:20"))
    assert instants() == [at + timedelta(hours=2, minutes=20)]


@pytest.mark.release
def test_a_move_that_comes_too_late_says_so(visit: Visitor, database: psycopg.Connection) -> None:
    at = in_days(1)
    planned(at)
    page = visit(address("day", at), locale="fr")
    slot(page, at).locator(".item").focus()
    page.keyboard.press("m")
    database.execute(
        "UPDATE scheduled_cron_executions SET claimed_by = 'w', due_at = now() + interval '1 hour'"
    )
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stToast")).to_contain_text("Trop tard")
    assert instants() == [at]


@pytest.mark.release
def test_a_move_while_the_database_is_away_says_so_and_moves_nothing(
    visit: Visitor, database_url: str, outage: Outage
) -> None:
    at = in_days(1)
    planned(at)
    page = visit(address("day", at))
    item = slot(page, at).locator(".item")
    item.focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowDown")
    with outage():
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("stToast")).to_contain_text("The database cannot be reached.")
        expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(slot(page, at).locator(".item")).to_have_count(1)
    assert instants() == [at]


@pytest.mark.release
def test_a_plan_begun_while_the_database_is_away_says_so(
    visit: Visitor, database_url: str, outage: Outage
) -> None:
    at = in_days(1)
    page = visit(address("day", at, cron="greet"))
    slot(page, at).focus()
    with outage():
        page.keyboard.press("Enter")
        expect(page.get_by_text("The database cannot be reached.", exact=False).first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(slot(page, at)).to_be_visible()


@pytest.mark.release
def test_an_act_on_days_that_are_no_longer_shown_says_so_and_does_nothing(
    visit: Visitor, database_url: str
) -> None:
    at = in_days(1)
    planned(at)
    page = visit(address("day", at))
    slot(page, at).locator(".item").focus()
    page.keyboard.press("m")
    # What is picked up stays where it is in the browser's view, though the server turns the page.
    page.get_by_role("button", name="Later").click()
    expect(page).to_have_url(re.compile(f"day={(at + timedelta(days=1)).date()}"))
    slot(page, at + timedelta(hours=1)).click()
    expect(page.get_by_test_id("stToast")).to_contain_text("The calendar shows other days by now")
    assert instants() == [at]


@pytest.mark.release
def test_what_series_will_plan_looks_unlike_what_is_planned(visit: Visitor, database_url: str) -> None:
    series.create(ALICE, "greet", {"kind": "daily", "at": "10:00"}, "Europe/Paris")
    [pending] = [one.astimezone(PARIS) for one in instants()]
    after = pending + timedelta(days=1)
    page = visit(address("day", pending))
    expect(slot(page, pending).locator(".item.pending")).to_have_count(1)
    page = visit(address("day", after))
    item = slot(page, after).locator(".item.forecast")
    expect(item).to_have_accessible_name(re.compile("forecast of a series"))
    assert "dashed" in item.evaluate("item => getComputedStyle(item).borderStyle")


@pytest.mark.release
def test_an_execution_of_the_past_is_opened(visit: Visitor, database_url: str) -> None:
    executions.trigger(ALICE, "nothing")
    page = visit("calendar?view=day")
    page.get_by_role("gridcell").locator(".item.completed").click()
    expect(page).to_have_url(re.compile("executions"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Do nothing")


@pytest.mark.release
def test_a_quiet_slot_is_found_and_planned_in(visit: Visitor, database_url: str) -> None:
    night = in_days(0, 20)
    for minute in range(0, 240, 20):
        instant = night + timedelta(minutes=minute)
        if instant > datetime.now(UTC) + timedelta(minutes=5):
            planned(instant, "nothing")
    page = visit("calendar?cron=greet")
    page.get_by_role("button", name="Find a quiet slot").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Schedule").first.click()
    heading = page.get_by_role("dialog").filter(has_text="Schedule: Greet")
    heading.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.locator(".st-key-undo")).to_contain_text("Planned: Greet")
    [found] = schedules.find(Filter(status="pending", cron_name="greet")).rows
    assert all(
        abs(found.scheduled_at - other.scheduled_at) >= timedelta(minutes=10)
        for other in schedules.find(Filter(status="pending", cron_name="nothing")).rows
    )


@pytest.mark.release
def test_months_are_turned_and_the_address_says_which(visit: Visitor, database_url: str) -> None:
    page = visit("calendar?day=2031-01-31")
    expect(page.get_by_role("heading", name="January 2031")).to_be_visible()
    page.get_by_role("button", name="Later").click()
    expect(page.get_by_role("heading", name="February 2031")).to_be_visible()
    expect(page).to_have_url(re.compile("day=2031-02-01"))
    for month in ("January 2031", "December 2030"):
        # The browser sends one click at a time: it waits for the page before the next.
        page.get_by_role("button", name="Earlier").click()
        expect(page.get_by_role("heading", name=month)).to_be_visible()
    page.get_by_role("button", name="Today").click()
    expect(page.locator('[aria-current="date"]')).to_have_count(1)


@pytest.mark.release
def test_a_month_with_very_many_shows_counts(visit: Visitor, database: psycopg.Connection) -> None:
    at = in_days(2)
    database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at) "
        "SELECT 'greet', at, at FROM (SELECT %s::timestamptz + g * interval '1 second' AS at "
        "FROM generate_series(1, 20000) g) AS many",
        [at],
    )
    page = visit(address("month", at), locale="fr")
    expect(slot(page, day_of(at)).locator(".total")).to_have_text("20\u202f000")
    expect(slot(page, day_of(at)).locator(".item")).to_have_count(3)


@pytest.mark.release
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("view", ["month", "week", "day"])
def test_nothing_in_the_calendar_keeps_people_out(
    visit: Visitor, database: psycopg.Connection, view: str, dark: bool, width: int
) -> None:
    planned(datetime.now(UTC) + timedelta(minutes=30))
    series.create(ALICE, "greet", {"kind": "daily", "at": "10:00"}, "Europe/Paris")
    for status in ("completed", "failed", "cancelled", "running"):
        run = executions.trigger(ALICE, "greet")
        database.execute("UPDATE cron_executions SET status = %s WHERE id = %s", [status, run.id])
    page = visit(f"calendar?view={view}", dark=dark, width=width)
    page.get_by_role("grid").wait_for()
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.release
@pytest.mark.parametrize("view", ["month", "week", "day"])
def test_a_phone_is_led_to_now_and_then_left_where_it_is_scrolled_to(
    visit: Visitor, database_url: str, view: str
) -> None:
    now = datetime.now(PARIS)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    page = visit(f"calendar?view={view}", width=390)
    here = slot(page, day_of(this_hour) if view == "month" else this_hour)
    expect(here).to_be_in_viewport()
    main = page.locator(".stMain")
    main.evaluate("main => main.scrollTo(0, 0)")
    planned(datetime.now(UTC) + timedelta(minutes=1))
    expect(page.locator(".item").first).to_be_attached()
    assert main.evaluate("main => main.scrollTop") == 0


@pytest.mark.release
def test_a_phone_shows_of_past_days_but_their_headings(visit: Visitor, database_url: str) -> None:
    page = visit(address("week", in_days(-7)), width=390)
    expect(page.locator(".column .head")).to_have_count(7)
    expect(page.locator(".column .cell").filter(visible=True)).to_have_count(0)
    page.locator(".head button").first.click()
    expect(page).to_have_url(re.compile("view=day"))


@pytest.mark.release
def test_a_person_gets_renews_and_gives_up_the_address_of_their_feed(
    visit: Visitor, database: psycopg.Connection
) -> None:
    page = visit("calendar")
    page.get_by_role("button", name="Subscribe", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make my address").click()
    shown = dialog.locator("code")
    expect(shown).to_have_text(re.compile(r"/api/calendar/dashboard/[\w-]{32}\.ics"))
    first = shown.inner_text().strip()
    given = calendar_address.find(Actor("dashboard", "operator", "dashboard"), "dashboard")
    assert given is not None
    assert given.url == first
    assert serious(page) == []
    dialog.get_by_role("button", name="Renew", exact=True).click()
    dialog.get_by_role("button", name="Keep it").click()
    expect(shown).to_have_text(first)
    dialog.get_by_role("button", name="Renew", exact=True).click()
    expect(dialog.get_by_text("Every program that uses this address")).to_be_visible()
    dialog.get_by_role("button", name="Renew the address").click()
    expect(shown).not_to_have_text(first)
    dialog.get_by_role("button", name="Take away").click()
    dialog.get_by_role("button", name="Take the address away").click()
    expect(dialog.get_by_role("button", name="Make my address")).to_be_visible()
    events = "SELECT kind, actor FROM cron_events ORDER BY id"
    assert database.execute(events).fetchall() == [
        ("calendar.address_given", "dashboard"),
        ("calendar.address_given", "dashboard"),
        ("calendar.address_revoked", "dashboard"),
    ]
