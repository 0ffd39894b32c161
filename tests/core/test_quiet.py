"""Quiet slots: the proposals are no busier than any other instant."""

from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest

from core import schedules, series
from core.actors import Actor
from core.errors import Invalid
from core.quiet import quietest
from core.schedules import Plan

ALICE = Actor("alice", "operator", "dashboard")
MINUTE = timedelta(minutes=1)


def tomorrow() -> datetime:
    return (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def lasts(database: psycopg.Connection, cron: str, minutes: int) -> None:
    """The cron usually runs so long."""
    database.execute(
        "INSERT INTO cron_executions (cron_name, status, target, started_at, finished_at) "
        "VALUES (%s, 'completed', 'command', now() - make_interval(mins => %s), now())",
        [cron, minutes],
    )


def test_without_anything_planned_every_instant_is_quiet(database_url: str) -> None:
    first, *others = quietest(tomorrow(), tomorrow() + timedelta(hours=2))
    assert (first.at, first.under_way, first.nearest) == (tomorrow(), 0, None)
    assert len(others) == 4


@pytest.mark.parametrize("seed", range(5))
def test_a_proposal_is_no_busier_than_any_other_instant(database: psycopg.Connection, seed: int) -> None:
    random, begin = Random(seed), tomorrow() + timedelta(hours=8)
    lengths = {"greet": 10, "wait": 35}
    for cron, minutes in lengths.items():
        lasts(database, cron, minutes)
    planned = [(random.choice(list(lengths)), begin + random.randrange(-60, 240) * MINUTE) for _ in range(60)]
    schedules.plan_many(ALICE, [Plan(cron, at) for cron, at in planned])

    def busiest(at: datetime) -> int:
        within = [at + minute * MINUTE for minute in range(lengths["greet"])]
        return max(
            sum(start <= moment < start + lengths[cron] * MINUTE for cron, start in planned)
            for moment in within
        )

    found = quietest(begin, begin + timedelta(hours=4), "greet")
    least = min(busiest(begin + minute * MINUTE) for minute in range(0, 240, 5))
    assert found[0].under_way == least
    for proposal in found:
        assert proposal.under_way == busiest(proposal.at)
        assert proposal.nearest == min(abs(start - proposal.at) for _cron, start in planned)
    assert [one.under_way for one in found] == sorted(one.under_way for one in found)


def test_what_begins_soon_after_the_time_asked_for_counts_too(database: psycopg.Connection) -> None:
    lasts(database, "wait", 90)
    begin = tomorrow() + timedelta(hours=8)
    schedules.plan_many(ALICE, [Plan("greet", begin + timedelta(minutes=125))])
    at_the_end = {one.at: one for one in quietest(begin, begin + timedelta(hours=2), "wait")}
    for at, proposal in at_the_end.items():
        meets = at + timedelta(minutes=90) > begin + timedelta(minutes=125)
        assert proposal.under_way == int(meets)
        assert proposal.nearest == begin + timedelta(minutes=125) - at


def test_what_series_will_plan_counts_too(database_url: str) -> None:
    series.create(ALICE, "greet", {"kind": "daily", "at": "10:30"}, "UTC")
    begin = tomorrow() + timedelta(days=1, hours=10)
    found = quietest(begin, begin + timedelta(hours=1))
    assert found[0].at == begin
    assert found[0].nearest == timedelta(minutes=30)


def test_the_past_and_too_long_a_time_are_refused(database_url: str) -> None:
    now = datetime.now(UTC)
    with pytest.raises(Invalid, match="later"):
        quietest(now - timedelta(hours=2), now - timedelta(hours=1))
    with pytest.raises(Invalid, match="two days"):
        quietest(now, now + timedelta(days=4))
