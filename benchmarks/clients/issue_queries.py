"""Issues every query of the lists and pages, and prints how long the server takes for each (JSON)."""

import json
import statistics
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import event

from core import calendar, events, executions, overview, schedules
from core.database import engine, reading

TIMES = 5


def verbs() -> dict[str, Callable[[], Any]]:
    """What the pages and the API read with, by what it shows."""
    now = overview.clock()
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
    schedules_of("pending of a cron", schedules.Filter(status="pending", cron_name="noop-3"))
    schedules_of("of a cron", schedules.Filter(cron_name="noop-3"))
    schedules_of("triggered of a cron", schedules.Filter(status="triggered", cron_name="noop-3"))
    schedules_of("of one day", schedules.Filter(since=day, until=now))
    schedules_of(
        "pending of the next day",
        schedules.Filter(status="pending", since=now, until=now + timedelta(days=2)),
    )
    schedules_of("with a word everywhere", schedules.Filter(search="eu-3"))
    schedules_of("pending with a word", schedules.Filter(status="pending", search="eu-3"))
    schedules_of("with a word nowhere", schedules.Filter(search="nowhere-to-be-found"), second=False)
    executions_of("all", executions.Filter())
    for state in executions.STATUSES:
        executions_of(state, executions.Filter(status=state))
    executions_of("of a cron", executions.Filter(cron_name="noop-3"))
    executions_of("failed of a cron", executions.Filter(status="failed", cron_name="noop-20"))
    executions_of("of a week", executions.Filter(since=week, until=now))
    executions_of("with a word everywhere", executions.Filter(search="eu-3"))
    executions_of("with a word nowhere", executions.Filter(search="nowhere-to-be-found"), second=False)
    newest = executions.find(executions.Filter(), limit=1).rows[0]
    assert newest.scheduled_id is not None
    of = newest.scheduled_id
    found["executions: of a schedule"] = lambda: executions.find(executions.Filter(scheduled_id=of))
    found["one execution"] = lambda: executions.get(newest.id)
    found["its output"] = lambda: executions.output_of(newest.id)
    found["its events"] = lambda: events.of_execution(newest.id)
    found["one schedule"] = lambda: schedules.get(of)
    found["its events "] = lambda: events.of_schedule(of)
    found["overview: figures"] = overview.figures
    found["overview: how 20 crons fared"] = lambda: overview.records([f"noop-{n}" for n in range(1, 21)])
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    month = _slots(midnight - timedelta(days=28), timedelta(days=1), 42)
    hours = _slots(midnight - timedelta(days=5), timedelta(hours=1), 168)
    found["calendar: a month"] = lambda: calendar.read(month)
    found["calendar: a week of hours"] = lambda: calendar.read(hours)
    found["calendar: a month of a cron"] = lambda: calendar.read(month, "noop-3")
    return found


def _slots(first: datetime, length: timedelta, count: int) -> list[calendar.Slot]:
    edges = [first + place * length for place in range(count + 1)]
    return [calendar.Slot(since, until) for since, until in pairwise(edges)]


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
