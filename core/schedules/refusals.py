"""What the database refuses, in words for a person."""

import psycopg
from sqlalchemy.exc import IntegrityError

from core.errors import CrondeskError, Invalid
from core.instants import past

IN_THE_FUTURE = "scheduled_cron_executions_in_the_future"


def refusal(error: IntegrityError) -> CrondeskError:
    """The error for a row that the database does not take.

    Raises:
        IntegrityError: the same one, where it is about something else.
    """
    if isinstance(error.orig, psycopg.errors.CheckViolation):
        if error.orig.diag.constraint_name == IN_THE_FUTURE:
            return past()
        return Invalid(f"the database refuses it by its rule {error.orig.diag.constraint_name}")
    raise error
