"""Rows that shall be planned together, checked one by one before anything is written."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from core import database, wallclock
from core.catalogue import Cron, catalogue
from core.errors import CrondeskError, Invalid
from core.instants import check_instant
from core.parameters import Parameters, check, parse_json
from core.schedules import Plan
from pages.parts import times
from pages.parts.language import _, language
from pages.parts.problems import sentence_of
from pages.parts.rules import broken
from pages.parts.words import title_of_cron

REMEMBERED = 25_000
WRITTEN = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})|(?P<day2>\d{1,2})/(?P<month2>\d{1,2})/(?P<year2>\d{4}))"
    r"[ T]+(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2}))?"
    r" *(?P<offset>Z|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A row as it was given.

    Attributes:
        place: its number for the reader, from 1.
        cron: a cron's name or title.
        when: a date and time by the browser's clock, or with an offset; or an instant.
        parameters: JSON, or an object; nothing stands for none.
        problems: what was wrong with the row as it was read.
    """

    place: int
    cron: str
    when: str | datetime
    parameters: str | Parameters = ""
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class Checked:
    """A row as it would be planned; with problems, it would not."""

    draft: Draft
    cron: Cron | None = None
    instant: datetime | None = None
    parameters: Parameters | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        """What to plan; of a row without problems."""
        assert self.cron is not None
        assert self.instant is not None
        return Plan(self.cron.name, self.instant, self.parameters)


def checked(drafts: Iterable[Draft]) -> list[Checked]:
    """Each row, with what is wrong with it."""
    now, crons = database.clock(), catalogue().crons
    names, reader = _names(), (times.browser_zone(), language())
    return [_checked(draft, crons, names, reader, now) for draft in drafts]


def ready(rows: Sequence[Checked]) -> bool:
    """Whether the rows can be planned."""
    return bool(rows) and not any(row.problems for row in rows)


def _names() -> dict[str, str]:
    crons = catalogue().crons
    titles = {title_of_cron(name).casefold(): name for name in crons}
    return titles | {name.casefold(): name for name in crons}


def _checked(
    draft: Draft,
    crons: Mapping[str, Cron],
    names: dict[str, str],
    reader: tuple[ZoneInfo, str],
    now: datetime,
) -> Checked:
    row = Checked(draft, problems=list(draft.problems))
    name = names.get(draft.cron.strip().casefold())
    if name is not None:
        row.cron = crons[name]
    elif draft.cron.strip():
        row.problems.append(_("There is no cron “{name}” in the catalogue.").format(name=draft.cron.strip()))
    else:
        row.problems.append(_("Choose a cron."))
    row.instant, problem = _instant(draft.when, *reader)
    if problem is not None:
        row.problems.append(problem)
    elif row.instant is not None and row.instant <= now:
        row.problems.append(_("This time has passed: choose one to come."))
    given = draft.parameters
    if isinstance(given, dict):
        given = json.dumps(given, ensure_ascii=False)
    cron = row.cron
    row.parameters, problems = _parameters(given, cron and cron.name, cron and cron.fingerprint, reader[1])
    row.problems += problems
    return row


# A page runs again with each click: ten thousand rows are not read and checked anew each time.
@lru_cache(maxsize=REMEMBERED)
def _parameters(
    given: str, cron_name: str | None, _fingerprint: str | None, _language: str
) -> tuple[Parameters | None, tuple[str, ...]]:
    """The parameters, and what is wrong with them; the same as long as schema and language are."""
    try:
        parameters = _object(given)
    except CrondeskError as error:
        return None, (sentence_of(error),)
    cron = catalogue().crons.get(cron_name or "")
    if cron is None:
        return parameters, ()
    try:
        check(parameters, cron.parameters)
    except CrondeskError as error:
        # Field by field, where it is the schema that is broken.
        return parameters, tuple(broken(parameters, cron.parameters) or [sentence_of(error)])
    return parameters, ()


def _object(given: str) -> Parameters:
    value = parse_json(given) if given.strip() else {}
    if not isinstance(value, dict):
        raise Invalid("parameters: must be a JSON object")
    return value


@lru_cache(maxsize=REMEMBERED)
def _instant(given: str | datetime, _zone: ZoneInfo, _language: str) -> tuple[datetime | None, str | None]:
    """The instant, or what is wrong with it; the same as long as zone and language are."""
    try:
        return instant_of(given), None
    except CrondeskError as error:
        return None, sentence_of(error)


def instant_of(given: str | datetime) -> datetime:
    """The instant that a date and time by the browser's clock names.

    Args:
        given: such as '2030-01-31 22:00', in French also '31/01/2030 22:00'; an offset may follow.

    Raises:
        Invalid: it is none, the clocks never show it, or they show it twice and no offset tells which.
    """
    if isinstance(given, datetime):
        return check_instant(given)
    found = WRITTEN.fullmatch(given.strip())
    example = _("2030-01-31 22:00")
    # Elsewhere than in French a month may come before the day.
    if not found or (found["day2"] and language() != "fr"):
        raise Invalid(_("Write the date and time such as {example}").format(example=example))
    part = found.groupdict()
    try:
        wall = datetime(  # noqa: DTZ001  a wall clock's time; its zone is the browser's
            int(part["year"] or part["year2"]),
            int(part["month"] or part["month2"]),
            int(part["day"] or part["day2"]),
            int(part["hour"]),
            int(part["minute"]),
            int(part["second"] or 0),
        )
    except ValueError:
        raise Invalid(_("This date or time does not exist")) from None
    if part["offset"]:
        return check_instant(_with_offset(wall, part["offset"]))
    return check_instant(_by_the_browser(wall))


def _with_offset(wall: datetime, offset: str) -> datetime:
    if offset in "zZ":
        return wall.replace(tzinfo=UTC)
    try:
        return datetime.fromisoformat(f"{wall.isoformat()}{offset[:3]}:{offset[-2:]}")
    except ValueError:
        raise Invalid(_("This date or time does not exist")) from None


def _by_the_browser(wall: datetime) -> datetime:
    where = times.browser_zone()
    instants = wallclock.instants_of(wall, where)
    if len(instants) == 1:
        return instants[0]
    clock = times.time_of_day(wall)
    if not instants:
        follows = times.time_of_day(wallclock.next_that_exists(wall, where))
        told = _(
            "On this day the clocks in {zone} are put forward and never show {time}. "
            "The next time that exists is {next}."
        )
        raise Invalid(told.format(zone=where.key, time=clock, next=follows))
    first, second = (f"{clock}{instant.astimezone(where).isoformat()[-6:]}" for instant in instants)
    told = _("The clocks show {time} twice on this day: write {first} or {second}.")
    raise Invalid(told.format(time=clock, first=first, second=second))
