"""The one typed settings object: environment, then an .env file, then defaults."""

import os
import secrets
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from core.errors import Invalid

ROOT = Path(__file__).resolve().parent.parent
LEAST_SECRET = 16


class Settings(BaseSettings):
    """What an operator may set; each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr | None = None
    data_dir: Path = Path(".data")
    host: str = "127.0.0.1"
    port: int = Field(8501, ge=1, le=65535)
    public_url: str | None = Field(None, pattern=r"^https?://[^\s/?#]+[^\s?#]*$")
    cron_secret: SecretStr | None = None
    crons_file: Path = Path("crons/crons.toml")
    lease_seconds: float = Field(60, gt=0, le=3600)
    http_timeout_seconds: float = Field(30, gt=0, le=3600)
    max_running: int = Field(default_factory=lambda: 8 * (os.cpu_count() or 1), ge=1, le=1000)
    http_connections: int = Field(128, ge=1, le=10_000)
    grace_seconds: float = Field(25, ge=0, le=3600)
    lost_after_seconds: float = Field(35, ge=2, le=3600)
    retention_days: float = Field(30, ge=1, le=36_500)
    execution_retention_days: float = Field(90, ge=1, le=36_500)
    output_limit_bytes: int = Field(1_048_576, ge=4096, le=1_073_741_824)
    lateness_target_ms: float = Field(1000, gt=0, le=3_600_000)
    log_format: Literal["text", "json"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("data_dir", "crons_file")
    @classmethod
    def _from_the_root(cls, value: Path) -> Path:
        return value if value.is_absolute() else ROOT / value

    @field_validator("database_url")
    @classmethod
    def _postgresql_only(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        if value and not _is_address(value.get_secret_value()):
            # What the libraries say of it quotes it, with the password in it.
            raise ValueError(
                "must be of the form postgresql://USER:PASSWORD@HOST:PORT/NAME; in the password write "
                "%40 for @, %2F for / and %25 for %; several hosts go into ?host=ONE,TWO&port=5432,5432"
            )
        return value

    @field_validator("cron_secret")
    @classmethod
    def _can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        if value and (problem := _secret_problem(value.get_secret_value())):
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def _lease_outlives_a_request(self) -> "Settings":
        if self.lease_seconds <= self.http_timeout_seconds:
            raise ValueError("LEASE_SECONDS must exceed HTTP_TIMEOUT_SECONDS")
        return self

    @property
    def public_address(self) -> str:
        """Where people reach the dashboard and the REST API; links in notifications begin with it."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        return self.own_address

    @property
    def own_address(self) -> str:
        """The same, by HOST and PORT."""
        host = self.reachable_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def reachable_host(self) -> str:
        """HOST, or what of this machine answers where HOST stands for all of its addresses."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104


@cache
def settings() -> Settings:
    """Reads the settings once.

    Raises:
        Invalid: a variable has a value that cannot be used; the message names it.
    """
    try:
        return Settings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc']).upper() or 'settings'}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False)
        ]
        raise Invalid("the configuration cannot be used: " + "; ".join(problems), problems) from None


@cache
def cron_secret() -> str:
    """The bearer token of workers and scripts: CRON_SECRET, or the one generated on the first start.

    Raises:
        Invalid: DATA_DIR/cron_secret holds none that can be used; the message names the file.
    """
    configured = settings().cron_secret
    if configured:
        return configured.get_secret_value()
    path = settings().data_dir / "cron_secret"
    if not path.exists():
        _generate(path)
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not ASCII; delete the file"
        raise Invalid(f"the secret in {path} cannot be read: {reason}") from None
    # A crash may leave it empty, and an empty secret would let everybody in.
    if problem := _secret_problem(secret):
        raise Invalid(f"the secret in {path} {problem}; delete the file, and the next start makes a new one")
    return secret


def _generate(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and linked into place: of two that start at once one wins,
    # and neither reads a half-written file.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            # Before the name: after a power cut there would be a name with nothing behind it.
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _secret_problem(secret: str) -> str | None:
    if len(secret) < LEAST_SECRET:
        return f"must be at least {LEAST_SECRET} characters long"
    # A header takes no others, and drops blanks at its ends.
    if not (secret.isascii() and secret.isprintable() and secret == secret.strip()):
        return "must be of printable ASCII characters, without blanks around them"
    return None


def _is_address(url: str) -> bool:
    """Whether libpq and SQLAlchemy read the same in it, and nothing that is a password's rest."""
    try:
        for_libpq = conninfo_to_dict(url)
        made = make_url(url).set(drivername="postgresql+psycopg")
        _, for_sqlalchemy = made.get_dialect()().create_connect_args(made)
    except (psycopg.Error, ArgumentError, ValueError):
        return False
    ports = str(for_sqlalchemy.get("port") or 5432).split(",")
    return (
        "@" not in url.partition("://")[2].partition("?")[0].partition("/")[2]
        and all(port.isdecimal() and 0 < int(port) < 65536 for port in ports)
        and all(
            str(for_libpq.get(name) or "") == str(for_sqlalchemy.get(name) or "")
            for name in ("user", "password", "host", "dbname")
        )
    )
