"""Crondesk as it is run: its real processes with their default settings, on a database of the benchmark."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psycopg

from benchmarks.measuring import Broken, wait_until
from benchmarks.server import WORK, Server
from core.settings import ROOT, Settings

CRONS = Path(__file__).parent / "crons.toml"
SECRET = "a-secret-of-the-benchmarks-only"
TEMPLATE = "crondesk_template"
START_SECONDS = 30
CONNECT_SECONDS = 0.5


class Product:
    """Crondesk on one database.

    Args:
        server: where the database is.
        database: its name; made anew, with all migrations applied.
        environment: what is set beside the defaults, if anything is.
    """

    def __init__(
        self, server: Server, database: str = "crondesk", environment: dict[str, str] | None = None
    ) -> None:
        self._extra = environment or {}
        if not _template_made(server):
            self.url = server.fresh(TEMPLATE)
            self.run("alembic", "upgrade", "head")
        self.url = server.fresh(database, TEMPLATE)
        self.database = psycopg.connect(self.url, autocommit=True)

    def environment(self) -> dict[str, str]:
        """The environment of its processes: of its settings only what a benchmark cannot do without."""
        names = {name.upper() for name in Settings.model_fields}
        return {
            **{name: value for name, value in os.environ.items() if name not in names},
            "DATABASE_URL": self.url,
            "DATA_DIR": str(WORK / "data"),
            "CRONS_FILE": str(CRONS),
            "CRON_SECRET": SECRET,
            **self._extra,
        }

    def run(self, module: str, *arguments: str) -> str:
        """Runs one of its modules to the end; returns what it printed."""
        ended = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        if ended.returncode:
            raise Broken(
                f"{module} {' '.join(arguments)} failed:\n{ended.stdout[-2000:]}{ended.stderr[-4000:]}"
            )
        return ended.stdout

    @contextlib.contextmanager
    def workers(self, count: int = 1) -> Iterator[list[subprocess.Popen[bytes]]]:
        """That many workers; they have started when the block begins, and end in good order after it."""
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(self.process("worker", place)) for place in range(count)]
            logs = [_log(f"worker.{place}") for place in range(count)]
            started = b"worker.started"
            wait_until(
                lambda: all(started in log.read_bytes() for log in logs),
                START_SECONDS,
                "the workers' start",
                0.02,
            )
            time.sleep(CONNECT_SECONDS)
            yield processes

    @contextlib.contextmanager
    def process(self, module: str, place: int = 0, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """One of its processes, logging to a file as a service does."""
        with _log(f"{module}.{place}").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=log,
            )
            try:
                yield process
                if process.poll() is not None:
                    raise Broken(f"{module} ended by itself:\n{_end_of(log)}")
            finally:
                end(process)

    @contextlib.contextmanager
    def held(self) -> Iterator[Callable[[], None]]:
        """Nobody fires until what it gives is called: then all begin together."""
        with psycopg.connect(self.url) as connection:
            connection.execute("LOCK TABLE scheduled_cron_executions IN SHARE ROW EXCLUSIVE MODE")
            yield connection.rollback

    def value(self, statement: str, **values: object) -> float:
        """The one number that a query yields."""
        row = self.database.execute(statement.encode(), values or None).fetchone()
        assert row is not None
        return float(row[0])

    def close(self) -> None:
        """Lets its database go."""
        self.database.close()


def serves(url: str) -> bool:
    """Whether something answers there, and well."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as response:
        return bool(response.status == 200)
    return False


def _log(name: str) -> Path:
    return WORK / f"{name}.log"


def _template_made(server: Server) -> bool:
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(server.url(TEMPLATE)) as connection:
        row = connection.execute("SELECT to_regclass('cron_events')").fetchone()
        return row is not None and row[0] is not None
    return False


def end(process: subprocess.Popen[bytes], seconds: float = 40) -> None:
    """Ends a process that was started here: SIGTERM, and SIGKILL if it does not listen."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_of(log: IO[bytes]) -> str:
    return Path(log.name).read_text(errors="replace")[-4000:]


def resident_megabytes(pid: int) -> float:
    """The memory that a process holds now (RSS)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise Broken(f"process {pid} is gone")


def seconds_of_cpu(pid: int) -> float:
    """User and system time that a process has used."""
    parts = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
