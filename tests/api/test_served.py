"""The API as it is served: by itself, and beside the dashboard on one port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import requests

from core.settings import ROOT, cron_secret
from tests.api.caller import Caller, later

START_SECONDS = 60

DASHBOARD = """\
import streamlit as st
from api.app import routes

app = st.App({page!r}, routes=routes)
"""


@contextmanager
def running(*arguments: str, output: IO[bytes] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process in the project's directory, for the length of a block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            assert requests.get(url, timeout=5).status_code == 200
            return
        except (requests.ConnectionError, requests.Timeout):
            assert process.poll() is None, "it ended"
            assert time.monotonic() < until, "it does not answer"
            time.sleep(0.1)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_it_is_served_by_itself(database_url: str, port: int) -> None:
    with running("-m", "uvicorn", "api.app:app", "--port", str(port)) as process:
        root = f"http://127.0.0.1:{port}"
        wait_for(f"{root}/readyz", process)

        api = Caller(root, {"Authorization": f"Bearer {cron_secret()}"})

        assert api.plan()["status"] == "pending"
        assert api("GET", "/schedule").json()["count"] == 1


def test_it_is_served_beside_the_dashboard(database_url: str, port: int, tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text("import streamlit as st\nst.title('here')\n", encoding="utf-8")
    entry = tmp_path / "entry.py"
    entry.write_text(DASHBOARD.format(page=str(page)), encoding="utf-8")
    options = ("--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true")
    with running("-m", "streamlit", "run", str(entry), *options) as process:
        root = f"http://127.0.0.1:{port}"
        wait_for(f"{root}/healthz", process)

        api = Caller(root, {"Authorization": f"Bearer {cron_secret()}"})

        assert "<title>" in requests.get(f"{root}/", timeout=10).text
        assert requests.get(f"{root}/_stcore/health", timeout=10).status_code == 200
        scheduled = api.plan()
        moved = api("PATCH", f"/schedule/{scheduled['id']}", json={"scheduledAt": later(hours=2)})
        assert moved.status_code == 200
        assert api("DELETE", "/schedule", params={"id": scheduled["id"]}).status_code == 200
        assert api("POST", "/trigger", json={"cronName": "nothing"}).status_code == 202
        assert api("GET", "/").json()["count"] == api("GET", "").json()["count"] == 1
        assert api("GET", "//readyz").json()["migrations"] == "current"
        assert "crondesk_schedules_pending" in api("GET", "//metrics").text
        assert api("GET", "//api/docs").status_code == 200
        assert api("GET", "//api/docs/swagger-ui-bundle.js").status_code == 200
        assert api("GET", "//api/openapi.json").json()["paths"]
        for path in ("//api", "//api/nope"):
            assert api("GET", path).status_code == 404
            assert api("GET", path).json()["success"] is False
        assert Caller(root, {})("GET", "/schedule").status_code == 401


def test_the_access_log_of_a_server_names_no_secret(database_url: str, port: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        log.open("wb") as file,
        running("-m", "uvicorn", "api.app:app", "--port", str(port), output=file) as process,
    ):
        root = f"http://127.0.0.1:{port}"
        wait_for(f"{root}/readyz", process)
        requests.get(f"{root}/api/calendar/ann/open-sesame.ics?cron=nothing", timeout=10)
        requests.get(f"{root}/api/links/open-sesame", timeout=10)
        requests.post(f"{root}/api/links/open-sesame?x=1", timeout=10)
    said = log.read_text()
    assert "/api/calendar/ann/*****" in said
    assert said.count("/api/links/*****") == 2
    assert "sesame" not in said
