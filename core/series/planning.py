"""Plans what is next of a series, within the transaction of the verb that wants it."""

from datetime import datetime
from heapq import merge
from itertools import islice

from sqlalchemy import Connection, func, select

from core.actors import Actor
from core.catalogue import catalogue
from core.database import clock, reading
from core.errors import Conflict
from core.parameters import check
from core.series.occurrences import to_plan, upcoming
from core.series.reading import pending_of, read_blackouts, touched
from core.series.records import PREVIEWED, Series

# Of all planners: each time somebody added a blackout between reading them and planning.
TRIES = 5


def ahead(one: Series, count: int = PREVIEWED) -> list[datetime]:
    """What follows the next run of an active series; nothing of one that is not active.

    A run that was moved by hand stands beside the one that the series has planned since: both are among them.

    Args:
        one: the series.
        count: how many instants at most.

    Raises:
        Unavailable.
    """
    if one.status != "active":
        return []
    with reading() as connection:
        now = clock(connection)
        periods = read_blackouts(connection, one.cron_name)
        kept = touched(connection, one, now)
        planned = pending_of(connection, one.id, count + 1)[1:]
    return list(islice(merge(planned, upcoming(one, periods, now, kept)), count))


def plan_first(connection: Connection, actor: Actor, series: Series) -> None:
    """Plans the next occurrence of a series that has none to come; there may be none outside blackouts.

    One to come that somebody cancelled, or moved, is not planned again.

    Raises:
        NotFound, Invalid: its cron is gone from the catalogue, or its parameters do not fit any more.
        Conflict: blackouts came again and again.
    """
    _plan(connection, actor, series, following=True)


def plan_missed(connection: Connection, actor: Actor, series: Series) -> None:
    """Plans what is made up for of a series that nobody has planned for a while, and nothing to come.

    Raises:
        As `plan_first`.
    """
    _plan(connection, actor, series, following=False)


def _plan(connection: Connection, actor: Actor, series: Series, *, following: bool) -> None:
    cron = catalogue().cron(series.cron_name)
    check(series.parameters, cron.parameters)
    for _ in range(TRIES):
        now = clock(connection)
        periods = read_blackouts(connection, series.cron_name, series.last_occurrence)
        kept = touched(connection, series, min(now, series.last_occurrence or now))
        plan = to_plan(series, periods, now, kept)
        call = func.crondesk_plan_occurrences(
            series.id,
            series.last_occurrence,
            plan.missed,
            plan.following if following else None,
            plan.left_out_before,
            cron.fingerprint,
            actor.name,
            actor.via,
        )
        wanted = plan.following if following else plan.missed
        # Who is firing one that waits is not waited for: the worker plans what is next.
        if not wanted or connection.execute(select(call)).scalar_one() != "dark":
            return
    raise Conflict("series: blackouts are being added now; try again")
