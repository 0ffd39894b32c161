"""What axe finds on each page, in both themes, on a screen and on a phone."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from core import executions, schedules
from core.actors import Actor
from tests.pages.conftest import Visitor

pytestmark = pytest.mark.release

ALICE = Actor("alice", "operator", "api")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def something(database: psycopg.Connection) -> executions.Execution:
    """Runs of each status and plans near and far; one execution with output."""
    for ahead in (timedelta(minutes=3), timedelta(hours=3)):
        schedules.plan(ALICE, "greet", datetime.now(UTC) + ahead, {"name": "Ada"})
    for status in ("completed", "failed", "cancelled", "running"):
        run = executions.trigger(ALICE, "greet", {"name": status})
        database.execute(
            "UPDATE cron_executions SET status = %s, started_at = now(), error_message = 'why' WHERE id = %s",
            [status, run.id],
        )
    for seq, stream in enumerate(("stdout", "stderr", "crondesk")):
        database.execute(
            "INSERT INTO cron_execution_output (execution_id, seq, stream, content) VALUES (%s, %s, %s, 'x')",
            [run.id, seq, stream],
        )
    return executions.get(run.id)


def serious(page: Page) -> list[str]:
    """What axe finds that keeps people out."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{violation['id']}: {[node['target'] for node in violation['nodes']]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_on_a_page_keeps_people_out(
    visit: Visitor, something: executions.Execution, dark: bool, width: int
) -> None:
    for path in ("", "scheduled", "executions", f"executions?id={something.id}"):
        page = visit(path, dark=dark, width=width)
        page.locator(".root").first.wait_for()
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        assert serious(page) == [], path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_in_a_dialog_keeps_people_out(
    visit: Visitor, something: executions.Execution, dark: bool
) -> None:
    for path, button in {"": "Schedule: Greet", "scheduled": "Cancel: Greet"}.items():
        page = visit(path, dark=dark)
        page.get_by_role("button", name=button).first.click()
        page.get_by_role("dialog").get_by_role("button").last.wait_for()
        assert serious(page) == [], button


def test_a_page_asks_no_outside_host(visit: Visitor, dashboard: str, something: executions.Execution) -> None:
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("", "scheduled", "executions", f"executions?id={something.id}"):
        page.goto(f"{dashboard}/{path}")
        page.locator(".root").first.wait_for()
    assert [url for url in asked if not url.startswith((dashboard, "data:", "blob:"))] == []


def test_a_plan_can_be_made_with_the_keyboard_alone(visit: Visitor, something: executions.Execution) -> None:
    page = visit()
    page.get_by_role("button", name="Schedule: Greet").focus()
    page.keyboard.press("Enter")
    confirm = page.get_by_role("dialog").get_by_role("button", name="Schedule", exact=True)
    expect(confirm).to_be_enabled()
    for _step in range(30):
        page.keyboard.press("Tab")
        if confirm.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stToast")).to_contain_text("Planned: Greet")
