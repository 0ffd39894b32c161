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
    ready = f"Crondesk is at {crondesk.address}. Ctrl-C stops it."
    until(
        lambda: ready in crondesk.log or crondesk.process.poll() is not None, STARTED_WITHIN_SECONDS, crondesk
    )
    assert ready in crondesk.log, crondesk.log
    assert requests.get(f"{crondesk.address}/readyz", timeout=30).json()["success"] is True
    assert (crondesk.data / "cron_secret").stat().st_mode & 0o777 == 0o600

    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    planned = crondesk.call(
        "POST",
        "/schedule",
        json={"cronName": "greet", "scheduledAt": soon, "parameters": {"name": "Ann", "times": 2}},
    )["scheduled"]

    def ended() -> Any:
        [execution] = crondesk.call("GET", "/")["executions"] or [{"status": "none"}]
        return execution if execution["status"] in ("completed", "failed") else None

    execution = until(ended, 60, crondesk.log)
    assert (execution["status"], execution["scheduledId"]) == ("completed", planned["id"])
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


def test_a_taken_port_says_so(tmp_path: Path, crons_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        started = Started(tmp_path, crons_file, port)
        assert started.process.wait(60) == 1
    assert started.log.startswith(f"PORT {port} on 127.0.0.1 cannot be used: ")
    assert "PORT=8601 make run" in started.log
    assert not (started.data / "postgres").exists()
