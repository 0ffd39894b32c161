"""Plans through the REST API; prints rates and latencies: `… plan_through_rest PORT SECRET BULK ONE`."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import uvloop

CLIENTS = 8
BATCH = 10_000
PACE = 500


def item(place: int) -> dict[str, Any]:
    """One plan as JSON."""
    instant = datetime.now(UTC) + timedelta(days=1, seconds=place)
    return {
        "cronName": f"noop-{1 + place % 20}",
        "scheduledAt": instant.isoformat(),
        "parameters": {"customer": place, "region": "eu-1", "dryRun": False},
    }


async def bulk(http: aiohttp.ClientSession, url: str, count: int) -> float:
    """Schedules a second, 10,000 in a request, one request after the other."""
    bodies = [
        json.dumps({"items": [item(place) for place in range(first, first + BATCH)]}).encode()
        for first in range(0, count, BATCH)
    ]
    began = time.perf_counter()
    for body in bodies:
        async with http.post(f"{url}/batch", data=body) as response:
            answer = await response.read()
            assert response.status == 201, answer[:500]
    return count / (time.perf_counter() - began)


async def one(http: aiohttp.ClientSession, url: str, count: int) -> tuple[float, list[float]]:
    """Schedules a second and the milliseconds of each, by eight clients."""
    bodies = iter([json.dumps(item(place)).encode() for place in range(count)])
    lasted: list[float] = []

    async def client() -> None:
        for body in bodies:
            began = time.perf_counter()
            async with http.post(url, data=body) as response:
                answer = await response.read()
                assert response.status == 201, answer[:500]
            lasted.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return count / (time.perf_counter() - began), lasted


async def paced(http: aiohttp.ClientSession, url: str, count: int) -> list[float]:
    """The milliseconds of each where eight clients make 500 a second together.

    From the instant at which a call was to be made: who had to wait for the call before it counts that too.
    """
    bodies = [json.dumps(item(place)).encode() for place in range(count)]
    lasted: list[float] = []
    begin = time.perf_counter() + 0.1

    async def client(first: int) -> None:
        for place in range(first, count, CLIENTS):
            instant = begin + place / PACE
            await asyncio.sleep(max(0.0, instant - time.perf_counter()))
            async with http.post(url, data=bodies[place]) as response:
                answer = await response.read()
                assert response.status == 201, answer[:500]
            lasted.append((time.perf_counter() - instant) * 1000)

    await asyncio.gather(*(client(first) for first in range(CLIENTS)))
    return lasted


def percentile(lasted: list[float], share: float) -> float:
    """The milliseconds that so large a share did not exceed."""
    return sorted(lasted)[int(len(lasted) * share)]


async def measure(port: str, secret: str, many: int, single: int) -> None:
    """Prints the figures."""
    url = f"http://127.0.0.1:{port}/api/admin/cron-executions/schedule"
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as http:
        await one(http, url, 200)
        rate, lasted = await one(http, url, single)
        calm = await paced(http, url, single // 2)
        told = {
            "one": rate,
            "p50": percentile(lasted, 0.5),
            "p99": percentile(lasted, 0.99),
            "calm p50": percentile(calm, 0.5),
            "calm p99": percentile(calm, 0.99),
            "bulk": await bulk(http, url, many),
        }
    print(json.dumps(told))


if __name__ == "__main__":
    uvloop.run(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
