"""What the lists and pages ask of the database, with a million finished and 100,000 pending schedules."""

import json
from typing import Any

from benchmarks.measuring import Row, Section, Target
from benchmarks.session import FINISHED, PENDING, Session, main

WANTED_MS = 20.0
NOTED = 12


def measure(session: Session) -> Section:
    """Each statement of each verb, by the server's own account."""
    finished, pending = session.scaled(FINISHED), session.scaled(PENDING)
    section = Section(
        "queries",
        f"Queries of the lists and pages, in ms, with {finished:,} finished and {pending:,} pending "
        f"schedules",
        "Every statement that the readings of the pages and of the REST API issue, "
        "planning and execution by EXPLAIN ANALYZE, median of three; first pages and pages after 20,000 "
        "rows; the pages of "
        "the dashboard and the REST API are made of these. The slowest statement of each verb is shown.",
        ["statements", "slowest ms"],
    )
    told: dict[str, list[dict[str, Any]]] = json.loads(
        session.stocked.run("benchmarks.clients.issue_queries")
    )
    over = []
    for what, statements in told.items():
        slowest = max(statements, key=lambda one: one["ms"])
        section.rows.append(
            Row("Crondesk", what.strip(), [str(len(statements)), f"{slowest['ms']:.2f}"], ours=True)
        )
        over += [(what, one) for one in statements if one["ms"] > WANTED_MS]
    section.rows.sort(key=lambda row: -float(row.cells[1]))
    count = sum(map(len, told.values()))
    worst = max(one["ms"] for statements in told.values() for one in statements)
    section.targets = [
        Target(
            f"each of {count} statements",
            f"≤ {WANTED_MS:g} ms",
            f"{count - len(over)} of them; worst {worst:.1f} ms",
            not over,
        )
    ]
    section.notes = [f"{what}: {one['ms']:.0f} ms: `{one['statement'][:300]}`" for what, one in over[:NOTED]]
    return section


if __name__ == "__main__":
    main(measure)
