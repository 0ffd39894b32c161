"""The dashboard in a browser, with a million finished and 100,000 pending schedules."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.measuring import Row, Section, Spread, Target, wait_until
from benchmarks.product import Product, seconds_of_cpu, serves
from benchmarks.session import FINISHED, PENDING, Session, main
from scripts import chromium

PORT, BARE_PORT = 18482, 18483
VIEWERS, IDLE_SECONDS = 20, 15
COLD_VISITS, TIMES = 3, 5
COLD_MS, WARM_MS, ACTION_MS, IDLE_PERCENT = 1_500, 500, 300, 0.5
# A page by its link in the menu, and its path.
PAGES = {
    "Crons": "",
    "Scheduled": "scheduled",
    "Executions": "executions",
    "Metrics": "statistics",
    "Series": "series",
    "Calendar": "calendar",
    "Notifications": "notifications",
    "Bulk planning": "bulk",
}
# The page's own heading is there, its script has ended, and nothing stands in for what is to come.
INTERACTIVE = """
heading => {
    const app = document.querySelector('[data-testid="stApp"]');
    const title = document.querySelector('h1');
    return app && app.dataset.testScriptState === 'notRunning'
        && title && title.textContent.trim() === heading
        && !document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]');
}
"""

# Looked for at each frame: Playwright's own waiting looks at intervals of a tenth of a second.
SEEN = """
([selector, text]) => [...document.querySelectorAll(selector)]
    .some(element => element.checkVisibility() && element.textContent.trim() === text)
"""
# What was done is said beside its undo, the latest first; `before`: until when the one before it stands.
SAID = """
before => [...document.querySelectorAll('.st-key-undo *')].some(element => {
    const left = element.shadowRoot?.querySelector('[data-until]');
    return left && left.checkVisibility() && Number(left.dataset.until) > before;
})
"""


def measure(session: Session) -> Section:
    """Opening, acting and idling, beside a bare page of Streamlit's."""
    finished, pending = session.scaled(FINISHED), session.scaled(PENDING)
    section = Section(
        "pages",
        f"The dashboard in a browser, with {finished:,} finished and {pending:,} pending schedules, in ms",
        "Chromium, database, worker and dashboard share the machine. Cold: a browser that has never been "
        "there, from its request until the page's script has ended and nothing stands in for content. Warm: "
        "the same from a click in the menu. The first visit after the server's start is not among them: its "
        "row is of its own. Actions: from the click until what it opens or says can be seen.",
        ["cold", "warm", "warm, beside 20 viewers"],
        unit="ms, cold",
        lower_is_better=True,
    )
    product = session.stocked
    with ExitStack() as stack:
        stack.enter_context(product.workers())
        browser = stack.enter_context(_browser())
        bare = stack.enter_context(_served(product, "benchmarks/clients/bare_page.py", BARE_PORT))
        _open(browser, bare.address, "Bare")
        bare_cold = Spread.of(_open(browser, bare.address, "Bare") for _ in range(COLD_VISITS))
        dashboard = stack.enter_context(_served(product, "streamlit_app.py", PORT))
        first = _open(browser, dashboard.address, "Crons")
        session.say(f"the first visit after the server's start: {first:,.0f} ms")
        cold = {name: _cold(session, browser, dashboard.address, name) for name in PAGES}
        warm = _warm(session, browser, dashboard.address)
        actions = _actions(session, browser, dashboard.address)
        session.say(f"idle for {IDLE_SECONDS} s without and with {VIEWERS} viewers")
        idle = _cpu_share(dashboard.pid)
        with _viewers(browser, dashboard.address):
            watched = _cpu_share(dashboard.pid)
            crowded = _warm(session, browser, dashboard.address)
    each = max(0.0, watched - idle) / VIEWERS
    section.rows = [
        Row("Streamlit", "a page with a heading", [str(bare_cold), "-", "-"], bare_cold.median),
        *(
            Row(
                "Crondesk",
                name,
                [str(cold[name]), str(warm[name]), str(crowded[name])],
                cold[name].median,
                ours=True,
            )
            for name in PAGES
        ),
        Row("Crondesk", "first visit after the server's start", [f"{first:,.0f}", "-", "-"], ours=True),
        *(
            Row("Crondesk", f"action: {name}", ["-", str(took), "-"], ours=True)
            for name, took in actions.items()
        ),
        Row(
            "Crondesk",
            "share of a core for each idle viewer of Scheduled",
            ["-", "-", f"{each:.2f} %"],
            ours=True,
        ),
    ]
    section.targets = [
        _slowest("cold open of the slowest page", cold, COLD_MS),
        _slowest("warm open of the slowest page", warm, WARM_MS),
        _slowest(f"the same beside {VIEWERS} viewers on one process", crowded, WARM_MS),
        _slowest("the slowest action", actions, ACTION_MS),
        Target(
            "an idle viewer of Scheduled",
            f"< {IDLE_PERCENT} % of a core",
            f"{each:.2f} %",
            each < IDLE_PERCENT,
        ),
    ]
    return section


class _Dashboard:
    def __init__(self, address: str, pid: int) -> None:
        self.address = address
        self.pid = pid


@contextmanager
def _served(product: Product, script: str, port: int) -> Iterator[_Dashboard]:
    with product.process("streamlit", port, "run", script, "--server.port", str(port)) as process:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: serves(f"{address}/_stcore/health"), 30, "the dashboard's start")
        yield _Dashboard(address, process.pid)


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


def _visitor(browser: Browser) -> BrowserContext:
    return browser.new_context(
        locale="en-GB", timezone_id="Europe/Paris", viewport={"width": 1440, "height": 900}
    )


def _open(browser: Browser, address: str, heading: str) -> float:
    """Milliseconds until a page is interactive in a browser that has never been there."""
    context = _visitor(browser)
    page = context.new_page()
    took = _timed(lambda: page.goto(address), page, heading)
    context.close()
    return took


def _cold(session: Session, browser: Browser, address: str, name: str) -> Spread:
    took = Spread.of(_open(browser, f"{address}/{PAGES[name]}", name) for _ in range(COLD_VISITS))
    session.say(f"cold, {name}: {took}")
    return took


def _warm(session: Session, browser: Browser, address: str) -> dict[str, Spread]:
    """From page to page by the menu."""
    context = _visitor(browser)
    page = context.new_page()
    page.goto(address)
    _wait(page, "Crons")
    took: dict[str, list[float]] = {name: [] for name in PAGES}
    for _ in range(1 + TIMES):
        for name in [*list(PAGES)[1:], "Crons"]:
            link = page.get_by_role("link", name=name, exact=True)
            took[name].append(_timed(link.click, page, name))
    context.close()
    # The first round fetches what the browser has not seen yet.
    found = {name: Spread.of(values[1:]) for name, values in took.items()}
    session.say("warm: " + ", ".join(f"{name} {spread.median:.0f}" for name, spread in found.items()))
    return found


def _timed(act: Callable[[], object], page: Page, heading: str) -> float:
    began = time.perf_counter()
    act()
    _wait(page, heading)
    return (time.perf_counter() - began) * 1000


def _wait(page: Page, heading: str) -> None:
    page.wait_for_function(INTERACTIVE, arg=heading, timeout=60_000)


def _actions(session: Session, browser: Browser, address: str) -> dict[str, Spread]:
    """What people do most, from the click until it can be seen."""
    context = _visitor(browser)
    page = context.new_page()
    page.goto(address)
    _wait(page, "Crons")
    dialog, said = page.get_by_role("dialog"), page.locator(".st-key-undo [data-until]").first
    took: dict[str, list[float]] = {}

    def timed(name: str, act: Callable[[], object], shown: str, arg: object) -> None:
        page.wait_for_timeout(300)
        began = time.perf_counter()
        act()
        page.wait_for_function(shown, arg=arg)
        took.setdefault(name, []).append((time.perf_counter() - began) * 1000)

    def latest() -> float:
        return float(said.get_attribute("data-until") or 0) if said.count() else 0.0

    for _ in range(TIMES):
        schedule = page.get_by_role("button", name="Schedule: Nothing 1", exact=True)
        confirm = dialog.get_by_role("button", name="Schedule", exact=True)
        timed("open the schedule dialog", schedule.click, SEEN, ["[role=dialog] button", "Schedule"])
        timed("schedule", confirm.click, SAID, latest())
        dialog.wait_for(state="detached")
    page.goto(f"{address}/scheduled")
    _wait(page, "Scheduled")
    for _ in range(TIMES):
        cancel = page.get_by_role("button", name="Cancel: Nothing").first
        confirm = dialog.get_by_role("button", name="Cancel the run", exact=True)
        timed("ask to cancel", cancel.click, SEEN, ["[role=dialog] button", "Cancel the run"])
        timed("cancel", confirm.click, SAID, latest())
        dialog.wait_for(state="detached")
    context.close()
    found = {name: Spread.of(values) for name, values in took.items()}
    session.say("actions: " + ", ".join(f"{name} {spread.median:.0f}" for name, spread in found.items()))
    return found


@contextmanager
def _viewers(browser: Browser, address: str) -> Iterator[None]:
    """Twenty people who look at what is planned and do nothing."""
    contexts = [_visitor(browser) for _ in range(VIEWERS)]
    for context in contexts:
        page = context.new_page()
        page.goto(f"{address}/scheduled")
        _wait(page, "Scheduled")
    time.sleep(5)
    yield
    for context in contexts:
        context.close()


def _cpu_share(pid: int) -> float:
    """The share of a core that a process uses over a while, in percent."""
    before, began = seconds_of_cpu(pid), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return 100 * (seconds_of_cpu(pid) - before) / (time.monotonic() - began)


def _slowest(what: str, took: dict[str, Spread], limit: float) -> Target:
    name = max(took, key=lambda name: took[name].median)
    reached = took[name].median
    return Target(what, f"≤ {limit:,} ms", f"{reached:,.0f} ms ({name})", reached <= limit)


if __name__ == "__main__":
    main(measure)
