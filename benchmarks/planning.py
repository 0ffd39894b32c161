"""Planning: schedules created in bulk and one by one, through core and through the REST API."""

import json
import time

from benchmarks.measuring import Broken, Row, Section, Spread, Target, wait_until
from benchmarks.peers import Missing, Peer, graphile, pgqueuer
from benchmarks.product import SECRET, Product, serves
from benchmarks.session import Session, main

BULK, ONE, REST_ONE, PEERS = 100_000, 5_000, 4_000, 20_000
PORT = 18481
WANTED = {"bulk": 50_000, "one": 1_500, "rest bulk": 15_000, "rest one": 500, "p99": 10}


def measure(session: Session) -> Section:
    """The rates of all ways in, beside the peers'."""
    section = Section(
        "planning",
        "Schedules created a second",
        "By a client process of its own. In bulk: calls of 10,000 (the peers: of 1,000), each one "
        "transaction, every "
        "item validated. One by one: one client that waits for each commit. REST: `POST /schedule/batch` "
        "from one "
        "client, `POST /schedule` from eight at once, as fast as they are answered and at "
        "500 a second; server, client and database share the machine.",
        ["in bulk /s", "one by one /s", "p50 ms", "p99 ms"],
        unit="schedules/s in bulk",
    )
    core: dict[str, list[float]] = {"bulk": [], "one": []}
    rest: dict[str, list[float]] = {
        name: [] for name in ("bulk", "one", "p50", "p99", "calm p50", "calm p99")
    }
    for _ in session.runs(30):
        for name, value in _through_core(session).items():
            core[name].append(value)
        for name, value in _through_rest(session).items():
            rest[name].append(value)
    through_core = {name: Spread.of(values) for name, values in core.items()}
    through_rest = {
        name: Spread.of(values, 0 if name in ("bulk", "one") else 1) for name, values in rest.items()
    }
    cells = [str(through_rest[name]) for name in ("bulk", "one", "p50", "p99")]
    calm = ["-", "500", str(through_rest["calm p50"]), str(through_rest["calm p99"])]
    section.rows = [
        Row(
            "Crondesk",
            "default, through core",
            [str(through_core["bulk"]), str(through_core["one"]), "-", "-"],
            through_core["bulk"].median,
            ours=True,
        ),
        Row(
            "Crondesk",
            "default, REST, 8 clients as fast as they can",
            cells,
            through_rest["bulk"].median,
            ours=True,
        ),
        Row("Crondesk", "default, REST, 8 clients at 500/s in all", calm, ours=True),
    ]
    for peer in (graphile("1,000 in a call"), pgqueuer("1,000 in a call, uvloop")):
        try:
            section.rows.append(_peer(session, peer))
        except Missing as missing:
            section.notes.append(str(missing))
    figures = {
        "bulk": ("in bulk through core", through_core["bulk"].median),
        "one": ("one by one through core, 1 client", through_core["one"].median),
        "rest bulk": ("in bulk through REST", through_rest["bulk"].median),
        "rest one": ("one by one through REST, 8 clients", through_rest["one"].median),
    }
    section.targets = [
        Target(what, f"≥ {WANTED[name]:,}/s", f"{reached:,.0f}/s", reached >= WANTED[name])
        for name, (what, reached) in figures.items()
    ]
    for what, name in (("at 500/s", "calm p99"), ("as fast as they can", "p99")):
        p99 = through_rest[name].median
        section.targets.append(
            Target(f"p99 of REST, 8 clients {what}", "≤ 10 ms", f"{p99:.1f} ms", p99 <= WANTED["p99"])
        )
    return section


def _through_core(session: Session) -> dict[str, float]:
    product = Product(session.server)
    bulk, one = session.scaled(BULK), session.scaled(ONE)
    told: dict[str, float] = json.loads(
        product.run("benchmarks.clients.plan_through_core", str(bulk), str(one))
    )
    _check(product, bulk + one + 1000 + 100)
    session.say(f"Crondesk through core: {told['bulk']:,.0f}/s in bulk, {told['one']:,.0f}/s one by one")
    return told


def _through_rest(session: Session) -> dict[str, float]:
    product = Product(session.server)
    bulk, one = session.scaled(BULK) // 10_000 * 10_000, session.scaled(REST_ONE)
    arguments = ("api.app:app", "--port", str(PORT), "--no-access-log", "--log-level", "warning")
    with product.process("uvicorn", 0, *arguments):
        wait_until(lambda: serves(f"http://127.0.0.1:{PORT}/readyz"), 30, "the API's start")
        time.sleep(0.2)
        client = product.run("benchmarks.clients.plan_through_rest", str(PORT), SECRET, str(bulk), str(one))
    told: dict[str, float] = json.loads(client)
    _check(product, bulk + one + one // 2 + 200)
    session.say(f"Crondesk over REST: {told['bulk']:,.0f}/s in bulk, {told['one']:,.0f}/s one by one")
    return told


def _check(product: Product, planned: int) -> None:
    """All that was said to be planned is there, pending, and told of in the events."""
    there = product.value("SELECT count(*) FROM scheduled_cron_executions WHERE status = 'pending'")
    told = product.value(
        "SELECT sum(coalesce((details->>'count')::int, 1)) FROM cron_events WHERE kind LIKE "
        "'schedule%.created'"
    )
    product.close()
    if not there == told == planned:
        raise Broken(f"{planned:,} were planned, {there:,.0f} are there, and {told:,.0f} are told of")


def _peer(session: Session, peer: Peer) -> Row:
    session.peers.require(peer)
    rates: dict[str, list[float]] = {"bulk": [], "one": []}
    for _ in session.runs(60):
        url = session.peers.fresh(peer)
        told = json.loads(session.peers.run(peer, url, "enqueue", str(session.scaled(PEERS))))
        for name, value in told.items():
            rates[name].append(value)
    bulk, one = Spread.of(rates["bulk"]), Spread.of(rates["one"])
    session.say(f"{peer.name}: {bulk.median:,.0f}/s in bulk, {one.median:,.0f}/s one by one")
    return Row(session.peers.label(peer), peer.told, [str(bulk), str(one), "-", "-"], bulk.median)


if __name__ == "__main__":
    main(measure)
