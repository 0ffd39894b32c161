"""Local timers on the database's clock: at the instant or just after it, never early."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from core.clock import Clock


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
            # The loop counts in milliseconds and may wake early: the clock decides.
            left = due - self._clock.time()
            if left > 0:
                self._waiting[key] = self._loop.call_later(left, ring)
            else:
                self._waiting.pop(key, None)
                call()

        def take_back() -> None:
            handle = self._waiting.pop(key, None)
            if handle is not None:
                handle.cancel()

        self._waiting[key] = self._loop.call_later(max(0.0, due - self._clock.time()), ring)
        return take_back

    def clear(self) -> None:
        """Takes all timers back."""
        for handle in self._waiting.values():
            handle.cancel()
        self._waiting.clear()
