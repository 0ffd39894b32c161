"""What is planned around an instant: the nearest of all crons, and the nearest of the same one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, literal, select, text, tuple_, union_all

from core.database import reading
from core.schedules import HELD_UNTIL
from core.tables import Instant, schedules

NEAREST = 3
AT_LEAST_WITHIN = timedelta(minutes=15)
BEGINNING = text("'-infinity'::timestamptz")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A pending schedule near an instant."""

    id: UUID
    cron_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What is planned around an instant.

    Attributes:
        within: how far was looked for those of all crons.
        before: the nearest before it, at most three, in order of time.
        after: the nearest at it or after it, likewise.
        previous: the last one of the same cron before it, however far.
        following: the first one of the same cron at it or after it, however far.
    """

    within: timedelta
    before: list[Neighbour]
    after: list[Neighbour]
    previous: Neighbour | None
    following: Neighbour | None

    def runs_into(self, instant: datetime, usual_seconds: float | None) -> list[Neighbour]:
        """Those of the same cron that a run of the usual length would meet: one before it, one after it."""
        if usual_seconds is None:
            return []
        nearest = (self.previous, self.following)
        usual = timedelta(seconds=usual_seconds)
        return [other for other in nearest if other is not None and abs(instant - other.at) < usual]


def around(
    cron_name: str, instant: datetime, usual_seconds: float | None = None, *, apart_from: UUID | None = None
) -> Neighbours:
    """What is pending around an instant, by when it is due; a look-up in an index for each answer.

    Args:
        cron_name: of the run that shall be planned.
        instant: when.
        usual_seconds: how long it usually lasts: others are looked for within that, at least 15 minutes.
        apart_from: a schedule that does not count, such as the one that is moved there.

    Raises:
        Unavailable.
    """
    within = max(AT_LEAST_WITHIN, timedelta(seconds=usual_seconds or 0))
    due, own = schedules.c.due_at, tuple_(schedules.c.cron_name, schedules.c.due_at)
    here = tuple_(literal(cron_name), literal(instant, Instant))
    answers = {
        "before": _nearest(due < instant, due >= instant - within).order_by(due.desc()),
        "after": _nearest(due >= instant, due <= instant + within).order_by(due),
        # As ranges over both columns: with an equality the planner takes the order by the instant alone
        # to be as good, and reads past everybody else's.
        "previous": _nearest(own < here, own > tuple_(literal(cron_name), BEGINNING)).order_by(
            schedules.c.cron_name.desc(), due.desc()
        ),
        "following": _nearest(
            own >= here, own < tuple_(literal(cron_name), literal(HELD_UNTIL, Instant))
        ).order_by(schedules.c.cron_name, due),
    }
    # One more: it may be the one that does not count.
    parts = []
    for name, answer in answers.items():
        found = answer.limit(NEAREST + 1).subquery()
        parts.append(select(literal(name).label("answer"), found.c.id, found.c.cron_name, found.c.due_at))
    kept: dict[str, list[Neighbour]] = {name: [] for name in answers}
    with reading() as connection:
        for name, *row in connection.execute(union_all(*parts)):
            if row[0] != apart_from:
                kept[name].append(Neighbour(*row))
    for found_ones in kept.values():
        found_ones.sort(key=lambda one: (abs(one.at - instant), one.id))
    return Neighbours(
        within,
        before=kept["before"][:NEAREST][::-1],
        after=kept["after"][:NEAREST],
        previous=next(iter(kept["previous"]), None),
        following=next(iter(kept["following"]), None),
    )


def _nearest(*conditions: object) -> Select[tuple[UUID, str, datetime]]:
    # Written out, not bound: only then does the planner see that a partial index serves.
    pending = schedules.c.status == text("'pending'")
    return select(schedules.c.id, schedules.c.cron_name, schedules.c.due_at).where(pending, *conditions)  # type: ignore[arg-type]
