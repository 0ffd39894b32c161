"""Logs: events with fields, never sentences with values pasted in."""

import logging
import sys
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

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
    "library.said": "a library logged a message or a warning of its own, a web server its requests",
}


def configure() -> None:
    """Sets logging up for the process: text on a terminal, else JSON, a line an event, on standard error.

    What libraries log by Python's own logging, and what it warns of, goes the same way.
    """
    chosen = settings()
    as_text = (chosen.log_format or ("text" if sys.stderr.isatty() else "json")) == "text"
    level = getattr(logging, chosen.log_level.upper())
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer(default=str)
    )
    structlog.configure(
        processors=[*common, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = ProcessorFormatter(
        foreign_pre_chain=[*common, _of_library],
        processors=[ProcessorFormatter.remove_processors_meta, renderer],
    )
    logging.captureWarnings(capture=True)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])
    if logging.lastResort:  # Streamlit leaves uvicorn's logger of errors without a way to go
        logging.lastResort.setFormatter(formatter)
    if not as_text:
        _reformat(formatter)


def _of_library(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What a library says in a sentence, as an event with fields."""
    record: logging.LogRecord = event["_record"]
    return {**event, "event": "library.said", "library": record.name, "message": event["event"]}


def _reformat(formatter: logging.Formatter) -> None:
    """Lets the servers' loggers, which write by themselves, write like all others."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    for handler in (handler for logger in loggers for handler in logger.handlers):
        if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stderr, sys.stdout):
            handler.setFormatter(formatter)


def logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of the process."""
    return structlog.get_logger()  # type: ignore[no-any-return]
