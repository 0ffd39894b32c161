"""The entries of the catalogue: what a cron is, and what its entry may say."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core import secrets
from core.errors import NotFound
from core.parameters import faults_of_defaults, fills, placeholders_of

# What the product lives on: a command gets it where its entry says so.
WITHHELD = frozenset({"DATABASE_URL", "PGPASSWORD", "CRON_SECRET"})
ENVIRONMENT_REFERENCE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")

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

    @property
    def variables(self) -> frozenset[str]:
        """The environment variables that its headers name."""
        return frozenset(
            name for value in self.headers.values() for name in ENVIRONMENT_REFERENCE.findall(value)
        )


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

    def titled(self, sought: str) -> list[str]:
        """The names of the crons whose title contains the text, in some language and in whatever case."""
        text = sought.casefold()
        return [
            name
            for name, cron in self.crons.items()
            if any(text in title.casefold() for title in (cron.title.en, cron.title.fr))
        ]

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
        """The environment variables that some cron calls a secret, or puts into a header."""
        return frozenset(
            name
            for cron in self.crons.values()
            for name in (*cron.secrets, *(cron.http.variables if cron.http else ()))
        )
