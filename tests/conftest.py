"""What every test stands on: a real PostgreSQL, a fresh migrated database, settings of its own."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql

import core.catalogue.file
import core.database
import core.settings
import core.targets.command
from core.settings import ROOT, Settings
from tests.servers import postgresql

SECRET = "a-secret-of-the-tests-0123456789"

CRONS = """
[crons.nothing]
title = {{ en = "Do nothing", fr = "Ne rien faire" }}
noop = true

[crons.greet]
title = {{ en = "Greet", fr = "Saluer" }}
command = [
    "python", "-u", "-c",
    "import sys; print('hello', sys.argv[1], int(sys.argv[2]))", "{{name}}", "{{times}}",
]
overlap = "allow"

[crons.greet.parameters]
type = "object"
additionalProperties = false
[crons.greet.parameters.properties.name]
type = "string"
minLength = 1
maxLength = 100
default = "world"
[crons.greet.parameters.properties.times]
type = "integer"
minimum = 1
maximum = 10
default = 1

[crons.wait]
title = {{ en = "Wait", fr = "Attendre" }}
command = [
    "python", "-u", "-c",
    "import sys, time; print('waiting'); time.sleep(float(sys.argv[1])); print('done')", "{{seconds}}",
]
overlap = "forbid"

[crons.wait.parameters]
type = "object"
additionalProperties = false
[crons.wait.parameters.properties.seconds]
type = "number"
minimum = 0
maximum = 600
default = 60

[crons.fail]
title = {{ en = "Fail", fr = "Échouer" }}
command = ["python", "-u", "-c", "import sys; print('broken', file=sys.stderr); sys.exit(3)"]
overlap = "allow"

[crons.hook]
title = {{ en = "Call a hook", fr = "Appeler un service" }}
http = {{ url = "{http_url}" }}
"""


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The URL of a PostgreSQL on which databases may be made: TEST_DATABASE_URL, or an embedded one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with postgresql() as server:
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            # Thrown away at the end: it need not outlive the machine's power.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("SELECT pg_reload_conf()")
        yield url


@pytest.fixture(scope="session")
def template_database(database_server: str) -> Iterator[str]:
    """The name of a migrated, empty database that the tests' own ones are copied from."""
    with _made(database_server, "template1") as url:
        config = Config(str(ROOT / "alembic.ini"))
        address = url.replace("postgresql:", "postgresql+psycopg:", 1)
        config.set_main_option("sqlalchemy.url", address.replace("%", "%%"))
        command.upgrade(config, "head")
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def http_url() -> str:
    """Where the cron `hook` is POSTed to; a test that has a server there overrides this fixture."""
    return "http://127.0.0.1:9/"


@pytest.fixture
def crons_file(tmp_path_factory: pytest.TempPathFactory, http_url: str) -> Path:
    """The test's catalogue: nothing (noop), greet, wait (no overlap) and fail (commands), hook (http)."""
    path = tmp_path_factory.mktemp("catalogue") / "crons.toml"
    path.write_text(CRONS.format(http_url=http_url), encoding="utf-8")
    return path


@pytest.fixture
def environment(tmp_path: Path, crons_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings are the test's own, in this process and in those that it starts; without a database."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CRONS_FILE", str(crons_file))
    monkeypatch.setenv("CRON_SECRET", SECRET)
    _forget()
    yield
    _forget()


@pytest.fixture
def empty_database_url(
    database_server: str, environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of a database without tables that is this test's alone; DATABASE_URL names it."""
    with _made(database_server, "template1") as url:
        monkeypatch.setenv("DATABASE_URL", url)
        _forget()
        yield url
        _forget()


@pytest.fixture
def database_url(
    database_server: str, template_database: str, environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of a migrated database that is this test's alone; DATABASE_URL names it."""
    with _made(database_server, template_database) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        _forget()
        yield url
        _forget()


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the test's database, in autocommit."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def count(database: psycopg.Connection) -> Callable[[str], int]:
    """Counts the rows of a table now."""

    def rows(table: str) -> int:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        found = database.execute(query).fetchone()
        assert found is not None
        return int(found[0])

    return rows


@contextmanager
def _made(server: str, template: str) -> Iterator[str]:
    """A database for the length of a block, copied from the template; gives its URL."""
    name = f"test_{uuid4().hex}"
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    dropped = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(made)
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(dropped)


def _forget() -> None:
    """Lets core read its settings anew: what it keeps for the life of a process is given up."""
    if core.database.engine.cache_info().currsize:
        core.database.engine().dispose()
    for kept in (
        core.settings.settings,
        core.settings.cron_secret,
        core.database.database_url,
        core.database.engine,
        core.catalogue.file._file,
        core.targets.command._inherited,
    ):
        kept.cache_clear()
