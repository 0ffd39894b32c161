"""Local timers on the database's clock: at the instant or just after it, never early."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from core.clock import Clock

# The last of the time to an instant is not slept through: the loop would wake up to a millisecond late.
WATCHED_SECONDS = 0.0015


class Timers:
    """Calls back at instants.

    Args:
        clock: the database's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.TimerHandle] = {}
        self._next_key = 0

    def at(self, instant: datetime, call: Callable[[], None]) -> Callable[[], None]:
        """Calls `call` once at the instant; at once when it has come.

        Returns:
            What takes the timer back.
        """
        key = self._next_key
        self._next_key += 1
        due = instant.timestamp()

        def ring() -> None:
            # The loop counts in milliseconds, and may wake early: the clock decides.
            left = due - self._clock.time()
            if left > WATCHED_SECONDS:
                self._waiting[key] = self._loop.call_later(left - WATCHED_SECONDS / 2, ring)
                return
            while self._clock.time() < due:
                pass
            self._waiting.pop(key, None)
            call()

        def take_back() -> None:
            handle = self._waiting.pop(key, None)
            if handle is not None:
                handle.cancel()

        left = due - self._clock.time()
        self._waiting[key] = self._loop.call_later(max(0.0, left - WATCHED_SECONDS / 2), ring)
        return take_back

    def clear(self) -> None:
        """Takes all timers back."""
        for handle in self._waiting.values():
            handle.cancel()
        self._waiting.clear()
