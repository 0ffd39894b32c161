"""What millions of other rows cost: the same firings beside future and finished ones."""

import statistics

from benchmarks import filling, invariants
from benchmarks.measuring import Row, Section, Spread, Target
from benchmarks.peers import GRAPHILE_FAST, PGQUEUER_FAST, Missing, Peer
from benchmarks.product import Product
from benchmarks.session import Session, main
from benchmarks.throughput import RUNS, fire, product_rate

DUE = 100_000
PEERS_DUE = 20_000
BESIDE = 1_000_000
STEPS = (2_000_000, 5_000_000, 10_000_000)
WANTED = 0.95


def measure(session: Session) -> Section:
    """The rate beside a million future and a million finished rows, as a share of the rate without."""
    due, beside = session.scaled(DUE), session.scaled(BESIDE)
    section = Section(
        "scale",
        f"The same beside {beside:,} future and {beside:,} finished schedules",
        "Runs with and without the other rows take turns. The future ones were planned before those that "
        "are due, "
        "as is normal for a scheduler; the finished ones have their executions. Peers have only the future "
        "rows "
        f"beside {session.scaled(PEERS_DUE):,} due ones, for they delete what is finished.",
        ["without /s", "beside them /s", "ratio"],
        unit="ratio",
    )
    full = Product(session.server, "crondesk_full")
    rows: list[Row] = []
    try:
        session.say(f"filling {beside:,} future and {beside:,} finished rows")
        filling.future(full, beside)
        filling.finished(full, beside)
        without, with_them, fired = [], [], beside
        for _ in session.runs(60, RUNS):
            without.append(product_rate(session, 1, due))
            with_them.append(_beside(session, full, due, fired))
            fired += due
        rows.append(_row("Crondesk", "default", without, with_them, ours=True))
        if session.long:
            rows += _curve(session, full, due, beside, fired)
    finally:
        full.close()
        session.server.drop("crondesk_full")
    for peer in (GRAPHILE_FAST, PGQUEUER_FAST):
        try:
            rows.append(_peer(session, peer))
        except Missing as missing:
            section.notes.append(str(missing))
    section.rows = rows
    reached = rows[0].bar or 0.0
    section.targets = [
        Target(
            "rate beside a million future and a million finished rows",
            f"≥ {WANTED} of without",
            f"{reached:.2f}",
            reached >= WANTED,
        )
    ]
    return section


def _beside(session: Session, full: Product, due: int, fired: int) -> float:
    filling.due(full, due)
    filling.tidy(full)
    rate = fire(full, 1, due)
    invariants.check(full, fired + due)
    session.say(f"Crondesk, beside the other rows: {rate:,.0f}/s")
    return rate


def _curve(session: Session, full: Product, due: int, beside: int, fired: int) -> list[Row]:
    rows = []
    future, finished = beside, beside
    for step in (session.scaled(step) for step in STEPS):
        session.say(f"filling up to {step:,} future and finished rows each")
        filling.future(full, step - future)
        filling.finished(full, step - finished)
        fired += step - finished
        future = finished = step
        without, with_them = [], []
        for _ in session.runs():
            without.append(product_rate(session, 1, due))
            with_them.append(_beside(session, full, due, fired))
            fired += due
        settings = f"default, beside {step:,} and {step:,}"
        rows.append(_row("Crondesk", settings, without, with_them, ours=True))
    return rows


def _peer(session: Session, peer: Peer) -> Row:
    peers = session.peers
    peers.require(peer)
    due, beside = session.scaled(PEERS_DUE), session.scaled(BESIDE)
    rates: dict[int, list[float]] = {0: [], beside: []}
    full = ""
    for others in rates:
        for _ in session.runs(90):
            if not others or not full:
                full = peers.fresh(peer)
                if others:
                    peers.fill(full, peer.future, others)
            peers.fill(full, peer.due, due)
            peers.tidy(full)
            rates[others].append(peers.rate(peer, full, due, seconds=30))
            session.say(f"{peer.name}, beside {others:,}: {rates[others][-1]:,.0f}/s")
    return _row(peers.label(peer), peer.told, rates[0], rates[beside])


def _row(who: str, settings: str, without: list[float], beside: list[float], *, ours: bool = False) -> Row:
    ratio = statistics.median(beside) / statistics.median(without)
    return Row(who, settings, [str(Spread.of(without)), str(Spread.of(beside)), f"{ratio:.2f}"], ratio, ours)


if __name__ == "__main__":
    main(measure)
