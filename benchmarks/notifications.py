"""What rules of notifications cost the firing: seconds of the database's processor for 40,000 firings.

Processor time, not rates: it tells differences of a few percent on a machine that others use too.
Run it with `python -m benchmarks.notifications [runs]`.
"""

import asyncio
import sys

from benchmarks import filling
from benchmarks.measuring import Spread
from benchmarks.product import CRONS, Product, seconds_of_cpu
from benchmarks.server import Server
from core import firing
from core.catalogue import parse
from core.lane import Lane

DUE = 40_000
BATCH = 500
TOLD = 50
WISHES = {
    "no rule": None,
    "a reminder of all": "('{reminder,missed,alert}', NULL)",
    "failures of all": "('{failed}', NULL)",
    "failures and recoveries of all": "('{failed,recovered}', NULL)",
    "completions of another cron": "('{completed}', '{another}')",
}


def measure(runs: int) -> None:
    """Prints a line for each set of rules."""
    server = Server()
    spent: dict[str, list[float]] = {name: [] for name in WISHES}
    for _ in range(runs):
        for name, wish in WISHES.items():
            spent[name].append(seconds(server, wish))
    first = Spread.of(spent["no rule"], 3)
    for name, found in spent.items():
        spread = Spread.of(found, 3)
        print(f"{name:32} {spread} s of the database's processor, {spread.median / first.median - 1:+.1%}")


def seconds(server: Server, wish: str | None) -> float:
    """What the database spends on firing what is due while there is that rule."""
    product = Product(server)
    filling.due(product, DUE)
    if wish is not None:
        product.database.execute(
            "INSERT INTO cron_notification_channels (name, address, shown) VALUES ('a', 'a', 'a')"
        )
        product.database.execute(
            "INSERT INTO cron_notification_rules (channel_id, events, cron_names) "
            "SELECT id, e::text[], c::text[] "
            f"FROM cron_notification_channels, (VALUES {wish}) v (e, c)".encode()
        )
    filling.tidy(product)
    spent = asyncio.run(_fire(product.url))
    fired = product.value("SELECT count(*) FROM scheduled_cron_executions WHERE status = 'triggered'")
    assert fired == DUE
    product.close()
    return spent


async def _fire(url: str) -> float:
    lane = Lane(url, "benchmark")
    crons = [cron for cron in parse(CRONS.read_text(encoding="utf-8")).values() if cron.fires_here]
    [(pid,)] = await lane.fetch("SELECT pg_backend_pid()")
    began = seconds_of_cpu(pid)
    while await firing.fire(lane, "benchmark", crons, limit=BATCH, slots=BATCH, told=TOLD):
        pass
    spent = seconds_of_cpu(pid) - began
    await lane.close()
    return spent


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
