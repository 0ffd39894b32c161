"""Bulk planning, and cancelling and moving everything that matches."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest
from playwright.sync_api import Page, expect

from core import schedules
from core.actors import Actor
from core.schedules import Filter, Plan
from tests.pages.conftest import Visitor
from tests.pages.test_accessibility import serious
from tests.pages.waiting import eventually

pytestmark = pytest.mark.release

ALICE = Actor("alice", "operator", "api")
YEAR = datetime.now(UTC).year + 1
# The last Sundays of March and October, when the clocks in Paris change.
FORWARD, BACK = (
    next(day for day in (date(YEAR, month, 31 - back) for back in range(7)) if day.weekday() == 6)
    for month in (3, 10)
)


def pending() -> list[schedules.Schedule]:
    return schedules.find(Filter(status="pending"), limit=1000).rows


def plan(count: int) -> list[schedules.Schedule]:
    begin = datetime.now(UTC) + timedelta(hours=2)
    plans = [Plan("greet", begin + timedelta(minutes=place), {"name": "Ada"}) for place in range(count)]
    return list(schedules.plan_many(ALICE, plans))


def paste(page: Page, text: str) -> None:
    field = page.locator(".st-key-pasted textarea")
    field.fill(text)
    field.press("Control+Enter")


def test_ten_runs_are_pasted_checked_planned_together_and_undone_as_one(
    visit: Visitor, database_url: str
) -> None:
    page = visit("bulk?way=csv")
    rows = [f'greet,{YEAR}-02-01 22:{minute:02},"{{""name"": ""Ada {minute}""}}"' for minute in range(10)]
    paste(page, "\n".join(["cron,when,parameters", *rows]))
    expect(page.get_by_role("row")).to_have_count(11)
    assert pending() == []
    page.get_by_role("button", name="Plan 10 runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned together")
    made = pending()
    assert [one.parameters["name"] for one in made] == [f"Ada {minute}" for minute in range(10)]
    assert made[0].scheduled_at == datetime(YEAR, 2, 1, 21, tzinfo=UTC)
    assert len({one.batch_id for one in made}) == 1

    page.get_by_role("button", name="Undo: cancel the 10 pending ones").click()
    expect(page.locator(".st-key-undo")).to_contain_text("10 runs cancelled.")
    assert pending() == []
    page.locator(".st-key-undo").get_by_role("button", name="Undo").click()
    eventually(lambda: len(pending()) == 10, seconds=10)


def test_each_problem_is_told_beside_its_row_and_nothing_is_planned(
    visit: Visitor, database_url: str
) -> None:
    page = visit("bulk?way=csv")
    lines = [
        "cron;when;times",
        f"greet;{YEAR}-02-01 22:00;3",
        f"nosuch;{YEAR}-02-01 22:00;3",
        "greet;2020-02-01 22:00;3",
        f"greet;{FORWARD:%Y-%m-%d} 02:30;3",
        f"greet;{BACK:%Y-%m-%d} 02:30;3",
        f"greet;{BACK:%Y-%m-%d} 02:30+01:00;3",
        f"greet;{YEAR}-02-01 22:00;30",
        "greet;tomorrow;3",
        f"greet;{YEAR}-02-01 22:00;3;4",
    ]
    paste(page, "\n".join(lines))
    told = {
        1: "Fine",
        2: "There is no cron “nosuch” in the catalogue.",
        3: "This time has passed",
        4: "put forward and never show 02:30. The next time that exists is 03:00.",
        5: "write 02:30+02:00 or 02:30+01:00.",
        6: "Fine",
        7: "must be at most 10",
        8: "Write the date and time such as 2030-01-31 22:00.",
        9: "There are 4 cells, but 3 columns",
    }
    for place, sentence in told.items():
        expect(page.get_by_role("row").nth(place)).to_contain_text(sentence)
    expect(page.get_by_text("7 rows have a problem.")).to_be_visible()
    expect(page.get_by_role("button", name="Plan 9 runs")).to_be_disabled()
    assert pending() == []


def test_a_header_that_lacks_a_column_is_refused_in_french_too(visit: Visitor, database_url: str) -> None:
    page = visit("bulk?way=csv", locale="fr-FR")
    paste(page, "cron\tquand\ngreet\t31/01/2090 22:00")
    expect(page.get_by_role("row").nth(1)).to_contain_text("plus de dix ans")
    paste(page, "quand\n31/01/2090 22:00")
    expect(
        page.get_by_text("« cron » manque".replace(" ", "\u202f", 2).replace("»\u202f", "» "))
    ).to_be_visible()


def test_every_ten_minutes_from_ten_until_six_is_filled_in(visit: Visitor, database_url: str) -> None:
    page = visit("bulk?way=fill&crons=greet")
    page.get_by_role("button", name="Plan 49 runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned together")
    made = pending()
    assert made[-1].scheduled_at - made[0].scheduled_at == timedelta(hours=8)
    assert {later.scheduled_at - one.scheduled_at for one, later in pairwise(made)} == {timedelta(minutes=10)}


def test_rows_that_were_pasted_are_mended_in_the_grid(visit: Visitor, database_url: str) -> None:
    page = visit("bulk?way=csv")
    paste(page, f"cron,when\ngreet,{YEAR}-02-01 22:00\ngreet,{YEAR}-02-30 22:00")
    page.get_by_role("button", name="Edit in the grid").click()
    expect(page.get_by_text("1 row has a problem.").first).to_be_visible()
    page.get_by_test_id("data-grid-canvas").wait_for()
    # Until it is gone, the grid stands lower.
    expect(page.locator(".st-key-pasted")).to_have_count(0)
    page.wait_for_timeout(1500)
    box = page.get_by_test_id("stDataFrame").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + 35 * 2.5)
    page.wait_for_timeout(500)
    page.keyboard.type(f"{YEAR}-02-27 22:00", delay=30)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Plan 2 runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned together")
    assert [one.scheduled_at.day for one in pending()] == [1, 27]


def choose_way(page: Page, label: str) -> None:
    # A click while the page is still being built can go to an element that is just replaced.
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.get_by_role("main").get_by_text(label, exact=True).click()


def test_what_was_pasted_is_there_after_a_look_at_the_grid(visit: Visitor, database_url: str) -> None:
    page = visit("bulk?way=csv")
    written = f"cron,when\ngreet,{YEAR}-02-01 22:00"
    # The click takes the focus from the field, which sends the text a moment before the choice.
    page.locator(".st-key-pasted textarea").fill(written)
    choose_way(page, "Grid")
    page.get_by_test_id("data-grid-canvas").wait_for()
    expect(page.locator(".st-key-pasted")).to_have_count(0)
    choose_way(page, "Paste CSV")
    expect(page.locator(".st-key-pasted textarea")).to_have_value(written)
    page.get_by_role("button", name="Plan 1 run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned together")
    page.get_by_role("link", name="Bulk planning").click()
    page.get_by_role("heading", level=1, name="Bulk planning").wait_for()
    choose_way(page, "Paste CSV")
    expect(page.locator(".st-key-pasted textarea")).to_have_value("")


def test_what_is_planned_by_one_way_is_not_there_again_and_what_waits_in_another_is(
    visit: Visitor, database_url: str
) -> None:
    page = visit("bulk?way=csv")
    paste(page, f"cron,when\ngreet,{YEAR}-02-01 22:00")
    page.get_by_role("button", name="Plan 1 run").wait_for()
    choose_way(page, "Fill a stretch of time")
    page.get_by_label("Crons").fill("Greet")
    page.get_by_role("option", name="Greet").click()
    # All else is out of reach while the list of options is open.
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Plan 49 runs").wait_for()
    page.get_by_label("Every (minutes)").fill("60")
    page.get_by_label("Every (minutes)").press("Enter")
    page.get_by_role("button", name="Plan 9 runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned together")
    page.get_by_role("button", name="Plan more at once").click()
    page.get_by_role("heading", level=1, name="Bulk planning").wait_for()
    choose_way(page, "Paste CSV")
    page.get_by_role("button", name="Plan 1 run").wait_for()
    choose_way(page, "Fill a stretch of time")
    expect(page.get_by_label("Every (minutes)")).to_have_value("10")
    choose_way(page, "Paste CSV")
    page.get_by_role("button", name="Edit in the grid").click()
    page.get_by_test_id("data-grid-canvas").wait_for()
    choose_way(page, "Paste CSV")
    expect(page.locator(".st-key-pasted textarea")).to_have_value("")


def test_what_fills_a_stretch_of_time_is_there_after_a_look_at_the_grid(
    visit: Visitor, database_url: str
) -> None:
    page = visit("bulk?way=fill&crons=greet")
    page.get_by_label("Every (minutes)").fill("30")
    page.get_by_label("Every (minutes)").press("Enter")
    page.get_by_role("button", name="Plan 17 runs").wait_for()
    page.get_by_label("name", exact=True).fill("Ada")
    choose_way(page, "Grid")
    page.get_by_test_id("data-grid-canvas").wait_for()
    expect(page.get_by_label("Every (minutes)")).to_have_count(0)
    choose_way(page, "Fill a stretch of time")
    expect(page.get_by_label("Every (minutes)")).to_have_value("30")
    expect(page.get_by_label("name", exact=True)).to_have_value("Ada")
    page.get_by_role("button", name="Plan 17 runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned together")
    assert {one.parameters.get("name") for one in pending()} == {"Ada"}


def test_several_crons_are_selected_and_scheduled_together(visit: Visitor, database_url: str) -> None:
    page = visit()
    for title in ("Do nothing", "Greet"):
        page.get_by_role("checkbox", name=f"Select: {title}").check()
        expect(page.get_by_role("checkbox", name=f"Select: {title}")).to_be_checked()
    expect(page).to_have_url(re.compile(r"selected=nothing%2Cgreet"))
    page.get_by_role("button", name="Schedule together").click()
    page.get_by_role("button", name="Plan 2 runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planned together")
    assert {one.cron_name for one in pending()} == {"nothing", "greet"}


def test_all_that_matches_is_cancelled_with_its_count_shown_first_and_undone(
    visit: Visitor, database_url: str
) -> None:
    plan(12)
    other = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1))
    page = visit("scheduled?cron=greet", locale="fr-FR")
    page.get_by_role("button", name="Tout annuler…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("12 exécutions seront annulées.")
    assert len(pending()) == 13
    dialog.get_by_role("button", name="Annuler 12 exécutions").click()
    expect(page.locator(".st-key-undo")).to_contain_text("12 exécutions annulées.")
    assert pending() == [other]
    page.locator(".st-key-undo").get_by_role("button").click()
    eventually(lambda: len(pending()) == 13, seconds=10)


def test_all_that_matches_is_moved_and_what_would_end_in_the_past_is_told(
    visit: Visitor, database_url: str
) -> None:
    made = plan(3)
    soon = schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(minutes=20))
    page = visit("scheduled")
    page.get_by_role("button", name="Move all…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Earlier", exact=True).click()
    expect(dialog).to_contain_text("3 runs will be moved.")
    dialog.get_by_label("By").fill("20000")
    dialog.get_by_label("By").press("Tab")
    expect(dialog).to_contain_text("Must be at most 10,000.")
    expect(dialog.get_by_role("button", name="Move", exact=True)).to_be_disabled()
    dialog.get_by_label("By").fill("30")
    dialog.get_by_label("By").press("Tab")
    expect(dialog).to_contain_text("1 is not moved")
    dialog.get_by_role("button", name="Move 3 runs").click()
    expect(page.locator(".st-key-undo")).to_contain_text("3 runs moved.")
    assert schedules.get(made[0].id).scheduled_at == made[0].scheduled_at - timedelta(minutes=30)
    assert schedules.get(soon.id).scheduled_at == soon.scheduled_at
    page.locator(".st-key-undo").get_by_role("button", name="Undo").click()
    eventually(lambda: schedules.get(made[0].id).scheduled_at == made[0].scheduled_at, seconds=10)


def test_nothing_about_many_at_once_keeps_people_out(visit: Visitor, database: psycopg.Connection) -> None:
    [first, *_others] = plan(3)
    for path in ("bulk", "bulk?way=fill&crons=greet", f"bulk?batch={first.batch_id}"):
        for dark in (False, True):
            page = visit(path, dark=dark, width=390 if dark else 1440)
            expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
            page.wait_for_timeout(500)
            assert serious(page) == [], path
