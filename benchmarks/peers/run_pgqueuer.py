"""pgqueuer: `run_pgqueuer.py install | work SETTINGS | plan FILE | enqueue COUNT`."""

import asyncio
import json
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
import asyncpg
import recording
import uvloop
from pgqueuer import AsyncpgDriver, PgQueuer, Queries

URL = os.environ["BENCH_URL"]


async def install() -> None:
    """Makes its tables."""
    connection = await asyncpg.connect(URL)
    await Queries(AsyncpgDriver(connection)).install()
    await connection.close()


async def work(settings: dict[str, float]) -> None:
    """Works until SIGTERM."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: os._exit(0))
    recording.begin()
    queue = PgQueuer.from_asyncpg_connection(await asyncpg.connect(URL))

    @queue.entrypoint("noop")
    async def noop(_job: object) -> None:
        recording.ran()

    @queue.entrypoint("late")
    async def late(job: object) -> None:
        recording.ran(float(job.payload))  # type: ignore[attr-defined]

    if "connections" in settings:
        http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=int(settings["connections"])))
        headers = {"Content-Type": "application/json", "Authorization": "Bearer a-secret"}

        @queue.entrypoint("post")
        async def post(job: object) -> None:
            recording.ran()
            body = json.dumps({"cronName": "http-1", "parameters": {"n": 1}, "scheduledId": str(job.id)})  # type: ignore[attr-defined]
            headed = {**headers, "Idempotency-Key": str(job.id)}  # type: ignore[attr-defined]
            async with http.post(os.environ["BENCH_TARGET"], data=body, headers=headed) as response:
                assert response.status == 200
                await response.read()

    if "poll" in settings:
        queue.qm.min_dequeue_poll_interval = timedelta(seconds=settings["poll"])
    await queue.run(
        batch_size=int(settings.get("batch", 10)),
        dequeue_timeout=timedelta(seconds=settings.get("timeout", 30)),
    )


async def plan(instants: list[float]) -> None:
    """Plans a job at each instant."""
    connection = await asyncpg.connect(URL)
    queries = Queries(AsyncpgDriver(connection))
    for instant in instants:
        await queries.enqueue("late", str(instant).encode(), 0, timedelta(seconds=instant - time.time()))
    await connection.close()


async def enqueue(count: int) -> None:
    """Says how many jobs a second it takes, one by one and a thousand at a time."""
    connection = await asyncpg.connect(URL)
    queries = Queries(AsyncpgDriver(connection))
    tomorrow = timedelta(days=1)
    began = time.perf_counter()
    for _ in range(count // 5):
        await queries.enqueue("noop", None, 0, tomorrow)
    one = count // 5 / (time.perf_counter() - began)
    began = time.perf_counter()
    for _ in range(0, count, 1000):
        await queries.enqueue(["noop"] * 1000, [None] * 1000, [0] * 1000, [tomorrow] * 1000)
    print(json.dumps({"one": one, "bulk": count / (time.perf_counter() - began)}))


if __name__ == "__main__":
    action = sys.argv[1]
    if action == "install":
        asyncio.run(install())
    elif action == "work":
        settings = json.loads(sys.argv[2])
        (uvloop.run if settings.get("uvloop") else asyncio.run)(work(settings))
    elif action == "plan":
        asyncio.run(plan(json.loads(Path(sys.argv[2]).read_text(encoding="ascii"))))
    else:
        uvloop.run(enqueue(int(sys.argv[2])))
