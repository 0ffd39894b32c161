"""The product's database, as a cron reaches it: by the DATABASE_URL it was handed."""

import os
import re

import psycopg
from psycopg.conninfo import conninfo_to_dict

CONNECT_TIMEOUT_SECONDS = 10


def settings() -> dict[str, str]:
    """What DATABASE_URL says, as libpq's connection keywords (host, dbname, password, …).

    A driver in the scheme (postgresql+psycopg://) is left out: it is no concern of libpq's.
    Raises SystemExit when the variable is missing or cannot be read.
    """
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        raise SystemExit("DATABASE_URL is not set: list it in this cron's pass_environment in the catalogue.")
    try:
        found = conninfo_to_dict(re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", url))
    except psycopg.ProgrammingError:
        # libpq's own message quotes the URL, and with it the password.
        raise SystemExit(
            "DATABASE_URL cannot be read: write it as postgresql://user:password@host/database."
        ) from None
    return {name: str(value) for name, value in found.items() if value is not None}


def connect() -> psycopg.Connection:
    """A connection in autocommit. Raises SystemExit when the database cannot be reached."""
    keywords = {"connect_timeout": str(CONNECT_TIMEOUT_SECONDS)} | settings()
    try:
        return psycopg.connect("", autocommit=True, **keywords)  # type: ignore[arg-type]
    except psycopg.OperationalError as fault:
        reason = " ".join(str(fault).split())
        raise SystemExit(f"The database cannot be reached: {reason}") from None
