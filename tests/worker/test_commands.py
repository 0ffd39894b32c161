"""Commands: what reaches them, what they print, how they end; one live worker for all."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from core import executions, schedules
from core.errors import Conflict
from tests.worker.conftest import SECRET
from tests.worker.house import ALICE, House
from tests.worker.waiting import until
from tests.worker.worker_process import WorkerProcess

pytestmark = pytest.mark.usefixtures("worker")


def shown(house: House, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    execution = house.run("show", parameters)
    assert execution["status"] == "completed", house.output(execution)
    told: dict[str, Any] = json.loads(house.output(execution, ["stdout"]))
    return told


def test_a_command_fires_at_its_second_never_early(house: House) -> None:
    schedule_id = house.plan("quick", seconds=1.5)
    row = house.settled(schedule_id)
    assert row["status"] == "triggered"
    lateness = (row["triggered_at"] - row["scheduled_at"]).total_seconds()
    assert 0 <= lateness < 2
    execution = house.ended(schedule_id)
    assert execution["id"] == row["triggered_execution_id"]
    assert execution["started_at"] >= row["scheduled_at"]
    assert execution["finished_at"] >= execution["started_at"]
    assert execution["triggered_by"] == "alice"
    assert (execution["status"], execution["exit_code"], execution["error_message"]) == ("completed", 0, None)


def test_a_noop_completes_at_its_second(house: House) -> None:
    schedule_id = house.plan("nothing", seconds=0.5)
    execution = house.ended(schedule_id)
    row = house.schedule(schedule_id)
    assert (row["status"], execution["status"]) == ("triggered", "completed")
    assert 0 <= (row["triggered_at"] - row["scheduled_at"]).total_seconds() < 2


def test_parameters_reach_a_command_by_input_environment_and_placeholders(house: House) -> None:
    told = shown(house, {"text": "hello", "deep": {"list": [1, None, "é"]}})
    whole = {"text": "hello", "number": 7, "deep": {"list": [1, None, "é"]}}
    assert json.loads(told["stdin"]) == whole
    assert json.loads(told["environment"]["CRON_PARAMETERS"]) == whole
    assert told["argv"] == ["<hello>", "7", "{literal}"]


def test_defaults_fill_what_was_not_given(house: House) -> None:
    assert shown(house)["argv"] == ["<by default>", "7", "{literal}"]


@pytest.mark.parametrize(
    "value",
    [
        "two words",
        "'single' \"double\" `back`",
        "$(touch /tmp/crondesk-was-here) ; rm -rf / | $HOME && {number} {{}}",
        "first line\nsecond line\r\n\ttabbed",
        "--option=looks",
        "",
        "日本語 \U0001f600 \u202e",
        {"object": ["stays", "JSON"]},
        None,
        True,
        1e23,
    ],
)
def test_a_value_stays_one_argument_whatever_it_holds(house: House, value: Any) -> None:
    told = shown(house, {"text": value})
    expected = value if isinstance(value, str) else json.dumps(value)
    argument = told["argv"][0][1:-1]
    assert len(told["argv"]) == 3
    if isinstance(value, float):
        assert json.loads(argument, parse_int=float) == value
    else:
        assert argument == expected
    assert not Path("/tmp/crondesk-was-here").exists()


def test_a_command_knows_its_cron_its_schedule_and_its_execution(house: House) -> None:
    schedule_id = house.plan("show")
    execution = house.ended(schedule_id)
    environment = json.loads(house.output(execution, ["stdout"]))["environment"]
    assert environment["CRON_NAME"] == "show"
    assert environment["CRON_SCHEDULED_ID"] == str(schedule_id)
    assert environment["CRON_EXECUTION_ID"] == str(execution["id"])


def test_secrets_are_withheld_from_a_command_that_does_not_name_them(house: House) -> None:
    told = shown(house)
    assert "CRON_SECRET" not in told["environment"]
    assert "DATABASE_URL" not in told["environment"]
    assert SECRET not in json.dumps(told)


def test_a_secret_that_a_command_prints_in_two_halves_is_masked(house: House) -> None:
    execution = house.run("trusted")
    assert execution["status"] == "completed"
    assert "[*****]" in house.output(execution)
    assert SECRET not in house.output(execution)


def test_output_is_there_while_the_command_still_runs(house: House) -> None:
    schedule_id = house.plan("shell", {"script": "echo early; echo oops >&2; sleep 20; echo late"})
    execution = house.printed(schedule_id, "early")
    until(lambda: "oops" in house.output(execution, ["stderr"]))
    assert house.running(schedule_id)["finished_at"] is None
    executions.cancel(ALICE, execution["id"])
    ended = house.ended(schedule_id)
    assert ended["status"] == "cancelled"
    assert ended["error_message"] == "cancelled by alice"
    assert ended["exit_code"] in (-signal.SIGTERM, -signal.SIGKILL)
    assert "late" not in house.output(ended)


def test_much_output_keeps_its_head_and_its_tail_and_says_what_is_missing(house: House) -> None:
    script = "echo first; yes 0123456789abcdef | head -c 300000; echo last"
    execution = house.run("shell", {"script": script})
    text = house.output(execution, ["stdout"])
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert len(text) == 100_000
    assert "200,011 bytes were left out here" in house.output(execution, ["crondesk"])


def test_output_that_is_no_text_does_not_disturb(house: House) -> None:
    execution = house.run("shell", {"script": r"printf 'a\0b\377\376\303'; printf '\303\251' >&2"})
    assert execution["status"] == "completed"
    assert house.output(execution, ["stdout"]) == "a\ufffdb\ufffd\ufffd\ufffd"
    assert house.output(execution, ["stderr"]) == "é"


@pytest.mark.parametrize(
    ("script", "status", "code", "error"),
    [
        ("exit 0", "completed", 0, None),
        ("exit 7", "failed", 7, "ended with exit code 7"),
        ("kill -9 $$", "failed", -9, "was ended by SIGKILL"),
        ("kill -TERM $$", "failed", -15, "was ended by SIGTERM"),
    ],
)
def test_how_a_command_ends_is_written_down(
    house: House, script: str, status: str, code: int, error: str | None
) -> None:
    execution = house.run("shell", {"script": script})
    assert (execution["status"], execution["exit_code"], execution["error_message"]) == (status, code, error)


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("missing", "cannot be started: no-such-program-anywhere is not there"),
        ("forbidden", "cannot be started: /etc/passwd: Permission denied"),
        ("nowhere", "cannot be started: the directory no/such/directory is not there"),
    ],
)
def test_a_command_that_cannot_be_started_says_why(house: House, cron: str, sentence: str) -> None:
    execution = house.run(cron)
    assert (execution["status"], execution["error_message"]) == ("failed", sentence)


def test_a_command_and_all_its_descendants_end_at_the_timeout(house: House, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = (
        f"trap '' TERM; echo $$ >> {pids}; "
        f"sh -c 'trap \"\" TERM; echo $$ >> {pids}; sleep 60 & echo $! >> {pids}; wait'; sleep 60"
    )
    execution = house.run("hasty", {"script": script})
    assert execution["status"] == "failed"
    assert execution["error_message"] == "ended after its timeout of 1 s"
    assert execution["exit_code"] in (-signal.SIGTERM, -signal.SIGKILL)
    descendants = [int(pid) for pid in pids.read_text().split()]
    assert len(descendants) == 3
    until(lambda: not any(lives(pid) for pid in descendants), 10)


def test_a_cancel_during_the_grace_of_a_timeout_leaves_nothing_running(house: House, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    schedule_id = house.plan(
        "hasty", {"script": f"trap '' TERM; echo $$ >> {pids}; while :; do sleep 1; done"}
    )
    execution = house.running(schedule_id)
    until(lambda: pids.exists() and pids.read_text())
    until(lambda: datetime.now(UTC) > execution["started_at"] + timedelta(seconds=1.5))
    executions.cancel(ALICE, execution["id"])
    assert house.ended(schedule_id)["status"] in ("cancelled", "failed")
    until(lambda: not lives(int(pids.read_text())), 10)


def test_a_daemon_that_keeps_the_pipes_open_neither_holds_up_its_run_nor_costs_the_worker_a_pipe(
    house: House, worker: WorkerProcess, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    house.run("quick")
    before = psutil.Process(worker.pid).num_fds()
    execution = house.run("shell", {"script": f"setsid sleep 300 & echo $! > {pid}; echo done"})
    try:
        assert execution["status"] == "completed"
        assert house.output(execution) == "done\n"
        until(lambda: psutil.Process(worker.pid).num_fds() <= before, 5)
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_a_second_run_waits_for_a_minute_while_overlap_is_forbidden_and_then_fires(house: House) -> None:
    first = house.plan("sleep", {"seconds": 60})
    running = house.running(first)
    second = house.plan("sleep", {"seconds": 0})
    row = until(lambda: house.schedule(second) if house.schedule(second)["attempts"] else None)
    assert row["status"] == "pending"
    assert 55 < (row["due_at"] - row["scheduled_at"]).total_seconds() < 70
    [event] = house.rows("SELECT * FROM cron_events WHERE schedule_id = %s ORDER BY id DESC LIMIT 1", second)
    assert event["kind"] == "schedule.conflicted"
    executions.cancel(ALICE, running["id"])
    house.ended(first)
    house.rows("UPDATE scheduled_cron_executions SET due_at = now() WHERE id = %s", second)
    assert house.settled(second)["status"] == "triggered"
    assert house.ended(second)["status"] == "completed"


def attempted(house: House, schedule_id: UUID, times: int) -> bool:
    return bool(house.schedule(schedule_id)["attempts"] == times)


def test_after_five_conflicts_a_schedule_has_failed(house: House) -> None:
    first = house.plan("sleep", {"seconds": 60})
    running = house.running(first)
    second = house.plan("sleep", {"seconds": 0})
    for attempt in range(1, 5):
        until(partial(attempted, house, second, attempt))
        house.rows("UPDATE scheduled_cron_executions SET due_at = now() WHERE id = %s", second)
    row = house.settled(second)
    assert row["status"] == "failed"
    assert row["error_message"].startswith("still running after 5 attempts")
    assert house.executions_of(second) == []
    executions.cancel(ALICE, running["id"])
    house.ended(first)


def test_how_often_and_when_a_conflict_is_tried_again_is_said_by_the_cron(house: House) -> None:
    first = house.plan("impatient", {"seconds": 60})
    running = house.running(first)
    second = house.plan("impatient", {"seconds": 0})
    row = until(lambda: house.schedule(second) if house.schedule(second)["attempts"] else None)
    assert 0 < (row["due_at"] - house.value("SELECT clock_timestamp()")).total_seconds() <= 5
    later = house.value("SELECT clock_timestamp() + interval '0.3 s'")
    moved = schedules.change(ALICE, second, scheduled_at=later)
    assert (moved.attempts, moved.tries, moved.conflicts) == (1, 0, 0)
    until(lambda: house.schedule(second)["attempts"] == 2)
    assert house.schedule(second)["status"] == "pending"
    house.rows("UPDATE scheduled_cron_executions SET due_at = now() WHERE id = %s", second)
    row = house.settled(second)
    assert row["error_message"].startswith("still running after 2 attempts: an earlier run of impatient")
    numbers = (
        "SELECT details -> 'attempt' AS n FROM cron_events WHERE schedule_id = %s AND kind ~ %s ORDER BY id"
    )
    told = house.rows(numbers, second, "conflicted|failed")
    assert [event["n"] for event in told] == [1, 1, 2]
    executions.cancel(ALICE, running["id"])
    house.ended(first)


def test_parameters_that_no_longer_fit_a_changed_schema_start_nothing(house: House) -> None:
    schedule_id = house.plan("strict", {"size": 3}, seconds=1)
    house.rows(
        "UPDATE scheduled_cron_executions SET parameters = '{\"size\": 0}', checked = 'of yesterday' "
        "WHERE id = %s",
        schedule_id,
    )
    row = house.settled(schedule_id)
    assert row["status"] == "failed"
    assert row["error_message"].startswith("not started: parameters.size: 0 is less than the minimum")
    assert house.executions_of(schedule_id) == []


@pytest.mark.parametrize(
    ("parameters", "status"),
    [('{"size": 3}', "triggered"), ('{"size": "x"}', "failed"), ("{}", "triggered")],
)
def test_a_schedule_from_psql_is_checked_and_fires(house: House, parameters: str, status: str) -> None:
    [row] = house.rows(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, parameters, created_by) "
        "VALUES ('strict', clock_timestamp() + interval '0.3 s', %s, 'bob') RETURNING id",
        parameters,
    )
    settled = house.settled(row["id"])
    assert settled["status"] == status
    assert settled["attempts"] == 1
    if status == "triggered":
        assert house.ended(row["id"])["status"] == "completed"


@pytest.mark.parametrize(
    "parameters",
    [
        '{"deep": ' + "[" * 2000 + "]" * 2000 + "}",
        '{"long": ' + "1" * 10_000 + "}",
        '{"huge": 1e100000}',
        '{"tiny": 1e-10000}',
    ],
)
def test_what_only_psql_could_write_fails_alone_and_takes_nobody_down(
    house: House, worker: WorkerProcess, parameters: str
) -> None:
    ids = [
        house.value(
            "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, parameters) "
            "VALUES (%s, clock_timestamp() + interval '0.2 s', %s) RETURNING id",
            cron,
            parameters,
        )
        for cron in ("shell", "hook", "nothing")
    ]
    quick = house.plan("quick")
    for schedule_id in ids:
        house.settled(schedule_id)
    assert house.schedule(ids[0])["status"] == "failed"
    assert house.ended(quick)["status"] == "completed"
    assert worker.process.poll() is None
    for schedule_id in ids:
        schedules.get(schedule_id)


def test_a_moved_schedule_fires_at_its_new_instant_only(house: House) -> None:
    schedule_id = house.plan("quick", seconds=0.8)
    moved = schedules.change(ALICE, schedule_id, scheduled_at=datetime.now(UTC) + timedelta(seconds=2))
    row = house.settled(schedule_id)
    assert row["scheduled_at"] == moved.scheduled_at
    assert row["triggered_at"] >= moved.scheduled_at
    assert len(house.executions_of(schedule_id)) == 1


def test_one_moved_nearer_fires_at_once_when_its_instant_comes(house: House) -> None:
    schedule_id = house.plan("quick", seconds=3600)
    moved = schedules.change(ALICE, schedule_id, scheduled_at=datetime.now(UTC) + timedelta(seconds=0.5))
    assert (house.settled(schedule_id)["triggered_at"] - moved.scheduled_at).total_seconds() < 2


def test_cancelled_milliseconds_before_it_either_never_fires_or_cancel_is_too_late(house: House) -> None:
    fired = 0
    for round_ in range(40):
        instant = datetime.now(UTC) + timedelta(seconds=0.2)
        schedule_id = schedules.plan(ALICE, "quick", instant).id
        wait = (instant - datetime.now(UTC)).total_seconds() + (round_ - 20) / 5000
        until_time(wait)
        try:
            schedules.cancel(ALICE, schedule_id)
        except Conflict:
            fired += 1
            assert house.settled(schedule_id)["status"] == "triggered"
            assert len(house.executions_of(schedule_id)) == 1
        else:
            assert house.schedule(schedule_id)["status"] == "cancelled"
            assert house.executions_of(schedule_id) == []
    until(lambda: house.count("cron_executions", "finished_at IS NULL") == 0)
    states = "status = 'cancelled' AND triggered_execution_id IS NOT NULL"
    assert house.count("scheduled_cron_executions", states) == 0
    assert 0 < fired < 40, "the race was not met: cancel never, or always, came first"


def until_time(seconds: float) -> None:
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    while datetime.now(UTC) < end:
        pass


def test_a_cancel_that_comes_with_the_start_ends_the_run(house: House) -> None:
    for _ in range(10):
        schedule_id = house.plan("sleep", seconds=0.1)
        execution = until(partial(house.executions_of, schedule_id))[0]
        executions.cancel(ALICE, execution["id"])
        assert house.ended(schedule_id, 15)["status"] == "cancelled"


def test_what_is_over_the_slots_waits_in_the_queue_and_runs(house: House) -> None:
    ids = [house.plan("shell", {"script": "sleep 0.3"}, seconds=0.3) for _ in range(20)]
    ended = [house.ended(schedule_id) for schedule_id in ids]
    assert {row["status"] for row in ended} == {"completed"}
    moments = [row["started_at"] for row in ended]
    busiest = max(sum(r["started_at"] <= at < r["finished_at"] for r in ended) for at in moments)
    assert busiest <= 8


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
