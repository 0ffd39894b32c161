"""A worker as operators run it: `python -m worker`, a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.settings import ROOT
from tests.worker.waiting import until

RUN = "\nimport sys; from worker.__main__ import main; sys.exit(main())"


class WorkerProcess:
    """A started worker; its log is read from a file.

    Args:
        log: where its log goes.
        prelude: Python that runs in the process before the worker does.
        environment: variables besides those of this process.
    """

    def __init__(self, log: Path, prelude: str = "", **environment: str) -> None:
        self._log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, *(["-c", prelude + RUN] if prelude else ["-m", "worker"])],
                cwd=ROOT,
                env={**os.environ, "LOG_FORMAT": "json", **environment},
                stdin=subprocess.DEVNULL,
                stderr=file,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def name(self) -> str:
        return str(self.said("worker.started")[0]["name"])

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def said(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log with that event."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def started(self) -> "WorkerProcess":
        """Waits until it is ready to fire."""
        until(lambda: self.said("worker.started") or self.process.poll() is not None, 60, self)
        assert self.process.poll() is None, self.log
        return self

    def terminate(self, seconds: float = 30) -> int:
        """Sends SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(10)

    def __str__(self) -> str:
        return self.log
