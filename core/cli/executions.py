"""`run`, `executions`, `executions cancel` or `kill`, `show`, `tail`: what runs and ran."""

from collections.abc import Sequence
from uuid import UUID

import click

from core import events, executions, schedules
from core.catalogue import catalogue
from core.cli.answers import answer, answer_page, length, note, pairs, say, table
from core.cli.following import finish, follow
from core.cli.options import (
    as_json_option,
    asking,
    cron_option,
    instant,
    paging_options,
    parameters_given,
    parameters_options,
)
from core.errors import Conflict, NotFound
from core.executions import UNFINISHED, Execution
from core.workers import pulse


@click.command()
@click.argument("cron_name", metavar="CRON")
@parameters_options
@click.option("--wait", is_flag=True, help="Wait for its end; the exit code says how it ended.")
@click.option("--follow", "following", is_flag=True, help="The same, and print its output as it comes.")
@click.option("--idempotency-key", metavar="KEY", help="A second call with the same key starts nothing.")
@as_json_option
def run(
    cron_name: str,
    document: str | None,
    pairs: Sequence[str],
    wait: bool,
    following: bool,
    idempotency_key: str | None,
    as_json: bool,
) -> None:
    """Run CRON now, on a worker that has a free place."""
    cron = catalogue().cron(cron_name)
    started = executions.trigger(
        asking(), cron.name, parameters_given(cron, document, pairs), idempotency_key=idempotency_key
    )
    if started.status == "queued" and not pulse().alive:
        note("No worker is alive: it waits in the queue until one is started.")
    if following:
        follow(started.id, as_json=as_json)
    elif wait:
        finish(started.id, as_json=as_json)
    elif as_json:
        answer({"executionId": started.id, "execution": started})
    else:
        say(f"{started.id}  {started.cron_name}  {started.status}")


@click.group("executions", invoke_without_command=True)
@click.option("--status", type=click.Choice(executions.STATUSES), help="Only these.")
@cron_option("Only of this cron.")
@click.option("--from", "since", metavar="INSTANT", help="Begun at this instant or later.")
@click.option("--to", "until", metavar="INSTANT", help="Begun before this instant.")
@click.option("--search", metavar="TEXT", help="Text in a cron's name or title, parameters or the error.")
@paging_options
@as_json_option
@click.pass_context
def list_executions(
    context: click.Context,
    status: executions.Status | None,
    cron_name: str | None,
    since: str | None,
    until: str | None,
    search: str | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List executions, latest first; or cancel one."""
    if context.invoked_subcommand is not None:
        return
    wanted = executions.Filter(
        status=status,
        cron_name=cron_name,
        since=None if since is None else instant(since, None, "--from"),
        until=None if until is None else instant(until, None, "--to"),
        search=search,
    )
    page = executions.find(wanted, limit=limit, cursor=cursor)
    if as_json:
        answer_page("executions", page)
        return
    table(
        ("ID", "CRON", "STATUS", "BEGAN", "TOOK", "BY", "ERROR"),
        [
            (
                row.id,
                row.cron_name,
                row.status,
                row.started_at or row.queued_at,
                length(row.duration_seconds),
                row.triggered_by,
                row.error_message,
            )
            for row in page.rows
        ],
    )
    if page.cursor:
        about = "about " if page.count_is_estimate else ""
        note(f"{len(page.rows)} of {about}{page.count}; the next ones: --cursor {page.cursor}")


@click.command()
@click.argument("wanted", metavar="ID", type=click.UUID)
@as_json_option
def show(wanted: UUID, as_json: bool) -> None:
    """Show everything about ID, a schedule or an execution, with its history."""
    try:
        schedule = schedules.get(wanted)
    except NotFound:
        _show_execution(wanted, as_json)
        return
    history = events.of_schedule(schedule.id, schedule.batch_id)
    if as_json:
        answer({"scheduled": schedule, "events": history})
        return
    pairs(
        [
            ("schedule", schedule.id),
            ("cron", schedule.cron_name),
            ("status", schedule.status),
            ("scheduled at", schedule.scheduled_at),
            ("parameters", schedule.parameters),
            ("created at", schedule.created_at),
            ("created by", schedule.created_by),
            ("due at", schedule.due_at if schedule.status == "pending" else None),
            ("not after", schedule.not_after),
            ("if late", None if schedule.not_after is None else schedule.late_policy),
            ("held since", schedule.held_at),
            ("series", schedule.series_id),
            ("fired by", schedule.claimed_by),
            ("attempts", schedule.tries or None),
            ("of them conflicts", schedule.conflicts or None),
            ("triggered at", schedule.triggered_at),
            ("execution", schedule.triggered_execution_id),
            ("error", schedule.error_message),
            ("retry of", schedule.retry_of),
            ("retried by", schedule.retried_by),
        ]
    )
    _show_history(history)


def _show_execution(wanted: UUID, as_json: bool) -> None:
    try:
        execution = executions.get(wanted)
    except NotFound:
        raise NotFound("id: there is neither a schedule nor an execution of that id") from None
    history = events.of_execution(execution.id)
    if as_json:
        answer({"execution": execution, "events": history})
        return
    pairs(
        [
            ("execution", execution.id),
            ("cron", execution.cron_name),
            ("status", execution.status),
            ("parameters", execution.parameters),
            ("schedule", execution.scheduled_id),
            ("triggered by", execution.triggered_by),
            ("worker", execution.worker),
            ("queued", execution.queued_at),
            ("started", execution.started_at),
            ("finished", execution.finished_at),
            ("took", None if execution.duration_seconds is None else length(execution.duration_seconds)),
            ("exit code", execution.exit_code),
            ("error", execution.error_message),
            ("attempt", execution.attempt if execution.retry_of or execution.retried_by else None),
            ("retry of", execution.retry_of),
            ("retried by", execution.retried_by),
            ("not before", execution.not_before),
        ]
    )
    _show_history(history)


def _show_history(history: list[events.Event]) -> None:
    if history:
        say("")
        table(
            ("AT", "WHAT", "WHO", "VIA", "DETAILS"),
            [(event.at, event.kind, event.actor, event.via, event.details) for event in history],
        )


@click.command()
@click.argument("wanted", metavar="ID", type=click.UUID)
@as_json_option
def tail(wanted: UUID, as_json: bool) -> None:
    """Print the output of execution ID as it comes, until it ends.

    ID may also be a schedule that has fired. The exit code is 0 if the run completed, else 1.
    Ctrl-C leaves the run alone. With --json, each line is one piece of output and the last one
    the execution.
    """
    follow(_execution_of(wanted).id, as_json=as_json)


def _execution_of(wanted: UUID) -> Execution:
    try:
        return executions.get(wanted)
    except NotFound:
        try:
            schedule = schedules.get(wanted)
        except NotFound:
            raise NotFound("id: there is neither an execution nor a schedule of that id") from None
    if schedule.triggered_execution_id is None:
        raise Conflict(f"id: the schedule is {schedule.status}, and has no execution")
    return executions.get(schedule.triggered_execution_id)


@click.command()
@click.argument("execution_id", metavar="ID", type=click.UUID)
@click.option("--wait", is_flag=True, help="Return only when it has ended.")
@as_json_option
def kill(execution_id: UUID, wait: bool, as_json: bool) -> None:
    """End the execution ID: a queued one at once, a running one by its worker within seconds."""
    asked = executions.cancel(asking(), execution_id)
    if wait and asked.status in UNFINISHED:
        finish(execution_id, as_json=as_json, success="cancelled")
    elif as_json:
        answer({"execution": asked})
    else:
        ended = "cancelled" if asked.status == "cancelled" else "is asked to end"
        say(f"{asked.id}  {asked.cron_name}  {ended}")


list_executions.add_command(kill, "cancel")

COMMANDS = (run, list_executions, show, tail, kill)
