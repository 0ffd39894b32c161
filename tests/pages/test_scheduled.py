"""The page of what is planned."""

import re
from datetime import UTC, datetime, timedelta

import psycopg
from playwright.sync_api import Locator, Page, expect

from core import schedules
from core.actors import Actor
from tests.pages.conftest import Visitor

ALICE = Actor("alice", "operator", "api")


def planned(name: str = "Ada", **ahead: float) -> schedules.Schedule:
    """A run of `greet`, in two hours where nothing else is said."""
    instant = datetime.now(UTC) + timedelta(**(ahead or {"hours": 2}))
    return schedules.plan(ALICE, "greet", instant, {"name": name})


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def test_a_countdown_has_the_words_of_its_language_and_is_orange_within_five_minutes(
    visit: Visitor, database_url: str
) -> None:
    for name, ahead in {
        "Ada": {"seconds": 50},
        "Bob": {"minutes": 4, "seconds": 30},
        "Cyd": {"minutes": 15, "seconds": 30},
        "Dan": {"hours": 2, "minutes": 30, "seconds": 30},
        "Eve": {"days": 3, "hours": 5, "minutes": 30},
    }.items():
        planned(name, **ahead)
    page = visit("scheduled")
    expect(row_of(page, "Ada").locator(".countdown.soon")).to_have_text(re.compile(r"^\d\d\ss$"))
    expect(row_of(page, "Bob").locator(".countdown.soon")).to_have_text("4 min")
    expect(row_of(page, "Cyd").locator(".countdown:not(.soon)")).to_have_text("15 min")
    expect(row_of(page, "Dan").locator(".countdown:not(.soon)")).to_have_text("2 h 30 min")
    expect(row_of(page, "Eve").locator(".countdown:not(.soon)")).to_have_text("3 d 5 h")
    french = visit("scheduled", locale="fr-CA")
    expect(row_of(french, "Eve").locator(".countdown")).to_have_text("3 j 5 h")


def test_a_countdown_ticks_each_second_without_asking_the_server(visit: Visitor, database_url: str) -> None:
    planned(seconds=55)
    page = visit("scheduled")
    countdown = row_of(page, "Ada").locator(".countdown")
    countdown.wait_for()
    # With the way to the server cut, whatever ticks does so by itself.
    page.context.set_offline(True)
    seen = [int(countdown.inner_text().removesuffix("s"))]
    for _second in range(3):
        expect(countdown).to_have_text(f"{seen[-1] - 1} s")
        seen.append(seen[-1] - 1)


def test_a_countdown_follows_the_clock_of_the_database_not_of_the_browser(
    visit: Visitor, database_url: str
) -> None:
    planned(minutes=15, seconds=30)
    page = visit()
    page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=5))
    page.get_by_role("link", name="Scheduled").click()
    expect(row_of(page, "Ada").locator(".countdown")).to_have_text("15 min")


def test_a_run_is_cancelled_only_when_that_is_confirmed_and_can_be_undone(
    visit: Visitor, database_url: str
) -> None:
    schedule = planned()
    page = visit("scheduled")
    row_of(page, "Ada").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert schedules.get(schedule.id).status == "pending"

    title = page.get_by_role("heading", level=1)
    place = title.bounding_box()
    row_of(page, "Ada").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the run").click()
    # Once, and without moving the page.
    expect(page.get_by_text("Cancelled: Greet")).to_have_count(1)
    expect(page.locator(".st-key-undo")).to_contain_text("Cancelled: Greet")
    assert title.bounding_box() == place
    expect(row_of(page, "Ada")).to_have_count(0)
    assert schedules.get(schedule.id).status == "cancelled"

    page.get_by_role("button", name="Undo").click()
    expect(row_of(page, "Ada")).to_have_count(1)
    again = schedules.find(schedules.Filter(status="pending")).rows[0]
    assert (again.scheduled_at, again.parameters, again.created_by) == (
        schedule.scheduled_at,
        schedule.parameters,
        "alice",
    )


def test_a_cancel_that_comes_too_late_says_so(visit: Visitor, database: psycopg.Connection) -> None:
    planned(minutes=10)
    page = visit("scheduled", locale="fr")
    row_of(page, "Ada").get_by_role("button", name="Annuler").click()
    page.get_by_role("dialog").wait_for()
    database.execute("UPDATE scheduled_cron_executions SET due_at = now()")
    database.execute("SELECT get_ready_scheduled_crons(1, 'another worker', '1 hour')")
    page.get_by_role("button", name="Annuler l’exécution").click()
    told = "Trop tard\u00a0: cette exécution démarre à l’instant et ne peut plus être annulée ni modifiée."
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text(re.compile(told))


def test_rows_arrive_and_go_by_themselves(visit: Visitor, database: psycopg.Connection) -> None:
    planned("Ada")
    page = visit("scheduled")
    expect(row_of(page, "Ada")).to_have_count(1)
    planned("Bob")
    expect(row_of(page, "Bob")).to_have_count(1)
    database.execute(
        "UPDATE scheduled_cron_executions SET status = 'triggered', triggered_at = now() "
        "WHERE parameters ->> 'name' = 'Ada'"
    )
    expect(row_of(page, "Ada")).to_have_count(0)


def test_a_run_is_moved_and_edited_in_place(visit: Visitor, database_url: str) -> None:
    schedule = planned()
    page = visit("scheduled", zone="UTC")
    row_of(page, "Ada").get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("name").fill("Grace")
    dialog.get_by_label("name").press("Tab")
    dialog.get_by_role("button", name="tomorrow 09:00").click()
    expect(dialog.locator(".st-key-verdict")).to_contain_text("09:00")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".st-key-undo")).to_contain_text("Moved: Greet")
    expect(row_of(page, "Grace")).to_have_count(1)
    changed = schedules.get(schedule.id)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    assert changed.scheduled_at == tomorrow
    assert changed.parameters["name"] == "Grace"


def test_the_verdict_of_a_run_that_is_late_says_so_and_is_not_green(
    visit: Visitor, database: psycopg.Connection
) -> None:
    planned()
    database.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '1 hour', "
        "scheduled_at = now() - interval '2 minutes', due_at = now() - interval '2 minutes'"
    )
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, ticked_at, slots) "
        "VALUES ('w', 'h', 1, '1', now(), 4)"
    )
    page = visit("scheduled")
    row_of(page, "Ada").get_by_role("button", name="Change").click()
    verdict = page.get_by_role("dialog").locator(".st-key-verdict")
    expect(verdict).to_contain_text(re.compile(r"2\smin.* late"))
    expect(verdict).not_to_contain_text("Nothing is in its way")


def test_a_time_to_go_says_in_where_no_label_does(visit: Visitor, database_url: str) -> None:
    schedule = planned(hours=2, minutes=30, seconds=30)
    for locale, told in (("en-GB", "in 2 h 30 min"), ("fr-FR", "dans 2 h 30 min")):
        page = visit(f"scheduled?id={schedule.id}", locale=locale)
        expect(page.locator(".countdown")).to_have_text(told)


def test_on_a_phone_each_button_of_a_run_says_what_it_does(visit: Visitor, database_url: str) -> None:
    planned()
    page = visit("scheduled", width=390)
    for label in ("Change", "Duplicate", "Cancel"):
        expect(row_of(page, "Ada").get_by_text(label, exact=True)).to_be_visible()


def test_the_filters_live_in_the_url_so_that_a_link_shows_the_same(visit: Visitor, database_url: str) -> None:
    planned("Ada")
    planned("Bob")
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1))
    page = visit("scheduled")
    page.get_by_role("combobox", name="Cron").click()
    page.get_by_role("option", name="Greet").click()
    expect(page.get_by_text("2 planned runs")).to_be_visible()
    page.get_by_label("Search").fill("Bob")
    expect(page.get_by_text("1 planned run", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"cron=greet"))
    expect(page).to_have_url(re.compile(r"search=Bob"))

    colleague = visit(page.url.split("/")[-1], locale="fr")
    expect(colleague.get_by_text("1 exécution planifiée", exact=True)).to_be_visible()
    expect(row_of(colleague, "Bob")).to_have_count(1)


def test_pages_follow_each_other_by_key(visit: Visitor, database_url: str) -> None:
    instant = datetime.now(UTC) + timedelta(hours=1)
    plans = [
        schedules.Plan("greet", instant + timedelta(minutes=place), {"name": f"number {place:03}"})
        for place in range(60)
    ]
    schedules.plan_many(ALICE, plans)
    page = visit("scheduled")
    expect(row_of(page, "number 049")).to_have_count(1)
    page.get_by_role("button", name="Next page").click()
    expect(row_of(page, "number 050")).to_have_count(1)
    expect(row_of(page, "number 059")).to_have_count(1)
    expect(page).to_have_url(re.compile("after="))
    page.get_by_role("button", name="Previous page").click()
    expect(row_of(page, "number 000")).to_have_count(1)


def test_what_happened_to_a_run_is_told_in_sentences(visit: Visitor, database_url: str) -> None:
    schedule = planned()
    bob = Actor("bob", "operator", "api")
    schedules.change(bob, schedule.id, scheduled_at=schedule.scheduled_at + timedelta(hours=1))
    schedules.cancel(bob, schedule.id)
    page = visit(f"scheduled?id={schedule.id}")
    for sentence in ("Planned by alice for", "Moved by bob from", "Cancelled by bob: it will not run."):
        expect(page.get_by_role("listitem").filter(has_text=sentence)).to_have_count(1)


def test_where_nothing_is_planned_the_page_says_what_to_do_next(visit: Visitor, database_url: str) -> None:
    page = visit("scheduled")
    expect(page.get_by_text("Nothing is planned. Choose a cron and press Schedule.")).to_be_visible()
    page.get_by_role("link", name="To the crons").click()
    expect(page.get_by_role("heading", name="Crons")).to_be_visible()


def test_filters_that_nothing_matches_are_cleared_by_a_click(visit: Visitor, database_url: str) -> None:
    schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(hours=1))
    page = visit("scheduled?status=cancelled&cron=wait&search=nowhere")
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.get_by_role("rowheader")).to_contain_text("Greet")
    expect(page).to_have_url(re.compile("/scheduled$"))
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_a_failed_run_is_tried_again_once_by_a_click(visit: Visitor, database: psycopg.Connection) -> None:
    schedule = planned()
    database.execute("SELECT mark_scheduled_cron_failed(%s, 'the disk is full')", [schedule.id])
    page = visit("scheduled?status=failed")
    row_of(page, "Ada").get_by_role("button", name="Try again").dblclick()
    expect(page.get_by_test_id("stToast").first).to_contain_text("It is tried again now: Greet")
    expect(row_of(page, "Ada").get_by_role("button", name="Try again")).to_have_count(0)
    row_of(page, "Ada").get_by_text("Tried again").click()
    expect(page.get_by_role("listitem").filter(has_text="to try again what had failed")).to_have_count(1)
    [again] = schedules.find(schedules.Filter(status="pending")).rows
    assert (again.retry_of, again.parameters) == (schedule.id, schedule.parameters)


def test_what_waits_for_a_decision_says_so_in_the_list_and_leads_to_it(
    visit: Visitor, database: psycopg.Connection
) -> None:
    schedule = planned()
    database.execute(
        "UPDATE scheduled_cron_executions SET held_at = now(), scheduled_at = now() - interval '3 hours', "
        "not_after = now() - interval '2 hours', late_policy = 'ask', created_at = now() - interval '1 day', "
        "due_at = '9999-01-01 00:00Z' WHERE id = %s",
        [schedule.id],
    )
    page = visit("scheduled")
    expect(row_of(page, "Ada").locator(".badge.orange")).to_have_text("Waits for a decision")
    expect(row_of(page, "Ada").locator(".countdown")).to_have_count(0)
    expect(page.get_by_role("link", name="1 waits for a decision")).to_be_visible()
    row_of(page, "Ada").get_by_role("link", name="Decide").click()
    expect(page.get_by_role("button", name="Drop it")).to_be_visible()
    expect(page.locator(".badge.orange")).to_have_text("Waits for a decision")
    expect(visit("").locator(".figure").first).to_contain_text("1 waits for a decision")
