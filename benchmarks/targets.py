"""The HTTP target of a measurement, seen from outside."""

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

from benchmarks.measuring import Broken, wait_until
from benchmarks.product import end
from core.settings import ROOT

PORT = 18480
URL = f"http://127.0.0.1:{PORT}"


class Target:
    """The target's process as the benchmark asks it."""

    def arrivals(self) -> dict[str, float]:
        """When each schedule's request arrived, by the schedule's id.

        Raises:
            Broken: one arrived twice.
        """
        told: list[tuple[float, str]] = json.loads(_get("/record"))
        found = {key: at for at, key in told}
        if len(found) != len(told):
            raise Broken(f"{len(told) - len(found):,} requests arrived twice")
        return found

    def forget(self) -> None:
        """Forgets what arrived."""
        _get("/forget")


@contextlib.contextmanager
def target() -> Iterator[Target]:
    """A target that serves within the block."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.clients.target", str(PORT)], cwd=ROOT)
    try:
        wait_until(_answers, 10, "the target's start")
        yield Target()
    finally:
        end(process, 5)


def _answers() -> bool:
    with contextlib.suppress(OSError):
        _get("/record")
        return True
    return False


def _get(path: str) -> bytes:
    with urllib.request.urlopen(URL + path, timeout=30) as response:
        answer: bytes = response.read()
    return answer
