"""The calendar feed: what is planned, as iCalendar (RFC 5545) that calendar programs read."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from icalendar import Calendar, Event
from sqlalchemy import Row, func, select, text

from core import series, undo
from core.catalogue import Catalogue, Cron, catalogue, shown
from core.database import clock, reading
from core.overview import Record, records
from core.parameters import Parameters
from core.settings import settings
from core.tables import events as events_table
from core.tables import schedules

FORECAST = timedelta(days=60)
MOST_SCHEDULES = 5000
MOST_OF_A_SERIES = 200
MOST_FORECAST = 5000
# Calendar programs draw what is shorter as a line that nobody can click.
SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(days=1)
ASK_AGAIN = timedelta(minutes=15)
UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
REVISIONS = (*undo.CHANGES, *(f"{kind}_back" for kind in undo.CHANGES))

WORDS = {
    "en": {
        "name": "Crondesk: what is planned",
        "cron": "Cron",
        "parameters": "Parameters",
        "by": "Planned by",
        "held": "Waits for a decision: its deadline has passed.",
        "forecast": "Forecast: the series will plan it.",
    },
    "fr": {
        "name": "Crondesk : ce qui est planifié",
        "cron": "Cron",
        "parameters": "Paramètres",
        "by": "Planifié par",
        "held": "Attend une décision : son délai est dépassé.",
        "forecast": "Prévision : la série la planifiera.",
    },
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What of all that is planned a feed shows; empty leaves a thing open.

    Attributes:
        cron_names: only of these crons.
        created_by: only what this person planned.
        language: of titles and descriptions; 'fr' for French, else English.
    """

    cron_names: frozenset[str] = frozenset()
    created_by: str | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar and since when it is as it is.

    Attributes:
        content: iCalendar, in UTF-8.
        changed_at: when the newest change of something in it was made; what left it is not counted.
    """

    content: bytes
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One run to come; `uid` stays the same when it is moved, and when a forecast becomes a schedule."""

    uid: str
    cron_name: str
    at: datetime
    parameters: Parameters
    created_by: str | None
    changed_at: datetime
    revision: int = 0
    held: bool = False
    forecast: bool = False


def feed(choice: Choice) -> Feed:
    """The pending schedules, at most 5,000, and what active series will plan within 60 days.

    The same rows give the same bytes.

    Raises:
        Unavailable.
    """
    now = clock()
    known = catalogue()
    entries = [*_planned(choice), *islice(_forecast(choice, known, now), MOST_FORECAST)]
    lately = records(sorted({entry.cron_name for entry in entries}))
    words = WORDS["fr" if choice.language.startswith("fr") else "en"]
    calendar = Calendar()
    calendar.add("prodid", "-//Crondesk//Calendar feed//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", words["name"])
    calendar.add("refresh-interval", ASK_AGAIN, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")  # the same, for programs older than RFC 7986
    for entry in sorted(entries, key=lambda entry: (entry.at, entry.uid)):
        cron = known.crons.get(entry.cron_name)
        calendar.add_component(_event(entry, cron, lately[entry.cron_name], choice.language, words))
    changed_at = max((entry.changed_at for entry in entries), default=None)
    return Feed(calendar.to_ical(), changed_at)


def _planned(choice: Choice) -> list[_Entry]:
    history = (
        select(
            func.max(events_table.c.at).label("at"),
            func.count().filter(events_table.c.kind.in_(REVISIONS)).label("changes"),
        )
        .where(events_table.c.schedule_id == schedules.c.id)
        .lateral("history")
    )
    wanted = (
        select(schedules, history.c.at.label("told_at"), history.c.changes)
        .join(history, text("true"))
        # Written out, not bound: only then does the planner see that a partial index serves.
        .where(schedules.c.status == text("'pending'"))
        .order_by(schedules.c.due_at, schedules.c.id)
        .limit(MOST_SCHEDULES)
    )
    if choice.cron_names:
        wanted = wanted.where(schedules.c.cron_name.in_(choice.cron_names))
    if choice.created_by is not None:
        wanted = wanted.where(schedules.c.created_by == choice.created_by)
    with reading() as connection:
        return [_entry_of(row) for row in connection.execute(wanted)]


def _entry_of(row: Row[Any]) -> _Entry:
    of_series = row.series_id is not None and row.occurrence is not None
    return _Entry(
        uid=_uid_of(row.series_id, row.occurrence) if of_series else f"{row.id}@crondesk",
        cron_name=row.cron_name,
        at=row.scheduled_at,
        parameters=row.parameters,
        created_by=row.created_by,
        changed_at=max(row.created_at, row.told_at or row.created_at),
        revision=row.changes,
        held=row.held_at is not None,
    )


def _forecast(choice: Choice, known: Catalogue, now: datetime) -> Iterator[_Entry]:
    # From the day's begin: within a day, asking again gives the same answer.
    horizon = now.replace(hour=0, minute=0, second=0, microsecond=0) + FORECAST
    dark: dict[str, list[series.Blackout]] = {}
    active = series.find(status="active")
    kept = series.touched_of(active, now)
    for each in active:
        if choice.cron_names and each.cron_name not in choice.cron_names:
            continue
        if choice.created_by not in (None, each.created_by) or each.cron_name not in known.crons:
            continue
        if each.cron_name not in dark:
            dark[each.cron_name] = series.blackouts_of(each.cron_name)
        instants = series.upcoming(each, dark[each.cron_name], now, kept[each.id])
        for instant in islice(instants, MOST_OF_A_SERIES):
            if instant > horizon:
                break
            yield _Entry(
                uid=_uid_of(each.id, instant),
                cron_name=each.cron_name,
                at=instant,
                parameters=each.parameters,
                created_by=each.created_by,
                changed_at=each.created_at,
                forecast=True,
            )


def _uid_of(series_id: object, occurrence: datetime) -> str:
    return f"{series_id}.{int(occurrence.timestamp())}@crondesk"


def _event(entry: _Entry, cron: Cron | None, lately: Record, language: str, words: dict[str, str]) -> Event:
    event = Event()
    changed_at = entry.changed_at.astimezone(UTC).replace(microsecond=0)
    begin = entry.at.astimezone(UTC)
    event.add("uid", entry.uid)
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    event.add("sequence", entry.revision)
    event.add("dtstart", begin.replace(microsecond=0))
    event.add("duration", _length(lately.usual_seconds))
    event.add("summary", cron.title.in_language(language) if cron else entry.cron_name)
    event.add("description", _description(entry, cron, language, words))
    event.add("status", "TENTATIVE" if entry.forecast or entry.held else "CONFIRMED")
    # A run takes nobody's time: it must not make a person look busy.
    event.add("transp", "TRANSPARENT")
    event.add("url", settings().public_address)
    if cron and cron.tags:
        event.add("categories", list(cron.tags))
    return event


def _length(usual_seconds: float | None) -> timedelta:
    quarters = math.ceil((usual_seconds or 0) / SHORTEST.total_seconds())
    return min(max(quarters, 1) * SHORTEST, LONGEST)


def _description(entry: _Entry, cron: Cron | None, language: str, words: dict[str, str]) -> str:
    lines: Sequence[str | None] = (
        cron.description.in_language(language) if cron and cron.description else None,
        words["held"] if entry.held else None,
        words["forecast"] if entry.forecast else None,
        f"{words['cron']}: {entry.cron_name}",
        f"{words['parameters']}: {json.dumps(shown(entry.cron_name, entry.parameters), ensure_ascii=False)}"
        if entry.parameters
        else None,
        f"{words['by']}: {entry.created_by}" if entry.created_by else None,
    )
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", "\n".join(line for line in lines if line))
