"""`make run` as a whole: everything starts, a schedule fires by itself, and Ctrl-C leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
import requests

from core.settings import ROOT, Settings
from tests.worker.waiting import until

STARTED_WITHIN_SECONDS = 120
STOPPED_WITHIN_SECONDS = 60


class Started:
    """What `make run` starts, on a free port and with data of its own."""

    def __init__(self, directory: Path, crons_file: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.data = directory / "data"
        self._log = directory / "log"
        given = {"HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": str(self.data)}
        unset = {name.upper() for name in Settings.model_fields}
        inherited = {name: value for name, value in os.environ.items() if name not in unset}
        with self._log.open("wb") as log:
            self.process = psutil.Popen(
                [sys.executable, "-m", "scripts.run"],
                cwd=ROOT,
                env={**inherited, **given, "CRONS_FILE": str(crons_file), "GRACE_SECONDS": "5"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def call(self, method: str, path: str, **given: Any) -> Any:
        secret = (self.data / "cron_secret").read_text()
        answer = requests.request(
            method,
            f"{self.address}/api/admin/cron-executions{path}",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=30,
            **given,
        )
        assert answer.ok, answer.text
        return answer.json()

    def answering(self) -> "Started":
        """Waits until it says that it is there."""
        ready = f"Crondesk is at {self.address}. Ctrl-C stops it."
        until(lambda: ready in self.log or self.process.poll() is not None, STARTED_WITHIN_SECONDS, self)
        assert ready in self.log, self.log
        return self

    def says(self, sentence: str, times: int) -> None:
        """Waits until it has said so, so many times."""
        until(lambda: self.log.count(sentence) == times, 60, self)

    @property
    def postmaster(self) -> int:
        return int((self.data / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    @property
    def is_ready(self) -> bool:
        return requests.get(f"{self.address}/readyz", timeout=30).ok

    def run_soon(self) -> str:
        """Plans a run in two seconds; its id."""
        soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        body = {"cronName": "greet", "scheduledAt": soon, "parameters": {"name": "Ann", "times": 2}}
        return str(self.call("POST", "/schedule", json=body)["scheduled"]["id"])

    def ended(self, schedule_id: str) -> Any:
        """The execution of a schedule, once it has ended."""

        def look() -> Any:
            executions = self.call("GET", "/")["executions"]
            of_it = [one for one in executions if one["scheduledId"] == schedule_id]
            return next((one for one in of_it if one["status"] in ("completed", "failed")), None)

        return until(look, 60, self)

    def __str__(self) -> str:
        return self.log

    def kill(self) -> None:
        for process in [*self.process.children(recursive=True), self.process]:
            process.kill()


@pytest.fixture
def crondesk(crons_file: Path) -> Iterator[Started]:
    # Not below pytest's own temporary directory: PostgreSQL as another user cannot enter it.
    with TemporaryDirectory(prefix="crondesk-run-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        started = Started(Path(directory), crons_file, port)
        yield started
        if started.process.is_running() and started.process.poll() is None:
            started.kill()


def test_one_command_starts_it_fires_and_ctrl_c_leaves_nothing(crondesk: Started) -> None:
    crondesk.answering()
    assert crondesk.is_ready
    assert (crondesk.data / "cron_secret").stat().st_mode & 0o777 == 0o600

    planned = crondesk.run_soon()
    execution = crondesk.ended(planned)
    assert execution["status"] == "completed"
    printed = crondesk.call("GET", f"/{execution['id']}/output")["output"]
    assert "".join(piece["content"] for piece in printed) == "hello Ann 2\n"
    [schedule] = crondesk.call("GET", "/schedule")["scheduled"]
    assert schedule["status"] == "triggered"
    assert schedule["triggeredAt"] >= schedule["scheduledAt"]

    below = crondesk.process.children(recursive=True)
    assert len(below) >= 2
    crondesk.process.send_signal(signal.SIGINT)
    assert crondesk.process.wait(STOPPED_WITHIN_SECONDS) == 0
    assert crondesk.log.rstrip().endswith("Crondesk has stopped.")
    assert "Traceback" not in crondesk.log
    _, left = psutil.wait_procs(below, timeout=10)
    assert left == []
    assert not (crondesk.data / "postgres" / "postmaster.pid").exists()


@pytest.mark.release
def test_a_postgresql_of_its_own_that_ends_is_started_again(crondesk: Started) -> None:
    crondesk.answering()
    below = crondesk.process.children()
    for number, restarts in ((signal.SIGKILL, 1), (signal.SIGINT, 2)):
        os.kill(crondesk.postmaster, number)
        crondesk.says("PostgreSQL runs again.", restarts)
        until(lambda: crondesk.is_ready, 30, crondesk)
        assert crondesk.ended(crondesk.run_soon())["status"] == "completed"
    assert crondesk.process.children() == below

    last = psutil.Process(crondesk.postmaster)
    crondesk.process.send_signal(signal.SIGINT)
    assert crondesk.process.wait(STOPPED_WITHIN_SECONDS) == 0
    psutil.wait_procs([last], timeout=10)
    assert not (crondesk.data / "postgres" / "postmaster.pid").exists()


def test_a_taken_port_says_so(tmp_path: Path, crons_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        started = Started(tmp_path, crons_file, port)
        assert started.process.wait(60) == 1
    assert started.log.startswith(f"PORT {port} on 127.0.0.1 cannot be used: ")
    assert "PORT=8601 make run" in started.log
    assert not (started.data / "postgres").exists()
