"""Keeps out of a server's access log what is in an address and lets in whoever has it."""

import logging
import re

# Calendar feeds are read, and links in notifications followed, by programs that send no token.
SECRET_IN_PATH = re.compile(r"^(/api/(?:calendar/[^/?]+|links)/)[^/?]+")


class _Hidden(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Masks the secret part of the path; uvicorn gives it as the third argument of its line."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                SECRET_IN_PATH.sub(r"\1*****", part) if isinstance(part, str) else part
                for part in record.args
            )
        return True


def hide_secrets() -> None:
    """Lets uvicorn's access log mask what is secret in a path; called twice, it does no more."""
    log = logging.getLogger("uvicorn.access")
    if not any(isinstance(known, _Hidden) for known in log.filters):
        log.addFilter(_Hidden())
