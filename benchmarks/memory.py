"""Memory of a worker after 100,000 firings; with --long also whether it is flat over ten minutes."""

import time
from statistics import mean

from benchmarks import filling, invariants
from benchmarks.measuring import Row, Section, Spread, Target, wait_until
from benchmarks.product import Product, resident_megabytes
from benchmarks.session import Session, main
from benchmarks.targets import target
from benchmarks.throughput import LEFT

DUE = 100_000
LONG_SECONDS = 600
A_SECOND = 200
WANTED_MB = 120.0
FLAT_MB = 3.0


def measure(session: Session) -> Section:
    """Resident memory of one worker process."""
    due = session.scaled(DUE)
    section = Section(
        "memory",
        "Memory of a worker, in MB",
        f"Resident set of one worker process: at its start and after {due:,} firings.",
        ["at its start", "afterwards"],
        unit="MB",
        lower_is_better=True,
    )
    runs = [_after_firings(session, due) for _ in session.runs(20)]
    before, afterwards = (Spread.of(sizes, 1) for sizes in zip(*runs, strict=True))
    section.rows = [
        Row(
            "Crondesk",
            f"default, {due:,} firings",
            [str(before), str(afterwards)],
            afterwards.median,
            ours=True,
        )
    ]
    reached = max(after for _, after in runs)
    section.targets = [
        Target(f"after {due:,} firings", f"≤ {WANTED_MB:g} MB", f"{reached:.0f} MB", reached <= WANTED_MB)
    ]
    if session.long:
        early, late = _long(session)
        cells = [f"{early:.1f} (2nd minute)", f"{late:.1f} (last minute)"]
        half = A_SECOND // 2
        settings = f"default, {LONG_SECONDS / 60:g} minutes, {half}/s over HTTP and {half}/s in the database"
        section.rows.append(Row("Crondesk", settings, cells, late, ours=True))
        section.targets.append(
            Target(
                "flat over ten minutes",
                f"≤ {FLAT_MB:g} MB more",
                f"{late - early:+.1f} MB",
                late - early <= FLAT_MB,
            )
        )
    return section


def _after_firings(session: Session, due: int) -> tuple[float, float]:
    product = Product(session.server)
    filling.due(product, due)
    filling.tidy(product)
    with product.held() as release, product.workers() as (worker,):
        before = resident_megabytes(worker.pid)
        release()
        wait_until(lambda: not product.value(LEFT), 180, "the end of the firings")
        time.sleep(1)
        after = resident_megabytes(worker.pid)
    invariants.check(product, due)
    product.close()
    session.say(f"Crondesk: {before:.1f} MB, then {after:.1f} MB")
    return before, after


def _long(session: Session) -> tuple[float, float]:
    """Memory in the second and in the last minute of a steady load."""
    product = Product(session.server)
    seconds = session.scaled(LONG_SECONDS)
    each = seconds * A_SECOND // 2
    samples: list[float] = []
    with target() as there, product.workers() as (worker,):
        for kind in ("noop", "http"):
            filling.steady(product, each, kind, seconds)
        product.database.execute("SELECT pg_notify('crondesk_due', extract(epoch FROM now())::text)")
        for _ in range(seconds + 10):
            time.sleep(1)
            samples.append(resident_megabytes(worker.pid))
        wait_until(lambda: not product.value(LEFT), 60, "the end of the firings")
        time.sleep(1)
        arrived = len(there.arrivals())
    invariants.check(product, 2 * each)
    product.close()
    session.say(f"after {2 * each:,} firings ({arrived:,} over HTTP): {samples[-1]:.1f} MB")
    minute = max(1, seconds // 10)
    return mean(samples[minute : 2 * minute]), mean(samples[-minute:])


if __name__ == "__main__":
    main(measure)
