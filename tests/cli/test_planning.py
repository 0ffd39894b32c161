"""`list`, `schedule`, `cancel`, `move`, `decide`, `show`: planning from the command line."""

import os
import pwd
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from core import schedules
from core.actors import Actor
from tests.cli.command import Command

ME = pwd.getpwuid(os.getuid()).pw_name
ALICE = Actor("alice", "operator", "api")


def ahead(hours: float) -> datetime:
    return (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)


def planned(cli: Command, *options: object) -> dict[str, Any]:
    answer = cli("schedule", "greet", *options, "--json")
    assert answer.code == 0, answer.err
    scheduled: dict[str, Any] = answer.document["scheduled"]
    return scheduled


def test_a_schedule_is_planned_in_the_words_of_the_rest_api(
    cli: Command, count: Callable[[str], int]
) -> None:
    made = planned(cli, "--at", "2030-01-31T09:00:00+01:00", "--param", "name=Zoé", "--param", "times=2")
    assert made["cronName"] == "greet"
    assert made["scheduledAt"] == "2030-01-31T08:00:00Z"
    assert made["parameters"] == {"name": "Zoé", "times": 2}
    assert (made["status"], made["createdBy"]) == ("pending", ME)
    assert count("scheduled_cron_executions") == 1


def test_who_did_it_is_the_user_of_the_operating_system(cli: Command, database: psycopg.Connection) -> None:
    planned(cli, "--in", "1h")
    assert database.execute("SELECT actor, via, kind FROM cron_events").fetchall() == [
        (ME, "cli", "schedule.created")
    ]


def test_a_wall_clock_time_is_read_in_the_zone_that_is_named(cli: Command) -> None:
    made = planned(cli, "--at", "2030-07-01 09:30", "--timezone", "Europe/Paris")
    assert made["scheduledAt"] == "2030-07-01T07:30:00Z"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2030-03-31 02:30", "after the jump comes 2030-03-31 03:00:00"),
        ("2030-10-27 02:30", "2030-10-27T02:30:00+02:00 or 2030-10-27T02:30:00+01:00"),
        ("2030-01-31T09:00:00+01:00", "without an offset"),
        ("2030-02-30 09:00", "no date and time that exists"),
    ],
)
def test_a_wall_clock_time_that_is_none_or_two_is_refused_with_the_way_out(
    cli: Command, count: Callable[[str], int], at: str, said: str
) -> None:
    answer = cli("schedule", "greet", "--at", at, "--timezone", "Europe/Paris")
    assert answer.code == 2
    assert said in answer.err
    assert count("scheduled_cron_executions") == 0


@pytest.mark.parametrize(
    ("delay", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d12h", 129_600), ("1w", 604_800)]
)
def test_a_delay_counts_from_now(cli: Command, delay: str, seconds: int) -> None:
    made = datetime.fromisoformat(planned(cli, "--in", delay)["scheduledAt"])
    assert abs((made - datetime.now(UTC)).total_seconds() - seconds) < 20


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--in", "soon"], "no duration"),
        (["--in", "0s"], "longer than nothing"),
        (["--in", "999999999w"], "more than ten years ahead"),
        (["--in", "2h", "--at", "2030-01-31T09:00Z"], "one of them"),
        ([], "give one of them"),
        (["--at", "2030-01-31 09:00"], "--timezone"),
        (["--at", "yesterday"], "RFC 3339"),
        (["--at", "2020-01-31T09:00Z"], "in the past"),
        (["--at", "2030-01-31 09:00", "--timezone", "Mars/Olympus"], "no IANA time zone"),
        (["--in", "2h", "--param", "times=11"], "maximum of 10"),
        (["--in", "2h", "--param", "times"], "NAME=VALUE"),
        (["--in", "2h", "--parameters", "{"], "not JSON"),
        (["--in", "2h", "--parameters", "[]"], "JSON object"),
        (["--in", "2h", "--late-policy", "drop"], "notAfter"),
        (["--unknown"], "No such option"),
    ],
)
def test_what_cannot_be_planned_is_said_and_ends_with_2(
    cli: Command, count: Callable[[str], int], options: list[str], said: str
) -> None:
    answer = cli("schedule", "greet", *options)
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""
    assert count("scheduled_cron_executions") == 0


def test_refusals_are_json_too(cli: Command) -> None:
    answer = cli("schedule", "greet", "--in", "2h", "--param", "times=0", "--json")
    assert answer.code == 2
    assert answer.refusal["success"] is False
    assert "times" in answer.refusal["error"]
    assert cli("schedule", "--json").refusal["success"] is False


def test_an_unknown_cron_ends_with_3_and_names_the_known_ones(cli: Command) -> None:
    answer = cli("schedule", "great", "--in", "2h")
    assert answer.code == 3
    assert "greet" in answer.err


def test_parameters_come_as_json_too_also_on_standard_input(cli: Command) -> None:
    made = planned(cli, "--in", "2h", "--parameters", '{"times": 3, "name": "a"}', "--param", "name=b")
    assert made["parameters"] == {"times": 3, "name": "b"}
    answer = cli("schedule", "greet", "--in", "2h", "--parameters", "-", "--json", given='{"times": 4}')
    assert answer.document["scheduled"]["parameters"] == {"times": 4}


def test_text_that_looks_like_a_number_stays_text_where_the_schema_takes_text(cli: Command) -> None:
    assert planned(cli, "--in", "2h", "--param", "name=007")["parameters"] == {"name": "007"}


def test_the_same_idempotency_key_makes_one_schedule(cli: Command, count: Callable[[str], int]) -> None:
    options = ("--at", "2030-01-31T09:00Z", "--idempotency-key", "k")
    assert planned(cli, *options)["id"] == planned(cli, *options)["id"]
    assert count("scheduled_cron_executions") == 1
    assert cli("schedule", "nothing", *options).code == 4


def test_a_deadline_and_what_then_happens_are_kept(cli: Command) -> None:
    made = planned(cli, "--in", "2h", "--not-after", "2030-01-31T09:00Z", "--late-policy", "ask")
    assert (made["notAfter"], made["latePolicy"]) == ("2030-01-31T09:00:00Z", "ask")


def test_the_list_shows_pending_ones_next_first(cli: Command) -> None:
    later, sooner = (schedules.plan(ALICE, "greet", ahead(hours)) for hours in (2, 1))
    schedules.cancel(ALICE, schedules.plan(ALICE, "nothing", ahead(3)).id)
    listed = cli("list", "--json").document
    assert [row["id"] for row in listed["scheduled"]] == [str(sooner.id), str(later.id)]
    assert listed["count"] == 2
    text = cli("list").out
    assert text.index(str(sooner.id)) < text.index(str(later.id))
    assert "alice" in text


def test_the_list_is_filtered_and_paged(cli: Command) -> None:
    for hours in (1, 2, 3):
        schedules.plan(ALICE, "greet", ahead(hours), {"name": f"n{hours}"})
    schedules.cancel(ALICE, schedules.plan(ALICE, "nothing", ahead(4)).id)

    def names(*options: object) -> list[str]:
        rows = cli("list", *options, "--json").document["scheduled"]
        return [row["parameters"].get("name", row["cronName"]) for row in rows]

    assert names("--status", "all") == ["nothing", "n3", "n2", "n1"]
    assert names("--status", "cancelled") == ["nothing"]
    assert names("--cron", "nothing") == []
    assert names("--search", "n2") == ["n2"]
    assert names("--from", ahead(1.5).isoformat(), "--to", ahead(2.5).isoformat()) == ["n2"]
    first = cli("list", "--limit", 2, "--json").document
    assert names("--limit", 2, "--cursor", first["nextCursor"]) == ["n3"]
    assert cli("list", "--cursor", "nonsense").code == 2
    assert cli("list", "--status", "late").code == 2


def test_control_characters_of_a_parameter_do_not_reach_the_terminal(cli: Command) -> None:
    schedules.plan(ALICE, "greet", ahead(1), {"name": "\x1b[31mred\x9b"})
    listed = cli("list").out
    assert "red" in listed
    assert "\x1b" not in listed
    assert "\x9b" not in listed


def test_cancelling_twice_ends_with_4(cli: Command) -> None:
    made = planned(cli, "--in", "2h")
    gone = cli("cancel", made["id"], "--json")
    assert (gone.code, gone.document["message"]) == (0, "Scheduled cron cancelled")
    assert gone.document["cronName"] == "greet"
    again = cli("cancel", made["id"])
    assert again.code == 4
    assert "cancelled already" in again.err


def test_what_is_not_there_ends_with_3_and_what_is_no_id_with_2(cli: Command) -> None:
    for verb in (["cancel"], ["show"], ["tail"], ["kill"], ["move", "--in", "1h"], ["series", "end"]):
        assert cli(*verb, uuid4()).code == 3
        assert cli(*verb, "not-an-id").code == 2


def test_a_pending_schedule_is_moved_and_edited(cli: Command) -> None:
    made = planned(cli, "--in", "2h", "--param", "name=a", "--param", "times=2")
    moved = cli("move", made["id"], "--at", "2030-01-31T09:00Z", "--param", "times=3", "--json")
    assert moved.code == 0
    assert moved.document["scheduled"]["scheduledAt"] == "2030-01-31T09:00:00Z"
    assert moved.document["scheduled"]["parameters"] == {"name": "a", "times": 3}
    assert cli("move", made["id"]).code == 2
    cli("cancel", made["id"])
    assert cli("move", made["id"], "--in", "1h").code == 4


def test_a_held_schedule_is_decided_about(cli: Command, database: psycopg.Connection) -> None:
    made = planned(cli, "--in", "2h", "--not-after", "2030-01-31T09:00Z", "--late-policy", "ask")
    assert cli("decide", made["id"], "--fire").code == 4
    database.execute("UPDATE scheduled_cron_executions SET held_at = now()")
    decided = cli("decide", made["id"], "--drop", "--json")
    assert decided.document["scheduled"]["status"] == "failed"
    assert cli("decide", made["id"]).code == 2


def test_show_tells_a_schedule_with_its_history(cli: Command) -> None:
    made = planned(cli, "--in", "2h", "--param", "name=Zoé")
    cli("move", made["id"], "--in", "3h")
    text = cli("show", made["id"]).out
    for word in (made["id"], "Zoé", "schedule.created", "schedule.moved", ME):
        assert word in text
    told = cli("show", made["id"], "--json").document
    assert [event["kind"] for event in told["events"]] == ["schedule.created", "schedule.moved"]


def test_show_names_nobody_for_a_row_that_nobody_is_named_in(
    cli: Command, database: psycopg.Connection
) -> None:
    [made] = database.execute(
        "INSERT INTO scheduled_cron_executions (cron_name, scheduled_at)"
        " VALUES ('greet', now() + interval '1 hour') RETURNING id"
    ).fetchone() or [None]
    shown = cli("show", made).out
    assert "created at" in shown
    assert "None" not in shown
    assert "created by" not in shown


def test_a_failed_schedule_is_tried_again_once(cli: Command, count: Callable[[str], int]) -> None:
    made = planned(cli, "--in", "1h", "--param", "name=Ada")
    assert cli("retry", made["id"]).code == 4
    schedules.mark_failed(Actor("worker", "admin", "sql"), UUID(made["id"]), "the disk is full")
    again = cli("retry", made["id"], "--json").document["scheduled"]
    assert (again["status"], again["parameters"], again["retryOf"]) == (
        "pending",
        {"name": "Ada"},
        made["id"],
    )
    assert cli("retry", made["id"]).out.startswith(again["id"])
    assert count("scheduled_cron_executions") == 2
    assert again["id"] in cli("show", made["id"]).out
