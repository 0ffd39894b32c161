"""The Chromium that tests, pictures and measurements drive.

    python scripts/chromium.py

prints its path, and installs one if there is none. Looked for in this order: $CHROMIUM, the PATH,
Playwright's own. If none is there, Playwright downloads its own, and where it cannot, root gets
Debian's package.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

# Nothing that goes out by itself: no update, no synchronisation, no trial of QUIC.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def main() -> int:
    """Print the path and return 0, or say what to install and return 1."""
    browser = find() or download() or install_package()
    if browser is None:
        say("The browser tests need Chromium: install it, or name one with CHROMIUM=/path/to/it.")
        return 1
    print(browser)
    return 0


def launch(playwright: Playwright) -> Browser:
    """Start the browser that $CHROMIUM names, else the first one in the PATH, else Playwright's own."""
    named = next(filter(None, [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)]), None)
    return playwright.chromium.launch(executable_path=named, args=ARGUMENTS)


def find() -> str | None:
    """Return the first browser here that starts."""
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), playwrights_own()]
    return next((path for path in candidates if path and starts(path)), None)


def download() -> str | None:
    """Let Playwright download its browser."""
    say("No Chromium here; letting Playwright download one …")
    quietly(sys.executable, "-m", "playwright", "install", "chromium")
    if is_debian_root() and Path(playwrights_own()).exists():
        quietly(sys.executable, "-m", "playwright", "install-deps", "chromium")
    return find()


def install_package() -> str | None:
    """Install Debian's package."""
    if not is_debian_root():
        return None
    say("That did not work; installing the package chromium …")
    apt_get("update")
    apt_get("install", "--yes", "--no-install-recommends", "chromium", "fonts-liberation")
    return find()


def starts(path: str) -> bool:
    # Being there is not enough: Ubuntu's package is a shell, Playwright's may lack libraries.
    return shutil.which(path) is not None and quietly(path, "--version")


def playwrights_own() -> str:
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def is_debian_root() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def quietly(*command: str) -> bool:
    """Run a command without a word, and return whether it succeeded."""
    nowhere = subprocess.DEVNULL
    return not subprocess.run(command, stdin=nowhere, stdout=nowhere, stderr=nowhere).returncode


def apt_get(*arguments: str) -> None:
    """Run apt-get without questions; what it has to say is not for standard output."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", *arguments], stdout=sys.stderr, env=environment)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
