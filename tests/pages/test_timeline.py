"""What the pages tell of attempts, in sentences: of a run as a worker would write it down."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from core import executions, firing, running, schedules
from core.actors import Actor
from core.catalogue import catalogue
from core.lane import Lane
from core.running import Finished
from core.schedules import Schedule
from pages.parts import attempts, timeline
from tests.asynchronous import finish

ALICE = Actor("alice", "operator", "api")
WORKER = Actor("a worker", "admin", "sql")
NOW = timedelta(0)


@pytest.fixture
def tried(database: psycopg.Connection, database_url: str) -> Schedule:
    """A schedule whose execution failed twice and then completed."""

    async def lived() -> None:
        lane = Lane(database_url, "a test")
        crons = [catalogue().cron("fail")]
        [fired] = await firing.fire(lane, "w", crons, limit=1, slots=1, told=1)
        run = fired.execution_id
        assert run is not None
        for attempt in (1, 2):
            error = f"ended with exit code 3 (attempt {attempt} of 3)"
            await running.write(lane, "w", [], [ended(run, "failed", error=error, again_in=NOW)])
            [taken], _following = await running.take_queued(lane, "w", ["fail"], 5)
            run = taken.execution_id
            assert (taken.attempt, taken.schedule_id) == (attempt + 1, schedule.id)
        await running.write(lane, "w", [], [ended(run, "completed")])
        await lane.close()

    def ended(run: Any, status: Any, **more: Any) -> Finished:
        return Finished(run, status, datetime.now(UTC), **more)

    schedule = schedules.plan(ALICE, "fail", datetime.now(UTC) + timedelta(hours=1))
    database.execute("UPDATE scheduled_cron_executions SET scheduled_at = created_at + interval '1 us'")
    finish(lived())
    return schedules.get(schedule.id)


def sentences(story: timeline.Story) -> list[str]:
    return [moment.sentence for moment in sorted(timeline.moments(story), key=lambda moment: moment.at)]


def begin(told: list[str], wanted: list[str]) -> bool:
    return len(told) == len(wanted) and all(
        sentence.startswith(start) for sentence, start in zip(told, wanted, strict=True)
    )


def test_every_attempt_is_seen_in_the_timeline_of_its_schedule(tried: Schedule) -> None:
    assert tried.triggered_execution_id is not None
    told = sentences(timeline.of_schedule(tried))
    assert begin(
        told,
        [
            "Planned by alice",
            "Taken by w and begun",
            "The attempt before failed (ended with exit code 3 (attempt 1 of 3)): attempt 2 may begin at ",
            "Attempt 2 begun on w.",
            "The attempt before failed (ended with exit code 3 (attempt 2 of 3)): attempt 3 may begin at ",
            "Attempt 3 begun on w.",
            "Completed after",
        ],
    ), told


def test_the_page_of_an_attempt_leads_to_the_others(tried: Schedule) -> None:
    assert tried.triggered_execution_id is not None
    chain = executions.attempts_of(executions.get(tried.triggered_execution_id))
    shown = attempts.listed(chain[1], chain)
    assert [part["text"] for part in shown] == ["2 of 3", "Attempt 1: Failed", "Attempt 3: Completed"]
    assert [part["go"]["query"] for part in shown[1:]] == [{"id": str(chain[0].id)}, {"id": str(chain[2].id)}]
    told = sentences(timeline.of_execution(chain[1]))
    assert begin(told, ["The attempt before failed", "Taken by w and begun.", "Failed after"]), told
    alone = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1))
    assert alone.triggered_execution_id is None


def test_a_run_tried_again_by_hand_says_so_on_both_pages(tried: Schedule, database_url: str) -> None:
    planned = schedules.plan(ALICE, "nothing", datetime.now(UTC) + timedelta(hours=1))
    failed = schedules.mark_failed(WORKER, planned.id, "no disk")
    again = schedules.try_again(ALICE, failed.id)
    told = sentences(timeline.of_schedule(schedules.get(failed.id)))
    assert told[-1] == "Tried again by alice, with a run of its own."
    told = sentences(timeline.of_schedule(again))
    assert told == ["Planned by alice, to try again what had failed."]
