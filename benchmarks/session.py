"""One sitting of benchmarks: the server, the peers, how often each is run, and when it must end."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from benchmarks import filling, report
from benchmarks.measuring import Broken, Section
from benchmarks.peers import Peers
from benchmarks.product import Product
from benchmarks.server import WORK, Server, machine

RESULTS = WORK / "results"
RUNS = 3
MINUTES = 15
FINISHED, PENDING = 1_000_000, 100_000


class Session:
    """What a benchmark measures with.

    Args:
        quick: fewer rows and one run: for trying the benchmarks, not for figures.
        long: also what takes longer than 15 minutes in all.
    """

    def __init__(self, *, quick: bool = False, long: bool = False, minutes: float = MINUTES) -> None:
        WORK.mkdir(exist_ok=True)
        self.quick = quick
        self.long = long
        self.server = Server()
        self._ends = time.monotonic() + minutes * 60

    @cached_property
    def peers(self) -> Peers:
        """The peers; installed the first time they are asked for."""
        return Peers(self.server)

    @cached_property
    def stocked(self) -> Product:
        """The product after weeks of use: a million finished and 100,000 pending schedules, to be read."""
        finished, pending = self.scaled(FINISHED), self.scaled(PENDING)
        self.say(f"filling {finished:,} finished and {pending:,} pending rows")
        product = Product(self.server, "crondesk_stocked")
        filling.future(product, pending)
        filling.finished(product, finished)
        filling.tidy(product)
        return product

    def scaled(self, count: int) -> int:
        """That many, or a tenth of it when it must be quick."""
        return count // 10 if self.quick else count

    def runs(self, seconds_each: float = 0, count: int = RUNS) -> range:
        """How often to measure something: so many times, less where time runs out, never less than once."""
        if self.quick:
            return range(1)
        left = self._ends - time.monotonic()
        return range(max(1, min(count, int(left / seconds_each) if seconds_each else count)))

    def say(self, sentence: str) -> None:
        """Tells whoever waits what is being done."""
        print(f"  {sentence}", file=sys.stderr, flush=True)

    def settings(self) -> dict[str, str]:
        """What the figures depend on, for the report."""
        told = {
            "machine": machine(),
            "PostgreSQL": ", ".join(f"{name} {value}" for name, value in self.server.settings().items()),
            "Python": sys.version.split()[0],
        }
        return told | report.versions()

    def keep(self, section: Section) -> None:
        """Keeps what was measured for the report."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        told = {"section": section.as_dict(), "settings": self.settings()}
        (RESULTS / f"{section.name}.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


Measure = Callable[[Session], Section]


def main(measure: Measure) -> None:
    """Runs one benchmark by itself and prints its table."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rows, one run: to try it, not for figures"
    )
    parser.add_argument("--long", action="store_true", help="also what takes long")
    asked = parser.parse_args()
    session = Session(quick=asked.quick, long=asked.long, minutes=60)
    section = carried_out(measure, session)
    for what, value in session.settings().items():
        print(f"{what}: {value}")
    print()
    print(report.section(section))


def carried_out(measure: Measure, session: Session) -> Section:
    """Runs one benchmark and keeps its figures; an invariant that does not hold ends everything."""
    load, began = os.getloadavg()[0], time.monotonic()
    try:
        section = measure(session)
    except Broken as broken:
        raise SystemExit(f"{broken}") from None
    section.quick, section.long = session.quick, session.long
    section.load = f"{load:.1f}"
    session.say(f"{section.name}: {time.monotonic() - began:.0f} s")
    session.keep(section)
    return section


def kept() -> list[tuple[Section, dict[str, str]]]:
    """What was measured so far, with the settings it was measured under."""
    found = []
    for path in sorted(Path(RESULTS).glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        found.append((Section.from_dict(told["section"]), told["settings"]))
    return found
