"""Runs of a command a second, output and result recorded, beside `xargs -P2` of the same command."""

import subprocess
import time
from statistics import median

from benchmarks import filling, invariants
from benchmarks.measuring import Row, Section, Spread, Target, wait_until
from benchmarks.product import Product
from benchmarks.session import Session, main

DUE = 3_000
WANTED = 0.5
RATE = """
SELECT count(*) / extract(epoch FROM max(finished_at) - min(started_at)) FROM cron_executions
"""


def measure(session: Session) -> Section:
    """The product beside xargs."""
    due = session.scaled(DUE)
    section = Section(
        "commands",
        f"Runs of a command a second, {due:,} due",
        "`true`, started by one worker with its default number of places: from the first `started_at` to "
        "the last "
        "`finished_at`; every run with a process group, a time limit, parameters on standard input, both "
        "streams read, "
        "and its result in the database.",
        ["runs /s", "share of xargs"],
        unit="runs/s",
    )
    ours: list[float] = []
    theirs: list[float] = []
    for _ in session.runs(30):
        ours.append(_product(session, due))
        theirs.append(_xargs(session, due))
    ratio = median(ours) / median(theirs)
    section.rows = [
        Row("Crondesk", "default", [str(Spread.of(ours)), f"{ratio:.2f}"], median(ours), ours=True),
        Row("xargs -P2", "records nothing", [str(Spread.of(theirs)), "1"], median(theirs)),
    ]
    section.targets = [Target("runs of `true`", f"≥ {WANTED} of xargs", f"{ratio:.2f}", ratio >= WANTED)]
    return section


def _product(session: Session, due: int) -> float:
    product = Product(session.server)
    filling.due(product, due, "command")
    filling.tidy(product)
    unfinished = """
        SELECT (SELECT count(*) FROM scheduled_cron_executions WHERE status = 'pending')
             + (SELECT count(*) FROM cron_executions WHERE status IN ('queued', 'running'))"""
    with product.held() as release, product.workers():
        release()
        wait_until(lambda: not product.value(unfinished), 120, "the end of the runs", 0.5)
    rate = product.value(RATE)
    invariants.check(product, due)
    product.close()
    session.say(f"Crondesk: {rate:,.0f}/s")
    return rate


def _xargs(session: Session, due: int) -> float:
    numbers = "\n".join(map(str, range(due))).encode()
    began = time.perf_counter()
    subprocess.run(["xargs", "-P2", "-n1", "true"], input=numbers, check=True)
    rate = due / (time.perf_counter() - began)
    session.say(f"xargs: {rate:,.0f}/s")
    return rate


if __name__ == "__main__":
    main(measure)
