"""Takes crontab files over: their lines become crons of the catalogue, and series that run them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core import series
from core.actors import Actor, require
from core.catalogue import Catalogue
from core.catalogue.appending import append
from core.crontab import Crontab, Job, Told
from core.crontab_entry import Entry, command_of, directory_of, entry_of, in_toml
from core.errors import Invalid
from core.recurrence import in_words, parse_pattern
from core.series import Series
from core.wallclock import zone

# Of the shell and of cron; Python's own split takes more for blanks, such as a separator of records.
BLANKS = re.compile("[ \t]+")
OWN_PYTHON = re.compile(r"(?:^|[\s;&|(])(?:python|pip)[\d.]*(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Taken:
    """A line that is taken over.

    Attributes:
        cron_name: the cron it becomes, or is already.
        timezone: whose wall clock its times go by.
        words: when it runs, for a person.
        by_shell: whether a shell reads it.
        is_new: whether its series is still to be made.
    """

    line: int
    expression: str
    cron_name: str
    timezone: str
    words: str
    by_shell: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class Import:
    """What becomes of a crontab file.

    Attributes:
        entries: the crons that the catalogue does not have yet.
        taken: the lines that are taken over.
        refused: the lines that are not, with the reason.
        remarks: what will be different about lines that are.
    """

    entries: list[Entry] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    refused: list[Told] = field(default_factory=list)
    remarks: list[Told] = field(default_factory=list)

    @property
    def toml(self) -> str:
        """What is added to the catalogue; empty where nothing is."""
        return "\n".join(in_toml(entry) for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose lines of a crontab are taken over.

    Attributes:
        user: theirs.
        any_user: all others too, to run as the worker's user.
        homes: home directories by user, in which cron starts commands.
    """

    user: str
    any_user: bool = False
    homes: Mapping[str, str] = field(default_factory=dict)


def plan(
    crontab: Crontab, known: Catalogue, present: Sequence[Series], *, timezone: str, whose: Whose
) -> Import:
    """Works out what becomes of a crontab file; changes nothing.

    What was taken over before is found again: crons by their command, series by their times.

    Args:
        crontab: what the file says.
        known: the catalogue as it is.
        present: the series there are.
        timezone: IANA name of the zone of lines without CRON_TZ.
        whose: whose lines.

    Raises:
        Invalid: the zone is none.
    """
    zone(timezone)
    made = Import(refused=list(crontab.refused), remarks=list(crontab.remarks))
    names = {(cron.command, cron.working_directory): name for name, cron in known.crons.items()}
    reserved = set(known.crons)
    running = {_times_of(each) for each in present if each.status != "ended"}
    lines: dict[tuple[str, str | None, str], int] = {}
    for job in crontab.jobs:
        if job.user not in (None, whose.user) and not whose.any_user:
            reason = f"runs as {job.user}, and the worker runs commands as its own user"
            made.refused.append(Told(job.line, job.command, reason))
            continue
        home = whose.homes.get(job.user or whose.user, "/")
        command, by_shell = command_of(job)
        does = (command, directory_of(job, home))
        if does not in names:
            entry = entry_of(job, home, reserved)
            names[does] = entry.name
            reserved.add(entry.name)
            made.entries.append(entry)
        made.remarks.extend(Told(job.line, job.command, remark) for remark in _remarks(job, whose, by_shell))
        where = job.timezone or timezone
        words = in_words(parse_pattern(_pattern(job.expression)), where, "en")
        times = (names[does], job.expression, where)
        made.taken.append(
            Taken(job.line, job.expression, names[does], where, words, by_shell, times not in running)
        )
        running.add(times)
        if (first := lines.setdefault(times, job.line)) != job.line:
            reason = f"does the same as line {first}: cron runs it twice, one series runs it once"
            made.remarks.append(Told(job.line, job.command, reason))
    made.refused.sort(key=lambda told: told.line)
    made.remarks.sort(key=lambda told: told.line)
    return made


def _pattern(expression: str) -> dict[str, str]:
    return {"kind": "cron", "expression": expression}


def _times_of(each: Series) -> tuple[str, str | None, str]:
    expression = each.pattern.get("expression") if isinstance(each.pattern, dict) else None
    return each.cron_name, expression, each.timezone


def _remarks(job: Job, whose: Whose, by_shell: bool) -> list[str]:
    found = []
    if job.user not in (None, whose.user):
        found.append(f"runs as {job.user} under cron, and as the worker's user here")
    first = BLANKS.split(job.command)[0]
    if job.user is None and first in whose.homes:
        found.append(f"begins with the user {first}: is this the system form?")
    if by_shell:
        found.append("is read by a shell, for it takes one")
    if "PATH" not in job.environment and OWN_PYTHON.search(job.command):
        found.append("python without a path is the one that runs Crondesk; write the path of another")
    return found


def apply(actor: Actor, made: Import) -> tuple[list[Series], list[Told]]:
    """Takes over what was worked out: first the catalogue, in one step, then a series for each line.

    Done again after it was cut short, it goes on where it was.

    Returns:
        The series that were made, and the lines whose series could not be, with the reason.

    Raises:
        Invalid: the catalogue has mistakes, or would have.
        Conflict: somebody else has changed the catalogue in the meantime.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    if made.toml:
        append(made.toml)
    done: list[Series] = []
    failed: list[Told] = []
    for taken in made.taken:
        if not taken.is_new:
            continue
        try:
            done.append(series.create(actor, taken.cron_name, _pattern(taken.expression), taken.timezone))
        except Invalid as error:
            failed.append(Told(taken.line, taken.expression, error.message))
    return done, failed
