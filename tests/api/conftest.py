"""The REST API behind a real server, and somebody who calls it."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import uvicorn

from api.app import app
from core.settings import cron_secret

BASE = "/api/admin/cron-executions"
TABLES = ("scheduled_cron_executions", "cron_executions", "cron_events")


@dataclass
class Caller:
    """Calls the API; `path` is relative to the base of the calls, or begins at the root with `//`."""

    root: str
    headers: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(self, method: str, path: str = "", **given: Any) -> requests.Response:
        headers = {**self.headers, **given.pop("headers", {})}
        url = self.root + (path[1:] if path.startswith("//") else BASE + path)
        return self.session.request(method, url, headers=headers, timeout=60, **given)

    def plan(self, **given: Any) -> dict[str, Any]:
        """Plans something that must be possible; the schedule as it is shown."""
        body = {"cronName": "nothing", "scheduledAt": later(), **given}
        response = self("POST", "/schedule", json=body)
        assert response.status_code == 201, response.text
        scheduled: dict[str, Any] = response.json()["scheduled"]
        return scheduled

    def another(self) -> "Caller":
        """Another one with connections of its own, for another thread."""
        return Caller(self.root, self.headers)


def later(**ahead: float) -> str:
    """An instant to come, as it goes over the wire: in an hour, where nothing else is said."""
    instant = datetime.now(UTC) + timedelta(**(ahead or {"hours": 1}))
    return instant.isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the API, served by uvicorn on a free port."""
    listening = socket.create_server(("127.0.0.1", 0))
    served = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=served.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    served.should_exit = True
    thread.join(10)


@pytest.fixture
def stranger(server: str, environment: None) -> Caller:
    """Calls without a token."""
    return Caller(server, {})


@pytest.fixture
def api(server: str, database_url: str) -> Caller:
    """Calls with the token, on a fresh database."""
    return Caller(server, {"Authorization": f"Bearer {cron_secret()}"})


@pytest.fixture
def rows(count: Callable[[str], int]) -> Callable[[], dict[str, int]]:
    """Counts the rows of all tables that a call could write to."""
    return lambda: {table: count(table) for table in TABLES}
