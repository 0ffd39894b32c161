"""Filling a stretch of time with runs: at which instants, and how many begin together."""

from datetime import datetime, timedelta

from core.errors import Invalid
from core.schedules import MAX_BATCH

LEAST_STEP = timedelta(seconds=1)

Placed = list[tuple[datetime, int]]


def again(begin: datetime, end: datetime, every: timedelta, runs: int, together: int) -> Placed:
    """Each run again and again: all of them in each step, from the beginning on and until the end.

    Where more runs than may begin together fall into one step, they are shifted within it: three
    runs each 10 minutes, at most two together, begin at 22:00 two, 22:05 one, 22:10 two, …

    Args:
        begin: the first instant.
        end: no run begins after it.
        every: from one step to the next, in elapsed time.
        runs: how many different ones there are.
        together: how many begin at one instant at most.

    Returns:
        Pairs of an instant and the number of the run, from 0; in order.

    Raises:
        Invalid: the times are none, or more come of it than one batch may hold.
    """
    _check(begin, end, runs, together)
    if every < LEAST_STEP:
        raise Invalid("every: must be a second or more")
    steps = (end - begin) // every + 1
    if steps * runs > MAX_BATCH:
        raise Invalid(f"every: would make more than {MAX_BATCH} runs")
    groups = -(-runs // together)
    placed = [
        (begin + every * step + every * (run // together) / groups, run)
        for step in range(steps)
        for run in range(runs)
    ]
    return [(instant, run) for instant, run in placed if instant <= end]


def once(begin: datetime, end: datetime, runs: int, together: int) -> Placed:
    """Each run once, spread evenly: the first at the beginning, the last at the end.

    Args:
        begin, end, runs, together: as of `again`.

    Returns:
        Pairs of an instant, to the second, and the number of the run, from 0; in order.

    Raises:
        Invalid: the times are none, or the runs are more than one batch may hold.
    """
    _check(begin, end, runs, together)
    groups = -(-runs // together)
    gap = (end - begin) / (groups - 1) if groups > 1 else timedelta(0)
    return [(begin + _seconds(gap * (run // together)), run) for run in range(runs)]


def _seconds(length: timedelta) -> timedelta:
    return timedelta(seconds=length // timedelta(seconds=1))


def _check(begin: datetime, end: datetime, runs: int, together: int) -> None:
    if end < begin:
        raise Invalid("until: must not be earlier than the beginning")
    if not 1 <= runs <= MAX_BATCH:
        raise Invalid(f"runs: must be 1 to {MAX_BATCH}")
    if together < 1:
        raise Invalid("together: must be 1 or more")
