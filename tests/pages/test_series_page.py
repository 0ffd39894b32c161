"""Series in a browser: made, paused, ended; what is late decided; blackouts."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import FilePayload, expect

from core import blackouts, schedules, series
from core.actors import Actor
from core.blackouts import Period
from tests.pages.conftest import Visitor
from tests.pages.test_accessibility import serious
from tests.pages.waiting import eventually

pytestmark = pytest.mark.release

ALICE = Actor("alice", "operator", "api")
DAILY = {"kind": "daily", "at": "02:00"}


def held(database: psycopg.Connection) -> schedules.Schedule:
    row = database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, created_at, scheduled_at, not_after, late_policy, "
        "held_at, due_at) VALUES ('nothing', now() - interval '1 hour', now() - interval '10 minutes', "
        "now() - interval '1 minute', 'ask', now(), '9999-01-01Z') RETURNING id"
    ).fetchone()
    assert row is not None
    return schedules.get(row[0])


def test_a_series_is_made_with_its_words_and_next_instants_in_sight(
    visit: Visitor, database_url: str
) -> None:
    page = visit("series?new=greet")
    page.get_by_text("Weekly", exact=True).click()
    ahead = page.locator(".st-key-next_instants, .st-key-next-instants")
    expect(ahead).to_contain_text("Every weekday at 02:00, Paris time")
    expect(ahead.get_by_role("listitem")).to_have_count(10)
    assert series.find() == []
    page.get_by_role("button", name="Create the series").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Greet, every weekday at 02:00, Paris time")
    [made] = series.find()
    assert (made.timezone, made.planned, made.created_by) == ("Europe/Paris", 1, "dashboard")
    assert series.next_of([made.id])[made.id].at == series.preview(made.pattern, made.timezone)[0]


def test_a_series_is_changed_with_its_next_instants_in_sight(visit: Visitor, database_url: str) -> None:
    one = series.create(ALICE, "greet", DAILY, "Europe/Paris", parameters={"name": "Ada", "times": 1})
    page = visit(f"series?id={one.id}")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Change: Greet")
    save = page.get_by_role("button", name="Save", exact=True)
    expect(save).to_be_disabled()
    page.get_by_text("Weekly", exact=True).click()
    expect(page.locator(".st-key-next-instants")).to_contain_text("Every weekday at 02:00, Paris time")
    page.get_by_role("button", name="Back to the series").click()
    page.get_by_role("button", name="Change", exact=True).click()
    expect(save).to_be_disabled()
    expect(page.locator(".st-key-next-instants")).to_contain_text("Every day at 02:00, Paris time")
    page.get_by_text("Monthly", exact=True).click()
    expect(page.locator(".st-key-next-instants")).to_contain_text("On day 1 of every month")
    assert serious(page) == []
    save.click()
    expect(page.get_by_text("The series is changed.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Greet, on day 1 of every month")
    assert series.get(one.id).changed_by == "dashboard"


def test_a_run_of_a_series_leads_to_it_and_may_be_cancelled_alone(visit: Visitor, database_url: str) -> None:
    one = series.create(ALICE, "greet", DAILY, "Europe/Paris", parameters={"name": "Ada"})
    page = visit("scheduled")
    page.get_by_role("button", name="Cancel: Greet").click()
    expect(page.get_by_role("dialog")).to_contain_text("Its series goes on, with the run after it.")
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    page.get_by_role("row").get_by_role("link", name="Its series").click()
    expect(page).to_have_url(re.compile(f"series.*id={one.id}"))


def test_what_is_no_series_is_told_below_a_heading(visit: Visitor, database_url: str) -> None:
    page = visit("series?id=nonsense")
    expect(page.get_by_role("heading", level=1)).to_have_text("Series")
    expect(page.get_by_role("alert")).to_contain_text("does not exist")


def test_a_series_that_nobody_can_read_keeps_no_other_from_sight(
    visit: Visitor, database: psycopg.Connection
) -> None:
    series.create(ALICE, "nothing", DAILY, "Europe/Paris")
    bad = series.create(ALICE, "greet", DAILY, "Europe/Paris", parameters={"name": "Ada"})
    database.execute("UPDATE cron_series SET timezone = 'Nowhere/X' WHERE id = %s", [bad.id])
    page = visit("series")
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("link", name="Greet").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Greet, a pattern that cannot be read")
    page.get_by_role("button", name="End", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="End", exact=True).click()
    expect(page.get_by_text("The series has ended.")).to_be_visible()


def test_a_cron_expression_that_is_none_is_refused_in_french(visit: Visitor, database_url: str) -> None:
    page = visit("series?new=greet", locale="fr-FR")
    page.get_by_text("Expression cron", exact=True).click()
    field = page.get_by_role("textbox", name="Minute, heure, jour, mois, jour de semaine")
    expect(field).to_have_value("0 2 * * 1-5")
    field.fill("61 * * * *")
    expect(page.get_by_role("alert")).to_contain_text("Ce n’est pas une expression cron")
    expect(page.get_by_role("button", name="Créer la série")).to_be_disabled()
    field.fill("30 4 * * 1")
    expect(page.get_by_text("À 04:30, uniquement le lundi, heure de Paris")).to_be_visible()
    page.get_by_role("button", name="Créer la série").click()
    eventually(lambda: len(series.find()) == 1, seconds=10)


def test_the_schedule_dialog_leads_to_a_series_of_its_cron(visit: Visitor, database_url: str) -> None:
    page = visit()
    page.get_by_role("button", name="Schedule: Greet").click()
    page.get_by_role("button", name="Make it a series…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("New series")
    expect(page).to_have_url(re.compile(r"new=greet"))


def stands(series_id: UUID, status: str) -> bool:
    return series.get(series_id).status == status


def test_a_series_is_paused_resumed_and_ended_only_when_that_is_confirmed(
    visit: Visitor, database_url: str
) -> None:
    made = series.create(ALICE, "greet", DAILY, "Europe/Paris")
    page = visit("series")
    for button, status in (("Pause", "paused"), ("Resume", "active"), ("End", "ended")):
        page.get_by_role("button", name=f"{button}: Greet").click()
        dialog = page.get_by_role("dialog")
        dialog.wait_for()
        assert series.get(made.id).status != status
        dialog.get_by_role("button", name=button, exact=True).click()
        eventually(partial(stands, made.id, status), seconds=10)
        expect(dialog).to_have_count(0)


def test_what_is_too_late_waits_with_two_answers(visit: Visitor, database: psycopg.Connection) -> None:
    fired, dropped = held(database), held(database)
    page = visit("series?view=held")
    expect(page.get_by_text("Too late: decide (2)")).to_be_visible()
    page.get_by_role("button", name="Run now: Do nothing").first.click()
    expect(page.get_by_role("button", name="Run now: Do nothing")).to_have_count(1)
    page.get_by_role("button", name="Drop it: Do nothing").click()
    expect(page.get_by_text("Nothing is too late")).to_be_visible()
    ends = {schedules.get(one.id).status for one in (fired, dropped)}
    assert ends == {"pending", "failed"}


def test_a_blackout_is_added_imported_and_removed(visit: Visitor, database_url: str) -> None:
    page = visit("series?view=blackouts")
    page.get_by_role("button", name="Add a blackout").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Freeze")
    dialog.get_by_label("Name").press("Enter")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="Freeze")).to_have_count(1)
    [added] = blackouts.find()
    assert added.ends_at - added.starts_at == timedelta(days=1)

    day = f"{datetime.now(UTC) + timedelta(days=5):%Y%m%d}"
    event = f"UID:1\r\nDTSTAMP:{day}T000000Z\r\nDTSTART;VALUE=DATE:{day}\r\nSUMMARY:Holiday\r\nEND:VEVENT"
    file = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\n{event}\r\nEND:VCALENDAR\r\n"
    holidays: FilePayload = {"name": "holidays.ics", "mimeType": "text/calendar", "buffer": file.encode()}
    page.get_by_role("button", name="Import from a calendar").click()
    page.locator("input[type=file]").set_input_files(holidays)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 period to come")
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="Holiday")).to_have_count(1)

    # Again, it adds nothing twice.
    page.get_by_role("button", name="Import from a calendar").click()
    page.locator("input[type=file]").set_input_files(holidays)
    expect(dialog).to_contain_text("1 is there already.")
    expect(dialog.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    dialog.get_by_role("button", name="Close", exact=True).last.click()

    page.get_by_role("button", name="Remove: Freeze").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    eventually(lambda: [one.name for one in blackouts.find()] == ["Holiday"], seconds=10)


def test_nothing_about_series_keeps_people_out(visit: Visitor, database: psycopg.Connection) -> None:
    made = series.create(ALICE, "greet", DAILY, "Europe/Paris")
    held(database)
    now = datetime.now(UTC)
    blackouts.add(ALICE, [Period("freeze", now + timedelta(days=300), now + timedelta(days=301))])
    for path in (
        "series",
        "series?view=held",
        "series?view=blackouts",
        "series?new=greet",
        f"series?id={made.id}",
    ):
        for dark in (False, True):
            page = visit(path, dark=dark, width=390 if dark else 1440)
            expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
            page.wait_for_timeout(500)
            assert serious(page) == [], path


def test_a_held_run_says_so_on_its_page_and_is_decided_there(
    visit: Visitor, database: psycopg.Connection
) -> None:
    waits = held(database)
    page = visit(f"scheduled?id={waits.id}")
    expect(page.get_by_text("Too late: held until somebody decides whether it still runs.")).to_be_visible()
    expect(page.get_by_text("Hold it until somebody decides")).to_be_visible()
    page.get_by_role("button", name="Drop it").click()
    expect(page.get_by_role("button", name="Drop it")).to_have_count(0)
    assert schedules.get(waits.id).status == "failed"


def test_a_run_of_a_series_leads_to_it(visit: Visitor, database_url: str) -> None:
    made = series.create(
        ALICE, "nothing", {"kind": "daily", "at": "09:00"}, "Europe/Paris", fire_within=timedelta(hours=1)
    )
    following = series.next_of([made.id])[made.id]
    page = visit(f"scheduled?id={following.schedule_id}")
    expect(page.get_by_text("Run it all the same")).to_be_visible()
    page.get_by_text("every day at 09:00, Paris time").click()
    page.wait_for_url("**/series?id=*")
