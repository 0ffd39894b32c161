"""The command line as people have it: a process, its exit code, and what it prints."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.settings import ROOT

SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def refusal(self) -> Any:
        return json.loads(self.err.splitlines()[-1])


Command = Callable[..., Answer]


def call(*arguments: object, given: str = "") -> Answer:
    """Runs a command to its end, which is never a traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "core", *(str(argument) for argument in arguments)],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return Answer(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def beside(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A command that runs beside the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core", *(str(argument) for argument in arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def eventually(holds: Callable[[], Any]) -> Any:
    """What the question answers once that is true of it."""
    until = time.monotonic() + SECONDS
    while not (found := holds()):
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.05)
    return found
