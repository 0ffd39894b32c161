"""Plans through core as one client, and prints the rates: `… plan_through_core BULK ONE`."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta

from core import schedules
from core.actors import Actor
from core.schedules import Plan

ALICE = Actor("alice", "operator", "cli")
BATCH = 10_000


def item(place: int) -> Plan:
    """One plan, as a person's program would make it."""
    instant = datetime.now(UTC) + timedelta(days=1, seconds=place)
    return Plan(f"noop-{1 + place % 20}", instant, {"customer": place, "region": "eu-1", "dryRun": False})


def bulk(count: int) -> float:
    """Schedules a second, 10,000 in a call."""
    plans = [item(place) for place in range(count)]
    began = time.perf_counter()
    for first in range(0, count, BATCH):
        schedules.plan_many(ALICE, plans[first : first + BATCH])
    return count / (time.perf_counter() - began)


def one(count: int) -> float:
    """Schedules a second, one in a call."""
    plans = [item(place) for place in range(count)]
    began = time.perf_counter()
    for plan in plans:
        schedules.plan(ALICE, plan.cron_name, plan.scheduled_at, plan.parameters)
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    bulk(1000)
    one(100)
    print(json.dumps({"bulk": bulk(int(sys.argv[1])), "one": one(int(sys.argv[2]))}))
