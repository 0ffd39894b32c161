"""Why a run is not under way or done yet, in a sentence with the way out."""

from uuid import UUID

import streamlit as st

from core.executions import Execution
from core.schedules import Schedule
from core.waiting import Reason, Waiting, why_not_ended, why_not_yet
from pages.parts import times
from pages.parts.language import _, marked
from pages.parts.words import plain

# Markdown: what is filled in is escaped.
PLANNED: dict[Reason, str] = {
    "not_due": marked("It is not due yet: it will run on {when}."),
    "held": marked("Its deadline has passed, so it waits for a decision: run it late, or drop it."),
    "unknown_cron": marked(
        "The catalogue has no such cron any more, so it will fail when it is due. "
        "Restore the entry in the file that `CRONS_FILE` names, or cancel the run."
    ),
    "firing": marked(
        "{worker} has taken it and fires it now. If that worker falls silent, "
        "another one takes over at {when}."
    ),
    "earlier_run": marked(
        "An earlier run has not ended, and this cron runs one at a time: it is tried again at {when}. "
        "Wait for that run’s end, or stop it."
    ),
    "retry": marked("It waits for its next attempt at {when}, in {left}."),
    "no_worker": marked(
        "It is due since {when}, and no worker is alive to run it. Start one: `python -m worker`."
    ),
    "lease": marked("{worker} had taken it and fell silent. Another worker takes it over within a minute."),
    "soon": marked("It is due since {when}: a worker is alive and takes what is due, the oldest first."),
}
QUEUED: dict[Reason, str] = {
    "unknown_cron": marked(
        "No catalogue has this cron any more, so no worker takes it. "
        "Restore the entry in the file that `CRONS_FILE` names, or stop the run."
    ),
    "no_worker": marked(
        "It has been in the queue since {when}, and no worker is alive to take it. "
        "Start one: `python -m worker`."
    ),
    "no_place": marked(
        "It waits for a free place: all {places} of the workers are taken. It begins when a run ends; "
        "`MAX_RUNNING` says how many one worker runs at once."
    ),
    "soon": marked("It has been in the queue since {when}: a worker takes it next."),
    "silent": marked(
        "{worker} has given no sign of life since {when}. If it stays silent, "
        "another worker counts this run as failed."
    ),
    "stopping": marked("Its stop was asked for at {when}: its worker ends it within seconds."),
}
BEFORE_THEN = marked("No worker is alive: start one before then: `python -m worker`.")
BAD: tuple[Reason, ...] = ("held", "unknown_cron", "no_worker", "silent")
NEEDS_A_WORKER: tuple[Reason, ...] = ("not_due", "retry", "earlier_run", "silent")
NOBODY = marked("No worker is alive. Start one: `python -m worker`.")


def not_yet(schedule: Schedule | None, run: Execution | None) -> None:
    """Shows why it is not under way or done yet; nothing where it is.

    Args:
        schedule, run: one of them at least.

    Raises:
        Unavailable.
    """
    waiting = why_not_ended(run) if run is not None else why_not_yet(schedule) if schedule else None
    if waiting is None:
        return
    alone = waiting.reason in NEEDS_A_WORKER and not waiting.worker_alive
    sentence = _sentence(waiting, QUEUED if run is not None else PLANNED)
    if alone:
        missing = NOBODY if waiting.reason == "silent" else BEFORE_THEN
        sentence += " " + _(missing)
    if alone or waiting.reason in BAD:
        st.warning(sentence, icon=":material/warning:")
    else:
        st.info(sentence, icon=":material/schedule:")
    if waiting.execution_id is not None:
        _to_execution(waiting.execution_id)
    if waiting.reason == "held":
        query = {"view": "held"}
        label = _("Decide")
        st.page_link("series.py", label=label, query_params=query, icon=":material/arrow_forward:")


def _sentence(waiting: Waiting, sentences: dict[Reason, str]) -> str:
    left = times.remaining(waiting.at - waiting.now) if waiting.at else ""
    return _(sentences[waiting.reason]).format(
        when=plain(times.day_and_time(waiting.at.replace(microsecond=0))) if waiting.at else "",
        left=plain(left),
        worker=plain(waiting.worker or _("a worker")),
        places=waiting.places,
    )


def _to_execution(execution_id: UUID) -> None:
    label = _("To the earlier run")
    query = {"id": str(execution_id)}
    st.page_link("executions.py", label=label, query_params=query, icon=":material/arrow_forward:")
