"""Logs: events with fields, never sentences with values pasted in."""

import logging
import sys

import structlog

from core.settings import settings

# Every event that Crondesk logs. A name never changes its meaning.
EVENTS = {
    "worker.started": "a worker is ready to fire",
    "worker.stopping": "a worker claims no more and finishes what it is firing",
    "worker.stopped": "a worker has ended in good order",
    "worker.killed_runs": "executions that outlived the grace period were ended",
    "database.away": "the database cannot be reached; it is tried again",
    "database.refused": "the database refused a worker's statement; it is tried again",
    "database.back": "the database answers again",
    "catalogue.broken": "the catalogue has mistakes; the last good one stays in force",
    "catalogue.loaded": "a catalogue came into force",
    "planning.refused": "the database refuses what a series has next; it is tried again",
    "schedule.fired": "a schedule was fired; lateness is fired minus scheduled",
    "schedules.fired": "many schedules were fired at once",
    "schedule.conflicted": "an earlier run has not ended; tried again later",
    "schedule.failed": "a schedule could not be fired",
    "schedule.retried": "a firing failed and is tried again later",
    "schedule.settled_late": "a firing's lease had ended before it was settled",
    "schedule.handed_back": "claims were given back at the end of a worker",
    "schedules.unknown": "due schedules of crons that are not in the catalogue were failed",
    "execution.started": "an execution began",
    "execution.broken": "a fault of the worker ended an execution",
    "execution.finished": "an execution ended",
    "execution.end_unwritten": "a worker went while somebody held the row of a run: it may be taken for lost",
    "execution.lost": "executions of a worker that is gone were failed",
    "notification.sent": "a notification was taken by its service",
    "notification.failed": "a notification was not taken; tried again later unless given up",
    "watch.skipped": "what did not run could not be told in time before it ran",
    "rows.cleaned": "old rows were deleted",
    "record.refused": "the database refuses a record of a run or a firing for good; it is given up",
    "execution.adopted": "an execution that was begun here, and whose beginning nobody heard, is run",
    "api.secret_unusable": "the secret of this server cannot be used; nobody is let in",
    "api.failed": "a request met an error that nobody foresaw",
}


def configure() -> None:
    """Sets logging up for the process: text on a terminal, else JSON, a line an event, on standard error."""
    chosen = settings()
    as_text = (chosen.log_format or ("text" if sys.stderr.isatty() else "json")) == "text"
    level = getattr(logging, chosen.log_level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(message)s"
    )


def logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of the process."""
    return structlog.get_logger()  # type: ignore[no-any-return]
