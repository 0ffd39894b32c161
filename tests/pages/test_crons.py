"""The page of the catalogue."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from playwright.sync_api import expect
from psycopg import sql

from core import executions, schedules
from core.actors import Actor
from tests.pages.conftest import Visitor

ALICE = Actor("alice", "operator", "api")


def test_the_page_says_how_things_stand(visit: Visitor, database: psycopg.Connection) -> None:
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=2, minutes=30, seconds=30))
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(days=2))
    for _run in range(3):
        executions.trigger(ALICE, "nothing")
    failed = executions.trigger(ALICE, "fail")
    running = executions.trigger(ALICE, "greet")
    database.execute(
        "UPDATE cron_executions SET status = 'failed', started_at = now(), finished_at = now() WHERE id = %s",
        [failed.id],
    )
    database.execute(
        "UPDATE cron_executions SET status = 'running', started_at = now() WHERE id = %s", [running.id]
    )
    page = visit()
    for label, value in {
        "Pending": "2",
        "Next": "2 h 30 min",
        "Running now": "1",
        "Success over 7 days": "75%",
    }.items():
        figure = page.locator(".figure").filter(has=page.get_by_text(label, exact=True))
        expect(figure.locator(".value")).to_contain_text(value)
    row = page.get_by_role("row").filter(has_text="Do nothing")
    expect(row.locator(".badge")).to_have_text("Completed")
    expect(row.get_by_role("img")).to_have_accessible_name("3 of the last 3 runs completed")
    expect(row.locator(".countdown")).to_have_text("2 h 30 min")
    never = page.get_by_role("row").filter(has_text="Wait")
    expect(never).to_contain_text("never")


def test_a_run_that_takes_longer_than_usual_is_told_wherever_it_stands(
    visit: Visitor, database: psycopg.Connection
) -> None:
    for _run in range(5):
        executions.trigger(ALICE, "nothing")
    database.execute("UPDATE cron_executions SET finished_at = started_at + interval '4 seconds'")
    run = executions.trigger(ALICE, "nothing")
    database.execute(
        "UPDATE cron_executions SET status = 'running', finished_at = NULL, "
        "started_at = now() - interval '10 minutes' WHERE id = %s",
        [run.id],
    )
    for path in ("", "executions", f"executions?id={run.id}"):
        slow = visit(path).locator(".elapsed.slow")
        expect(slow).to_have_text(re.compile(r"10\smin\s\d+\ss, longer than usual"))


def test_no_living_worker_is_told_in_red_and_a_living_one_with_its_last_tick(
    visit: Visitor, database: psycopg.Connection
) -> None:
    page = visit()
    expect(page.get_by_role("alert")).to_contain_text("No worker is alive")
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, ticked_at, clock_offset_ms, slots) "
        "VALUES ('w', 'here', 1, '1', now() - interval '3 seconds', 12.3, 4)"
    )
    expect(page.locator(".pulse.alive")).to_have_text(
        re.compile(r"worker: last tick \d+\ss ago, 0 overdue, clock offset 12\sms")
    )
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_catalogue_is_searched_in_the_reader_s_language(visit: Visitor, database_url: str) -> None:
    page = visit(locale="fr")
    rows = page.get_by_role("rowheader")
    expect(rows).to_have_count(5)
    page.get_by_label("Rechercher dans le catalogue").fill("échou")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Échouer")
    expect(page).to_have_url(re.compile("search="))
    page.get_by_label("Rechercher dans le catalogue").fill("nowhere")
    expect(page.get_by_text("Aucun cron ne correspond.", exact=False)).to_be_visible()


def test_a_cron_runs_now_with_parameters_once_that_is_confirmed(
    visit: Visitor, worker: None, database_url: str
) -> None:
    page = visit()
    page.get_by_role("button", name="Run now: Greet").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("times").fill("4")
    dialog.get_by_label("times").press("Tab")
    assert executions.find(executions.Filter()).count == 0
    dialog.get_by_role("button", name="Run now", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Greet")
    expect(page.get_by_role("log")).to_have_text("hello world 4\n")
    assert executions.find(executions.Filter()).rows[0].triggered_by == "dashboard"


def test_a_second_run_of_a_cron_that_runs_one_at_a_time_is_refused_in_a_sentence(
    visit: Visitor, database_url: str
) -> None:
    executions.trigger(ALICE, "wait")
    page = visit()
    page.get_by_role("button", name="Run now: Wait").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Run now", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("This cron is running already")


def test_a_mistake_in_the_catalogue_file_is_told_and_takes_nothing_down(
    visit: Visitor, crons_file: Path, database_url: str
) -> None:
    page = visit()
    expect(page.get_by_role("rowheader")).to_have_count(5)
    good = crons_file.read_text(encoding="utf-8")
    crons_file.write_text(good.replace("noop = true", 'noop = "yes"'), encoding="utf-8")
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="The catalogue file has a mistake")).to_contain_text(
        "noop"
    )
    expect(page.get_by_role("rowheader")).to_have_count(5)


def test_the_page_says_that_the_database_is_away_and_comes_back_with_it(
    visit: Visitor, database_server: str, database_url: str
) -> None:
    schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(days=1))
    page = visit("scheduled")
    expect(page.get_by_text("1 planned run")).to_be_visible()
    name = sql.Identifier(urlsplit(database_url).path.removeprefix("/"))
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(database_server, autocommit=True) as server:
        server.execute(allow.format(name, sql.SQL("false")))
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'")
        expect(page.get_by_text("The database cannot be reached.", exact=False).first).to_be_visible()
        page.reload()
        expect(page.get_by_text("The database cannot be reached.", exact=False).first).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)
        server.execute(allow.format(name, sql.SQL("true")))
    expect(page.get_by_text("1 planned run")).to_be_visible()
    expect(page.get_by_text("The database cannot be reached.", exact=False)).to_have_count(0)


def test_alerts_stand_where_people_land(visit: Visitor, database: psycopg.Connection) -> None:
    for _run in range(5):
        executions.trigger(ALICE, "nothing")
    database.execute("UPDATE cron_executions SET status = 'failed', started_at = now(), finished_at = now()")
    page = visit()
    expect(page.get_by_text("5 runs failed within 24 hours")).to_be_visible()
    expect(page.get_by_text("No worker is alive", exact=False)).to_have_count(1)
    page.get_by_role("link", name="Alerts").click()
    expect(page).to_have_url(re.compile("statistics"))
    expect(page.get_by_role("alert").filter(has_text="5 runs failed within 24 hours")).to_be_visible()
    in_french = visit(locale="fr-FR")
    expect(in_french.get_by_text("5 échecs en 24 heures")).to_be_visible()


def test_without_alerts_there_is_no_word_of_them(visit: Visitor, database: psycopg.Connection) -> None:
    page = visit()
    expect(page.get_by_text("Pending", exact=True).first).to_be_visible()
    expect(page.get_by_role("link", name="Alerts")).to_have_count(0)
