"""The words and colours of statuses: the same on every page, in badges, strips and charts."""

import re
from typing import Literal

from core import executions, schedules, series
from core.catalogue import catalogue
from core.series import Series
from pages.parts.language import _, language, marked

SCHEDULE: dict[schedules.Status, str] = {
    "pending": marked("Pending"),
    "triggered": marked("Triggered"),
    "cancelled": marked("Cancelled"),
    "failed": marked("Failed"),
}
# What a person has to decide about is pending too, but says so.
HELD = marked("Waits for a decision")
EXECUTION: dict[executions.Status, str] = {
    "queued": marked("Queued"),
    "running": marked("Running"),
    "completed": marked("Completed"),
    "failed": marked("Failed"),
    "cancelled": marked("Cancelled"),
}
SERIES: dict[series.Status, str] = {
    "active": marked("Active"),
    "paused": marked("Paused"),
    "ended": marked("Ended"),
}
COLOURS = {
    "pending": "blue",
    "triggered": "green",
    "held": "orange",
    "queued": "violet",
    "running": "blue",
    "completed": "green",
    "failed": "red",
    "cancelled": "gray",
    "active": "green",
    "paused": "violet",
    "ended": "gray",
}


def of_schedule(status: schedules.Status | Literal["held"]) -> str:
    """A schedule's status, or 'held', as people read it."""
    word = HELD if status == "held" else SCHEDULE[status]
    return _(word)


def of_execution(status: executions.Status) -> str:
    """An execution's status as people read it."""
    return _(EXECUTION[status])


def of_series(status: series.Status) -> str:
    """A series' status as people read it."""
    return _(SERIES[status])


def plain(text: str) -> str:
    """Text that Markdown shall show as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def heard(text: str) -> str:
    """Text for a widget's label: only what Markdown needs is escaped, for it is also read aloud as it is."""
    # Within a word, as in keep_days, an underscore emphasizes nothing.
    return re.sub(r"([\\`*\[\]$:~<>#|]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", text)


def capital(text: str) -> str:
    """Text as a sentence or a heading begins."""
    return text[:1].upper() + text[1:]


def named(name: str, value: str) -> str:
    """A value after its name and a colon, before which French leaves a space."""
    return _("{name}: {value}").format(name=name, value=value)


def repeats(one: Series) -> str:
    """How a series repeats, in the reader's language."""
    return one.in_words(language()) or _("a pattern that cannot be read")


def title_of_cron(cron_name: str) -> str:
    """A cron's title in the reader's language; its name where it has left the catalogue."""
    cron = catalogue().crons.get(cron_name)
    return cron.title.in_language(language()) if cron else cron_name
