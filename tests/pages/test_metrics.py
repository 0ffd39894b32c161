"""The page of metrics: its figures, charts, tables and downloads."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page, expect

from core import schedules
from core.actors import Actor
from tests.pages.conftest import Visitor
from tests.pages.test_accessibility import serious

ALICE = Actor("alice", "operator", "api")
PATH = "statistics"
CHARTS = ("executions", "success", "lateness", "durations", "hours")


@pytest.fixture
def history(database: psycopg.Connection) -> None:
    """Nine completed and one failed run of a day ago, forty completed ones of twenty days ago."""
    for days, status, count in ((1, "completed", 9), (1, "failed", 1), (20, "completed", 40)):
        begin = datetime.now(UTC) - timedelta(days=days, hours=1)
        database.execute(
            "INSERT INTO cron_executions (cron_name, status, target, queued_at, started_at, finished_at) "
            "SELECT 'greet', %s, 'command', %s, %s, %s FROM generate_series(1, %s)",
            [status, begin, begin, begin + timedelta(seconds=20), count],
        )
        database.execute(
            "INSERT INTO scheduled_cron_executions "
            "(cron_name, status, created_at, scheduled_at, due_at, triggered_at) "
            "SELECT 'greet', 'triggered', %s, %s, %s, %s FROM generate_series(1, %s)",
            [begin - timedelta(hours=1), begin, begin, begin + timedelta(milliseconds=40), count],
        )


def figure(page: Page, label: str) -> str:
    value = page.locator(".figure").filter(has_text=label).first.locator(".value > span").first
    value.wait_for()
    return value.inner_text()


@pytest.mark.parametrize(
    ("locale", "completed", "success", "rate", "month"),
    [
        ("en-GB", "Completed", "Success", "90%", "30 days"),
        ("fr-FR", "Réussie", "Réussite", "90\u202f%", "30 jours"),
    ],
)
def test_figures_are_of_the_time_that_is_chosen(
    visit: Visitor, history: None, locale: str, completed: str, success: str, rate: str, month: str
) -> None:
    page = visit(PATH, locale=locale)
    assert figure(page, completed) == "9"
    assert figure(page, success) == rate
    page.get_by_role("radio", name=month).click()
    expect(page).to_have_url(re.compile("range=30d"))
    expect(page.locator(".figure").filter(has_text=completed).first).to_contain_text("49")
    again = visit(f"{PATH}?range=24h", locale=locale)
    assert figure(again, completed) == "0"


@pytest.mark.release
@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_a_picture_with_words_a_table_and_a_download(
    visit: Visitor, history: None, chart: str, tmp_path: Path
) -> None:
    page = visit(PATH)
    card = page.locator(f".st-key-card-{chart}")
    expect(card.locator("canvas, svg.marks").first).to_be_visible()
    # Told to who does not see it.
    expect(card.locator('[aria-label*="."]').first).to_be_attached()
    card.get_by_role("button", name="As a table").click()
    table = page.get_by_role("table").filter(has=page.get_by_role("columnheader"))
    expect(table.last).to_be_visible()
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        card.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == f"crondesk-{chart}.csv"
    download.value.save_as(tmp_path / "chart.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "chart.csv").read_text(encoding="utf-8"))))
    assert rows
    if chart == "durations":
        assert float(rows[0]["median"]) == pytest.approx(20, rel=0.1)
    if chart == "lateness":
        assert float(rows[0]["p99"]) == pytest.approx(0.04, rel=0.1)
    if chart == "executions":
        assert [(row["completed"], row["failed"]) for row in rows] == [("9", "1")]


@pytest.mark.release
def test_what_is_next_and_what_is_wrong_stand_there(visit: Visitor, database_url: str) -> None:
    schedules.plan(ALICE, "greet", datetime.now(UTC) + timedelta(minutes=20))
    schedules.plan(ALICE, "wait", datetime.now(UTC) + timedelta(hours=3))
    page = visit(PATH)
    expect(page.get_by_role("alert").filter(has_text="No worker is alive")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Greet")).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text="Wait")).to_have_count(0)
    french = visit(PATH, locale="fr-FR")
    expect(french.get_by_role("alert").filter(has_text="Aucun worker")).to_be_visible()


@pytest.mark.release
def test_without_history_each_chart_says_what_to_do(visit: Visitor, database_url: str) -> None:
    page = visit(PATH)
    expect(page.get_by_text("Nothing in this time.")).to_have_count(len(CHARTS))


@pytest.mark.release
def test_own_dates_and_a_cron_live_in_the_address(visit: Visitor, history: None) -> None:
    day = (datetime.now(UTC) - timedelta(days=20, hours=1)).date().isoformat()
    page = visit(f"{PATH}?range=own&from={day}&to={day}&cron=greet", zone="UTC")
    assert figure(page, "Completed") == "40"
    other = visit(f"{PATH}?range=own&from={day}&to={day}&cron=wait", zone="UTC")
    assert figure(other, "Completed") == "0"
    # Of days that are not kept it shows the nearest that are, and says so.
    far = visit(f"{PATH}?range=own&from=2001-01-01&to=2099-01-01&cron=greet", zone="UTC")
    assert figure(far, "Completed") == "49"
    expect(far.get_by_text("there is nothing else to show")).to_be_visible()


@pytest.mark.release
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_in_the_metrics_keeps_people_out(
    visit: Visitor, history: None, dark: bool, width: int
) -> None:
    page = visit(PATH, dark=dark, width=width)
    page.locator(".st-key-card-hours canvas, .st-key-card-hours svg.marks").first.wait_for()
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
