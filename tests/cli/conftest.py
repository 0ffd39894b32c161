"""Commands on the test's database, and a worker that runs what they start."""

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from core.settings import ROOT
from tests.cli.command import Command, call, eventually


@pytest.fixture
def cli(database_url: str) -> Command:
    """Runs `python -m core …`."""
    return call


@pytest.fixture
def worker(database: psycopg.Connection) -> Iterator[None]:
    """A worker that lives as long as the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "worker"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: database.execute("SELECT FROM cron_workers").fetchall())
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
