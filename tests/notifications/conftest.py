"""A database, services that notifications arrive at, and workers that send them."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uvicorn

from api.app import app
from core.actors import Actor
from core.notifications import channels, rules
from core.settings import ROOT
from tests.notifications.receivers import Mailbox, Receiver

ALICE = Actor("alice", "operator", "dashboard")

CRONS = """
[crons.nothing]
title = {{ en = "Do nothing", fr = "Ne rien faire" }}
tags = ["quiet"]
noop = true

[crons.fail]
title = {{ en = "Fail", fr = "Échouer" }}
tags = ["loud"]
command = ["python", "-c", "import sys; sys.exit(3)"]
overlap = "allow"
"""


@pytest.fixture
def crons_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalogue") / "crons.toml"
    path.write_text(CRONS.format(), encoding="utf-8")
    return path


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.start()
    yield box
    box.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.released.set()
    server.down()


@pytest.fixture
def server(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The REST API, where PUBLIC_URL says it is."""
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    monkeypatch.setenv("PUBLIC_URL", address)
    served = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=served.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield address
    served.should_exit = True
    thread.join(10)


class Workers:
    """Worker processes of a test, and what they wrote into their logs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        path = self._directory / f"worker.{len(self.processes)}.log"
        with path.open("wb") as log:
            environment = {**os.environ, "LOG_FORMAT": "json", "GRACE_SECONDS": "1"}
            process = subprocess.Popen(
                [sys.executable, "-m", "worker"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.processes.append(process)
        until(lambda: "worker.started" in path.read_text() or process.poll() is not None, 30)
        assert process.poll() is None, path.read_text()
        return process

    @property
    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self._directory.glob("worker.*.log")))

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def workers(database: psycopg.Connection[Any], tmp_path: Path) -> Iterator[Workers]:
    """None is running until the test starts one."""
    found = Workers(tmp_path)
    yield found
    found.end()


@pytest.fixture
def rule(database: psycopg.Connection[Any]) -> Callable[..., UUID]:
    """Adds a channel for an address and a rule to it."""

    def add(address: str, *events: Any, **wish: Any) -> UUID:
        name = f"channel {len(channels.find()) + 1}"
        channel = channels.add(ALICE, name, address)
        return rules.add(ALICE, rules.Wish(channel.id, events, **wish))

    return add


@pytest.fixture
def ran(database: psycopg.Connection[Any]) -> Callable[..., UUID]:
    """Writes down an execution that ended, as a worker does."""

    def end(cron: str, status: str, *, seconds: float = 1, error: str | None = None) -> UUID:
        row = database.execute(
            "INSERT INTO cron_executions (cron_name, status, target, queued_at, started_at, worker) "
            "SELECT %s, 'running', 'command', at, at, 'w' "
            "FROM (SELECT now() - %s * interval '1 s' AS at) began RETURNING id",
            (cron, seconds),
        ).fetchone()
        assert row is not None
        database.execute(
            "UPDATE cron_executions SET status = %s, finished_at = now(), error_message = %s WHERE id = %s",
            (status, error, row[0]),
        )
        found: UUID = row[0]
        return found

    return end


@pytest.fixture
def told(database: psycopg.Connection[Any]) -> Callable[[], list[str]]:
    """The kinds of the outbox's rows, in the order they came."""

    def kinds() -> list[str]:
        return [row[0] for row in database.execute("SELECT kind FROM cron_notification_outbox ORDER BY id")]

    return kinds


@pytest.fixture
def due_now(database: psycopg.Connection[Any]) -> Callable[[], None]:
    """Lets what waits in the outbox be tried again now."""

    def moved() -> None:
        database.execute(
            "UPDATE cron_notification_outbox SET due_at = now() WHERE sent_at IS NULL AND given_up_at IS NULL"
        )
        database.execute("NOTIFY crondesk_outbox")

    return moved


def until(holds: Callable[[], Any], seconds: float = 10) -> None:
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)
