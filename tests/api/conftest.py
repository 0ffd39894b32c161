"""The REST API behind a real server, and somebody who calls it."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import uvicorn

from api.app import app
from core.settings import cron_secret
from tests.api.caller import Caller

TABLES = ("scheduled_cron_executions", "cron_executions", "cron_events")


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
