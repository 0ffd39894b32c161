"""Options and --json speak the REST API's words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click
import pytest
from pydantic import AliasChoices, BaseModel

from api.repeating import (
    BlackoutRequest,
    DecideRequest,
    SeriesAnswer,
    SeriesChange,
    SeriesQuery,
    SeriesRequest,
    ShownBlackout,
    ShownSeries,
)
from api.representations import (
    AddressRequest,
    ChangeRequest,
    ExecutionQuery,
    PlanRequest,
    ScheduleQuery,
    ShownExecution,
    ShownSchedule,
    TriggerRequest,
)
from core.cli.main import commands
from tests.cli.command import Command

pytestmark = pytest.mark.release


def kebab(name: str) -> str:
    return "--" + "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)


def options_of(*path: str) -> set[str]:
    command: click.Command = commands
    for word in path:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    return {name for parameter in command.params for name in parameter.opts}


def wire_names(model: type[BaseModel]) -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        given = field.validation_alias or field.alias or name
        first = given.choices[0] if isinstance(given, AliasChoices) else given
        assert isinstance(first, str)
        found.add(first)
    return found


@pytest.mark.parametrize(
    ("path", "model", "arguments"),
    [
        (["schedule"], PlanRequest, {"cronName"}),
        (["list"], ScheduleQuery, set()),
        (["move"], ChangeRequest, set()),
        (["decide"], DecideRequest, set()),
        (["run"], TriggerRequest, {"cronName", "scheduledId", "executionId"}),
        (["executions"], ExecutionQuery, set()),
        (["series", "create"], SeriesRequest, {"cronName"}),
        (["series", "change"], SeriesChange, set()),
        (["series", "list"], SeriesQuery, set()),
        (["blackouts", "add"], BlackoutRequest, {"name"}),
        (["feed"], AddressRequest, {"person"}),
    ],
)
def test_each_field_of_a_call_is_an_option_of_its_name(
    path: list[str], model: type[BaseModel], arguments: set[str]
) -> None:
    wanted = {kebab(name) for name in wire_names(model) - arguments}
    assert wanted <= options_of(*path), wanted - options_of(*path)


def test_each_verb_of_the_api_is_a_command_of_its_name() -> None:
    for path in (["schedule"], ["cancel"], ["decide"], ["executions", "cancel"], ["series", "pause"]):
        options_of(*path)


def names_of(model: type[BaseModel]) -> set[str]:
    return {field.serialization_alias or name for name, field in model.model_fields.items()}


def test_a_schedule_has_the_fields_that_it_has_over_http(cli: Command) -> None:
    planned = cli("schedule", "greet", "--in", "1h", "--json").document["scheduled"]
    assert names_of(ShownSchedule) <= set(planned)
    assert ShownSchedule(**{
        name: planned[field.serialization_alias or name] for name, field in ShownSchedule.model_fields.items()
    }).model_dump(mode="json", by_alias=True).items() <= planned.items()  # fmt: skip
    page = cli("list", "--json").document
    assert set(page) == {"success", "scheduled", "count", "countIsEstimate", "nextCursor"}


def test_an_execution_has_the_fields_that_it_has_over_http(cli: Command) -> None:
    ran = cli("run", "nothing", "--wait", "--json").document["execution"]
    assert names_of(ShownExecution) <= set(ran)
    assert ran["durationSeconds"] is not None
    page = cli("executions", "--json").document
    assert set(page) == {"success", "executions", "count", "countIsEstimate", "nextCursor"}


def test_a_series_and_a_blackout_have_the_fields_that_they_have_over_http(cli: Command) -> None:
    options = ("--expression", "@daily", "--timezone", "Europe/Paris", "--fire-within", "1h")
    made = cli("series", "create", "greet", *options, "--json").document
    assert names_of(SeriesAnswer) <= set(made)
    assert names_of(ShownSeries) <= set(made["series"])
    assert made["series"]["fireWithinSeconds"] == 3600
    assert cli("show", made["nextScheduleId"]).code == 0
    times = ("--from", "2030-07-01T00:00Z", "--to", "2030-07-02T00:00Z")
    added = cli("blackouts", "add", "Freeze", *times, "--json").document
    assert names_of(ShownBlackout) <= set(added["blackout"])


def test_what_repeats_is_planned_in_the_words_of_the_api(cli: Command) -> None:
    options = ("--scheduled-at", "2030-01-31 09:00", "--timezone", "Europe/Paris")
    until = ("--repeat-until", "2030-12-31T00:00Z", "--not-after", "2030-01-31 10:00")
    planned = cli("schedule", "greet", *options, "--repeat-pattern", "monthly", *until, "--json").document
    assert planned["scheduled"]["seriesId"] == planned["seriesId"]
    assert planned["scheduled"]["scheduledAt"] == "2030-01-31T08:00:00Z"
    made = cli("series", "show", planned["seriesId"], "--json").document["series"]
    assert made["repeatPattern"] == {"kind": "monthly", "at": "09:00:00", "day": 31, "every": 1}
    assert (made["timezone"], made["repeatUntil"]) == ("Europe/Paris", "2030-12-31T00:00:00Z")
    assert made["fireWithinSeconds"] == 3600
    soon = (
        "--in",
        "2h",
        "--timezone",
        "Europe/Paris",
        "--repeat-pattern",
        '{"kind": "daily", "at": "02:00"}',
    )
    assert cli("schedule", "greet", *soon).code == 0
    once = cli("schedule", "greet", "--in", "1h", "--repeat-pattern", "once", "--json").document
    assert once["seriesId"] is None


def test_the_same_key_makes_one_of_what_repeats(cli: Command, count: Callable[[str], int]) -> None:
    daily = ("--repeat-pattern", "daily", "--idempotency-key", "one")
    at = ("--at", f"{datetime.now(UTC) + timedelta(hours=3):%Y-%m-%dT%H:%MZ}")
    first, again = (cli("schedule", "greet", *at, *daily, "--json").document for _ in range(2))
    assert first["seriesId"] == again["seriesId"]
    assert cli("schedule", "greet", "--in", "9h", *daily).code == 4
    nightly = ("--expression", "@daily", "--timezone", "UTC", "--idempotency-key", "other", "--json")
    made = {cli("series", "create", "greet", *nightly).document["series"]["id"] for _ in range(2)}
    assert len(made) == 1
    assert count("cron_series") == count("scheduled_cron_executions") == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--repeat-pattern", "fortnightly"], "--repeat-pattern: must be one of once, daily"),
        (["--repeat-pattern", "[1]"], "--repeat-pattern: must be one of"),
        (["--repeat-pattern", '{"kind": "daily"}'], "at"),
        (["--repeat-until", "2030-01-31T00:00Z"], "--repeat-until: is for what repeats"),
        (["--repeat-pattern", "daily", "--repeat-until", "soon"], "--repeat-until"),
    ],
)
def test_a_repetition_that_cannot_be_is_refused(
    cli: Command, count: Callable[[str], int], options: list[str], said: str
) -> None:
    refused = cli("schedule", "greet", "--in", "1h", *options)
    assert refused.code == 2
    assert said in refused.err
    assert count("cron_series") == count("scheduled_cron_executions") == 0


def test_an_execution_is_cancelled_as_over_http(cli: Command) -> None:
    started = cli("run", "greet", "--json").document["executionId"]
    cancelled = cli("executions", "cancel", started, "--json").document["execution"]
    assert cancelled["status"] == "cancelled"
    assert cli("executions", "cancel", started).code == 4
    assert cli("executions", "--status", "cancelled", "--json").document["count"] == 1


def test_series_and_blackouts_take_the_api_s_names(cli: Command) -> None:
    options = (
        "--repeat-pattern", '{"kind": "daily", "at": "02:00"}', "--timezone", "UTC", "--repeat-count", 3,
        "--excluded-dates", "2030-12-25", "--fire-within-seconds", 90, "--created-by", "bob",
    )  # fmt: skip
    made = cli("series", "create", "greet", *options, "--json").document["series"]
    assert (made["repeatCount"], made["excludedDates"]) == (3, ["2030-12-25"])
    assert (made["fireWithinSeconds"], made["createdBy"]) == (90, "bob")
    times = ("--starts-at", "2030-07-01T00:00Z", "--ends-at", "2030-07-02T00:00Z", "--cron-name", "greet")
    assert cli("blackouts", "add", "Freeze", *times, "--json").document["blackout"]["cronName"] == "greet"
