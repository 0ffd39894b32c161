"""Wall-clock times that bound a stretch of time: they always name an instant."""

from datetime import datetime

from core import wallclock
from pages.parts import times


def instant_of_wall(wall: datetime, which: int) -> datetime:
    """The instant of a time by the browser's clock.

    Args:
        wall: naive.
        which: of two instants 0 takes the first, for a beginning, and -1 the second, for an end.
            Where the clocks jump over it, it is the first instant after their jump.
    """
    where = times.browser_zone()
    found = wallclock.instants_of(wall, where)
    return (found or wallclock.instants_of(wallclock.next_that_exists(wall, where), where))[which]
