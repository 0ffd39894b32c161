"""Waiting for a state, not for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], seconds: float = 20) -> Found:
    """What the look finds, once it finds something."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)
    return found
