"""Waits for states, never for fixed times."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(look: Callable[[], Found | None], seconds: float = 20, context: object = "") -> Found:
    """What `look` finds, as soon as it finds something.

    Raises:
        AssertionError: it found nothing in time; the context is told.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {found!r}\n{context}"
        time.sleep(0.02)
    return found
