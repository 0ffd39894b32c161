"""procrastinate: `run_procrastinate.py install | work SETTINGS | plan FILE`."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import procrastinate
import recording


def made(pool: int | None = None) -> tuple[procrastinate.App, object]:
    """The application and its task."""
    size = {"min_size": 1, "max_size": pool} if pool else {}
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=os.environ["BENCH_URL"], **size)
    )

    @app.task(name="late")
    async def late(due: float) -> None:
        recording.ran(due)

    return app, late


async def install() -> None:
    """Makes its tables."""
    app, _ = made()
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def work(settings: dict[str, float]) -> None:
    """Works until SIGTERM."""
    recording.begin()
    app, _ = made(int(settings["concurrency"]))
    async with app.open_async():
        await app.run_worker_async(
            concurrency=int(settings["concurrency"]), fetch_job_polling_interval=settings["poll"]
        )


async def plan(instants: list[float]) -> None:
    """Plans a job at each instant."""
    app, late = made()
    async with app.open_async():
        for instant in instants:
            await late.configure(schedule_at=datetime.fromtimestamp(instant, UTC)).defer_async(due=instant)  # type: ignore[attr-defined]


if __name__ == "__main__":
    if sys.argv[1] == "install":
        asyncio.run(install())
    elif sys.argv[1] == "work":
        asyncio.run(work(json.loads(sys.argv[2])))
    else:
        asyncio.run(plan(json.loads(Path(sys.argv[2]).read_text(encoding="ascii"))))
