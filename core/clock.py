"""The database's clock, as a worker reads it between two looks at it."""

import time
from datetime import UTC, datetime

from core.lane import Lane

SAMPLES = 5


class Clock:
    """Tells the database's time without asking it: this machine's clock and a measured offset."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def time(self) -> float:
        """Seconds since 1970 by the database's clock."""
        return time.time() + self.offset_seconds

    def now(self) -> datetime:
        """The same as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    async def measure(self, lane: Lane) -> None:
        """Measures the offset anew, by the quickest of a few round trips (RFC 5905, section 10).

        Raises:
            Unavailable.
        """
        best_trip, best_offset = float("inf"), 0.0
        for _ in range(SAMPLES):
            sent, began = time.time(), time.perf_counter()
            [(there,)] = await lane.fetch("SELECT clock_timestamp()")
            trip = time.perf_counter() - began
            if trip < best_trip:
                best_trip, best_offset = trip, there.timestamp() - (sent + trip / 2)
        # An offset within the measurement's own uncertainty is none: on one machine both read one clock.
        self.offset_seconds = best_offset if abs(best_offset) > best_trip / 2 else 0.0
