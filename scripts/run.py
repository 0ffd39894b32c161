"""Start Crondesk and keep it running: the dashboard with the REST API, and the worker.

Ctrl-C, SIGTERM or a closed terminal stops all of it in order; a second Ctrl-C stops it at once.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import psycopg

from core import embedded
from core.database import database_url
from core.errors import CrondeskError, Unavailable
from core.settings import Settings, cron_secret, settings

DATABASE_SECONDS = 30
ANSWER_SECONDS = 60
MIGRATION_GRACE_SECONDS = 10
DASHBOARD_GRACE_SECONDS = 10
WORKER_EXTRA_SECONDS = 10  # a margin: it ends within the grace by itself
WORKER_RESTARTS = 5
STEADY_SECONDS = 300  # what lived this long has got over what ended those before it
DATABASE_LOOK_SECONDS = 1
DATABASE_LONGEST_PAUSE_SECONDS = 60
TICK_SECONDS = 0.2


class Failed(Exception):
    """Crondesk cannot start or go on; the message says why."""


class StopAsked(Exception):
    """A signal asked for the end."""


class Child:
    """A Python process in a process group of its own, which the terminal's Ctrl-C passes by."""

    def __init__(self, name: str, *arguments: str, grace_seconds: float) -> None:
        self.name = name
        self.grace_seconds = grace_seconds
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},  # logs in a pipe come when they happen
            process_group=0,
        )

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def end(self) -> str:
        code = self.process.returncode
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class EmbeddedDatabase:
    """The PostgreSQL that comes with Crondesk: started again when it has ended, for as long as it takes.

    Those who use it need not start anew: its address stays.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.restarts = 0
        self.started = self.look_at = time.monotonic()

    def keep(self) -> None:
        """Start it if it has ended, each time after a longer pause."""
        now = time.monotonic()
        if now < self.look_at:
            return
        self.look_at = now + DATABASE_LOOK_SECONDS
        if embedded.lives(self.data_dir):
            return
        if now - self.started > STEADY_SECONDS:
            self.restarts = 0
        say("PostgreSQL has ended. Starting it again …")
        try:
            embedded.start_again(self.data_dir)
        except Unavailable as problem:
            say(f"{problem.message}.")
        else:
            say("PostgreSQL runs again.")
        self.started = time.monotonic()
        self.look_at = self.started + min(2**self.restarts, DATABASE_LONGEST_PAUSE_SECONDS)
        self.restarts += 1


class Supervisor:
    """Starts the processes in order, watches them, and stops them."""

    def __init__(self, chosen: Settings) -> None:
        self.chosen = chosen
        self.children: list[Child] = []
        self.stop_asked = False
        self.ctrl_cs = 0
        self.database: EmbeddedDatabase | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)

    def run(self) -> int:
        """Run until a signal or a failure, stop everything, and return the exit code."""
        exit_code = 0
        try:
            self.start_database()
            self.migrate()
            dashboard, worker = self.start_dashboard(), self.start_worker()
            self.wait_for_answer(dashboard)
            say(f"Crondesk is at {self.chosen.own_address}. Ctrl-C stops it.")
            self.watch(dashboard, worker)
        except StopAsked:
            pass
        except Failed as failure:
            say(str(failure))
            exit_code = 1
        return exit_code if self.stop() else 128 + signal.SIGINT

    def start_database(self) -> None:
        """Have a database that answers; an embedded one is held until this process ends."""
        if not self.chosen.database_url:
            say(f"Starting PostgreSQL in {self.chosen.data_dir} …")
        url = database_url()
        if not self.chosen.database_url:
            self.database = EmbeddedDatabase(self.chosen.data_dir)
        self.heed_signals()
        told, until = "", time.monotonic() + DATABASE_SECONDS
        while problem := connection_problem(url):
            if time.monotonic() > until:
                raise Failed(f"The database could not be reached within {DATABASE_SECONDS} s.")
            if problem != told:
                say(f"Waiting for the database: {problem}")
            told = problem
            self.rest(seconds=1)

    def migrate(self) -> None:
        say("Bringing the database up to date …")
        command = ("-m", "alembic", "upgrade", "head")
        migration = self.start("migration", *command, grace_seconds=MIGRATION_GRACE_SECONDS)
        while migration.runs:
            self.rest()
        if migration.process.returncode:
            raise Failed(f"The database could not be brought up to date ({migration.end}).")

    def start_dashboard(self) -> Child:
        say("Starting the dashboard and the worker …")
        command = ("-m", "streamlit", "run", "streamlit_app.py")
        host, port = self.chosen.host, str(self.chosen.port)
        where = ("--server.address", host, "--server.port", port)
        return self.start("dashboard", *command, *where, grace_seconds=DASHBOARD_GRACE_SECONDS)

    def start_worker(self) -> Child:
        grace_seconds = self.chosen.grace_seconds + WORKER_EXTRA_SECONDS
        return self.start("worker", "-m", "worker", grace_seconds=grace_seconds)

    def start(self, name: str, *arguments: str, grace_seconds: float) -> Child:
        self.heed_signals()
        child = Child(name, *arguments, grace_seconds=grace_seconds)
        self.children.append(child)
        return child

    def wait_for_answer(self, dashboard: Child) -> None:
        while not answers(self.chosen.reachable_host, self.chosen.port):
            self.rest(dashboard)
            if dashboard.age_seconds > ANSWER_SECONDS:
                raise Failed(f"The dashboard did not answer within {ANSWER_SECONDS} s.")

    def watch(self, dashboard: Child, worker: Child) -> None:
        """Start a worker that ended again, each time after a longer pause, but not for ever."""
        restarts = 0
        while True:
            self.rest(dashboard)
            if worker.runs:
                continue
            if worker.age_seconds > STEADY_SECONDS:
                restarts = 0
            if restarts == WORKER_RESTARTS:
                raise Failed(f"The worker ended ({worker.end}) after {restarts} new starts.")
            pause_seconds = 2**restarts
            restarts += 1
            say(
                f"The worker ended ({worker.end}). Starting it again in {pause_seconds} s"
                f" ({restarts} of {WORKER_RESTARTS} times) …"
            )
            self.rest(dashboard, seconds=pause_seconds)
            worker = self.start_worker()

    def rest(self, dashboard: Child | None = None, seconds: float = TICK_SECONDS) -> None:
        """Let time pass with a database, unless a signal asks for the end or the dashboard is gone."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.heed_signals()
            if dashboard and not dashboard.runs:
                raise Failed(f"The dashboard ended ({dashboard.end}).")
            if self.database:
                self.database.keep()
            time.sleep(TICK_SECONDS)

    def heed_signals(self) -> None:
        if self.stop_asked:
            raise StopAsked

    def stop(self) -> bool:
        """Ask every process to end, wait its grace, and kill what is left; False if cut short."""
        left = [child for child in self.children if child.runs]
        ctrl_cs, began, say_again = self.ctrl_cs, time.monotonic(), 2.0
        if left:
            say(f"Stopping {names(left)} …")
        for child in left:
            child.process.terminate()
        while left := [child for child in left if child.runs]:
            waited = time.monotonic() - began
            hurried = self.ctrl_cs > ctrl_cs
            for child in left:
                if hurried or waited > child.grace_seconds:
                    say(f"Ending {names([child])} after {waited:.0f} s without waiting longer.")
                    child.kill()
            if hurried:
                return False
            if waited > say_again:
                say(f"Waiting for {names(left)} to finish what runs; Ctrl-C again ends it at once.")
                say_again += 10
            time.sleep(TICK_SECONDS)
        say("Crondesk has stopped.")
        return True

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        # Only Ctrl-C counts twice: make hands a SIGTERM on that may have been sent to all alike.
        self.stop_asked = True
        self.ctrl_cs += number == signal.SIGINT


def port_problem(host: str, port: int) -> str | None:
    """Return what keeps this user from listening there, or None."""
    way_out = "Choose another, for example PORT=8601 make run."
    try:
        (family, kind, _, _, where), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind) as probe:
            # As the server will: a port whose last connections are only fading away is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen()
    except socket.gaierror:
        return f"HOST {host} is not an address of this machine."
    except OSError as error:
        return f"PORT {port} on {host} cannot be used: {error.strerror}. {way_out}"
    return None


def connection_problem(url: str) -> str | None:
    """Return why the database cannot be reached, or None."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        return " ".join(str(error).split())
    return None


def answers(host: str, port: int) -> bool:
    """Return whether the dashboard says it is healthy."""
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def names(children: list[Child]) -> str:
    return " and ".join(f"the {child.name}" for child in children)


def say(text: str) -> None:
    # Where the terminal was closed there is nobody to tell, but still everything to stop.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def main() -> int:
    """Start Crondesk if it can listen; return the exit code."""
    try:
        chosen = settings()
        cron_secret()  # one that cannot be used is told here, not to the first who calls
        if problem := port_problem(chosen.host, chosen.port):
            say(problem)
            return 1
        return Supervisor(chosen).run()
    except CrondeskError as error:
        say(error.message)
        return 1


if __name__ == "__main__":
    sys.exit(main())
