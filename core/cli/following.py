"""Following an execution to its end: its output as it comes, and its end as the exit code."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import click

from core import executions
from core.cli.answers import answer, document_of, length, note, say
from core.cli.exit_codes import FAILED
from core.errors import NotFound, Unavailable
from core.executions import OUTPUT_PAGE, UNFINISHED, Execution, Status

POLL_SECONDS = 0.5
# A database that restarts is back within this; after it, the command gives up.
AWAY_SECONDS = 60


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Lets Ctrl-C end the wait between two looks, not a look: in the middle of one it might be lost.

    Yields:
        What is set by Ctrl-C.
    """
    pressed = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


class _Patience:
    """Asks core, and goes on asking for a minute while the database is away.

    Args:
        pressed: set by Ctrl-C.
    """

    def __init__(self, pressed: threading.Event) -> None:
        self._pressed = pressed
        self._away_since: float | None = None

    def pause(self) -> None:
        """Waits for the next look.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        if self._pressed.wait(POLL_SECONDS):
            raise KeyboardInterrupt

    def execution(self, execution_id: UUID) -> Execution | None:
        """The execution as it is now; None while the database is away."""
        try:
            found = executions.get(execution_id)
        except Unavailable:
            self._wait()
            return None
        self._away_since = None
        return found

    def output(self, execution_id: UUID, after: int) -> list[executions.Chunk] | None:
        """What was printed after a piece; None while the database is away."""
        try:
            return executions.output_of(execution_id, after=after)
        except Unavailable:
            self._wait()
            return None

    def _wait(self) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            note("The database is away; waiting for it.")
        elif now - self._away_since > AWAY_SECONDS:
            raise Unavailable("the database cannot be reached; what runs goes on")
        self.pause()


def follow(execution_id: UUID, *, as_json: bool) -> None:
    """Prints the output of an execution until it ends, and ends the command as it ended."""
    ended = _followed(execution_id, as_json)
    if as_json:
        click.echo(json.dumps({"execution": document_of(ended)}, ensure_ascii=False))
    else:
        note(_end_of(ended))
    _exit(ended, "completed")


def finish(execution_id: UUID, *, as_json: bool, success: Status = "completed") -> None:
    """Waits for the end of an execution, and ends the command as it ended.

    Args:
        execution_id: which one.
        as_json: whether the execution is printed as JSON.
        success: the end that was wanted.
    """
    try:
        with _interruptible() as pressed:
            patience = _Patience(pressed)
            while (ended := patience.execution(execution_id)) is None or _goes_on(ended):
                if ended is not None and ended.retried_by is not None:
                    execution_id = ended.retried_by
                patience.pause()
    except KeyboardInterrupt:
        _leave(execution_id)
        raise
    if as_json:
        answer({"executionId": ended.id, "execution": ended})
    else:
        say(f"{ended.id}  {_end_of(ended)}")
    _exit(ended, success)


def _goes_on(present: Execution) -> bool:
    return present.status in UNFINISHED or present.retried_by is not None


def _followed(execution_id: UUID, as_json: bool) -> Execution:
    try:
        with _interruptible() as pressed:
            return _followed_until(_Patience(pressed), execution_id, as_json)
    except KeyboardInterrupt:
        _leave(execution_id)
        raise
    except NotFound:
        raise NotFound("id: the execution is there no more") from None


def _followed_until(patience: _Patience, execution_id: UUID, as_json: bool) -> Execution:
    last = -1
    while True:
        # First how it stands, then what it printed: nothing comes after its end.
        present = patience.execution(execution_id)
        while chunks := patience.output(execution_id, last):
            for chunk in chunks:
                _print(chunk, as_json)
            last = chunks[-1].seq
            if len(chunks) < OUTPUT_PAGE:
                break
        if chunks is not None and present is not None and present.status not in UNFINISHED:
            if present.retried_by is None:
                return present
            note(f"{_end_of(present)}; it is tried again: {present.retried_by}")
            execution_id, last = present.retried_by, -1
        patience.pause()


def _print(chunk: executions.Chunk, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document_of(chunk), ensure_ascii=False))
    else:
        click.echo(chunk.content, nl=False, err=chunk.stream != "stdout")


def _end_of(ended: Execution) -> str:
    took = "" if ended.duration_seconds is None else f" after {length(ended.duration_seconds)}"
    why = f": {ended.error_message}" if ended.error_message else ""
    return f"{ended.cron_name} {ended.status}{took}{why}"


def _leave(execution_id: UUID) -> None:
    note(f"\nThe run goes on; to see it again: python -m core tail {execution_id}")


def _exit(ended: Execution, success: Status) -> None:
    if ended.status != success:
        raise click.exceptions.Exit(FAILED)
