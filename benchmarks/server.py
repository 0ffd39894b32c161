"""The one PostgreSQL server that product and peers are measured against: the embedded one, as it comes."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from core import embedded

WORK = Path(__file__).parent / ".work"
SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
    "max_connections",
    "jit",
)


class Server:
    """A running server with databases to measure in; it ends with this process."""

    def __init__(self) -> None:
        self._alone = _alone()
        directory = WORK / "server"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self._url = embedded.start(directory)
        self._control = psycopg.connect(self._url, autocommit=True)
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            if self.settings()[setting] != "on":
                raise SystemExit(
                    f"{setting} is not on: what would be measured is no database that keeps its word"
                )

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))

    def fresh(self, database: str, template: str | None = None) -> str:
        """Makes a database anew, empty or as a copy; returns its address."""
        self.drop(database)
        copied = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
        self._control.execute(f"CREATE DATABASE {database}{copied}")
        self._control.execute("CHECKPOINT")
        return self.url(database)

    def drop(self, database: str) -> None:
        """Removes a database, whoever is connected."""
        self._control.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def settings(self) -> dict[str, str]:
        """The server's settings that matter here."""
        return {name: str(self._value(f"SHOW {name}")) for name in SETTINGS}

    def _value(self, statement: str) -> Any:
        row = self._control.execute(statement).fetchone()
        assert row is not None
        return row[0]


def machine() -> str:
    """This machine, by cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory"


def _alone() -> IO[bytes]:
    """Keeps a second benchmark from starting until what it returns is closed: each would spoil the other."""
    WORK.mkdir(exist_ok=True)
    lock = (WORK / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit("another benchmark is running here; wait for its end") from None
    return lock
