"""--json speaks the REST API's words."""

from api.repeating import SeriesAnswer, ShownBlackout, ShownSeries
from api.representations import ShownExecution, ShownSchedule
from tests.cli.command import Command


def names_of(model: type) -> set[str]:
    return {field.serialization_alias or name for name, field in model.model_fields.items()}  # type: ignore[attr-defined]


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
