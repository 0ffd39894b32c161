"""Errors of core as one sentence in the reader's language, never a traceback."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core import database
from core.database import BUSY, FULL, NOT_MIGRATED
from core.errors import Conflict, CrondeskError, NotFound, Unavailable
from pages.parts.language import _, marked
from pages.parts.rewording import reworded
from pages.parts.words import plain

AWAY = marked(
    "The database cannot be reached. It is tried again every few seconds, and nothing that was saved is lost."
)
# Why else the database does not answer, as core says it.
UNAVAILABLE = {
    NOT_MIGRATED: marked(
        "The database lacks the tables of this version: somebody has to run `alembic upgrade head`. "
        "This page comes back by itself."
    ),
    BUSY: marked("The database is too busy to do this now. Nothing was changed: try again."),
    FULL: marked(
        "The database has no room left on its disk: somebody has to make some. Nothing was changed."
    ),
}
TRY_AGAIN_SECONDS = 3

# What core says, and what a reader is told. Patterns, tried in this order.
TOLD = {
    r"too late.* schedule .*is being fired": marked(
        "Too late: this run is starting right now and can no longer be cancelled or changed."
    ),
    r"the schedule is triggered already": marked(
        "Too late: this run has started already. It can still be stopped from its execution."
    ),
    r"the schedule is cancelled already": marked("This run has been cancelled already."),
    r"the schedule is failed already": marked(
        "This run has failed already, so there is nothing left to change."
    ),
    r"is already running, and the catalogue forbids overlap": marked(
        "This cron is running already, and its catalogue entry allows one run at a time. "
        "Wait for the end, or stop the run under way."
    ),
    r"the execution has ended already": marked("This execution has ended already."),
    r"undo: .* has changed it since": marked(
        "Not undone: somebody has changed this run since. What they did stays."
    ),
    r"undo: too late": marked("Too late: this can no longer be undone."),
    r"undo: the series": marked("The series has planned this occurrence anew, so there is nothing to undo."),
    r"never comes|has no occurrence to come": marked("It never happens."),
    r"^repeat.*(expression|five fields)": marked(
        "This is no cron expression: five fields such as 0 2 * * 1-5, or @daily."
    ),
    r"^repeatPattern\.days": marked("Choose at least one day."),
    r"the series is (active|paused|ended)": marked("The series is in another state by now."),
    r"only a failed schedule can be tried again": marked("Only a run that has failed can be tried again."),
    r"was tried again long ago": marked("This run was tried again long ago. Plan the same once more."),
    r"waits for no decision": marked("Somebody has decided already."),
    r"there is no such schedule": marked("There is no such planned run (any more)."),
    r"there is no such execution": marked("There is no such execution (any more)."),
    r"there is no such preset": marked("This preset does not exist (any more)."),
    r"the series has ended": marked("The series has ended: duplicate it to make another like it."),
    r"another preset of this cron": marked("Another preset of this cron has this name already."),
    r"another channel has this name": marked("Another channel has this name already."),
    r"is no Apprise URL": marked(
        "This is no Apprise URL. Such addresses begin with mailto://, slack:// or the like."
    ),
    r"refers to files of the server": marked("A channel may not read files of the server."),
    r"would show something on the server": marked(
        "This service would show something on the server, where nobody is."
    ),
    r"no such cron|not in the catalogue": marked("This cron is not in the catalogue (any more)."),
    r"^(starts|ends)At: lies outside the years": marked("Choose days of the years 1971 to 9997."),
    r"^endsAt: must be later": marked("The end must be later than the beginning."),
    r"is in the past": marked("This time has passed: choose one to come."),
    r"more than ten years ahead": marked("This is more than ten years ahead."),
    r"larger than \d+ KiB": marked("The parameters are larger than 64 KiB."),
    r"nested deeper": marked("The parameters are nested too deep."),
    r"NUL byte": marked("The parameters contain a NUL byte, which PostgreSQL cannot keep."),
    r"the key .* stands twice": marked("A key stands twice in one object."),
    r"not JSON": marked("This is not JSON."),
    r"must be a JSON object": marked("The parameters must be one JSON object, in braces."),
    r"may not": marked("Your role does not allow this."),
    r"the calendar shows other days": marked("The calendar shows other days by now: nothing was done."),
    r"cursor: ": marked("This page of the list is gone; begin at the first one."),
}


def sentence_of(error: CrondeskError) -> str:
    """The error as one sentence in the reader's language."""
    if isinstance(error, Unavailable):
        return _(UNAVAILABLE.get(error.message, AWAY))
    for pattern, sentence in TOLD.items():
        if re.search(pattern, error.message):
            return _(sentence)
    if isinstance(error, NotFound):
        return _("This does not exist (any more).")
    if isinstance(error, Conflict):
        return _("This is not possible in the state that things are in now.")
    return reworded(error.message).rstrip(".") + "."


def show(error: CrondeskError) -> None:
    """Shows the error where the page stands."""
    icon = ":material/cloud_off:" if isinstance(error, Unavailable) else ":material/error:"
    st.error(plain(sentence_of(error)), icon=icon)


@contextmanager
def told() -> Iterator[None]:
    """Shows an error of core in place of what the block would have shown."""
    try:
        yield
    except CrondeskError as error:
        show(error)


@contextmanager
def page(title: str | None = None) -> Iterator[None]:
    """As `told`, for the body of a page; it comes back by itself when the database does.

    Args:
        title: the heading over an error, where the body would have shown one of its own.
    """
    try:
        yield
    except CrondeskError as error:
        if title:
            st.title(title, anchor=False)
        show(error)
        if isinstance(error, Unavailable):
            _come_back(time.monotonic())


@st.fragment(run_every=TRY_AGAIN_SECONDS)
def _come_back(shown: float) -> None:
    # Not at once: a database without its tables answers, and the page would run round and round.
    if time.monotonic() - shown < TRY_AGAIN_SECONDS / 2:
        return
    try:
        database.clock()
    except Unavailable:
        return
    st.rerun()
