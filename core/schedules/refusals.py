"""What the database refuses, in words for a person."""

import psycopg
from sqlalchemy.exc import IntegrityError

from core.errors import CrondeskError
from core.instants import past


def refusal(error: IntegrityError) -> CrondeskError:
    """The error for a row that the database does not take: its instant has been.

    Raises:
        IntegrityError: the same one, where it is about something else.
    """
    if isinstance(error.orig, psycopg.errors.CheckViolation):
        return past()
    raise error
