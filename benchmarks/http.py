"""Firings over HTTP, end to end: worker, database and target share the machine."""

from statistics import median

from benchmarks import filling, invariants
from benchmarks.measuring import Broken, Row, Section, Spread, Target, wait_until
from benchmarks.peers import PGQUEUER_POSTING
from benchmarks.product import Product
from benchmarks.session import Session, main
from benchmarks.targets import target

DUE = 20_000
WANTED, WANTED_RATIO = 4_000, 1.3


def measure(session: Session) -> Section:
    """The product beside pgqueuer, whose job makes the same request."""
    due = session.scaled(DUE)
    section = Section(
        "http",
        f"Firings over HTTP a second, {due:,} due",
        "One worker process; worker, database and a small target that answers 200 with a JSON body share "
        "the machine. "
        "Requests from the first to the last one's arrival, by the target's clock. Each schedule's request "
        "arrived "
        "once, and each left its execution row.",
        ["firings /s"],
        unit="firings/s",
    )
    ours: list[float] = []
    theirs: list[float] = []
    for _ in session.runs(40):
        ours.append(_product(session, due))
        theirs.append(_peer(session, due))
    section.rows = [
        Row("Crondesk", "default", [str(Spread.of(ours))], median(ours), ours=True),
        Row(
            session.peers.label(PGQUEUER_POSTING),
            PGQUEUER_POSTING.told,
            [str(Spread.of(theirs))],
            median(theirs),
        ),
    ]
    ratio = median(ours) / median(theirs)
    section.targets = [
        Target("firings over HTTP", f"≥ {WANTED:,}/s", f"{median(ours):,.0f}/s", median(ours) >= WANTED),
        Target("beside pgqueuer", f"≥ {WANTED_RATIO} times", f"{ratio:.2f} times", ratio >= WANTED_RATIO),
    ]
    return section


def _product(session: Session, due: int) -> float:
    product = Product(session.server)
    filling.due(product, due, "http")
    filling.tidy(product)
    pending = "SELECT count(*) FROM scheduled_cron_executions WHERE status = 'pending'"
    with target() as there:
        with product.held() as release, product.workers():
            release()
            wait_until(lambda: not product.value(pending), 120, "the end of the firings", 0.5)
        arrivals = there.arrivals()
    invariants.check(product, due)
    product.close()
    if len(arrivals) != due:
        raise Broken(f"{due:,} requests should have arrived: {len(arrivals):,} did")
    rate = due / (max(arrivals.values()) - min(arrivals.values()))
    session.say(f"Crondesk: {rate:,.0f}/s")
    return rate


def _peer(session: Session, due: int) -> float:
    peers, peer = session.peers, PGQUEUER_POSTING
    url = peers.fresh(peer)
    peers.fill(url, peer.due, due)
    peers.tidy(url)
    with target() as there:
        with peers.workers(peer, url):
            wait_until(lambda: not peers.left(peer, url), 120, f"{peer.name}'s requests", 0.5)
        arrivals = there.arrivals()
    if len(arrivals) != due:
        raise Broken(f"{peer.name}: {due:,} requests should have arrived: {len(arrivals):,} did")
    rate = due / (max(arrivals.values()) - min(arrivals.values()))
    session.say(f"{peer.name}: {rate:,.0f}/s")
    return rate


if __name__ == "__main__":
    main(measure)
