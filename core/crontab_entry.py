"""A job of a crontab as an entry of the catalogue: its arguments, its name, its TOML."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.argv import ASSIGNMENT, argv_of
from core.crontab import Job

ENV = "/usr/bin/env"
DEFAULT_SHELL = "/bin/sh"
TIMEOUT_SECONDS = 86_400
MAX_TITLE = 100
MAX_NAME = 60
# What stands before the program that a line is about.
WRAPPER = re.compile(
    r"""
    bash | bundle | cd | chronic | dash | doas | env | exec | flock | ionice | nice | node | nohup | npx
    | perl | php | poetry | run | ruby | sh | sudo | test | time | timeout | uv
    | python[\d.]* | pypy[\d.]*
    """,
    re.VERBOSE,
)
TAKES_A_PATH = frozenset(["cd", "flock", "test"])


@dataclass(frozen=True, slots=True)
class Entry:
    """A cron that the catalogue shall have.

    Attributes:
        command: as the catalogue writes it, with braces doubled.
        by_shell: whether a shell reads the line.
        source: the line of the crontab.
    """

    name: str
    title: str
    description: str | None
    command: tuple[str, ...]
    working_directory: str
    by_shell: bool
    source: str


def entry_of(job: Job, home: str, taken: Collection[str]) -> Entry:
    """The entry for a job.

    Args:
        home: where cron starts it.
        taken: names that other crons have.
    """
    command, by_shell = command_of(job)
    name = name_of(job.command, taken)
    title = job.comment[0] if job.comment else name.replace("-", " ").capitalize()
    return Entry(
        name=name,
        title=title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…",
        description="\n".join(job.comment) if len(job.comment) > 1 or len(title) > MAX_TITLE else None,
        command=command,
        working_directory=directory_of(job, home),
        by_shell=by_shell,
        source=job.command,
    )


def command_of(job: Job) -> tuple[tuple[str, ...], bool]:
    """The arguments that do what cron would do with a job, and whether a shell is among them."""
    environment = {name: value for name, value in job.environment.items() if name != "SHELL"}
    arguments = argv_of(job.command) if job.stdin is None else None
    by_shell = arguments is None
    if arguments is None:
        shell = job.environment.get("SHELL", DEFAULT_SHELL)
        arguments = [shell, "-c", job.command]
        if job.stdin is not None:
            # What the job reads is an argument, so that nothing in it is read as a command.
            arguments = [shell, "-c", f'printf %s "$1" | {{\n{job.command}\n}}', shell, job.stdin]
    if environment:
        arguments = [ENV, *(f"{name}={value}" for name, value in environment.items()), *arguments]
    return tuple(word.replace("{", "{{").replace("}", "}}") for word in arguments), by_shell


def directory_of(job: Job, home: str) -> str:
    """Where cron starts a job."""
    return job.environment.get("HOME") or home


def name_of(command: str, taken: Collection[str]) -> str:
    """A name for a command line: of the program it is about, with a number where that is taken."""
    base = _slug(_program(command))
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _program(command: str) -> str:
    words = re.findall(r"[^\s;&|()<>'\"`]+", command)
    skip_path = False
    for word in words:
        stem = PurePosixPath(word).name
        if skip_path and not word.startswith("-"):
            skip_path = False
            continue
        skip_path = skip_path or stem in TAKES_A_PATH
        own = WRAPPER.fullmatch(stem) or ASSIGNMENT.match(word)
        if not own and re.match(r"[A-Za-z_]", stem) and not word.startswith(("-", "$")):
            return stem
    return "job"


def _slug(program: str) -> str:
    stem = re.sub(r"\.(sh|bash|py|pl|php|rb|js)$", "", program.lower())
    slug = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:MAX_NAME].strip("-")
    return slug or "job"


def in_toml(entry: Entry) -> str:
    """The entry as the catalogue has it; title and description stand for both languages."""
    title = _text(entry.title)
    lines = [
        *(f"# {_comment(line)}" for line in ("From a crontab:", entry.source)),
        f"[crons.{entry.name}]",
        f"title = {{ en = {title}, fr = {title} }}",
    ]
    if entry.description:
        description = _text(entry.description)
        lines.append(f"description = {{ en = {description}, fr = {description} }}")
    lines += [
        'tags = ["crontab"]',
        f"command = [{', '.join(_text(word) for word in entry.command)}]",
        f"working_directory = {_text(entry.working_directory)}",
        f"timeout_seconds = {TIMEOUT_SECONDS}",
        'overlap = "allow"',
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A basic string of TOML: JSON's, but for the one control character that JSON leaves as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", text)
