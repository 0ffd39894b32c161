"""`list`, `schedule`, `cancel`, `move`, `decide`, `retry`: what is planned."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click

from core import repeating, schedules
from core.catalogue import catalogue
from core.cli.answers import answer, answer_page, note, say, table
from core.cli.options import (
    as_json_option,
    asking,
    cron_option,
    instant,
    instant_given,
    instant_options,
    paging_options,
    parameters_given,
    parameters_options,
    repeat_given,
)
from core.errors import Invalid


@click.command("list")
@click.option(
    "--status",
    type=click.Choice([*schedules.STATUSES, "all"]),
    default="pending",
    show_default=True,
    help="Only these.",
)
@cron_option("Only of this cron.")
@click.option("--from", "since", metavar="INSTANT", help="Planned for this instant or later.")
@click.option("--to", "until", metavar="INSTANT", help="Planned for before this instant.")
@click.option("--search", metavar="TEXT", help="Text in a cron's name or title, parameters or who made it.")
@paging_options
@as_json_option
def list_(
    status: str,
    cron_name: str | None,
    since: str | None,
    until: str | None,
    search: str | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List schedules: pending ones next first, others latest first."""
    wanted = schedules.Filter(
        status=None if status == "all" else status,  # type: ignore[arg-type]  # click lets only these pass
        cron_name=cron_name,
        since=None if since is None else instant(since, None, "--from"),
        until=None if until is None else instant(until, None, "--to"),
        search=search,
    )
    page = schedules.find(wanted, limit=limit, cursor=cursor)
    if as_json:
        answer_page("scheduled", page)
        return
    table(
        ("ID", "CRON", "SCHEDULED AT", "STATUS", "BY", "PARAMETERS"),
        [
            (row.id, row.cron_name, row.scheduled_at, row.status, row.created_by, row.parameters)
            for row in page.rows
        ],
    )
    if page.cursor:
        about = "about " if page.count_is_estimate else ""
        note(f"{len(page.rows)} of {about}{page.count}; the next ones: --cursor {page.cursor}")


@click.command()
@click.argument("cron_name", metavar="CRON")
@instant_options
@parameters_options
@click.option("--not-after", metavar="INSTANT", help="Its deadline, where it could not fire in time.")
@click.option(
    "--late-policy",
    type=click.Choice(schedules.LATE_POLICIES),
    default="fire",
    show_default=True,
    help="After the deadline: fire it all the same, drop it, or ask a person.",
)
@click.option(
    "--repeat-pattern",
    metavar="PATTERN",
    help="once, daily, weekly or monthly: at its time of day, on its day; or a pattern as JSON.",
)
@click.option("--repeat-until", metavar="INSTANT", help="Of what repeats: nothing after this instant.")
@click.option("--created-by", metavar="NAME", help="In whose name; yours unless said otherwise.")
@click.option("--idempotency-key", metavar="KEY", help="A second call with the same key makes nothing.")
@as_json_option
def schedule(
    cron_name: str,
    at: str | None,
    delay: str | None,
    timezone: str | None,
    document: str | None,
    pairs: Sequence[str],
    not_after: str | None,
    late_policy: schedules.LatePolicy,
    repeat_pattern: str | None,
    repeat_until: str | None,
    created_by: str | None,
    idempotency_key: str | None,
    as_json: bool,
) -> None:
    """Plan one execution of CRON; or, with --repeat-pattern, a series of them.

    \b
    python -m core schedule disk-usage --in 2h --param maxPercent=80
    python -m core schedule backup-database --at '2030-01-31 02:00' --timezone Europe/Paris
    python -m core schedule backup-database --at '2030-01-31 02:00' --timezone Europe/Paris \\
        --repeat-pattern weekly --repeat-until 2030-12-31T00:00Z
    """
    cron = catalogue().cron(cron_name)
    repeats = repeat_given(repeat_pattern)
    single = repeats in (None, "once")
    # Of what repeats the zone is that of its wall clock too, however its first instant is given.
    when = instant_given(at, delay, timezone if single or at is not None else None)
    if when is None:
        raise Invalid("--at, --in: give one of them")
    common: dict[str, Any] = {
        "created_by": created_by,
        "not_after": None if not_after is None else instant(not_after, timezone, "--not-after"),
        "late_policy": late_policy,
    }
    parameters = parameters_given(cron, document, pairs)
    if single:
        if repeat_until is not None:
            raise Invalid("--repeat-until: is for what repeats; give --repeat-pattern too")
        made = schedules.plan(
            asking(), cron.name, when, parameters, idempotency_key=idempotency_key, **common
        )
    else:
        until = None if repeat_until is None else instant(repeat_until, None, "--repeat-until")
        assert repeats is not None
        made = repeating.plan(
            asking(),
            cron.name,
            when,
            repeats,
            timezone or "UTC",
            parameters=parameters,
            repeat_until=until,
            idempotency_key=idempotency_key,
            **common,
        )
    if as_json:
        answer({"scheduled": made, "seriesId": made.series_id})
    else:
        _tell("planned", made)


@click.command()
@click.argument("schedule_id", metavar="ID", type=click.UUID)
@as_json_option
def cancel(schedule_id: UUID, as_json: bool) -> None:
    """Cancel the pending schedule ID: it will not fire."""
    gone = schedules.cancel(asking(), schedule_id)
    if as_json:
        answer({"message": "Scheduled cron cancelled", "cronName": gone.cron_name, "scheduled": gone})
    else:
        _tell("cancelled", gone)


@click.command()
@click.argument("schedule_id", metavar="ID", type=click.UUID)
@instant_options
@parameters_options
@as_json_option
def move(
    schedule_id: UUID,
    at: str | None,
    delay: str | None,
    timezone: str | None,
    document: str | None,
    pairs: Sequence[str],
    as_json: bool,
) -> None:
    """Move the pending schedule ID to another instant, or give it other parameters.

    --param changes one of its parameters, --parameters replaces them all.
    """
    parameters = None
    if document is not None or pairs:
        present = schedules.get(schedule_id)
        cron = catalogue().cron(present.cron_name)
        parameters = parameters_given(cron, document, pairs, present.parameters)
    when = instant_given(at, delay, timezone)
    if when is None and parameters is None:
        raise Invalid("--at, --in, --param, --parameters: give at least one of them")
    changed = schedules.change(asking(), schedule_id, scheduled_at=when, parameters=parameters)
    if as_json:
        answer({"scheduled": changed})
    else:
        _tell("now", changed)


@click.command()
@click.argument("schedule_id", metavar="ID", type=click.UUID)
@click.option("--fire/--drop", required=True, help="Fire it now, or let it be.")
@as_json_option
def decide(schedule_id: UUID, fire: bool, as_json: bool) -> None:
    """Decide about the schedule ID, which is held because its deadline has passed."""
    decided = schedules.decide(asking(), schedule_id, fire=fire)
    if as_json:
        answer({"scheduled": decided})
    else:
        _tell("fires now, planned" if fire else "dropped, planned", decided)


@click.command()
@click.argument("schedule_id", metavar="ID", type=click.UUID)
@as_json_option
def retry(schedule_id: UUID, as_json: bool) -> None:
    """Try the failed schedule ID again: a new one, due now. A second call makes nothing."""
    made = schedules.try_again(asking(), schedule_id)
    if as_json:
        answer({"scheduled": made})
    else:
        _tell("tries again, planned", made)


def _tell(what: str, row: schedules.Schedule) -> None:
    say(f"{row.id}  {row.cron_name}  {what} for {row.scheduled_at.astimezone().isoformat(' ', 'seconds')}")


COMMANDS = (list_, schedule, cancel, move, decide, retry)
