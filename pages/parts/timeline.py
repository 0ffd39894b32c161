"""What happened to a planned run and its execution, in sentences: why it did run, or did not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from core.events import Event
from core.executions import Execution
from core.instants import parse_instant
from core.schedules import Schedule
from pages.parts import times
from pages.parts.language import _, marked
from pages.parts.rewording import reworded
from pages.parts.words import plain

# Filled with the actor, and with what the details of the event say.
SENTENCES = {
    "schedule.created": marked("Planned by {actor} for {scheduled_at}."),
    "schedules.created": marked("Planned by {actor}, together with others: {count} in all."),
    "schedule.moved": marked("Moved by {actor} from {from} to {to}."),
    "schedule.edited": marked("Parameters changed by {actor}."),
    "schedule.moved_and_edited": marked("Parameters changed by {actor}, and moved from {from} to {to}."),
    "schedule.cancelled": marked("Cancelled by {actor}: it will not run."),
    "schedule.restored": marked(
        "The cancelling was undone by {actor}: it is planned for {scheduled_at} again."
    ),
    "schedule.moved_back": marked("The moving was undone by {actor}: back from {from} to {to}."),
    "schedule.held": marked("Too late: held until somebody decides whether it still runs."),
    "schedule.released": marked("Decided by {actor}: it runs late."),
    "schedule.expired": marked("Too late: it does not run any more (decided by {actor})."),
    "schedule.tried_again": marked("Tried again by {actor}, with a run of its own."),
    "schedule.lease_expired": marked("{worker} had taken it and fell silent; {actor} took over."),
    "schedule.conflicted": marked(
        "Attempt {attempt}: an earlier run had not ended, and this cron runs one at a time. "
        "To be tried again at {again_at}."
    ),
    "schedule.retried": marked("Attempt {attempt} failed ({error}): to be tried again at {again_at}."),
    "schedule.failed": marked("Failed for good: {error}"),
    "schedule.triggered": marked("Marked as triggered by {actor}."),
    "execution.triggered": marked("Started by {actor}."),
    "execution.cancel_requested": marked("Stop asked for by {actor}."),
    "execution.lost": marked("Its worker gave no sign of life any more, so it counts as failed."),
    "execution.retried": marked(
        "The attempt before failed ({error}): attempt {attempt} may begin at {not_before}."
    ),
}
# Where the details name a reason, or the blackout that did it.
REASONS = {
    ("schedule.moved", "missed"): marked(
        "Nobody was there at {from}: it counts as the newest occurrence that was missed, {to}."
    ),
    ("schedule.moved", "blackout removed"): marked(
        "Back from {from} to {to}: {actor} removed the blackout that kept it away."
    ),
    ("schedule.cancelled", "missed"): marked(
        "A newer occurrence of its series runs in its stead: it will not run."
    ),
    ("schedule.cancelled", "blackout"): marked("Cancelled: it lay in a blackout that {actor} added."),
}
OTHER = marked("{kind}, by {actor}.")


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, in a sentence."""

    at: datetime
    sentence: str


def of_schedule(
    schedule: Schedule, happened: Sequence[Event], attempts: Sequence[Execution] = ()
) -> list[Moment]:
    """What happened to a schedule; what its row says already is in no event.

    Args:
        attempts: those of its execution, where there are several: how each began and ended is told too.
    """
    moments = [_told(event) for event in happened]
    by = schedule.created_by or _("somebody")
    if schedule.retry_of is not None:
        # The event of it stands in the history of both: this is the one that it made.
        moments = [_told(event) for event in happened if not _made_it(event, schedule)]
        told = _("Planned by {actor}, to try again what had failed.").format(actor=by)
        moments.insert(0, Moment(schedule.created_at, told))
    elif not any(event.kind in ("schedule.created", "schedules.created") for event in happened):
        moments.insert(0, Moment(schedule.created_at, _("Planned by {actor}.").format(actor=by)))
    if schedule.triggered_at and not any(event.kind == "schedule.triggered" for event in happened):
        moments.append(Moment(schedule.triggered_at, _triggered(schedule)))
    return [*moments, *(moment for run in attempts[1:] for moment in _attempted(run))]


def _made_it(event: Event, schedule: Schedule) -> bool:
    return event.kind == "schedule.tried_again" and event.details.get("retried_by") == str(schedule.id)


def _attempted(run: Execution) -> Iterator[Moment]:
    if run.started_at:
        worker = run.worker or _("a worker")
        told = _("Attempt {attempt} begun on {worker}.").format(attempt=run.attempt, worker=worker)
        yield Moment(run.started_at, told)
    if run.finished_at and run.retried_by is None:
        yield Moment(run.finished_at, _ended(run))


def _triggered(schedule: Schedule) -> str:
    assert schedule.triggered_at is not None
    late = (schedule.triggered_at - schedule.scheduled_at).total_seconds()
    after = times.lasted(max(0.0, late))
    if schedule.tries > 1:
        sentence = _("Triggered at attempt {attempt}, {lateness} after its time.")
        return sentence.format(attempt=schedule.tries, lateness=after)
    return _("Triggered {lateness} after its time.").format(lateness=after)


def of_execution(execution: Execution, happened: Sequence[Event]) -> list[Moment]:
    """What happened to an execution; what its row says already is in no event."""
    return [*[_told(event) for event in happened], *_lived(execution)]


def _lived(execution: Execution) -> Iterator[Moment]:
    worker = execution.worker or _("a worker")
    may_begin = execution.not_before or execution.queued_at
    waited = execution.started_at is None or (execution.started_at - may_begin).total_seconds() > 1
    if waited and execution.not_before is None:
        yield Moment(execution.queued_at, _("Put in the queue: it waits for a free worker."))
    if execution.started_at:
        yield Moment(execution.started_at, _("Begun on {worker}.").format(worker=worker))
    if execution.finished_at:
        yield Moment(execution.finished_at, _ended(execution))


def _ended(execution: Execution) -> str:
    lasted = times.lasted(execution.duration_seconds)
    if execution.status == "completed":
        return _("Completed after {duration}.").format(duration=lasted)
    why = reworded(execution.error_message or "") or _("no reason was given")
    if execution.status == "cancelled":
        return _("Stopped: {reason}").format(reason=why)
    return _("Failed after {duration}: {reason}").format(duration=lasted, reason=why)


def _told(event: Event) -> Moment:
    details = {name: _readable(name, value) for name, value in event.details.items()}
    given = {"actor": event.actor, "kind": event.kind, **details}
    reason = "blackout" if "blackout" in event.details else str(event.details.get("reason"))
    sentence = _(REASONS.get((event.kind, reason)) or SENTENCES.get(event.kind, OTHER))
    try:
        return Moment(event.at, sentence.format_map(given))
    except KeyError:
        return Moment(event.at, _(OTHER).format_map(given))


def _readable(name: str, value: Any) -> str:
    if name in ("scheduled_at", "from", "to", "again_at", "not_before") and isinstance(value, str):
        return times.day_and_time(parse_instant(value))
    return reworded(value) if name == "error" and isinstance(value, str) else str(value)


def timeline(moments: Sequence[Moment]) -> None:
    """Shows what happened, oldest first, under the day it happened on."""
    st.subheader(_("What happened"), anchor=False)
    lines, day = [], ""
    for moment in sorted(moments, key=lambda moment: moment.at):
        today = times.day(moment.at)
        if today != day:
            lines.append(f"\n**{plain(today)}**\n")
            day = today
        lines.append(f"- `{times.to_the_millisecond(moment.at)}` {plain(moment.sentence)}")
    st.markdown("\n".join(lines))
