"""The dashboard as its visitors meet it: a real server, a real browser, a real worker."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright
from psycopg import sql

import core.database
from core.settings import ROOT
from scripts import chromium
from tests.pages.waiting import eventually

expect.set_options(timeout=20_000)

Visitor = Callable[..., Page]
Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of a process."""
    with sync_playwright() as playwright:
        started = chromium.launch(playwright)
        yield started
        started.close()


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process for the length of a block."""
    started = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(timeout=30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@pytest.fixture
def dashboard(database_url: str) -> Iterator[str]:
    """The address of a dashboard on the test's database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{address}/_stcore/health", timeout=1).ok
        except requests.RequestException:
            return False

    with process("-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)):
        eventually(answers, seconds=30)
        yield address


@pytest.fixture
def worker(database: psycopg.Connection) -> Iterator[None]:
    """A worker on the test's database."""
    with process("-m", "worker"):
        eventually(lambda: database.execute("SELECT FROM cron_workers").fetchall(), seconds=30)
        yield


@pytest.fixture
def visit(browser: Browser, dashboard: str) -> Iterator[Visitor]:
    """Opens a page of the dashboard as a visitor with a language, a time zone and a screen of their own."""
    contexts = []

    def opened(
        path: str = "",
        *,
        locale: str = "en-GB",
        zone: str = "Europe/Paris",
        dark: bool = False,
        width: int = 1440,
    ) -> Page:
        context = browser.new_context(
            locale=locale,
            timezone_id=zone,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(f"{dashboard}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        # A click while the page is still being built can go to an element that is just replaced.
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def outage(database_server: str, database_url: str) -> Outage:
    """Takes the test's database away for the length of a block."""

    @contextmanager
    def away() -> Iterator[None]:
        name = urlsplit(database_url).path.removeprefix("/")
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        with psycopg.connect(database_server, autocommit=True) as server:
            server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
            try:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
                )
                yield
            finally:
                server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
                core.database.engine().dispose()

    return away
