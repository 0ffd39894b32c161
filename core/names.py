"""Names that people read: in whose name something is made, and keys that make it once."""

from core.errors import Invalid

MAX_NAME = 200


def checked_name(given: str | None, field: str) -> str | None:
    """Lets a name pass that people can read, or none.

    Raises:
        Invalid: it is empty, too long, or holds what cannot be printed.
    """
    if given is None:
        return None
    if not given.strip() or len(given) > MAX_NAME or not given.isprintable():
        raise Invalid(f"{field}: must be 1 to {MAX_NAME} printable characters")
    return given
