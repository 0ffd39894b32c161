"""The family of errors that a person is told about; the API and the pages each map it once."""

from collections.abc import Sequence


class CrondeskError(Exception):
    """An error with one sentence for a person and, where it helps, details by field.

    Args:
        message: one sentence: what is wrong and the way out.
        details: further sentences, each beginning with the field it is about.
    """

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = list(details)


class Invalid(CrondeskError):
    """What was given breaks a rule."""


class TooLarge(Invalid):
    """What was given is larger than is taken."""


class Forbidden(CrondeskError):
    """The actor's role does not allow it."""


class NotFound(CrondeskError):
    """There is no such thing."""


class Conflict(CrondeskError):
    """It can be done in general, but not in the state that things are in now."""


class Unavailable(CrondeskError):
    """The database cannot be reached, or cannot do it now; trying again later may help."""


class Refused(Unavailable):
    """The database refuses a value in a worker's statement, or gives one that cannot be read."""
