"""Lateness: 500 schedules at random instants over 30 s, fired minus scheduled."""

import json
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from statistics import median

from benchmarks import invariants
from benchmarks.filling import fingerprint
from benchmarks.measuring import Broken, Row, Section, Spread, Target, percentile, wait_until
from benchmarks.peers import (
    CELERY,
    GRAPHILE_PUNCTUAL,
    PGQUEUER_PUNCTUAL,
    PROCRASTINATE_PUNCTUAL,
    Missing,
    Peer,
    redis,
)
from benchmarks.product import Product
from benchmarks.server import WORK
from benchmarks.session import Session, main
from benchmarks.targets import target

COUNT = 500
OVER_SECONDS = 30.0
LEAD_SECONDS = 4.0
WANTED_P99_MS, WANTED_MAX_MS = 2.0, 5.0
Lateness = list[float]


def measure(session: Session) -> Section:
    """The product over HTTP and in the database at the same time; the peers."""
    count = session.scaled(COUNT)
    section = Section(
        "lateness",
        f"Lateness of {count} one-offs at random instants over {OVER_SECONDS:g} s, in ms",
        "Product: its own record (`triggered_at` minus `scheduled_at`); over HTTP also by the clock of the "
        "target, a "
        "process that notes when each request arrives, the way there included. Peers: the job's first line "
        "minus its "
        "instant; they ran at the same time, and were given their best settings. The product's "
        "worker fires over HTTP and in the database at the same time, twice as much as each peer.",
        ["p50", "p99", "max", "min"],
        unit="ms, p99",
        lower_is_better=True,
    )
    over_http, at_target, in_database = zip(*(_run(session, count) for _ in session.runs(45)), strict=True)
    section.rows = [
        _row("Crondesk", "default, over HTTP, own record", over_http, ours=True),
        _row("Crondesk", "default, over HTTP, arrival at the target", at_target, ours=True),
        _row("Crondesk", "default, in the database (noop)", in_database, ours=True),
    ]
    section.rows += _peers(session, section, (PGQUEUER_PUNCTUAL, GRAPHILE_PUNCTUAL, CELERY), count)
    section.rows += _peers(session, section, _slow(session), count)
    for what, runs in (("over HTTP", over_http), ("in the database", in_database)):
        p99 = median(percentile(run, 0.99) for run in runs)
        worst = median(max(run) for run in runs)
        section.targets += [
            Target(f"p99, {what}", f"≤ {WANTED_P99_MS:g} ms", f"{p99:.2f} ms", p99 <= WANTED_P99_MS),
            Target(f"max, {what}", f"≤ {WANTED_MAX_MS:g} ms", f"{worst:.2f} ms", worst <= WANTED_MAX_MS),
        ]
    earliest = min(min(run) for run in over_http + in_database)
    section.targets.append(Target("never early", "≥ 0 ms", f"{earliest:.2f} ms", earliest >= 0))
    return section


def _slow(session: Session) -> tuple[Peer, ...]:
    """Those whose lateness is tens of milliseconds: measured where there is time for it."""
    return (PROCRASTINATE_PUNCTUAL,) if session.long else ()


def instants(count: int) -> list[float]:
    """Random instants, the same distribution in every run."""
    begin = time.time() + LEAD_SECONDS
    return sorted(begin + random.random() * OVER_SECONDS for _ in range(count))


def _run(session: Session, count: int) -> tuple[Lateness, Lateness, Lateness]:
    """Over HTTP by the own record and by the target's clock, and in the database."""
    product = Product(session.server)
    with target() as there, product.workers():
        last = max(_plan(product, cron, count) for cron in ("http-1", "noop-1"))
        time.sleep(max(0.0, last - time.time()))
        pending = "SELECT count(*) FROM scheduled_cron_executions WHERE status = 'pending'"
        wait_until(lambda: not product.value(pending), 30, "the last firing")
        invariants.check(product, 2 * count)
        arrivals = there.arrivals()
    over_http, in_database = (_own_record(session, product, cron) for cron in ("http-1", "noop-1"))
    seen = []
    rows = product.database.execute(
        "SELECT id::text, extract(epoch FROM scheduled_at) FROM scheduled_cron_executions "
        "WHERE cron_name = 'http-1'"
    )
    for schedule, instant in rows.fetchall():
        if schedule not in arrivals:
            raise Broken(f"the request of schedule {schedule} never arrived")
        seen.append((arrivals[schedule] - float(instant)) * 1000)
    product.close()
    return over_http, seen, in_database


def _plan(product: Product, cron: str, count: int) -> float:
    """Plans the cron at random instants, and returns the last of them."""
    planned = instants(count)
    with product.database.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO scheduled_cron_executions
                (cron_name, scheduled_at, due_at, parameters, created_by, checked)
            VALUES (%(cron)s, %(at)s, %(at)s, '{"customer": 1}', 'alice', %(checked)s)
            """,
            [
                {"cron": cron, "at": datetime.fromtimestamp(at, UTC), "checked": fingerprint(cron)}
                for at in planned
            ],
        )
    return planned[-1]


def _own_record(session: Session, product: Product, cron: str) -> Lateness:
    rows = product.database.execute(
        "SELECT extract(epoch FROM triggered_at - scheduled_at) * 1000 FROM scheduled_cron_executions "
        "WHERE cron_name = %s",
        [cron],
    )
    own = [float(row[0]) for row in rows]
    session.say(f"Crondesk, {cron}: p99 {percentile(own, 0.99):.2f} ms, max {max(own):.2f} ms")
    return own


def _peers(session: Session, section: Section, together: tuple[Peer, ...], count: int) -> list[Row]:
    """Measures peers side by side: at 17 jobs a second none is in the others' way."""
    here = []
    for peer in together:
        try:
            session.peers.require(peer)
            here.append(peer)
        except Missing as missing:
            section.notes.append(str(missing))
    runs: dict[str, list[Lateness]] = {peer.name: [] for peer in here}

    def all_begun(peer: Peer) -> bool:
        return session.peers.count(peer) >= count

    for _ in session.runs(120) if here else ():
        with ExitStack() as stack:
            urls = {peer.name: stack.enter_context(redis()) for peer in here if peer is CELERY}
            urls |= {peer.name: session.peers.fresh(peer) for peer in here if peer is not CELERY}
            for peer in here:
                stack.enter_context(session.peers.workers(peer, urls[peer.name]))
            time.sleep(3)
            last = 0.0
            for peer in here:
                planned = instants(count)
                last = max(last, planned[-1])
                path = WORK / f"{peer.package}.instants"
                path.write_text(json.dumps(planned), encoding="ascii")
                session.peers.run(peer, urls[peer.name], "plan", str(path))
            time.sleep(max(0.0, last - time.time()))
            for peer in here:
                wait_until(partial(all_begun, peer), 20, f"{peer.name}'s last job")
                late = [1000 * one for record in session.peers.records(peer) for one in record["lateness"]]
                runs[peer.name].append(late)
                session.say(f"{peer.name}: p99 {percentile(late, 0.99):.2f} ms, max {max(late):.2f} ms")
    return [_row(session.peers.label(peer), peer.told, runs[peer.name]) for peer in here]


def _row(who: str, settings: str, runs: Sequence[Lateness], *, ours: bool = False) -> Row:
    p99 = Spread.of((percentile(run, 0.99) for run in runs), 2)
    cells = [
        str(Spread.of((percentile(run, 0.5) for run in runs), 2)),
        str(p99),
        str(Spread.of(map(max, runs), 2)),
        str(Spread.of(map(min, runs), 2)),
    ]
    return Row(who, settings, cells, p99.median, ours)


if __name__ == "__main__":
    main(measure)
