"""What holds on every page and in every dialog: nobody is kept out, and no outside host is asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from playwright.sync_api import Page, expect

from core import blackouts, executions, schedules, series
from core.actors import Actor
from core.blackouts import Period
from core.notifications import channels, rules
from tests.pages.conftest import Outage, Visitor
from tests.pages.test_accessibility import serious

pytestmark = pytest.mark.release

ALICE = Actor("alice", "operator", "api")
ADMIN = Actor("ada", "admin", "api")
AWAY = {"en": "The database cannot be reached.", "fr": "La base de données est injoignable."}
PLACES = (
    "",
    "scheduled",
    "scheduled?status=failed",
    "scheduled?id={schedule}",
    "calendar",
    "calendar?view=week",
    "calendar?view=day",
    "executions",
    "executions?id={execution}",
    "statistics",
    "series",
    "series?view=held",
    "series?view=blackouts",
    "series?new=greet",
    "series?id={series}",
    "notifications",
    "notifications?view=rules",
    "notifications?view=channels",
    "bulk?way=grid",
    "bulk?way=csv",
    "bulk?way=fill&crons=greet,nothing",
    "bulk?batch={batch}",
)
# A page, and the button that opens a dialog there, in English and in French.
DIALOGS = {
    "plan": ("", "Schedule: Greet", "Planifier\u00a0: Saluer"),
    "run now": ("", "Run now: Greet", "Exécuter\u00a0: Saluer"),
    "change": ("scheduled", "Change: Greet", "Modifier\u00a0: Saluer"),
    "cancel": ("scheduled", "Cancel: Greet", "Annuler\u00a0: Saluer"),
    "move all": ("scheduled", "Move all…", "Tout déplacer…"),
    "cancel all": ("scheduled", "Cancel all…", "Tout annuler…"),
    "quiet": ("calendar", "Find a quiet slot", "Trouver un créneau calme"),
    "stop": ("executions?id={execution}", "Stop the run", "Arrêter l’exécution"),
    "blackout": ("series?view=blackouts", "Add a blackout", "Ajouter une période exclue"),
    "rule": ("notifications?view=rules", "Add a rule", "Ajouter une règle"),
    "channel": ("notifications?view=channels", "Add a channel", "Ajouter un canal"),
}


@pytest.fixture
def something(database: psycopg.Connection) -> dict[str, str]:
    """Something on each page; the ids of what the links name."""
    soon = datetime.now(UTC) + timedelta(minutes=40)
    planned = [schedules.plan(ALICE, "greet", soon + timedelta(hours=place)) for place in range(3)]
    batch = schedules.plan_many(ALICE, [schedules.Plan("greet", soon, {"name": "Ada"})])
    lost = schedules.plan(ALICE, "greet", soon)
    database.execute("SELECT mark_scheduled_cron_failed(%s, 'not sent: nobody is there')", [lost.id])
    run = executions.trigger(ALICE, "greet")
    database.execute(
        "UPDATE cron_executions SET status = 'running', started_at = now(), heartbeat_at = now() "
        "WHERE id = %s",
        [run.id],
    )
    daily = series.create(ALICE, "greet", {"kind": "daily", "at": "10:00"}, "Europe/Paris")
    blackouts.add(ALICE, [Period("Freeze", soon, soon + timedelta(days=1), None)])
    call = channels.add(ADMIN, "On call", "json://127.0.0.1:9/hook")
    rules.add(ADMIN, rules.Wish(channel_id=call.id, events=["failed"]))
    return {
        "schedule": str(planned[0].id),
        "batch": str(batch[0].batch_id),
        "execution": str(run.id),
        "series": str(daily.id),
    }


def still(page: Page) -> None:
    """Waits until nothing is loaded any more."""
    page.get_by_role("heading", level=1).wait_for()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


def open_dialog(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()
    page.get_by_role("dialog").get_by_role("button").last.wait_for()


# From left to right; below the screen's edge one scrolls.
WHOLLY_SEEN = """element => {
  const box = element.getBoundingClientRect(), group = element.parentElement.getBoundingClientRect();
  return box.left >= group.left - 1 && box.right <= Math.min(group.right, innerWidth) + 1;
}"""


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_nothing_on_a_phone_keeps_people_out_or_leaves_the_screen(
    visit: Visitor, dashboard: str, something: dict[str, str], locale: str
) -> None:
    page = visit(locale=locale, width=390)
    wrong = {}
    for place in PLACES:
        page.goto(f"{dashboard}/{place.format(**something)}")
        still(page)
        found = serious(page)
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            found.append("wider than the screen")
        for choice in page.get_by_role("radio").all():
            if not choice.evaluate(WHOLLY_SEEN):
                found.append(f"cut: {choice.inner_text()}")
        if found:
            wrong[place] = found
    assert wrong == {}


@pytest.mark.parametrize(("locale", "width", "dark"), [("en-GB", 1440, True), ("fr-FR", 390, False)])
def test_nothing_in_any_dialog_keeps_people_out(
    visit: Visitor, dashboard: str, something: dict[str, str], locale: str, width: int, dark: bool
) -> None:
    page = visit(locale=locale, width=width, dark=dark)
    wrong = {}
    for dialog, (place, english, french) in DIALOGS.items():
        page.goto(f"{dashboard}/{place.format(**something)}")
        open_dialog(page, french if locale == "fr-FR" else english)
        if found := serious(page):
            wrong[dialog] = found
    assert wrong == {}


def test_rows_with_problems_are_told_to_everybody(visit: Visitor, something: dict[str, str]) -> None:
    page = visit("bulk?way=csv")
    page.get_by_role("textbox").first.fill("cron,when\nnowhere,2031-01-01 10:00\ngreet,yesterday\n")
    page.get_by_role("textbox").first.press("Control+Enter")
    expect(page.get_by_text("2 rows have a problem.")).to_be_visible()
    assert serious(page) == []


def test_no_page_and_no_dialog_asks_an_outside_host(
    visit: Visitor, dashboard: str, something: dict[str, str]
) -> None:
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for place in PLACES:
        page.goto(f"{dashboard}/{place.format(**something)}")
        still(page)
    for place, english, _french in DIALOGS.values():
        page.goto(f"{dashboard}/{place.format(**something)}")
        open_dialog(page, english)
    assert len(asked) > 100
    assert {url for url in asked if not url.startswith((dashboard, "data:", "blob:"))} == set()


@pytest.mark.parametrize(
    ("locale", "code", "titles"),
    [
        (
            "en-GB",
            "en",
            {"": "Crons", "scheduled": "Scheduled", "statistics": "Metrics", "bulk": "Bulk planning"},
        ),
        ("fr-FR", "fr", {"": "Crons", "scheduled": "Planifications", "calendar": "Calendrier"}),
    ],
)
def test_each_page_says_its_name_and_its_language(
    visit: Visitor, database_url: str, locale: str, code: str, titles: dict[str, str]
) -> None:
    for path, title in titles.items():
        page = visit(path, locale=locale)
        expect(page).to_have_title(f"{title} · Crondesk")
        expect(page.locator("html")).to_have_attribute("lang", code)


@pytest.mark.parametrize(("locale", "code"), [("en-GB", "en"), ("fr-FR", "fr")])
def test_every_page_says_that_the_database_is_away_and_keeps_nobody_out(
    visit: Visitor, dashboard: str, database_url: str, outage: Outage, locale: str, code: str
) -> None:
    page = visit(locale=locale)
    with outage():
        for place in ("", "scheduled", "calendar", "executions", "statistics", "series", "notifications"):
            page.goto(f"{dashboard}/{place}")
            expect(page.get_by_text(AWAY[code], exact=False).first).to_be_visible()
            expect(page.get_by_test_id("stException")).to_have_count(0)
            assert serious(page) == [], place
    expect(page.get_by_text(AWAY[code], exact=False)).to_have_count(0)


@pytest.mark.parametrize("dialog", ["plan", "run now", "cancel", "cancel all", "blackout"])
def test_a_dialog_confirmed_while_the_database_is_away_says_so(
    visit: Visitor, something: dict[str, str], outage: Outage, dialog: str
) -> None:
    place, english, _french = DIALOGS[dialog]
    page = visit(place.format(**something))
    open_dialog(page, english)
    box = page.get_by_role("dialog")
    if dialog == "blackout":
        box.get_by_label("Name", exact=True).fill("Freeze")
        box.get_by_label("Name", exact=True).press("Enter")
        expect(box.get_by_role("button", name="Add", exact=True)).to_be_enabled()
    confirm = box.locator("[class*=confirm] button")
    expect(confirm).to_be_enabled()
    with outage():
        confirm.click()
        expect(page.get_by_text(AWAY["en"], exact=False).first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)


WAITING = {
    "scheduled": "",
    "scheduled?id={schedule}": "",
    "calendar": "",
    "plan": "dialog",
    "run now": "dialog",
}


@pytest.mark.parametrize("where", WAITING)
def test_wherever_somebody_waits_for_a_run_it_is_said_how_to_start_a_worker(
    visit: Visitor, something: dict[str, str], where: str
) -> None:
    place, english, _french = DIALOGS.get(where, (where, "", ""))
    page = visit(place.format(**something))
    if english:
        open_dialog(page, english)
    inside = page.get_by_role("dialog") if english else page
    told = inside.get_by_text("No worker is alive", exact=False).first
    expect(told).to_contain_text("python -m worker")


def test_a_queued_execution_says_that_nobody_takes_it(visit: Visitor, database: psycopg.Connection) -> None:
    run = executions.trigger(ALICE, "wait")
    page = visit(f"executions?id={run.id}")
    expect(page.get_by_text("No worker is alive").first).to_contain_text("python -m worker")
    database.execute(
        "INSERT INTO cron_workers (name, host, pid, version, ticked_at, slots) "
        "VALUES ('w', 'h', 1, '1', now(), 4)"
    )
    expect(page.get_by_text("No worker is alive")).to_have_count(0)


# A field's border turns into the primary colour of its theme.
FOCUS = """() => {
  const PRIMARY = ["rgb(79, 70, 229)", "rgb(98, 101, 240)"];
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (!element || element === document.body) return null;
  const told = element.outerHTML.slice(0, 120);
  // A field is outlined by the box around it.
  for (let box = element, step = 0; box && step < 5; box = box.parentElement, step += 1) {
    const style = getComputedStyle(box);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    const bordered = parseFloat(style.borderTopWidth) > 0 && PRIMARY.includes(style.borderTopColor);
    if (outlined || bordered || style.boxShadow !== "none") return [told, true];
  }
  return [told, false];
}"""


def focused_by_tab(page: Page, count: int) -> Iterator[tuple[str, bool]]:
    for _step in range(count):
        page.keyboard.press("Tab")
        if found := page.evaluate(FOCUS):
            yield tuple(found)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_focus_is_seen_on_every_kind_of_control(
    visit: Visitor, dashboard: str, something: dict[str, str], dark: bool
) -> None:
    page = visit(dark=dark)
    unseen: dict[str, list[str]] = {}
    for place in ("", "scheduled", "calendar?view=month", "series?new=greet", "bulk?way=fill&crons=greet"):
        page.goto(f"{dashboard}/{place}")
        still(page)
        hidden = {element for element, seen in focused_by_tab(page, 40) if not seen}
        if hidden:
            unseen[place] = sorted(hidden)
    assert unseen == {}
