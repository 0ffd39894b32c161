"""Crontab files, as cron(8) of Debian and cronie read them: crontab(5), in both forms."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.errors import Invalid
from core.recurrence import ALIASES, parse_pattern
from core.wallclock import zone

Form = Literal["user", "system"]

ASSIGNMENT = re.compile(r"""("[^"]*"|'[^']*'|[^\s="'#][^\s=]*)[ \t]*=[ \t]*(.*)""")
NICKNAME = re.compile(r"(@\S+)[ \t]*(.*)")
FIVE_FIELDS = re.compile(r"(\S+[ \t]+\S+[ \t]+\S+[ \t]+\S+[ \t]+\S+)(?:[ \t]+(.*))?")
USER = re.compile(r"(\S+)(?:[ \t]+(.*))?")
# An item of a field's list, as cron reads it: a step follows a range or an asterisk.
ITEM = re.compile(r"\*(/\d+)?|[^\W_]+-[^\W_]+(/\d+)?|[^\W_]+")
NUMBER_WITH_STEP = re.compile(r"(\d+)/(\d+)")
RANGE_OF_ONE = re.compile(r"(?<![^, ])([^\W_]+)-\1/[1-9]\d*(?=[, ]|$)")
LAST_VALUES = (59, 23, 31, 12, 7)
PERCENT = re.compile(r"\\%|%")
# What people put above the fields to tell them apart, and lines drawn with dashes.
RULER = re.compile(r"[\W_]*|.*\bdom\b.*\bdow\b.*|.*\bminute\b.*\bhour\b.*", re.IGNORECASE)
SYSTEM_FILE = Path("/etc/crontab")
SYSTEM_FOLDER = Path("/etc/cron.d")
MAIL = ("MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING")
CRONS_OWN = (*MAIL, "LOGNAME", "USER", "RANDOM_DELAY", "START_HOURS_RANGE")
SYNONYMS = {"@every_minute": "* * * * *"}


@dataclass(frozen=True, slots=True)
class Job:
    """A line that runs something.

    Attributes:
        line: its number, from 1.
        expression: five fields, or an alias such as @daily.
        command: what the shell is given: up to the first '%', with '\\%' as '%'.
        stdin: what stands after that '%', with the others as ends of lines; None where there is none.
        user: of the system form.
        environment: the assignments in force at that line, without those that are cron's own.
        timezone: what CRON_TZ says; None where nothing does.
        comment: the comment right above it, a line each.
    """

    line: int
    expression: str
    command: str
    stdin: str | None = None
    user: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    timezone: str | None = None
    comment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """Something to say about a line: why it is not taken over, or what is different about it."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Crontab:
    """What a file says: jobs, lines that are none, and remarks on some that are read all the same."""

    jobs: list[Job]
    refused: list[Told]
    remarks: list[Told]


class _Refused(Exception):
    """A line that cannot be read; the message says why."""


def parse(text: str, form: Form) -> Crontab:
    """Reads a crontab file; a line that cannot be read costs no other.

    Args:
        text: the file.
        form: 'system' where a user stands before each command, as in /etc/crontab and /etc/cron.d.
    """
    found = Crontab([], [], [])
    environment: dict[str, str] = {}
    timezone: str | None = None
    comment: list[str] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r").strip(" \t")
        if line.startswith("#"):
            comment.append(line)
            continue
        try:
            if assignment := _assignment(line):
                name, value = assignment
                remark = _remark_on(name, value)
                if remark:
                    found.remarks.append(Told(number, line, remark))
                if name == "CRON_TZ":
                    timezone = value
                elif name not in CRONS_OWN:
                    environment[name] = value
            elif line:
                about = _about(comment, form)
                found.jobs.append(_job(number, line, form, dict(environment), timezone, about))
        except _Refused as refusal:
            found.refused.append(Told(number, line, str(refusal)))
        comment = []
    return found


def _assignment(line: str) -> tuple[str, str] | None:
    if "\x00" in line:
        raise _Refused("contains a NUL byte")
    match = ASSIGNMENT.fullmatch(line)
    if match is None:
        return None
    name, value = _unquoted(match[1]), _unquoted(match[2].strip(" \t"))
    if name is None or value is None:
        raise _Refused("a quotation mark has no counterpart")
    return name, value


def _unquoted(text: str) -> str | None:
    if text[:1] not in ("'", '"'):
        return text
    return text[1:-1] if len(text) > 1 and text.endswith(text[0]) and text[0] not in text[1:-1] else None


def _remark_on(name: str, value: str) -> str | None:
    """What is different about an assignment that does not go to the command's environment alone."""
    if name in MAIL:
        told = "output is kept with each run and not mailed; make a notification instead"
        return told if value else None
    if name in ("LOGNAME", "USER"):
        return "a command runs as the worker's user; this is not taken over"
    if name in ("RANDOM_DELAY", "START_HOURS_RANGE"):
        return f"{name} is not taken over: runs begin at their second"
    if name == "TZ":
        return "TZ is the zone of the command; in which zone the times are meant, CRON_TZ or --timezone says"
    return None


def _job(
    number: int,
    line: str,
    form: Form,
    environment: dict[str, str],
    timezone: str | None,
    comment: tuple[str, ...],
) -> Job:
    expression, rest = _expression(line)
    user = None
    if form == "system":
        match = USER.fullmatch(rest)
        if match is None:
            raise _Refused("names no user and no command, as lines of the system form do")
        user, rest = match[1], match[2] or ""
    if not rest:
        raise _Refused("names no command")
    if timezone is not None:
        try:
            zone(timezone)
        except Invalid:
            raise _Refused(f"CRON_TZ above it names no IANA time zone: {timezone}") from None
    command, stdin = _command(rest)
    if not command:
        raise _Refused("names no command before the %")
    return Job(number, expression, command, stdin, user, environment, timezone, comment)


def _expression(line: str) -> tuple[str, str]:
    line = line.removeprefix("-")  # cronie: run it without a line in the log
    match = NICKNAME.fullmatch(line) or FIVE_FIELDS.fullmatch(line)
    if match is None:
        raise _Refused("is neither an assignment nor five fields with a command")
    # A range of one with a step is that one; the library that reads the fields goes on from it to the end.
    expression = RANGE_OF_ONE.sub(r"\1", " ".join(match[1].split()))
    if expression.startswith("@"):
        nickname = expression.lower()
        if nickname == "@reboot":
            raise _Refused("@reboot runs when the machine starts, which Crondesk does not follow")
        if nickname not in ALIASES and nickname not in SYNONYMS:
            raise _Refused(f"{expression} is not known")
        return SYNONYMS.get(nickname, nickname), match[2]
    if "~" in expression:
        raise _Refused("~ stands for a time chosen by chance; choose one")
    _check_items(expression)
    try:
        parse_pattern({"kind": "cron", "expression": expression})
    except Invalid as error:
        reason = error.message.partition(": ")[2]
        raise _Refused(f"the five fields cannot be read: {reason.removeprefix('expression: ')}") from None
    return expression, match[2] or ""


def _check_items(expression: str) -> None:
    """Refuses what other programs read and cron does not: a line that never ran shall not begin to."""
    for written, last in zip(expression.split(), LAST_VALUES, strict=True):
        for item in written.split(","):
            stepped = NUMBER_WITH_STEP.fullmatch(item)
            if stepped:
                meant = f"{stepped[1]}-{last}/{stepped[2]}"
                raise _Refused(f"cron takes no step after a single number; {item} may be meant as {meant}")
            if not ITEM.fullmatch(item) or re.fullmatch(r"\d*l", item, re.IGNORECASE):
                raise _Refused(f"the five fields cannot be read: cron knows no {item!r}")


def form_of(path: Path) -> Form:
    """Which form a file has by where it stands: /etc/crontab and what is in /etc/cron.d name users."""
    where = path.resolve()
    return "system" if where == SYSTEM_FILE or SYSTEM_FOLDER in where.parents else "user"


def _command(text: str) -> tuple[str, str | None]:
    """The command and what it reads: an unescaped '%' ends the first and ends lines in the second."""
    parts: list[str] = [""]
    place = 0
    for match in PERCENT.finditer(text):
        parts[-1] += text[place : match.start()]
        place = match.end()
        if match[0] == "%":
            parts.append("")
        else:
            parts[-1] += "%"
    parts[-1] += text[place:]
    command, *lines = parts
    if not lines:
        return command.strip(" \t"), None
    stdin = "\n".join(lines)
    return command.strip(" \t"), stdin if stdin.endswith("\n") else stdin + "\n"


def _about(comment: list[str], form: Form) -> tuple[str, ...]:
    """A comment as a description: without rulers, and without lines that are jobs put out of use."""
    texts = [line.strip("# \t") for line in comment]
    return tuple(text for text in texts if text and not RULER.fullmatch(text) and not _is_job(text, form))


def _is_job(text: str, form: Form) -> bool:
    try:
        return _assignment(text) is not None or bool(_job(0, text, form, {}, None, ()))
    except _Refused:
        return False
