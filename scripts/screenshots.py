"""Take the pictures of the documentation anew: of the shipped catalogue, with a history made up.

    python -m scripts.screenshots [DIRECTORY]
    python -m scripts.screenshots --all DIRECTORY [--only PART]

A database, a dashboard and a browser are started for it and thrown away. With --all every page and
dialog is taken in both languages and themes, on a screen and on a phone: to be looked at, not kept.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import requests
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from core.database import database_url
from core.settings import ROOT
from scripts import chromium
from scripts.made_up import Made, beat, make_up

PICTURES = ROOT / "docs" / "images"
SCREEN, PHONE = 1440, 390
# So few tell as much as millions, at a third of the size.
COLOURS = 256


@dataclass(frozen=True)
class Picture:
    """A picture: where, of what, and what is clicked before it is taken.

    Attributes:
        click: how the button's name begins, in English and in French.
    """

    name: str
    path: str
    click: tuple[str, str] | None = None
    dark: bool = False
    locale: str = "en-GB"
    width: int = SCREEN
    height: int = 900


INDEX = ("Schedule: Index documents", "Planifier\u00a0: Indexer des documents")
CHECK = ("Run now: Check a web address", "Exécuter\u00a0: Vérifier une adresse")


def main() -> int:
    """Take all pictures; return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", nargs="?", type=Path, default=PICTURES)
    parser.add_argument("--all", action="store_true", help="every page and dialog in every look")
    parser.add_argument("--only", default="", metavar="PART", help="those whose name holds it")
    asked = parser.parse_args()
    asked.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        # The settings are read when first asked for, here and in the processes that are started.
        os.environ["DATA_DIR"] = data
        os.environ.pop("DATABASE_URL", None)
        subprocess.run([sys.executable, "-m", "alembic", "upgrade", "head"], cwd=ROOT, check=True)
        with psycopg.connect(database_url(), autocommit=True) as connection:
            made = make_up(connection)
            wanted = every_look(pages(made)) if asked.all else pictures(made)
            with dashboard() as address, sync_playwright() as playwright:
                browser = chromium.launch(playwright)
                for picture in wanted:
                    if asked.only in picture.name:
                        beat(connection)
                        path = asked.directory / f"{picture.name}.png"
                        take(browser, address, picture, path)
                        print(path, flush=True)
    return 0


def pictures(made: Made) -> list[Picture]:
    """Return those of the documentation."""
    return [
        Picture("crons", ""),
        Picture("crons-dark", "", dark=True),
        Picture("schedule", "", INDEX, height=1100),
        Picture("scheduled", "scheduled"),
        Picture("calendar", "calendar", height=1000),
        Picture("execution", f"executions?id={made.running.id}", height=1100),
        Picture("metrics", "statistics", height=1100),
        Picture("series", "series"),
        Picture("bulk", "bulk?way=fill&crons=check-endpoint,disk-usage", height=1000),
        Picture("phone", "", locale="fr-FR", width=PHONE, height=844),
    ]


def pages(made: Made) -> list[Picture]:
    """Return one of each page and dialog."""
    return [
        Picture("crons", ""),
        Picture("crons-schedule", "", INDEX),
        Picture("crons-run", "", CHECK),
        Picture("scheduled", "scheduled"),
        Picture("scheduled-failed", "scheduled?status=failed"),
        Picture("scheduled-nothing", "scheduled?search=nowhere"),
        Picture("scheduled-one", f"scheduled?id={made.planned.id}"),
        Picture("scheduled-change", "scheduled", ("Change:", "Modifier\u00a0:")),
        Picture("scheduled-cancel", "scheduled", ("Cancel:", "Annuler\u00a0:")),
        Picture("scheduled-move-all", "scheduled", ("Move all…", "Tout déplacer…")),
        Picture("scheduled-cancel-all", "scheduled", ("Cancel all…", "Tout annuler…")),
        Picture("calendar-month", "calendar?view=month"),
        Picture("calendar-week", "calendar?view=week"),
        Picture("calendar-day", "calendar?view=day"),
        Picture("calendar-quiet", "calendar", ("Find a quiet slot", "Trouver un créneau calme")),
        Picture("executions", "executions"),
        Picture("executions-one", f"executions?id={made.running.id}"),
        Picture("executions-failed", f"executions?id={made.failed.id}"),
        Picture("metrics", "statistics"),
        Picture("series", "series"),
        Picture("series-held", "series?view=held"),
        Picture("series-blackouts", "series?view=blackouts"),
        Picture("series-new", "series?new=backup-database"),
        Picture("notifications", "notifications"),
        Picture("notifications-rules", "notifications?view=rules"),
        Picture("notifications-channels", "notifications?view=channels"),
        Picture("bulk", "bulk"),
        Picture("bulk-fill", "bulk?way=fill&crons=check-endpoint,disk-usage"),
        Picture("bulk-batch", f"bulk?batch={made.batch.batch_id}"),
    ]


def every_look(of: list[Picture]) -> list[Picture]:
    """Return each in both languages and themes, on a screen and on a phone."""
    return [
        replace(
            picture,
            name=f"{picture.name}-{locale[:2]}-{'dark' if dark else 'light'}-{width}",
            locale=locale,
            dark=dark,
            width=width,
            # Long enough for most of a page: what lies below is as much to be looked at.
            height=1400 if width == SCREEN else 1900,
        )
        for width in (SCREEN, PHONE)
        for dark in (False, True)
        for locale in ("en-GB", "fr-FR")
        for picture in of
    ]


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
    page.get_by_role("heading", level=1).wait_for()
    if picture.click:
        name = picture.click[picture.locale.startswith("fr")]
        page.get_by_role("button", name=name).first.click()
        page.get_by_role("dialog").get_by_role("button").last.wait_for()
    page.locator('[data-testid="stSkeleton"]').first.wait_for(state="detached")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    page.screenshot(path=path)
    context.close()
    with Image.open(path) as taken:
        few = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
