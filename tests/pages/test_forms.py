"""What the dialogs offer around the form: presets, what was used last, secrets, the verdict, a comparison."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from core import blackouts, executions, presets, schedules
from core.actors import Actor
from tests.pages.conftest import Visitor
from tests.pages.test_accessibility import serious
from tests.pages.test_schedule_dialog import opened
from tests.pages.waiting import eventually

pytestmark = pytest.mark.release

ALICE = Actor("alice", "admin", "api")
HUSH = "hunter2-in-clear"

KEEPER = """
[crons.keeper]
title = { en = "Keeper", fr = "Gardien" }
http = { url = "https://internal.example/run", headers = { X-Tenant = "${TENANT}" } }
secrets = ["API_TOKEN", "OTHER_TOKEN"]
[crons.keeper.parameters]
type = "object"
required = ["token"]
[crons.keeper.parameters.properties.token]
type = "string"
writeOnly = true
"""


@pytest.fixture
def keeper(crons_file: Path) -> None:
    with crons_file.open("a", encoding="utf-8") as file:
        file.write(KEEPER)


def pick(dialog: Locator, field: str, option: str) -> None:
    """Chooses an option of a selectbox."""
    dialog.get_by_role("combobox", name=field).click()
    dialog.page.get_by_role("option", name=option).click()


def holds(dialog: Locator, field: str, value: str) -> None:
    """Waits until a field holds a value; while the form begins anew, old and new fields stand there both."""
    fields = dialog.get_by_label(field, exact=True)
    eventually(lambda: fields.evaluate_all("all => all.map(one => one.value)") == [value], seconds=20)


def test_a_preset_is_kept_taken_again_and_deleted(visit: Visitor, database_url: str) -> None:
    page = visit()
    dialog = opened(page)
    dialog.get_by_label("name").fill("Ada")
    dialog.get_by_label("name").press("Tab")
    dialog.get_by_role("button", name="Save as preset…").click()
    page.get_by_label("Name of the preset").fill("for Ada")
    page.get_by_label("Name of the preset").press("Enter")
    page.get_by_role("button", name="Save the preset").click()
    expect(dialog.get_by_text("Saved as preset: for Ada.")).to_be_visible()
    assert presets.find("greet")[0].parameters == {"name": "Ada", "times": 1}
    dialog.get_by_role("button", name="Close").last.click()

    dialog = opened(page)
    holds(dialog, "name", "world")
    pick(dialog, "Begin with", "Preset: for Ada")
    holds(dialog, "name", "Ada")
    dialog.get_by_role("button", name="Delete the preset").click()
    eventually(lambda: presets.find("greet") == [])
    expect(dialog.get_by_role("button", name="Delete the preset")).to_have_count(0)


def test_what_of_a_preset_no_longer_fits_is_left_out_and_said(
    visit: Visitor, database: psycopg.Connection
) -> None:
    old = {"name": "Ada", "times": 99, "colour": "red"}
    database.execute("INSERT INTO cron_presets VALUES ('greet', 'old', %s)", (json.dumps(old),))
    dialog = opened(visit())
    pick(dialog, "Begin with", "Preset: old")
    holds(dialog, "name", "Ada")
    expect(dialog.get_by_text("was left out: times, colour.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Schedule", exact=True)).to_be_enabled()


@pytest.mark.parametrize(
    ("locale", "label", "last", "title", "button"),
    [
        ("en-GB", "Begin with", "Last used", "Greet", "Run now"),
        ("fr-FR", "Partir de", "Dernières utilisées", "Saluer", "Exécuter"),
    ],
)
def test_what_was_used_last_is_offered_in_both_languages(
    visit: Visitor, database_url: str, locale: str, label: str, last: str, title: str, button: str
) -> None:
    executions.trigger(ALICE, "greet", {"name": "Grace", "times": 3})
    page = visit(locale=locale)
    page.get_by_role("button", name=re.compile(rf"{button}\s?: {title}")).click()
    dialog = page.get_by_role("dialog")
    pick(dialog, label, last)
    holds(dialog, "name", "Grace")
    holds(dialog, "times", "3")


def test_a_secret_is_chosen_by_name_and_no_value_of_one_is_ever_on_the_page(
    visit: Visitor, keeper: None, database: psycopg.Connection
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    [[old]] = database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, parameters) "
        "VALUES ('keeper', %s, %s, %s) RETURNING id",
        (later, later, json.dumps({"token": HUSH})),
    ).fetchall()
    page = visit()
    dialog = opened(page, "Keeper")
    expect(dialog.get_by_role("button", name="Schedule", exact=True)).to_be_disabled()
    pick(dialog, "token", "OTHER_TOKEN")
    for label in ("The exact request", "The same with curl"):
        dialog.get_by_text(label).click()
    shown = dialog.get_by_test_id("stCode")
    expect(shown.first).to_contain_text("POST https://internal.example/run")
    expect(shown.first).to_contain_text("X-Tenant: ${TENANT}")
    expect(shown.first).to_contain_text('{"token": "${OTHER_TOKEN}"}')
    expect(shown.last).to_contain_text('"parameters": {"token": {"$secret": "OTHER_TOKEN"}}')
    dialog.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.locator(".st-key-undo")).to_contain_text("Planned: Keeper")
    planned = schedules.find(schedules.Filter()).rows
    assert {"token": {"$secret": "OTHER_TOKEN"}} in [one.parameters for one in planned]

    for path in ("scheduled", f"scheduled?id={old}"):
        page = visit(path)
        expect(page.get_by_text("*****").first).to_be_visible()
        assert HUSH not in page.content()
    page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("JSON", exact=True).click()
    expect(dialog.get_by_label("Parameters as JSON")).to_be_visible()
    assert HUSH not in page.content()
    assert HUSH not in str(dialog.get_by_label("Parameters as JSON").input_value())


def finished(database: psycopg.Connection, cron: str, seconds: int) -> None:
    """A run of a cron that took so long."""
    database.execute(
        "INSERT INTO cron_executions (cron_name, target, status, started_at, finished_at) "
        "VALUES (%s, 'command', 'completed', now() - make_interval(secs => %s), now())",
        (cron, seconds),
    )


def test_the_verdict_says_who_else_runs_then_and_whether_runs_meet(
    visit: Visitor, worker: None, database: psycopg.Connection
) -> None:
    finished(database, "wait", 1800)
    nine = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    for cron, minute in (("wait", -25), ("fail", -10), ("greet", 4), ("wait", 20)):
        schedules.plan(ALICE, cron, nine + timedelta(minutes=minute))
    page = visit(zone="UTC")
    dialog = opened(page, "Wait")
    dialog.get_by_role("button", name="tomorrow 09:00").click()
    verdict = dialog.locator(".st-key-verdict")
    expect(verdict).to_contain_text("It can be planned, but look first")
    expect(verdict).to_contain_text("A run planned for 08:35 usually still goes on then")
    expect(verdict).to_contain_text("It usually still goes on at 09:20, when this cron is planned again")
    expect(verdict).to_contain_text("Just before: Wait 08:35 (25 min earlier), Fail 08:50 (10 min earlier).")
    expect(verdict).to_contain_text("Just after: Greet 09:04 (4 min later), Wait 09:20 (20 min later).")
    assert serious(page) == []


def test_the_verdict_is_red_in_words_without_a_worker_and_tells_of_a_blackout(
    visit: Visitor, database_url: str
) -> None:
    nine = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    blackouts.add(
        ALICE, [blackouts.Period("Stocktaking", nine - timedelta(hours=1), nine + timedelta(hours=1))]
    )
    dialog = opened(visit(zone="UTC"))
    dialog.get_by_role("button", name="tomorrow 09:00").click()
    verdict = dialog.locator(".st-key-verdict")
    expect(verdict).to_contain_text("As things stand it would not run")
    expect(verdict).to_contain_text("No worker is alive")
    expect(verdict).to_contain_text("The blackout “Stocktaking” lies there")


def test_the_verdict_is_green_in_words_where_nothing_is_in_the_way(
    visit: Visitor, worker: None, database_url: str
) -> None:
    dialog = opened(visit())
    expect(dialog.locator(".st-key-verdict")).to_contain_text("Nothing is in its way")
    dialog.get_by_text("The exact command").click()
    expect(dialog.get_by_test_id("stCode").first).to_contain_text("world 1")


@pytest.mark.parametrize("button", ["Run again", "Schedule the same"])
def test_old_and_new_parameters_stand_beside_each_other_when_a_run_is_repeated(
    visit: Visitor, database_url: str, button: str
) -> None:
    run = executions.trigger(ALICE, "greet", {"name": "Ada"})
    page = visit(f"executions?id={run.id}")
    page.get_by_role("button", name=button).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The same parameters as before.")).to_be_visible()
    dialog.get_by_label("times").fill("4")
    dialog.get_by_label("times").press("Tab")
    expect(dialog.get_by_text("1 parameter is changed.")).to_be_visible()
    rows = dialog.get_by_role("row")
    expect(rows.filter(has_text="times")).to_contain_text("changed")
    expect(rows.filter(has_text="name")).not_to_contain_text("changed")
    expect(rows.filter(has_text="times").get_by_role("cell").first).to_have_text("1")


def chosen(page: Page) -> Locator:
    return page.locator(".st-key-selection")


def test_a_search_hides_what_is_chosen_and_does_not_take_it_away(visit: Visitor, database_url: str) -> None:
    page = visit()
    page.get_by_role("row").filter(has_text="Greet").get_by_role("checkbox").check()
    expect(chosen(page)).to_contain_text("1 selected")
    page.get_by_label("Search the catalogue").fill("fail")
    expect(page.get_by_role("rowheader")).to_have_count(1)
    expect(chosen(page)).to_contain_text("1 selected")
    page.get_by_role("row").filter(has_text="Fail").get_by_role("checkbox").check()
    expect(chosen(page)).to_contain_text("2 selected")
    page.get_by_label("Search the catalogue").fill("no such thing")
    expect(chosen(page)).to_contain_text("2 selected")
    page.get_by_label("Search the catalogue").fill("")
    expect(page.get_by_role("row").filter(has_text="Greet").get_by_role("checkbox")).to_be_checked()
    assert "selected=greet%2Cfail" in page.url


def test_a_batch_shows_its_next_ones_first(visit: Visitor, database_url: str) -> None:
    begin = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    plans = [
        schedules.Plan("greet", begin + timedelta(minutes=place), {"name": f"n{place}"})
        for place in range(130)
    ]
    made = schedules.plan_many(ALICE, plans)
    schedules.cancel(ALICE, made[0].id)
    page = visit(f"bulk?batch={made[0].batch_id}")
    expect(page.get_by_text('"name": "n1"', exact=True)).to_be_visible()
    expect(page.get_by_text('"name": "n100"', exact=True)).to_be_visible()
    expect(page.get_by_text('"name": "n101"', exact=True)).to_have_count(0)
