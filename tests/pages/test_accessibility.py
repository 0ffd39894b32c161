"""What axe finds on each page, in both themes, on a screen and on a phone."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from core import executions, schedules
from core.actors import Actor
from core.notifications import channels, rules
from tests.pages.conftest import Visitor

pytestmark = pytest.mark.release

ALICE = Actor("alice", "operator", "api")
# Of each field the least contrast of its edge with what lies around it, by its label (WCAG 1.4.11).
EDGES = """() => {
  const seen = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => seen(color).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0.05);
  const ground = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return seen(color)[3] === 0 ? ground(element.parentElement) : color;
  };
  const edged = (element) => parseFloat(getComputedStyle(element).borderTopWidth) > 0;
  const box = (field) => field.matches("[type=checkbox], [type=radio]")
    ? [...field.closest("label").querySelectorAll("div")].find(edged)
    : edged(field) ? field : box(field.parentElement);
  const fields = "input:not([type=hidden], [aria-hidden=true]), textarea, [role=spinbutton]";
  return [...document.querySelectorAll(`[role=dialog] :is(${fields})`)]
    .filter((field) => !field.closest("[aria-hidden=true]") && field !== document.activeElement)
    .map((field) => {
      const [edge, around] = [getComputedStyle(box(field)).borderTopColor, ground(box(field).parentElement)]
        .map(light).sort((one, other) => other - one);
      return [field.ariaLabel || field.type || field.role, Math.round(edge / around * 100) / 100];
    });
}"""
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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_edges_of_fields_stand_out(visit: Visitor, something: executions.Execution, dark: bool) -> None:
    channel = channels.add(ALICE, "On call", "json://example.org/")
    rules.add(ALICE, rules.Wish(channel.id, ["failed"], enabled=False))
    page = visit(dark=dark)
    page.get_by_role("button", name="Schedule: Greet").click()
    page.get_by_role("dialog").get_by_text("If it is late").click()
    deadline = page.get_by_role("dialog").get_by_label("Deadline: at most so many minutes late")
    deadline.fill("5")
    deadline.press("Tab")
    page.get_by_role("dialog").get_by_role("radiogroup", name="After its deadline").wait_for()
    edges = page.evaluate(EDGES)
    page = visit("notifications?view=rules", dark=dark)
    page.get_by_role("button", name="Change").click()
    page.get_by_role("dialog").get_by_role("checkbox").wait_for()
    edges += page.evaluate(EDGES)
    assert len(edges) >= 12
    assert [edge for edge in edges if edge[1] < 3] == []


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
    expect(page.locator(".st-key-undo")).to_contain_text("Planned: Greet")
