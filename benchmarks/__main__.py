"""Runs all benchmarks within 15 minutes and writes docs/performance.md: `python -m benchmarks`."""

import argparse
import sys

from benchmarks import commands, http, lateness, memory, pages, planning, queries, report, scale, throughput
from benchmarks.session import MINUTES, Session, carried_out, kept
from core.settings import ROOT

# The order of the report, and of the runs: what matters most comes first, should time run out.
ORDER = {
    "lateness": lateness.measure,
    "throughput": throughput.measure,
    "scale": scale.measure,
    "http": http.measure,
    "planning": planning.measure,
    "commands": commands.measure,
    "queries": queries.measure,
    "memory": memory.measure,
    "pages": pages.measure,
}


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rows, one run: to try it; writes no document"
    )
    parser.add_argument(
        "--long", action="store_true", help=f"also what makes it longer than {MINUTES} minutes"
    )
    parser.add_argument(
        "--write", action="store_true", help="measure nothing: write the document from what is kept"
    )
    asked = parser.parse_args()
    if not asked.write:
        session = Session(quick=asked.quick, long=asked.long, minutes=120 if asked.long else MINUTES)
        _ = session.peers
        for name, measure in ORDER.items():
            session.say(f"--- {name}")
            print(report.section(carried_out(measure, session)), flush=True)
    found = {section.name: (section, settings) for section, settings in kept()}
    sections = [found[name][0] for name in ORDER if name in found and not found[name][0].quick]
    if sections and not asked.quick:
        report.write(sections, found[sections[0].name][1])
        print(f"written: {report.DOCUMENT.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
