"""`run`, `executions`, `tail`, `kill`, `workers`: running from the command line, with a real worker."""

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg

from core import executions, schedules
from core.actors import Actor
from tests.cli.command import Command, beside, eventually

ALICE = Actor("alice", "operator", "api")


def status_of(database: psycopg.Connection) -> str:
    [(status,)] = database.execute("SELECT status FROM cron_executions").fetchall()
    return str(status)


def test_following_a_run_prints_what_it_prints_and_ends_as_it_ends(cli: Command, worker: None) -> None:
    answer = cli("run", "greet", "--param", "name=Zoé", "--param", "times=2", "--follow")
    assert answer.code == 0
    assert answer.out == "hello Zoé 2\n"
    assert "greet completed" in answer.err


def test_a_failed_run_ends_with_1_and_keeps_the_streams_apart(cli: Command, worker: None) -> None:
    answer = cli("run", "fail", "--follow")
    assert (answer.code, answer.out) == (1, "")
    assert "broken" in answer.err
    assert "exit code 3" in answer.err


def test_waiting_prints_only_the_end(cli: Command, worker: None) -> None:
    waited = cli("run", "greet", "--wait", "--json")
    assert waited.code == 0
    assert waited.document["execution"]["status"] == "completed"
    assert waited.document["execution"]["exitCode"] == 0
    failed = cli("run", "fail", "--wait")
    assert failed.code == 1
    assert "exit code 3" in failed.out
    assert "broken" not in failed.err


def test_tail_as_json_is_a_line_a_piece_and_the_execution_last(cli: Command, worker: None) -> None:
    started = cli("run", "greet", "--json").document["executionId"]
    tailed = cli("tail", started, "--json")
    *pieces, last = (json.loads(line) for line in tailed.out.splitlines())
    assert "".join(piece["content"] for piece in pieces if piece["stream"] == "stdout") == "hello world 1\n"
    assert last["execution"]["status"] == "completed"
    assert last["execution"]["id"] == started


def test_output_comes_while_the_run_goes_on(cli: Command, worker: None, database: psycopg.Connection) -> None:
    with beside("run", "wait", "--follow") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "waiting\n"
        assert status_of(database) == "running"
        [(running,)] = database.execute("SELECT id FROM cron_executions").fetchall()
        assert cli("kill", running).code == 0
        assert following.wait(timeout=60) == 1


def test_ctrl_c_in_tail_ends_with_130_and_leaves_the_run_alone(
    cli: Command, worker: None, database: psycopg.Connection
) -> None:
    started = cli("run", "wait", "--json").document["executionId"]
    with beside("tail", started) as tailing:
        assert tailing.stdout is not None
        assert tailing.stdout.readline() == "waiting\n"
        tailing.send_signal(signal.SIGINT)
        assert tailing.wait(timeout=60) == 130
        assert tailing.stderr is not None
        told = tailing.stderr.read()
    assert "Traceback" not in told
    assert f"python -m core tail {started}" in told
    assert status_of(database) == "running"
    cli("kill", started, "--wait")


def test_a_reader_that_goes_away_ends_tail_silently(
    cli: Command, worker: None, database: psycopg.Connection
) -> None:
    started = cli("run", "wait", "--json").document["executionId"]
    with beside("tail", started) as tailing:
        assert tailing.stdout is not None
        assert tailing.stderr is not None
        assert tailing.stdout.readline() == "waiting\n"
        tailing.stdout.close()
        database.execute(
            "INSERT INTO cron_execution_output (execution_id, seq, stream, content) "
            "VALUES (%s, 1000, 'stdout', 'more')",
            (started,),
        )
        assert tailing.wait(timeout=60) == 141
        assert tailing.stderr.read() == ""
    assert status_of(database) == "running"
    cli("kill", started, "--wait")


def test_kill_ends_a_running_execution_and_refuses_an_ended_one(
    cli: Command, worker: None, database: psycopg.Connection
) -> None:
    started = cli("run", "wait", "--json").document["executionId"]
    eventually(lambda: status_of(database) == "running")
    killed = cli("kill", started, "--wait", "--json")
    assert killed.code == 0
    assert killed.document["execution"]["status"] == "cancelled"
    assert cli("kill", started).code == 4


def test_a_run_without_a_worker_waits_and_is_said_so(cli: Command, database: psycopg.Connection) -> None:
    answer = cli("run", "wait")
    assert answer.code == 0
    assert "No worker is alive" in answer.err
    assert status_of(database) == "queued"
    again = cli("run", "wait")
    assert again.code == 4
    assert "already running" in again.err
    [(queued,)] = database.execute("SELECT id FROM cron_executions").fetchall()
    assert "cancelled" in cli("kill", queued).out


def test_a_schedule_is_tailed_by_its_own_id_once_it_has_fired(
    cli: Command, worker: None, database: psycopg.Connection
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    made = schedules.plan(ALICE, "greet", soon, {"name": "later"})
    far = schedules.plan(ALICE, "greet", soon + timedelta(days=1))
    eventually(lambda: schedules.get(made.id).status == "triggered")
    assert cli("tail", made.id).out == "hello later 1\n"
    assert cli("tail", far.id).code == 4


def test_executions_are_listed_and_shown(cli: Command, worker: None) -> None:
    cli("run", "greet", "--wait")
    cli("run", "fail", "--wait")
    listed = cli("executions", "--json").document
    assert [row["cronName"] for row in listed["executions"]] == ["fail", "greet"]
    assert listed["count"] == 2
    failed = cli("executions", "--status", "failed", "--json").document
    assert [row["cronName"] for row in failed["executions"]] == ["fail"]
    assert "exit code 3" in cli("executions", "--cron", "fail").out
    shown = cli("show", listed["executions"][0]["id"])
    assert "ended with exit code 3" in shown.out
    assert "execution.triggered" in shown.out


def test_the_same_idempotency_key_starts_one_run(cli: Command, count: Callable[[str], int]) -> None:
    first, second = (cli("run", "greet", "--idempotency-key", "k", "--json").document for _ in range(2))
    assert first["executionId"] == second["executionId"]
    assert count("cron_executions") == 1


def test_workers_are_listed(cli: Command, worker: None) -> None:
    [alive] = cli("workers", "--json").document["workers"]
    assert alive["name"] in cli("workers").out


def test_no_worker_is_said(cli: Command) -> None:
    executions.trigger(ALICE, "greet")
    answer = cli("workers")
    assert answer.code == 0
    assert "No worker is alive" in answer.err
    assert cli("workers", "--json").document["workers"] == []


def test_waiting_for_a_run_that_is_tried_again_is_waiting_for_its_last_attempt(
    cli: Command, database: psycopg.Connection
) -> None:
    with beside("run", "greet", "--wait") as waiting:
        first = eventually(lambda: database.execute("SELECT id FROM cron_executions").fetchone())[0]
        database.execute(
            "WITH failed AS (UPDATE cron_executions SET status = 'failed', started_at = now(), "
            "finished_at = now(), retried_by = crondesk_uuid() RETURNING *) "
            "INSERT INTO cron_executions (id, cron_name, target, retry_of, first_id, attempt) "
            "SELECT retried_by, cron_name, target, id, id, 2 FROM failed"
        )
        [(again,)] = database.execute("SELECT id FROM cron_executions WHERE attempt = 2").fetchall()
        database.execute(
            "UPDATE cron_executions SET status = 'completed', started_at = now(), finished_at = now() "
            "WHERE id = %s",
            [again],
        )
        out, _err = waiting.communicate(timeout=60)
        assert waiting.returncode == 0
        assert out.startswith(str(again))
    shown = cli("show", first).out
    assert str(again) in shown
    tailed = cli("tail", first)
    assert tailed.code == 0
    assert f"it is tried again: {again}" in tailed.err
