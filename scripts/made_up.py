"""A history, plans, series and notifications, made up for the pictures of the documentation."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.types.json import Jsonb

from core import blackouts, executions, schedules, series
from core.actors import Actor
from core.blackouts import Period
from core.notifications import channels, rules
from core.parameters import Parameters

ALICE, BRUNO = Actor("alice", "operator", "api"), Actor("bruno", "operator", "dashboard")
ADMIN = Actor("ada", "admin", "dashboard")
SHOP: Parameters = {"url": "https://shop.example.com/health"}


@dataclass(frozen=True)
class History:
    """How a cron ran in the past: how often, how long, and what share of its runs failed."""

    cron: str
    by: str
    every: timedelta
    seconds: float
    failing: float
    error: str = "ended with exit code 1"


PAST = [
    History("backup-database", "alice", timedelta(days=1), 214, 0.03, "pg_dump: no space left on device"),
    History("check-endpoint", "bruno", timedelta(minutes=20), 2.1, 0.08),
    History("index-documents", "bruno", timedelta(hours=3), 37, 0.04),
    History("disk-usage", "alice", timedelta(hours=6), 5.2, 0.1),
    History("canary", "dashboard", timedelta(hours=1), 0.002, 0),
]
AHEAD: list[tuple[Actor, str, timedelta, Parameters]] = [
    (BRUNO, "check-endpoint", timedelta(minutes=4, seconds=40), SHOP),
    (ALICE, "index-documents", timedelta(minutes=38), {"folder": "docs", "batchSize": 200}),
    (ALICE, "backup-database", timedelta(hours=2, minutes=30, seconds=30), {"keep": 14}),
    (BRUNO, "disk-usage", timedelta(hours=7), {"path": "/srv", "maxPercent": 85}),
    (BRUNO, "check-endpoint", timedelta(hours=9), {"url": "https://api.example.com/v1", "attempts": 5}),
    (ALICE, "backup-database", timedelta(days=1, hours=2), {}),
    (ALICE, "index-documents", timedelta(days=3, hours=5, minutes=10), {"folder": "docs/handbook"}),
]


@dataclass(frozen=True)
class Made:
    """What of it is shown by itself."""

    running: executions.Execution
    failed: executions.Execution
    planned: schedules.Schedule
    batch: schedules.Schedule


def make_up(connection: psycopg.Connection) -> Made:
    """Fill the database with a history and plans; return what is shown by itself."""
    chance = random.Random(7)  # noqa: S311  the same pictures each time
    now = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    for history in PAST:
        for place in range(1, min(400, timedelta(days=30) // history.every)):
            began = now - place * history.every - chance.random() * history.every / 4
            failed = chance.random() < history.failing
            run, plan = id_at(began, chance), id_at(began - timedelta(hours=1), chance)
            connection.execute(
                "INSERT INTO cron_executions (id, scheduled_id, cron_name, status, triggered_by, target,"
                " worker, queued_at, started_at, finished_at, exit_code, error_message)"
                " VALUES (%s, %s, %s, %s, %s, 'command', 'web-2:4711', %s, %s, %s, %s, %s)",
                (
                    run,
                    plan,
                    history.cron,
                    "failed" if failed else "completed",
                    history.by,
                    began,
                    began,
                    began + timedelta(seconds=history.seconds * chance.uniform(0.7, 1.4)),
                    int(failed),
                    history.error if failed else None,
                ),
            )
            late = timedelta(milliseconds=chance.lognormvariate(0.2, 0.7))
            connection.execute(
                "INSERT INTO scheduled_cron_executions (id, cron_name, scheduled_at, created_by, created_at,"
                " status, triggered_at, triggered_execution_id, execution_id, attempts)"
                " VALUES (%s, %s, %s, %s, %s, 'triggered', %s, %s, %s, 1)",
                (plan, history.cron, began - late, history.by, began - timedelta(hours=1), began, run, run),
            )
    planned = [
        schedules.plan(actor, cron, now + ahead, parameters) for actor, cron, ahead, parameters in AHEAD
    ]
    night = (now + timedelta(days=2)).replace(hour=22, minute=0)
    instants = [night + timedelta(minutes=10 * place) for place in range(12)]
    batch = schedules.plan_many(ALICE, [schedules.Plan("check-endpoint", at, SHOP) for at in instants])
    make_up_series(now)
    make_up_notifications()
    make_up_troubles(connection, now, chance)
    wanted = executions.Filter(status="failed", cron_name="check-endpoint")
    unsuccessful = executions.find(wanted, limit=1).rows[0]
    return Made(running_now(connection), unsuccessful, planned[2], batch[0])


def make_up_series(now: datetime) -> None:
    """Plan series, one of which is paused, and a blackout."""
    nightly = {"kind": "daily", "at": "02:00"}
    series.create(ALICE, "backup-database", nightly, "Europe/Paris", parameters={"keep": 30})
    workdays = {"kind": "cron", "expression": "*/30 8-18 * * 1-5"}
    series.create(BRUNO, "check-endpoint", workdays, "Europe/Paris", parameters=SHOP)
    weekly = {"kind": "weekly", "at": "06:30", "days": ["monday", "thursday"]}
    paused = series.create(ALICE, "index-documents", weekly, "Europe/London", parameters={"folder": "docs"})
    series.pause(ALICE, paused.id)
    freeze = (now + timedelta(days=9)).replace(hour=23, minute=0)
    blackouts.add(ALICE, [Period("Change freeze", freeze, freeze + timedelta(days=5), None)])


def make_up_notifications() -> None:
    """Give two channels a rule each, and send a test."""
    call = channels.add(ADMIN, "On call", "json://127.0.0.1:9/hook")
    team = channels.add(ADMIN, "Operations", "mailtos://crondesk:secret@example.org?to=ops@example.org")
    rules.add(ADMIN, rules.Wish(channel_id=call.id, events=["failed", "recovered", "missed"]))
    before = rules.Wish(
        channel_id=team.id, events=["reminder"], cron_name="backup-database", remind_minutes=30
    )
    rules.add(ADMIN, before)
    channels.test(ADMIN, call.id)


def make_up_troubles(connection: psycopg.Connection, now: datetime, chance: random.Random) -> None:
    """Let one run wait for a decision, and one have failed before it began."""
    held = schedules.plan(BRUNO, "disk-usage", now + timedelta(minutes=2))
    connection.execute(
        "UPDATE scheduled_cron_executions SET created_at = now() - interval '9 hours', held_at = now(), "
        "scheduled_at = now() - interval '3 hours', not_after = now() - interval '2 hours', "
        "late_policy = 'ask', due_at = '9999-01-01 00:00Z' WHERE id = %s",
        [held.id],
    )
    connection.execute(
        "INSERT INTO scheduled_cron_executions (id, cron_name, parameters, scheduled_at, created_at,"
        " created_by, status, attempts, error_message)"
        " VALUES (%s, 'check-endpoint', %s, %s, %s, 'bruno', 'failed', 3, %s)",
        [
            id_at(now - timedelta(hours=2), chance),
            Jsonb(SHOP),
            now - timedelta(hours=1),
            now - timedelta(hours=2),
            "the target answered 503 Service Unavailable (attempt 3 of 3)",
        ],
    )


def id_at(instant: datetime, chance: random.Random) -> str:
    """Return an identifier that holds the instant (RFC 9562, section 5.7)."""
    milliseconds = int(instant.timestamp() * 1000)
    return f"{milliseconds:012x}7{chance.randrange(16**3):03x}8{chance.randrange(16**15):015x}"


def running_now(connection: psycopg.Connection) -> executions.Execution:
    """Return an execution under way that has printed some lines."""
    run = executions.trigger(BRUNO, "index-documents", {"folder": "docs", "batchSize": 120})
    connection.execute(
        "UPDATE cron_executions SET status = 'running', worker = 'web-2:4711',"
        " started_at = queued_at + interval '40 ms', heartbeat_at = now() WHERE id = %s",
        (run.id,),
    )
    for place in range(18):
        number = place + 1
        untitled = number % 7 == 5
        line = f"docs/guide/chapter-{number:02}.md has no title; its file name is taken"
        connection.execute(
            "INSERT INTO cron_execution_output (execution_id, seq, stream, content) VALUES (%s, %s, %s, %s)",
            (
                run.id,
                place,
                "stderr" if untitled else "stdout",
                f"{line}\n" if untitled else f"{number * 5:>4} of 120  docs/guide/chapter-{number:02}.md\n",
            ),
        )
    return run


def beat(connection: psycopg.Connection) -> None:
    """Let a worker have been seen just now."""
    connection.execute(
        "INSERT INTO cron_workers (name, host, pid, version, ticked_at, clock_offset_ms, slots, running)"
        " VALUES ('web-2:4711', 'web-2', 4711, '0.1.0', now(), 2, 8, 1)"
        " ON CONFLICT (name) DO UPDATE SET beat_at = now(), ticked_at = now()"
    )
