"""The catalogue of crons: reads crons.toml, strictly, and keeps the last good one in force."""

import hashlib
import json
import os
import re
import string
import threading
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core import secrets
from core.errors import NotFound
from core.parameters import Parameters, Unreadable, faults_of_defaults, fills, placeholders_of
from core.settings import settings

CRON_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
# What the product lives on: a command gets it where its entry says so.
WITHHELD = ("DATABASE_URL", "CRON_SECRET")
ENVIRONMENT_REFERENCE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")

# A shorter one would mask half of what is printed.
LEAST_SECRET = 4

Target = Literal["command", "http", "noop"]
EMPTY_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Strict):
    """A text in both languages."""

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)

    def in_language(self, language: str) -> str:
        """The text in 'fr' for French, else in English."""
        return self.fr if language.startswith("fr") else self.en


class HttpTarget(_Strict):
    """Where an HTTP cron is POSTed to; `${NAME}` in a header is read from the environment at that moment."""

    url: str = Field(pattern=r"^https?://[^\s/]+\S*$")
    headers: dict[str, str] = {}

    @field_validator("url")
    @classmethod
    def _no_secrets_in_it(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            known = parts.port, parts.username, parts.password
        except ValueError:
            raise ValueError("is no URL") from None
        # It is shown and logged as it stands.
        if known[1] is not None or known[2] is not None:
            raise ValueError(
                'must not hold a user or a password; put them into headers: Authorization = "Basic ${NAME}"'
            )
        return value


class Retry(_Strict):
    """How often and when something is tried again.

    Attributes:
        attempts: how many in all; 1 means no second one.
        delay_seconds: before the second attempt.
        backoff: what each later delay is multiplied by.
        jitter: share of the delay, 0 to 1, that is added by chance.
    """

    attempts: int = Field(1, ge=1, le=100)
    delay_seconds: float = Field(60.0, ge=1, le=86_400)
    backoff: float = Field(1.0, ge=1, le=10)
    jitter: float = Field(0.0, ge=0, le=1)


class ConflictRetry(Retry):
    """Likewise while an earlier run has not ended."""

    attempts: int = Field(5, ge=1, le=100)


class Cron(_Strict):
    """An entry of the catalogue: a named thing that can be run."""

    name: str
    title: Wording
    description: Wording | None = None
    tags: tuple[str, ...] = ()
    command: tuple[str, ...] | None = None
    http: HttpTarget | None = None
    noop: Literal[True] | None = None
    timeout_seconds: float = Field(3600, gt=0, le=604_800)
    overlap: Literal["forbid", "allow"] | None = None
    retry_lost: bool = False
    retry: Retry = Retry()
    retry_conflict: ConflictRetry = ConflictRetry()
    pass_environment: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    working_directory: str = "."
    parameters: dict[str, Any] = EMPTY_SCHEMA

    @model_validator(mode="after")
    def _check(self) -> Self:
        chosen = [kind for kind in ("command", "http", "noop") if getattr(self, kind) is not None]
        if len(chosen) != 1:
            raise ValueError("exactly one of command, http and noop must be given")
        if self.command is not None and (not self.command or not self.command[0]):
            raise ValueError("command: must name a program")
        for key in ("retry", "retry_conflict") if self.noop else ():
            if key in self.model_fields_set:
                raise ValueError(f"{key}: a noop neither fails nor waits for another; leave it out")
        try:
            json.dumps(self.parameters, allow_nan=False)
            Draft202012Validator.check_schema(self.parameters)
        except SchemaError as error:
            place = ".".join(["parameters", *(str(part) for part in error.absolute_path)])
            raise ValueError(f"{place}: no valid JSON Schema: {error.message[:300]}") from None
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ValueError(f"parameters: no valid JSON Schema: {error}"[:300]) from None
        if self.parameters.get("type") != "object":
            raise ValueError('parameters: must have type = "object"')
        for name in self.secrets:
            if not secrets.NAME.fullmatch(name):
                raise ValueError("secrets: a name is of capital letters, digits and '_'")
            if name in WITHHELD:
                raise ValueError(f"secrets: {name} is no parameter's to give; name it in pass_environment")
        # A reference is all that is legal for a secret, here and for whoever reads the schema.
        object.__setattr__(self, "parameters", secrets.by_reference(self.parameters, self.secrets))
        for name, fault in faults_of_defaults(self.parameters):
            raise ValueError(f"parameters.properties.{name}.default: breaks its own schema: {fault[:300]}")
        for argument in self.command or ():
            try:
                names = placeholders_of(argument)
            except ValueError as error:
                raise ValueError(f"command: {error}"[:300]) from None
            for name in names:
                if not fills(self.parameters, name):
                    raise ValueError(
                        f"command: the placeholder {{{name}}} must be a parameter "
                        "that is required or has a default"
                    )
        return self

    @property
    def target(self) -> Target:
        """What kind of target it has."""
        return "command" if self.command else "http" if self.http else "noop"

    @property
    def exclusive(self) -> bool:
        """Whether overlap is forbidden: by default for commands; an HTTP target answers 409 itself."""
        return (self.overlap or ("forbid" if self.command else "allow")) == "forbid"

    @property
    def fires_here(self) -> bool:
        """Whether its execution begins in the database, before anything is run or sent."""
        return self.http is None or self.exclusive

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the schema of its parameters changes."""
        return hashlib.sha256(json.dumps(self.parameters, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Catalogue:
    """The crons in force.

    Attributes:
        crons: by name, in the file's order.
        problems: why the file as it stands now is not in force; empty when it is.
    """

    crons: Mapping[str, Cron] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def cron(self, name: str) -> Cron:
        """The cron of that name.

        Raises:
            NotFound: the catalogue has none; the nearest names are told.
        """
        try:
            return self.crons[name]
        except KeyError:
            known = ", ".join(self.crons) or "none"
            raise NotFound(
                "cronName: the catalogue has no such cron", [f"cronName: known are {known}"]
            ) from None

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The environment variables that some cron calls a secret."""
        return frozenset(name for cron in self.crons.values() for name in cron.secrets)


class CatalogueError(Exception):
    """The file cannot be used; each problem names the cron, the key and the line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def parse(text: str) -> dict[str, Cron]:
    """Reads a catalogue.

    Args:
        text: the TOML document.

    Returns:
        The crons by name, in the document's order.

    Raises:
        CatalogueError: the document breaks a rule; all problems are told at once.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError([_not_toml(str(error), text)]) from None
    except RecursionError:
        raise CatalogueError(["not TOML that can be read: nested too deeply"]) from None
    lines = _Lines(text)
    problems = [f"line {lines.of(key)}: unknown key {key}" for key in document if key != "crons"]
    tables = document.get("crons", {})
    if not isinstance(tables, dict):
        raise CatalogueError([*problems, f"line {lines.of('crons')}: crons must be a table of crons"])
    crons: dict[str, Cron] = {}
    for name, table in tables.items():
        where = lines.of("crons", name)
        if not CRON_NAME.fullmatch(name):
            problems.append(
                f"line {where}: cron {name!r}: a name is of lower-case letters, digits, '-', '_' and '.'"
            )
        elif not isinstance(table, dict):
            problems.append(f"line {where}: cron {name!r}: must be a table")
        elif "name" in table:
            problems.append(f"line {lines.of('crons', name, 'name')}: cron {name!r}: unknown key name")
        else:
            try:
                crons[name] = Cron(name=name, **table)
            except ValidationError as error:
                problems += [_told(name, dict(problem), lines) for problem in error.errors()]
    if problems:
        raise CatalogueError(problems)
    return crons


def _not_toml(message: str, text: str) -> str:
    found = re.search(r"at line (\d+)", message)
    line = int(found[1]) if found else max(1, len(text.splitlines()))
    path = _Lines(text).before(line)
    if path[:1] != ("crons",) or len(path) == 1:
        return f"line {line}: not TOML: {message}"
    key = ".".join(path[2:])
    return f"line {line}: cron {path[1]!r}: {key + ': ' if key else ''}not TOML: {message}"


def _told(name: str, problem: dict[str, Any], lines: "_Lines") -> str:
    path = [str(part) for part in problem["loc"]]
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    elif problem["type"] == "missing":
        message = "is missing"
    elif problem["type"] == "tuple_type":
        message = "must be a list"
        if path == ["command"]:
            message = 'must be a list of arguments, such as ["program", "argument"]; no shell reads it'
    if not path and ": " in message and message.split(": ")[0].split(".")[0] in Cron.model_fields:
        key, message = message.split(": ", 1)
        path = key.split(".")
    key = ".".join(path)
    line = lines.of("crons", name, *path)
    return f"line {line}: cron {name!r}: {key + ': ' if key else ''}{message}"


class _Lines:
    """Finds the line that a key of a TOML document stands on; tomllib keeps none."""

    HEADER = re.compile(r"\s*\[\[?\s*(.+?)\s*\]\]?\s*(#.*)?$")
    KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
    PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            if header := self.HEADER.match(line):
                table = self._parts(header[1])
                self._found.setdefault(table, number)
            elif key := self.KEY.match(line):
                self._found.setdefault(table + self._parts(key[1]), number)

    def of(self, *path: str) -> int:
        """The line of the key, or of the nearest table around it that has one."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._found:
                return self._found[path[:length]]
        starts = [line for found, line in self._found.items() if found[: len(path)] == path]
        return min(starts, default=1)

    def before(self, line: int) -> tuple[str, ...]:
        """The key that stands on the line or nearest above it."""
        above = [(found, path) for path, found in self._found.items() if found <= line]
        return max(above, default=(0, ()), key=lambda one: one[0])[1]

    def _parts(self, dotted: str) -> tuple[str, ...]:
        return tuple(next((group for group in match if group), "") for match in self.PART.findall(dotted))


class CatalogueFile:
    """A catalogue on disk, read again when it changes.

    A file with a mistake takes nothing down: the last good one stays in force, over a restart
    too, for which it is kept beside the other data.

    Args:
        path: the file people edit.
        last_good: where the last good text is kept.
    """

    def __init__(self, path: Path, last_good: Path) -> None:
        self._path = path
        self._last_good = last_good
        self._seen: tuple[int, int] | None = None
        self._current: Catalogue | None = None
        self._lock = threading.Lock()

    def current(self) -> Catalogue:
        """The catalogue in force, with what is wrong with the file as it stands now."""
        with self._lock:
            try:
                stat = self._path.stat()
                stamp = (stat.st_mtime_ns, stat.st_size)
                if self._current is None or stamp != self._seen:
                    text = self._path.read_text(encoding="utf-8")
                    self._current = Catalogue(self._unless_emptied(parse(text)))
                    self._seen = stamp
                    with suppress(OSError):  # a full disk must not take down what works
                        self._keep(text)
            except CatalogueError as error:
                self._seen = stamp
                self._current = Catalogue(self._previous(), tuple(error.problems))
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
                self._seen = None
                self._current = Catalogue(self._previous(), (f"{self._path.name}: {reason}",))
            return self._current

    def _unless_emptied(self, crons: dict[str, Cron]) -> dict[str, Cron]:
        # Half a file is TOML, too: an editor that is just saving is not to take all crons away.
        if not crons and self._previous():
            raise CatalogueError([f"{self._path.name}: has no cron; those in force stay until it has one"])
        return crons

    def _previous(self) -> Mapping[str, Cron]:
        if self._current is not None:
            return self._current.crons
        try:
            return parse(self._last_good.read_text(encoding="utf-8"))
        except (OSError, CatalogueError):
            return {}

    def _keep(self, text: str) -> None:
        self._last_good.parent.mkdir(parents=True, exist_ok=True)
        draft = self._last_good.with_name(f"{self._last_good.name}.{os.getpid()}")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Before the name: after a power cut there would be a name with nothing behind it.
            os.fsync(file.fileno())
        draft.replace(self._last_good)


@cache
def _file() -> CatalogueFile:
    return CatalogueFile(settings().crons_file, settings().data_dir / "crons.last-good.toml")


def catalogue() -> Catalogue:
    """The catalogue that CRONS_FILE names, as it is in force now."""
    return _file().current()


def shown(cron_name: str, parameters: Parameters) -> Parameters:
    """Parameters of a cron as people may see them: what its schema calls a secret is masked."""
    cron = catalogue().crons.get(cron_name) if parameters else None
    if cron is None or not cron.secrets or isinstance(parameters, Unreadable):
        return parameters
    return secrets.masked(parameters, cron.parameters)  # type: ignore[no-any-return]


def header_value(template: str) -> str:
    """A header of an HTTP target with its `${NAME}` references filled from the environment."""
    return ENVIRONMENT_REFERENCE.sub(lambda match: os.environ.get(match[1], ""), template)


def secrets_of(target: HttpTarget) -> set[str]:
    """What the `${NAME}` references of a target's headers stand for, without what is too short to hide."""
    names = {name for value in target.headers.values() for name in ENVIRONMENT_REFERENCE.findall(value)}
    values = {os.environ.get(name, "") for name in names}
    return {value for value in values if len(value) >= LEAST_SECRET}


def argument_of(template: str, values: Mapping[str, str]) -> str:
    """One argument of a command with its placeholders filled; it stays one argument whatever they hold."""
    return "".join(
        literal + (values[name] if name is not None else "")
        for literal, name, _, _ in string.Formatter().parse(template)
    )
