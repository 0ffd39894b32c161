"""The target 'command': a child process in a process group of its own; no shell reads anything."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import IO
from uuid import UUID

from core.catalogue import WITHHELD, Cron, catalogue
from core.database import database_url
from core.errors import Invalid
from core.running import Run
from core.settings import ROOT, cron_secret
from core.targets.handing import to_command
from core.targets.output import Output

READ_SIZE = 65_536
TERM_GRACE_SECONDS = 5
PIPE_GRACE_SECONDS = 2
KILLED_PIPE_GRACE_SECONDS = 0.5


class NotStarted(Exception):
    """The program could not be started; the message is one sentence for a person."""


class Child:
    """A running command.

    Args:
        process: the child.
        output: takes what it prints.
    """

    def __init__(self, process: subprocess.Popen[bytes], output: Output) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._pid = process.pid
        self._end = _end_of(process)
        self._pipes = [
            _followed(process.stdout, partial(output.feed, "stdout")),
            _followed(process.stderr, partial(output.feed, "stderr")),
        ]

    async def wait(self) -> int:
        """Waits for the end of the command and of its output.

        Returns:
            The exit code; minus the signal's number where a signal ended it.
        """
        code = await asyncio.shield(self._end)
        # A grandchild may hold the pipes open for ever.
        _, waiting = await asyncio.wait(self._pipes, timeout=PIPE_GRACE_SECONDS)
        if waiting:
            self._signal(signal.SIGKILL)
            _, waiting = await asyncio.wait(waiting, timeout=KILLED_PIPE_GRACE_SECONDS)
            # A daemon that left the group keeps its ends of the pipes; ours are closed.
            for pipe in waiting:
                pipe.cancel()
        return code

    async def kill(self, term_seconds: float = TERM_GRACE_SECONDS) -> None:
        """Ends the whole process group: SIGTERM, and SIGKILL after so many seconds."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait([self._end], timeout=term_seconds)
        finally:  # also when the wait is cancelled
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)


# Callbacks, not tasks and streams: those took a third of what a short run costs the worker.
def _followed(pipe: IO[bytes], feed: Callable[[bytes], None]) -> asyncio.Future[None]:
    """Feeds on what comes through a pipe; done when its other ends are closed, and ours closes with it."""
    loop = asyncio.get_running_loop()
    closed: asyncio.Future[None] = loop.create_future()
    handle = pipe.fileno()
    os.set_blocking(handle, False)

    def take() -> None:
        try:
            data = os.read(handle, READ_SIZE)
        except BlockingIOError:
            return
        if data:
            feed(data)
        elif not closed.done():
            closed.set_result(None)

    def release(_: asyncio.Future[None]) -> None:
        loop.remove_reader(handle)
        pipe.close()

    closed.add_done_callback(release)
    loop.add_reader(handle, take)
    return closed


def _end_of(process: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """The exit code, once there is one."""
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, or one that has or allows no such call
        return asyncio.ensure_future(asyncio.to_thread(process.wait))
    loop = asyncio.get_running_loop()
    end: asyncio.Future[int] = loop.create_future()

    def take() -> None:
        loop.remove_reader(handle)
        os.close(handle)
        code = process.wait()
        if not end.done():
            end.set_result(code)

    loop.add_reader(handle, take)
    return end


def start(run: Run, cron: Cron, output: Output) -> Child:
    """Starts a cron's command.

    Parameters reach it three ways: as JSON on standard input, as CRON_PARAMETERS, and in the
    arguments' `{name}` placeholders, each of which stays within its one argument.

    Raises:
        NotStarted: there is no such program, or the system refuses it.
    """
    assert cron.command is not None
    try:
        handed = to_command(cron, run.parameters)
    except Invalid as error:
        raise NotStarted(f"not started: {error.message}") from None
    arguments, given = handed.arguments, handed.content
    environment = environment_of(cron, given, run.execution_id, run.schedule_id)
    try:
        # Not asyncio's: uvloop forks, which copies the tables of all of a worker's memory; this is a vfork.
        with _readable(given) as stdin:
            process = subprocess.Popen(
                arguments,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=ROOT / cron.working_directory,
                env=environment,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise NotStarted(f"cannot be started: {_reason(error, run, cron)}") from None
    return Child(process, output)


def _reason(error: OSError | ValueError, run: Run, cron: Cron) -> str:
    if not isinstance(error, OSError):
        return str(error)
    # As people may see it: a secret may stand even in the program's name.
    program = to_command(cron, run.parameters, fill=False).arguments[0]
    if not isinstance(error, FileNotFoundError):
        return f"{program}: {error.strerror}"
    found = (ROOT / cron.working_directory).is_dir()
    return f"{program if found else f'the directory {cron.working_directory}'} is not there"


def environment_of(
    cron: Cron, parameters: str, execution_id: UUID, schedule_id: UUID | None
) -> Mapping[str, str]:
    """The environment of a command: the worker's, without what is secret and its cron does not name."""
    withheld = (catalogue().secrets | WITHHELD) - set(cron.pass_environment)
    environment = _inherited(withheld).copy()
    own = {"DATABASE_URL": database_url, "CRON_SECRET": cron_secret}
    for name, read in own.items():
        if name in cron.pass_environment:
            environment[name] = read()
    environment |= {
        "CRON_NAME": cron.name,
        "CRON_PARAMETERS": parameters,
        "CRON_EXECUTION_ID": str(execution_id),
        "CRON_SCHEDULED_ID": str(schedule_id or ""),
    }
    return environment


@lru_cache(maxsize=100)
def _inherited(withheld: frozenset[str]) -> dict[str, str]:
    """The worker's environment as it began, which is read once: reading it took a tenth of a start."""
    environment = {name: value for name, value in os.environ.items() if name not in withheld}
    bin_directory = str(Path(sys.executable).parent)
    return environment | {
        "PATH": bin_directory + os.pathsep + environment.get("PATH", os.defpath),
        "PYTHONUNBUFFERED": "1",
    }


def _readable(text: str) -> IO[bytes]:
    """A file that holds the text: unlike a pipe, it never blocks whether it is read or not."""
    in_memory = hasattr(os, "memfd_create")  # not everywhere but on Linux
    file = os.fdopen(os.memfd_create("parameters"), "w+b") if in_memory else tempfile.TemporaryFile()  # noqa: SIM115
    file.write(text.encode())
    file.seek(0)
    return file


def ended(code: int) -> str | None:
    """What an exit code says to a person; None for success."""
    if code == 0:
        return None
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
