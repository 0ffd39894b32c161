"""Two workers, a thousand schedules for one second: a thousand executions, whatever happens to a worker."""

from collections import Counter

import pytest

from tests.worker.house import House
from tests.worker.target_server import TargetServer
from tests.worker.waiting import until
from tests.worker.worker_process import WorkerProcess

COUNT = 1000


@pytest.fixture(autouse=True)
def workers(house: House) -> list[WorkerProcess]:
    """Two live workers; what a test before has left them is gone."""
    house.rows("TRUNCATE scheduled_cron_executions, cron_executions CASCADE")
    while len(living := [worker for worker in house.workers if worker.process.poll() is None]) < 2:
        house.begin_worker(LOST_AFTER_SECONDS="2", MAX_RUNNING="16")
    return [worker.started() for worker in living]


def triggered(house: House) -> int:
    return house.count("scheduled_cron_executions", "status = 'triggered'")


def all_triggered_once(house: House, seconds: float = 60) -> None:
    until(lambda: triggered(house) == COUNT, seconds, house)
    assert house.count("cron_executions") == COUNT
    assert house.value("SELECT count(DISTINCT scheduled_id) FROM cron_executions") == COUNT
    assert house.count("scheduled_cron_executions", "triggered_at < scheduled_at") == 0


def both_took_part(house: House) -> bool:
    return bool(house.value("SELECT count(DISTINCT worker) = 2 FROM cron_executions"))


def test_a_thousand_commands_run_once_each(house: House) -> None:
    house.plan_many("quick", COUNT, seconds=3)
    all_triggered_once(house)
    until(lambda: house.count("cron_executions", "status = 'completed'") == COUNT, 60, house)
    assert house.value("SELECT max(attempts) FROM scheduled_cron_executions") == 1
    assert both_took_part(house)


def test_a_thousand_posts_arrive_once_each(house: House, target: TargetServer) -> None:
    target.arrivals.clear()
    house.plan_many("hook", COUNT, seconds=3)
    all_triggered_once(house)
    assert len(target.arrivals) == COUNT
    assert len({arrival.schedule for arrival in target.arrivals}) == COUNT
    assert both_took_part(house)


def test_a_thousand_commands_survive_the_death_of_a_worker(
    house: House, workers: list[WorkerProcess]
) -> None:
    dying = workers[0]
    house.plan_many("shell", COUNT, seconds=3, parameters={"script": "exec sleep 0.1"})
    until(lambda: house.count("cron_executions", f"status = 'completed' AND worker = '{dying.name}'") > 50)
    dying.kill()
    all_triggered_once(house)
    until(lambda: house.count("cron_executions", "finished_at IS NULL") == 0, 60, house)
    lost = house.rows("SELECT worker, error_message FROM cron_executions WHERE status <> 'completed'")
    assert 0 < len(lost) < 200
    assert {row["worker"] for row in lost} == {dying.name}
    assert all(
        row["error_message"].startswith(f"worker lost: {dying.name} gave no sign of life") for row in lost
    )
    assert house.count("cron_events", "kind = 'execution.lost'") == len(lost)


def test_a_thousand_posts_survive_the_death_of_a_worker(
    house: House, workers: list[WorkerProcess], target: TargetServer
) -> None:
    target.arrivals.clear()
    target.pause_seconds = 0.5
    house.plan_many("hook", COUNT, seconds=3)
    until(lambda: len(target.arrivals) > 300)
    workers[0].kill()
    target.pause_seconds = 0
    all_triggered_once(house)
    times = Counter(arrival.schedule for arrival in target.arrivals)
    assert len(times) == COUNT
    repeated = {schedule for schedule, count in times.items() if count > 1}
    assert repeated, "the worker died too late to matter"
    for schedule in repeated:
        posts = target.of(schedule)
        assert {post.headers["Idempotency-Key"] for post in posts} == {schedule}
        assert len({post.body["executionId"] for post in posts}) == 1
    attempts = "SELECT count(*) FROM scheduled_cron_executions WHERE attempts > 1"
    assert house.value(attempts) >= len(repeated)
    assert house.count("cron_events", "kind = 'schedule.lease_expired'") >= len(repeated)
