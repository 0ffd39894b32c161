"""The connection breaks between a statement and its answer: nothing is lost, and nothing happens twice."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from core import executions
from tests.worker.database_proxy import DatabaseProxy
from tests.worker.house import ALICE, House
from tests.worker.target_server import TargetServer
from tests.worker.waiting import until
from tests.worker.worker_process import WorkerProcess


@pytest.fixture(scope="module")
def proxy(house: House) -> Iterator[DatabaseProxy]:
    made = DatabaseProxy(house.url)
    yield made
    made.stop()


@pytest.fixture(scope="module", autouse=True)
def worker(house: House, proxy: DatabaseProxy) -> WorkerProcess:
    return house.start_worker(DATABASE_URL=proxy.url, LOST_AFTER_SECONDS="2")


def lose(proxy: DatabaseProxy, purpose: str) -> int:
    proxy.lose_next_answer_of(f"crondesk worker {purpose}")
    return proxy.lost + 1


def test_a_firing_whose_answer_is_lost_runs_once(house: House, proxy: DatabaseProxy, tmp_path: Path) -> None:
    note = tmp_path / "note"
    schedule_id = house.plan("shell", {"script": f"echo ran >> {note}"}, seconds=1)
    lost = lose(proxy, "firing")
    assert house.ended(schedule_id)["status"] == "completed"
    assert proxy.lost == lost
    assert house.schedule(schedule_id)["status"] == "triggered"
    assert note.read_text() == "ran\n"


def test_taking_from_the_queue_whose_answer_is_lost_runs_once(
    house: House, proxy: DatabaseProxy, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    lost = lose(proxy, "queue")
    execution = executions.trigger(ALICE, "shell", {"script": f"echo ran >> {note}"})
    until(lambda: executions.get(execution.id).status == "completed", 20, house)
    assert proxy.lost == lost
    assert note.read_text() == "ran\n"


def test_output_and_result_whose_answer_is_lost_are_written_once(house: House, proxy: DatabaseProxy) -> None:
    schedule_id = house.plan("shell", {"script": "echo one; sleep 0.5; echo two; exit 3"}, seconds=0.5)
    lost = lose(proxy, "writing")
    execution = house.ended(schedule_id)
    assert proxy.lost == lost
    assert (execution["status"], execution["exit_code"]) == ("failed", 3)
    assert house.output(execution) == "one\ntwo\n"


def test_a_settlement_whose_answer_is_lost_sends_nothing_again(
    house: House, proxy: DatabaseProxy, target: TargetServer
) -> None:
    schedule_id = house.plan("hook", seconds=1)
    lost = lose(proxy, "settling")
    assert house.ended(schedule_id)["status"] == "completed"
    until(lambda: proxy.lost == lost)
    later = house.plan("hook")
    assert house.ended(later)["status"] == "completed"
    assert house.schedule(schedule_id)["attempts"] == 1
    assert len(target.of(schedule_id)) == 1


def test_a_claim_whose_answer_is_lost_comes_due_again_when_its_lease_ends(
    house: House, proxy: DatabaseProxy, target: TargetServer, worker: WorkerProcess
) -> None:
    for _ in range(5):  # until the claim that finds it is the one that is hit, not a look before it
        schedule_id = house.plan("hook", seconds=2)
        instant = house.schedule(schedule_id)["scheduled_at"]
        until(partial(house.value, "SELECT clock_timestamp() > %s - interval '1.4 s'", instant))
        proxy.lose_next_answer_of("crondesk worker looking", worker.name, "hook")
        row = house.settled(schedule_id)
        assert row["status"] == "triggered"
        assert len(target.of(schedule_id)) == 1
        if row["attempts"] == 2:
            return
    pytest.fail("no answer to a claim was lost")
