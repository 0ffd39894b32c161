"""Issues every query of the lists and pages, and prints how long the server takes for each (JSON)."""

import json
import statistics
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import event

from core import (
    alerts,
    calendar,
    events,
    executions,
    metrics,
    overview,
    quiet,
    schedules,
    series,
    workers,
)
from core.calendar import Slot
from core.database import clock, engine, reading
from core.metrics import Window
from core.notifications import outbox

TIMES = 3
CRONS = {"a busy cron": "noop-3", "a cron that never ran": "http-1"}


def verbs() -> dict[str, Callable[[], Any]]:
    """What the pages and the API read with, by what it shows."""
    now = clock()
    week, day = now - timedelta(days=7), now - timedelta(days=1)
    found: dict[str, Callable[[], Any]] = {}

    def schedules_of(what: str, wanted: schedules.Filter, *, second: bool = True) -> None:
        found[f"schedules: {what}"] = lambda: schedules.find(wanted)
        if second:
            cursor = _deep(lambda cursor: schedules.find(wanted, limit=1000, cursor=cursor))
            found[f"schedules: {what}, page after 20,000"] = lambda: schedules.find(wanted, cursor=cursor)

    def executions_of(what: str, wanted: executions.Filter, *, second: bool = True) -> None:
        found[f"executions: {what}"] = lambda: executions.find(wanted)
        if second:
            cursor = _deep(lambda cursor: executions.find(wanted, limit=1000, cursor=cursor))
            found[f"executions: {what}, page after 20,000"] = lambda: executions.find(wanted, cursor=cursor)

    schedules_of("all", schedules.Filter())
    for status in schedules.STATUSES:
        schedules_of(status, schedules.Filter(status=status))
    for what, cron in CRONS.items():
        schedules_of(f"of {what}", schedules.Filter(cron_name=cron))
        for status in schedules.STATUSES:
            schedules_of(f"{status} of {what}", schedules.Filter(status=status, cron_name=cron))
        executions_of(f"of {what}", executions.Filter(cron_name=cron))
        executions_of(f"failed of {what}", executions.Filter(status="failed", cron_name=cron))
    schedules_of("of one day", schedules.Filter(since=day, until=now))
    schedules_of(
        "pending of the next day",
        schedules.Filter(status="pending", since=now, until=now + timedelta(days=2)),
    )
    schedules_of("pending of the next hour", schedules.Filter(status="pending", due_before=now))
    searched: dict[str, schedules.Status | None] = {"all": None, "pending": "pending"}
    for told, wanted in searched.items():
        schedules_of(f"{told} with a word everywhere", schedules.Filter(status=wanted, search="eu-3"))
        nowhere = schedules.Filter(status=wanted, search="nowhere-to-be-found")
        schedules_of(f"{told} with a word nowhere", nowhere, second=False)
    executions_of("all", executions.Filter())
    for state in executions.STATUSES:
        executions_of(state, executions.Filter(status=state))
    executions_of("of a week", executions.Filter(since=week, until=now))
    executions_of("with a word everywhere", executions.Filter(search="eu-3"))
    executions_of("with a word nowhere", executions.Filter(search="nowhere-to-be-found"), second=False)
    newest = executions.find(executions.Filter(), limit=1).rows[0]
    assert newest.scheduled_id is not None
    of = newest.scheduled_id
    return found | {
        "executions: of a schedule": lambda: executions.find(executions.Filter(scheduled_id=of)),
        "one execution": lambda: executions.get(newest.id),
        "its output": lambda: executions.output_of(newest.id),
        "an execution's events": lambda: events.of_execution(newest.id),
        "one schedule": lambda: schedules.get(of),
        "a schedule's events": lambda: events.of_schedule(of),
        "overview: figures": overview.figures,
        "overview: how 20 crons fared": lambda: overview.records([f"noop-{n}" for n in range(1, 21)]),
        "workers": workers.pulse,
        "alerts": alerts.current,
        "series": series.find,
        "notifications": outbox.find,
        **_metrics(now),
        **_calendar(now),
    }


def _metrics(now: datetime) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    for days in (1, 7, 30):
        window = Window(now - timedelta(days=days), now, "Europe/Paris")
        found |= {
            f"metrics: {days} days, {read.__name__}": partial(read, window)
            for read in (
                metrics.over_time,
                metrics.by_hour_of_day,
                metrics.durations,
                metrics.lateness,
                metrics.total_lateness,
            )
        }
        found[f"metrics: {days} days, counts"] = partial(metrics.counts, window, "execution")
    return found


def _calendar(now: datetime) -> dict[str, Callable[[], Any]]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    month = [Slot(hour + timedelta(days=n), hour + timedelta(days=n + 1)) for n in range(-20, 22)]
    week = [Slot(hour + timedelta(hours=n), hour + timedelta(hours=n + 1)) for n in range(-120, 48)]
    day = [Slot(hour + timedelta(hours=n), hour + timedelta(hours=n + 1)) for n in range(-12, 12)]
    return {
        "calendar: a month": lambda: calendar.read(month, shown=3),
        "calendar: a month of a cron": lambda: calendar.read(month, "noop-3", shown=3),
        "calendar: a week of hours": lambda: calendar.read(week),
        "calendar: a day": lambda: calendar.read(day),
        "calendar: quiet slots of a night": lambda: quiet.quietest(hour, hour + timedelta(hours=8)),
    }


def _deep(page: Callable[[str | None], Any]) -> str | None:
    cursor: str | None = None
    for _ in range(20):
        following = page(cursor).cursor
        if following is None:
            break
        cursor = following
    return cursor


def measured(verb: Callable[[], Any]) -> list[dict[str, Any]]:
    """The statements that a verb issues, each with the milliseconds that the server takes for it."""
    issued: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        issued.append((statement, parameters))

    event.listen(engine(), "after_cursor_execute", note)
    try:
        verb()
    finally:
        event.remove(engine(), "after_cursor_execute", note)
    told = []
    for statement, parameters in issued:
        if statement.startswith("EXPLAIN"):
            continue
        lasted = []
        with reading() as connection:
            for _ in range(TIMES):
                explained = connection.exec_driver_sql(
                    "EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters
                )
                plan = explained.scalar_one()[0]
                lasted.append(plan["Planning Time"] + plan["Execution Time"])
        told.append(
            {"statement": " ".join(statement.split()), "ms": statistics.median(lasted), "max": max(lasted)}
        )
    return told


if __name__ == "__main__":
    json.dump({what: measured(verb) for what, verb in verbs().items()}, sys.stdout)
