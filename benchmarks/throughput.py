"""Firings a second: 100,000 schedules that do nothing are due, and each leaves its execution row."""

from benchmarks import filling, invariants
from benchmarks.measuring import Row, Section, Spread, Target, wait_until
from benchmarks.peers import GRAPHILE_FAST, GRAPHILE_KEEPING, PGQUEUER_FAST, Missing, Peer
from benchmarks.product import Product
from benchmarks.session import Session, main

DUE = 100_000
# One run of a few seconds differs from the next by a tenth.
RUNS = 5
WORKERS = (1, 2)
WANTED = 40_000
LEFT = """
SELECT count(*) FROM (
    SELECT FROM scheduled_cron_executions WHERE status = 'pending' AND due_at <= now()
    ORDER BY due_at LIMIT 1) one
"""
RATE = """
SELECT %(due)s / extract(epoch FROM max(triggered_at) - min(triggered_at))
FROM (SELECT triggered_at FROM scheduled_cron_executions WHERE status = 'triggered'
      ORDER BY triggered_at DESC LIMIT %(due)s) newest
"""


def measure(session: Session) -> Section:
    """Product and peers, with one worker process and with two."""
    due = session.scaled(DUE)
    section = Section(
        "throughput",
        f"Firings a second, {due:,} due",
        f"{due:,} schedules of crons that do nothing are due, in a table of their own. Product: rows from "
        f"the first "
        "to the last `triggered_at`, all workers beginning together; each firing leaves its execution row. "
        "Peers: jobs from the first to the last one's start, which leaves out their last acknowledgement. "
        "pgqueuer logs a line of each job; graphile-worker deletes it without a trace, so it is measured "
        "once more with a row kept of each.",
        ["1 worker process /s", "2 worker processes /s"],
        unit="firings/s, 1 process",
    )
    rates = {
        count: Spread.of(product_rate(session, count, due) for _ in session.runs(20, RUNS))
        for count in WORKERS
    }
    section.rows.append(
        Row("Crondesk", "default", [str(rates[count]) for count in WORKERS], rates[1].median, ours=True)
    )
    for peer in (GRAPHILE_FAST, GRAPHILE_KEEPING, PGQUEUER_FAST):
        try:
            session.peers.require(peer)
            told = {
                count: Spread.of(peer_rate(session, peer, count, due) for _ in session.runs(90))
                for count in WORKERS
            }
        except Missing as missing:
            section.notes.append(str(missing))
            continue
        name = session.peers.label(peer)
        section.rows.append(Row(name, peer.told, [str(told[count]) for count in WORKERS], told[1].median))
    one, two = rates[1].median, rates[2].median
    section.targets = [
        Target("firings a second, 1 worker process", f"≥ {WANTED:,}", f"{one:,.0f}", one >= WANTED),
        Target("2 worker processes", "more than 1", f"{two:,.0f} beside {one:,.0f}", two > one),
    ]
    return section


def product_rate(session: Session, workers: int, due: int) -> float:
    """Firings a second of the product, in a table that holds nothing else."""
    product = Product(session.server)
    try:
        filling.due(product, due)
        filling.tidy(product)
        rate = fire(product, workers, due)
        invariants.check(product, due)
    finally:
        product.close()
    session.say(f"Crondesk, {workers} worker(s): {rate:,.0f}/s")
    return rate


def fire(product: Product, workers: int, due: int) -> float:
    """Lets workers fire what is due; returns the firings a second."""
    with product.held() as release, product.workers(workers):
        release()
        wait_until(lambda: not product.value(LEFT), 180, "the end of the firings")
    return product.value(RATE, due=due)


def peer_rate(session: Session, peer: Peer, workers: int, due: int) -> float:
    """Jobs a second of a peer."""
    url = session.peers.fresh(peer)
    session.peers.fill(url, peer.due, due)
    session.peers.tidy(url)
    rate = session.peers.rate(peer, url, due, workers)
    session.say(f"{peer.name}, {workers} worker(s): {rate:,.0f}/s")
    return rate


if __name__ == "__main__":
    main(measure)
