"""Metrics: what is counted by the hour says the same as the rows themselves."""

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, log
from random import Random
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import metrics
from core.lane import Lane
from core.metrics import PRECISION, Window
from tests.asynchronous import finish

CRONS = ("greet", "wait", "fail")
ENDS = ("completed", "failed", "cancelled")
FIRST = datetime(2026, 3, 26, tzinfo=UTC)
DAYS = 8  # over the night in which the clocks of Paris go forward


@dataclass(frozen=True)
class Ran:
    cron: str
    status: str
    planned: datetime
    late: float
    lasted: float

    @property
    def began(self) -> datetime:
        return self.planned + timedelta(seconds=self.late)


def some(seed: int, count: int) -> list[Ran]:
    random = Random(seed)
    return [
        Ran(
            random.choice(CRONS),
            random.choices(ENDS, (8, 2, 1))[0],
            FIRST + timedelta(seconds=random.randrange(DAYS * 86_400)),
            round(random.choice((0.0, 0.0004, random.random() * 3)), 6),
            round(random.choice((0.0, 0.5, random.lognormvariate(2, 2))), 6),
        )
        for _ in range(count)
    ]


def insert(database: psycopg.Connection, rows: list[Ran], *, at_once: bool) -> None:
    """As workers do: in batches that have ended, or one that is begun and then ended."""
    with database.cursor() as cursor:
        for row in rows:
            cursor.execute(
                "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, created_at) "
                "VALUES (%s, %s, %s, %s) RETURNING id",
                (row.cron, row.planned, row.planned, row.planned - timedelta(hours=1)),
            )
        begun = row_of_execution(rows)
        if at_once:
            cursor.executemany(INSERT, begun)
        else:
            cursor.executemany(INSERT, [(*values[:1], "queued", None, None, values[4]) for values in begun])
            cursor.executemany(
                "UPDATE cron_executions SET status = %s, started_at = %s, finished_at = %s "
                "WHERE id = (SELECT id FROM cron_executions "
                "WHERE status = 'queued' AND cron_name = %s LIMIT 1)",
                [(status, started, finished, cron) for cron, status, started, finished, _queued in begun],
            )
        cursor.executemany(
            "UPDATE scheduled_cron_executions SET status = 'triggered', triggered_at = %s "
            "WHERE id = (SELECT id FROM scheduled_cron_executions WHERE status = 'pending' "
            "AND cron_name = %s AND scheduled_at = %s LIMIT 1)",
            [(row.began, row.cron, row.planned) for row in rows],
        )


INSERT = (
    "INSERT INTO cron_executions (cron_name, status, started_at, finished_at, queued_at, target) "
    "VALUES (%s, %s, %s, %s, %s, 'command')"
)


def row_of_execution(rows: list[Ran]) -> list[tuple[str, str, datetime, datetime, datetime]]:
    return [
        (row.cron, row.status, row.began, row.began + timedelta(seconds=row.lasted), row.planned)
        for row in rows
    ]


def folded(url: str) -> None:
    async def fold() -> None:
        lane = Lane(url, "test")
        while await metrics.fold(lane):
            pass
        await lane.close()

    finish(fold())


@pytest.fixture(params=["as noted", "half folded", "folded"])
def rows(request: pytest.FixtureRequest, database: psycopg.Connection, database_url: str) -> list[Ran]:
    """Random runs; what the metrics say of them must not depend on how far they are folded."""
    early, late = some(1, 150), some(2, 150)
    insert(database, early, at_once=True)
    if request.param != "as noted":
        folded(database_url)
    insert(database, late, at_once=False)
    if request.param == "folded":
        folded(database_url)
    return [*early, *late]


WEEK = Window(FIRST, FIRST + timedelta(days=DAYS + 1), "Europe/Paris")
PARTS = [
    WEEK,
    Window(FIRST + timedelta(days=2), FIRST + timedelta(days=3), "Europe/Paris"),
    Window(FIRST, FIRST + timedelta(days=30), "America/New_York", "greet"),
]


def inside(window: Window, rows: list[Ran], *, planned: bool = False) -> list[Ran]:
    return [
        row
        for row in rows
        if window.since <= (row.planned if planned else row.began) < window.until
        and window.cron_name in (None, row.cron)
    ]


def step_of(window: Window, instant: datetime) -> datetime:
    there = instant.astimezone(ZoneInfo(window.zone)).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    if window.step == "hour":
        return there
    return there.replace(hour=there.hour // 6 * 6 if window.step == "quarter" else 0)


@pytest.mark.parametrize("window", PARTS)
def test_counts_are_those_of_the_rows(rows: list[Ran], window: Window) -> None:
    own = inside(window, rows)
    assert metrics.counts(window, "execution") == Counter(row.status for row in own)
    assert metrics.counts(window, "schedule") == Counter(
        "triggered" for _row in inside(window, rows, planned=True)
    )
    expected = Counter((step_of(window, row.began), row.status) for row in own)
    assert {(one.at, one.status): one.count for one in metrics.over_time(window)} == expected


@pytest.mark.parametrize("window", PARTS)
def test_the_hours_of_the_day_are_those_of_the_zone(rows: list[Ran], window: Window) -> None:
    own = inside(window, rows)
    where = ZoneInfo(window.zone)
    count = Counter((row.cron, row.began.astimezone(where).hour) for row in own)
    failed = Counter((row.cron, row.began.astimezone(where).hour) for row in own if row.status == "failed")
    found = metrics.by_hour_of_day(window)
    assert {(one.cron_name, one.hour): (one.count, one.failed) for one in found} == {
        key: (count[key], failed[key]) for key in count
    }


def ranked(values: list[float], share: float) -> float:
    """The value at a share of the ranks, itself one of the values (percentile_disc's lower neighbour)."""
    return sorted(values)[floor(share * (len(values) - 1))]


def near(estimate: float, value: float) -> bool:
    return abs(estimate - value) <= PRECISION * value + 0.001


@pytest.mark.parametrize("window", PARTS)
def test_percentiles_are_within_ten_percent(rows: list[Ran], window: Window) -> None:
    completed = [row for row in inside(window, rows) if row.status == "completed"]
    durations = metrics.durations(window)
    assert {one.cron_name for one in durations} == {row.cron for row in completed}
    assert [one.median for one in durations] == sorted((one.median for one in durations), reverse=True)
    for one in durations:
        lasted = [row.lasted for row in completed if row.cron == one.cron_name]
        assert one.count == len(lasted)
        assert near(one.median, ranked(lasted, 0.5))
        assert near(one.p95, ranked(lasted, 0.95))
    fired = inside(window, rows, planned=True)
    for late in metrics.lateness(window):
        values = [row.late for row in fired if step_of(window, row.planned) == late.at]
        assert late.count == len(values)
        for estimate, share in ((late.p50, 0.5), (late.p95, 0.95), (late.p99, 0.99)):
            assert near(estimate, ranked(values, share))
    total = metrics.total_lateness(window)
    assert total is not None
    assert total.count == len(fired)
    assert near(total.p99, ranked([row.late for row in fired], 0.99))


def test_what_is_out_of_the_window_or_has_not_ended_is_not_counted(database: psycopg.Connection) -> None:
    database.execute(
        "INSERT INTO cron_executions (cron_name, status, target, queued_at) "
        "VALUES ('greet', 'running', 'command', %s)",
        [FIRST],
    )
    insert(database, [Ran("greet", "completed", WEEK.until, 0, 1)], at_once=True)
    assert metrics.counts(WEEK, "execution") == {}
    assert metrics.over_time(WEEK) == []
    assert metrics.durations(WEEK) == []
    assert metrics.total_lateness(WEEK) is None


def test_a_run_that_is_found_to_have_failed_after_all_is_counted_once(
    database: psycopg.Connection, database_url: str
) -> None:
    insert(database, [Ran("greet", "completed", FIRST, 0, 1)], at_once=True)
    folded(database_url)
    database.execute("UPDATE cron_executions SET status = 'failed'")
    assert metrics.counts(WEEK, "execution") == {"failed": 1}
    folded(database_url)
    assert metrics.counts(WEEK, "execution") == {"failed": 1}
    assert metrics.durations(WEEK) == []


def test_what_was_counted_stays_when_its_row_is_cleaned_up(database: psycopg.Connection) -> None:
    insert(database, some(3, 20), at_once=True)
    before = metrics.counts(WEEK, "execution")
    database.execute("DELETE FROM cron_executions")
    database.execute("DELETE FROM scheduled_cron_executions")
    assert metrics.counts(WEEK, "execution") == before


def test_what_is_rolled_back_was_never_counted(database_url: str, database: psycopg.Connection) -> None:
    with psycopg.connect(database_url) as other:
        insert(other, some(4, 10), at_once=True)
        other.rollback()
    assert metrics.counts(WEEK, "execution") == {}


def test_several_workers_fold_at_once_while_runs_end(database_url: str, database: psycopg.Connection) -> None:
    rows = some(5, 300)
    ended = threading.Event()

    def fold_on() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while not ended.is_set():
                connection.execute("SELECT crondesk_fold_hours(7)")

    workers = [threading.Thread(target=fold_on) for _ in range(3)]
    for worker in workers:
        worker.start()
    for first in range(0, 300, 20):
        insert(database, rows[first : first + 20], at_once=first % 40 == 0)
        assert metrics.counts(WEEK, "execution") == Counter(row.status for row in rows[: first + 20])
    ended.set()
    for worker in workers:
        worker.join()
    folded(database_url)
    assert database.execute("SELECT FROM cron_hourly_changes").fetchall() == []
    assert metrics.counts(WEEK, "execution") == Counter(row.status for row in rows)


def test_a_fold_that_breaks_off_leaves_all_as_it_was(database_url: str, database: psycopg.Connection) -> None:
    insert(database, some(6, 30), at_once=True)
    before = metrics.counts(WEEK, "execution")
    with psycopg.connect(database_url) as other:
        other.execute("SELECT crondesk_fold_hours()")
        other.rollback()
    assert metrics.counts(WEEK, "execution") == before
    folded(database_url)
    assert metrics.counts(WEEK, "execution") == before


def test_old_hours_are_forgotten(database_url: str, database: psycopg.Connection) -> None:
    insert(database, some(7, 30), at_once=True)
    folded(database_url)

    async def forget() -> None:
        lane = Lane(database_url, "test")
        await metrics.forget_old(lane, FIRST + timedelta(days=4))
        await lane.close()

    finish(forget())
    assert {one.at >= datetime(2026, 3, 30) for one in metrics.over_time(WEEK)} == {True}  # noqa: DTZ001  naive


@given(st.floats(0.001, 1e7))
def test_the_middle_of_a_bucket_is_near_all_in_it(seconds: float) -> None:
    bucket = ceil(log(seconds * 1000) / log(metrics.GROWTH))
    assert abs(metrics.middle(bucket) - seconds) <= PRECISION * seconds * 1.0001 + 0.001
