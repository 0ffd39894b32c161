"""One execution in full: its facts, what it prints as it comes, and what happened to it."""

from typing import Literal
from uuid import UUID

import streamlit as st

from core import executions, overview
from core.executions import UNFINISHED, Execution
from core.waiting import why_not_ended
from pages.parts import attempts, facts, notices, problems, table, times, words
from pages.parts.confirming import dangerous
from pages.parts.language import _
from pages.parts.output import begin, output_pane
from pages.parts.rewording import reworded
from pages.parts.timeline import of_execution, timeline
from pages.parts.worker_away import watch_workers

REFRESH_SECONDS = 1


def one_execution(execution_id: UUID) -> None:
    """Shows the execution of that id.

    Raises:
        NotFound, Unavailable.
    """
    run = executions.get(execution_id)
    if st.button(_("All executions"), icon=":material/arrow_back:", type="tertiary"):
        notices.go("executions")
    begun = (run.started_at or run.queued_at).replace(microsecond=0)
    facts.heading(words.title_of_cron(run.cron_name), times.day_and_time(begun))
    _buttons(run)
    if run.status == "queued":
        watch_workers()
    facts.facts("execution", _facts(run, executions.attempts_of(run)))
    begin(run)
    # Only what it prints is asked for each second; the rest is drawn anew when it has changed.
    every = REFRESH_SECONDS if run.status in UNFINISHED else None
    st.fragment(_living, run_every=every)(execution_id, _standing(run))
    facts.parameters(run.parameters, run.cron_name)
    timeline(of_execution(run))


def _buttons(run: Execution) -> None:
    with st.container(horizontal=True):
        if run.status in UNFINISHED:
            asked = run.cancel_requested_at is not None
            label = _("Stopping…") if asked else dangerous(_("Stop the run"))
            st.button(label, disabled=asked, on_click=notices.ask, args=("stop", run.id))
        same = (run.cron_name, run.parameters)
        # While it runs, another one is seldom what is wanted.
        again: Literal["primary", "secondary"] = "secondary" if run.status in UNFINISHED else "primary"
        st.button(_("Run again"), type=again, on_click=notices.ask, args=("run", *same))
        st.button(_("Schedule the same"), on_click=notices.ask, args=("again", *same))
        first = executions.attempts_of(run)[0]
        if first.scheduled_id and st.button(_("To its schedule")):
            notices.go("scheduled", id=str(first.scheduled_id))


def _living(execution_id: UUID, shown: tuple[object, ...]) -> None:
    with problems.told():
        run = executions.get(execution_id)
        if _standing(run) != shown:
            st.rerun()
        output_pane(run)


def _standing(run: Execution) -> tuple[object, ...]:
    """What the facts and the timeline are drawn from, as far as it changes while the run is under way."""
    waiting = why_not_ended(run)
    reason = (waiting.reason, waiting.worker_alive) if waiting else None
    return run.status, run.started_at, run.worker, run.cancel_requested_at, reason


def _lasted(run: Execution) -> table.Part:
    if run.status != "running" or run.started_at is None:
        return table.text(times.lasted(run.duration_seconds))
    return table.elapsed(run.started_at, overview.records([run.cron_name])[run.cron_name].slow_after_seconds)


def _facts(run: Execution, chain: list[Execution]) -> list[facts.Fact]:
    waits = run.status == "queued" and run.not_before is not None
    return [
        (_("Status"), [table.badge(run.status, words.of_execution(run.status))]),
        (_("Attempt"), attempts.listed(run, chain)),
        (
            _("Begins"),
            [table.countdown(run.not_before), *facts.instant(run.not_before)]
            if waits and run.not_before
            else [],
        ),
        (_("Duration"), [_lasted(run)]),
        (_("Begun"), facts.instant(run.started_at) if run.started_at else []),
        (_("Ended"), facts.instant(run.finished_at) if run.finished_at else []),
        *outcome(run),
        (_("Started by"), [table.text(run.triggered_by or "–")]),
        (_("Worker"), [table.text(run.worker, mono=True)] if run.worker else []),
        (_("Cron"), facts.cron(run.cron_name)),
        (_("Identifier"), [table.text(str(run.id), mono=True, quiet=True)]),
    ]


def outcome(run: Execution) -> list[facts.Fact]:
    """Its exit code, and why it ended so: that somebody stopped it is no error."""
    wrong = run.status != "cancelled"
    why = [table.text(reworded(run.error_message), bad=wrong)] if run.error_message else []
    return [(_("Exit code"), exit_code(run)), (_("Error") if wrong else _("Reason"), why)]


def exit_code(run: Execution) -> list[table.Part]:
    """Its exit code, red where that tells of a failure: what was stopped on purpose has not failed."""
    if run.exit_code is None:
        return []
    bad = run.exit_code != 0 and run.status != "cancelled"
    return [table.text(str(run.exit_code), mono=True, bad=bad, quiet=not bad)]
