"""Take the pictures of the documentation anew: of the shipped catalogue, with a history made up.

    python -m scripts.screenshots [DIRECTORY]

A database, a dashboard and a browser are started for it and thrown away.
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import requests
from playwright.sync_api import Browser, sync_playwright

from core import executions, schedules
from core.actors import Actor
from core.database import database_url
from core.parameters import Parameters
from core.settings import ROOT

PICTURES = ROOT / "docs" / "images"
BROWSER_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
ALICE, BRUNO = Actor("alice", "operator", "api"), Actor("bruno", "operator", "dashboard")


@dataclass(frozen=True)
class Picture:
    """A picture: where, of what, and what is clicked before it is taken."""

    name: str
    path: str
    click: str | None = None
    dark: bool = False
    locale: str = "en-GB"
    width: int = 1440
    height: int = 900


@dataclass(frozen=True)
class History:
    """How a cron ran in the past: how often, how long, and what share of its runs failed."""

    cron: str
    by: str
    every: timedelta
    seconds: float
    failing: float
    error: str = "ended with exit code 1"


PAST = [
    History("backup-database", "alice", timedelta(days=1), 214, 0.03, "pg_dump: no space left on device"),
    History("check-endpoint", "bruno", timedelta(minutes=20), 2.1, 0.08),
    History("index-documents", "bruno", timedelta(hours=3), 37, 0.04),
    History("disk-usage", "alice", timedelta(hours=6), 5.2, 0.1),
    History("canary", "dashboard", timedelta(hours=1), 0.002, 0),
]
AHEAD: list[tuple[Actor, str, timedelta, Parameters]] = [
    (BRUNO, "check-endpoint", timedelta(minutes=4, seconds=40), {"url": "https://shop.example.com/health"}),
    (ALICE, "index-documents", timedelta(minutes=38), {"folder": "docs", "batchSize": 200}),
    (ALICE, "backup-database", timedelta(hours=2, minutes=30, seconds=30), {"keep": 14}),
    (BRUNO, "disk-usage", timedelta(hours=7), {"path": "/srv", "maxPercent": 85}),
    (BRUNO, "check-endpoint", timedelta(hours=9), {"url": "https://api.example.com/v1", "attempts": 5}),
    (ALICE, "backup-database", timedelta(days=1, hours=2), {}),
    (ALICE, "index-documents", timedelta(days=3, hours=5, minutes=10), {"folder": "docs/handbook"}),
]


def main() -> int:
    """Take all pictures; return 0."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        # The settings are read when first asked for, here and in the processes that are started.
        os.environ["DATA_DIR"] = data
        os.environ.pop("DATABASE_URL", None)
        subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], cwd=ROOT, check=True)
        with psycopg.connect(database_url(), autocommit=True) as connection:
            running = make_up(connection)
            with dashboard() as address, sync_playwright() as playwright:
                named = os.environ.get("CHROMIUM")
                browser = playwright.chromium.launch(executable_path=named, args=BROWSER_ARGUMENTS)
                for picture in pictures(running):
                    beat(connection)
                    take(browser, address, picture, target / f"{picture.name}.png")
                    print(target / f"{picture.name}.png")
    return 0


def pictures(running: executions.Execution) -> list[Picture]:
    """Return what is to be pictured."""
    return [
        Picture("crons", ""),
        Picture("crons-dark", "", dark=True),
        Picture("schedule", "", click="Schedule: Index documents for search", height=1100),
        Picture("scheduled", "scheduled"),
        Picture("execution", f"executions?id={running.id}", height=1100),
        Picture("phone", "", locale="fr-FR", width=390, height=844),
    ]


def make_up(connection: psycopg.Connection) -> executions.Execution:
    """Fill the database with a history and plans; return an execution that runs."""
    chance = random.Random(7)  # noqa: S311  the same pictures each time
    now = datetime.now(UTC)
    for history in PAST:
        for place in range(1, min(400, timedelta(days=30) // history.every)):
            began = now - place * history.every - chance.random() * history.every / 4
            failed = chance.random() < history.failing
            connection.execute(
                "INSERT INTO cron_executions (id, cron_name, status, triggered_by, target, worker, queued_at,"
                " started_at, finished_at, exit_code, error_message)"
                " VALUES (%s, %s, %s, %s, 'command', 'web-2:4711', %s, %s, %s, %s, %s)",
                (
                    id_at(began, chance),
                    history.cron,
                    "failed" if failed else "completed",
                    history.by,
                    began,
                    began,
                    began + timedelta(seconds=history.seconds * chance.uniform(0.7, 1.4)),
                    int(failed),
                    history.error if failed else None,
                ),
            )
    for actor, cron, ahead, parameters in AHEAD:
        schedules.plan(actor, cron, now + ahead, parameters)
    return running_now(connection)


def id_at(instant: datetime, chance: random.Random) -> str:
    """Return an identifier that holds the instant (RFC 9562, section 5.7)."""
    milliseconds = int(instant.timestamp() * 1000)
    return f"{milliseconds:012x}7{chance.randrange(16**3):03x}8{chance.randrange(16**15):015x}"


def running_now(connection: psycopg.Connection) -> executions.Execution:
    """Return an execution under way that has printed some lines."""
    run = executions.trigger(BRUNO, "index-documents", {"folder": "docs", "batchSize": 120})
    connection.execute(
        "UPDATE cron_executions SET status = 'running', worker = 'web-2:4711',"
        " started_at = now() - interval '24 seconds', heartbeat_at = now() WHERE id = %s",
        (run.id,),
    )
    for number in range(1, 19):
        untitled = number % 7 == 5
        line = f"docs/guide/chapter-{number:02}.md has no title; its file name is taken"
        connection.execute(
            "INSERT INTO cron_execution_output (execution_id, seq, stream, content) VALUES (%s, %s, %s, %s)",
            (
                run.id,
                number,
                "stderr" if untitled else "stdout",
                f"{line}\n" if untitled else f"{number * 5:>4} of 120  docs/guide/chapter-{number:02}.md\n",
            ),
        )
    return run


def beat(connection: psycopg.Connection) -> None:
    """Let a worker have been seen just now."""
    connection.execute(
        "INSERT INTO cron_workers (name, host, pid, version, ticked_at, clock_offset_ms, slots, running)"
        " VALUES ('web-2:4711', 'web-2', 4711, '0.1.0', now(), 2, 8, 1)"
        " ON CONFLICT (name) DO UPDATE SET beat_at = now(), ticked_at = now()"
    )


@contextmanager
def dashboard() -> Iterator[str]:
    """Run the dashboard for the length of the block; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        while not answers(address):
            if process.poll() is not None:
                raise SystemExit("The dashboard ended before it answered.")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    """Tell whether the dashboard is up."""
    try:
        return requests.get(f"{address}/_stcore/health", timeout=1).ok
    except requests.RequestException:
        return False


def take(browser: Browser, address: str, picture: Picture, path: Path) -> None:
    """Take one picture once the page stands still."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.dark else "light",
        locale=picture.locale,
        timezone_id="Europe/Paris",
        device_scale_factor=2 if picture.width < 600 else 1,
    )
    page = context.new_page()
    page.goto(f"{address}/{picture.path}")
    page.locator(".root").last.wait_for()
    if picture.click:
        page.get_by_role("button", name=picture.click).click()
        page.locator(".st-key-verdict").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)
    page.screenshot(path=path)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
