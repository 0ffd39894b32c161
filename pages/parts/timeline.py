"""Why a planned run did run, or did not: one timeline of it and its execution, in sentences."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import streamlit as st

from core import events, executions, output, schedules
from core.errors import NotFound
from core.events import Event
from core.executions import Execution
from core.schedules import Schedule
from pages.parts import times
from pages.parts.language import _
from pages.parts.not_yet import not_yet
from pages.parts.rewording import reworded
from pages.parts.sentences import Moment, told
from pages.parts.words import plain

# Both say at the end of a run what its row says too.
ENDED = ("execution.failed", "execution.lost")


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one run.

    Attributes:
        answer: the status line of an HTTP target, such as '200 OK'.
        later: the attempts after the execution, where all are told together.
    """

    schedule: Schedule | None
    execution: Execution | None
    events: list[Event]
    answer: str | None = None
    later: Sequence[Execution] = ()

    @property
    def kinds(self) -> set[str]:
        """The kinds of its events."""
        return {event.kind for event in self.events}


def of_schedule(schedule: Schedule) -> Story:
    """The story of a schedule, with its execution if it has one."""
    run, later = None, []
    if schedule.triggered_execution_id is not None:
        with suppress(NotFound):  # deleted between two readings
            run = executions.get(schedule.triggered_execution_id)
            later = executions.attempts_of(run)[1:]
    return replace(_story(schedule, run), later=later)


def of_execution(run: Execution) -> Story:
    """The story of an execution, with its schedule if it came of one that is still there."""
    schedule = None
    if run.scheduled_id is not None:
        with suppress(NotFound):  # another database's, or no longer kept
            schedule = schedules.get(run.scheduled_id)
    return _story(schedule, run)


def _story(schedule: Schedule | None, run: Execution | None) -> Story:
    happened = events.of_run(
        schedule.id if schedule else None, run.id if run else None, schedule.batch_id if schedule else None
    )
    return Story(schedule, run, happened, output.answer_of(run) if run else None)


def timeline(story: Story) -> None:
    """Shows what happened, oldest first, under the day it happened on; at the end, why it is not done yet."""
    st.subheader(_heading(story), anchor=False)
    lines, day = [], ""
    for moment in sorted(moments(story), key=lambda moment: moment.at):
        today = times.day(moment.at)
        if today != day:
            lines.append(f"\n**{plain(today)}**\n")
            day = today
        lines.append(f"- `{times.to_the_millisecond(moment.at)}` {plain(_ended_well(moment.sentence))}")
    st.markdown("\n".join(lines))
    not_yet(story.schedule, story.execution)


def _ended_well(sentence: str) -> str:
    """The sentence with its full stop: the reasons that some end with have none."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def _heading(story: Story) -> str:
    schedule, run = story.schedule, story.execution
    if run is not None and run.status == "queued":
        return _("Why has it not run yet?")
    if run is not None and run.started_at is not None:
        return _("Why did it run?")
    if schedule is not None and schedule.status == "pending":
        return _("Why has it not run yet?")
    if schedule is not None and schedule.status == "triggered" and run is None:
        return _("Why did it run?")
    return _("Why did it not run?")


def moments(story: Story) -> list[Moment]:
    """All that happened; what the rows say is told from them, for no event says it again."""
    happened = [told(event) for event in story.events if not _made_it(event, story.schedule)]
    if story.schedule is not None:
        happened += _planned(story.schedule, story.kinds)
    if story.execution is not None:
        # The event of a start by hand is written a moment after the row.
        begin = min((event.at for event in story.events if event.kind == "execution.triggered"), default=None)
        ran = _ran(story.execution, story)
        happened += [Moment(max(one.at, begin) if begin else one.at, one.sentence) for one in ran]
    elif story.schedule is not None:
        happened += _triggered(story.schedule, story.kinds)
    return [*happened, *(moment for run in story.later for moment in _attempted(run))]


def _made_it(event: Event, schedule: Schedule | None) -> bool:
    """Whether it is the act that planned the schedule: it stands in the history of the failed one too."""
    return (
        event.kind == "schedule.tried_again"
        and schedule is not None
        and event.details.get("retried_by") == str(schedule.id)
    )


def _attempted(run: Execution) -> Iterator[Moment]:
    if run.started_at:
        worker = run.worker or _("a worker")
        begun = _("Attempt {attempt} begun on {worker}.").format(attempt=run.attempt, worker=worker)
        yield Moment(run.started_at, begun)
    if run.finished_at and run.retried_by is None:
        yield Moment(run.finished_at, _ended(run, None))


def _planned(schedule: Schedule, kinds: set[str]) -> Iterator[Moment]:
    by = schedule.created_by or _("somebody")
    if schedule.retry_of is not None:
        sentence = _("Planned by {actor}, to try again what had failed.")
        yield Moment(schedule.created_at, sentence.format(actor=by))
    elif not kinds & {"schedule.created", "schedules.created"}:
        yield Moment(schedule.created_at, _("Planned by {actor}.").format(actor=by))


def _triggered(schedule: Schedule, kinds: set[str]) -> Iterator[Moment]:
    """Of a run that is not kept here."""
    if schedule.triggered_at is not None and "schedule.triggered" not in kinds:
        late = _late(schedule, schedule.triggered_at)
        sentence = _("Triggered {lateness} after its time.").format(lateness=late)
        yield Moment(schedule.triggered_at, sentence + _attempt(schedule))


def _ran(run: Execution, story: Story) -> Iterator[Moment]:
    schedule, worker = story.schedule, run.worker or _("a worker")
    by_the_clock = schedule is not None and "schedule.triggered" not in story.kinds
    queued = run.started_at is None or (run.started_at - run.queued_at).total_seconds() > 1
    if schedule is not None and by_the_clock and not queued and run.started_at is not None:
        yield Moment(run.started_at, _fired(run, schedule, worker))
    elif queued:
        yield Moment(run.queued_at, _queued(run, schedule if by_the_clock else None))
        if run.started_at is not None:
            waited = times.lasted((run.started_at - run.queued_at).total_seconds())
            begun = _("Taken by {worker} and begun, after {duration} in the queue.")
            yield Moment(run.started_at, begun.format(worker=worker, duration=waited))
    elif run.started_at is not None and run.worker is not None:
        sent = run.target == "http"
        sentence = _("Taken by {worker} and sent.") if sent else _("Taken by {worker} and begun.")
        yield Moment(run.started_at, sentence.format(worker=worker))
    retried = bool(story.later)  # the event of that says how it ended
    if run.finished_at is not None and not retried and not story.kinds & set(ENDED):
        yield Moment(run.finished_at, _ended(run, story.answer))


def _fired(run: Execution, schedule: Schedule, worker: str) -> str:
    assert run.started_at is not None
    if run.target != "http":
        sentence = _("Taken by {worker} and begun, {lateness} after its time.")
    elif (run.error_message or "").startswith("not sent"):
        sentence = _("Taken by {worker}, {lateness} after its time.")
    else:
        sentence = _("Taken by {worker} and sent, {lateness} after its time.")
    late = _late(schedule, run.started_at)
    return sentence.format(worker=worker, lateness=late) + _attempt(schedule)


def _queued(run: Execution, schedule: Schedule | None) -> str:
    if schedule is None:
        return _("Put in the queue: it waits for a free worker.")
    late = _late(schedule, run.queued_at)
    sentence = _("Triggered {lateness} after its time, and put in the queue: no place was free.")
    return sentence.format(lateness=late) + _attempt(schedule)


def _attempt(schedule: Schedule) -> str:
    if schedule.tries <= 1:
        return ""
    return " " + _("This was attempt {attempt}.").format(attempt=schedule.tries)


def _late(schedule: Schedule, at: datetime) -> str:
    return times.lasted(max(0.0, (at - schedule.scheduled_at).total_seconds()))


def _ended(run: Execution, answer: str | None) -> str:
    lasted = times.lasted(run.duration_seconds)
    if answer is not None:
        return _answered(run, answer, lasted)
    if run.status == "completed" and run.exit_code is not None:
        return _("Completed after {duration}, with exit code {code}.").format(
            duration=lasted, code=run.exit_code
        )
    if run.status == "completed":
        return _("Completed after {duration}.").format(duration=lasted)
    why = reworded(run.error_message or "") or _("no reason was given")
    if run.status == "cancelled" and run.started_at is None:
        return _("Cancelled before it began: {reason}").format(reason=why)
    if run.status == "cancelled":
        return _("Stopped after {duration}: {reason}").format(duration=lasted, reason=why)
    if run.started_at is None:
        return _("It never began: {error}").format(error=why)
    return _("Failed after {duration}: {reason}").format(duration=lasted, reason=why)


def _answered(run: Execution, answer: str, lasted: str) -> str:
    sentence = _("The target answered {status} after {duration}.").format(status=answer, duration=lasted)
    if run.external_id:
        sentence += " " + _("It calls the run {external_id}.").format(external_id=run.external_id)
    return sentence
