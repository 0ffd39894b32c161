"""Series and blackouts as core gives them out, and what is to be planned of a series."""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from core import recurrence
from core.catalogue import shown
from core.errors import Invalid
from core.parameters import Parameters
from core.schedules import LatePolicy
from core.tables import blackouts
from core.tables import series as table
from core.wallclock import zone

Status = Literal["active", "paused", "ended"]
Missed = Literal["one", "all"]
PREVIEWED = 10


@dataclass(frozen=True, slots=True)
class Series:
    """What makes schedules again and again: a row of cron_series.

    Attributes:
        pattern: what repeats, as `core.recurrence` reads it: an object, unless psql wrote something else.
        timezone: IANA name of the zone whose wall clock the pattern goes by.
        starts_on: the day from which 'every N' counts.
        first: no occurrence before this instant.
        repeat_until: no occurrence after this instant.
        repeat_count: how many occurrences in all at most.
        excluded_dates: days, in the zone, without an occurrence.
        missed: after an outage fire 'one', or 'all' that were missed, the newest first.
        fire_within: how late an occurrence may fire; late_policy says what happens after that.
        planned: how many occurrences have been planned so far.
        last_occurrence: the latest occurrence that was planned, or the instant until which there was none.
        changed_at: when what it does was last changed; None where it is as it was made.
    """

    id: UUID
    cron_name: str
    parameters: Parameters
    pattern: Any
    timezone: str
    starts_on: date
    first: datetime | None
    repeat_until: datetime | None
    repeat_count: int | None
    excluded_dates: list[date]
    missed: Missed
    fire_within: timedelta | None
    late_policy: LatePolicy
    status: Status
    planned: int
    last_occurrence: datetime | None
    created_by: str | None
    created_at: datetime
    changed_at: datetime | None
    changed_by: str | None
    error_message: str | None

    def __post_init__(self) -> None:
        # Whoever shows it shows no secret: rows from before its schema had one may hold it in clear.
        object.__setattr__(self, "parameters", shown(self.cron_name, self.parameters))

    def in_words(self, language: str) -> str | None:
        """How it repeats, as a person says it: 'every weekday at 02:00, Paris time'.

        Args:
            language: 'fr' for French, else English.

        Returns:
            None where its row cannot be read: psql writes them, too.
        """
        try:
            zone(self.timezone)
            return recurrence.in_words(recurrence.parse_pattern(self.pattern), self.timezone, language)
        except Invalid:
            return None


@dataclass(frozen=True, slots=True)
class Blackout:
    """A period without occurrences of series: of one cron, or of all where cron_name is None."""

    id: UUID
    name: str
    starts_at: datetime
    ends_at: datetime
    cron_name: str | None

    def holds_for(self, cron_name: str) -> bool:
        """Whether it keeps series of this cron from happening."""
        return self.cron_name in (None, cron_name)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next pending schedule of a series."""

    schedule_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Repeats:
    """How a series repeats.

    Attributes:
        kind: what it goes by: 'daily', 'weekly', 'monthly', 'cron'; 'unknown' where its row cannot be read.
    """

    kind: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ToPlan:
    """What is to be planned of a series now.

    Attributes:
        missed: occurrences that passed before anybody planned them and are made up for, the newest first.
        following: the next occurrence to come; None where there is none.
        left_out_before: of more that were missed than are made up for, those before this instant are not.
        over: there is nothing more to come, blackouts or not.
    """

    missed: list[datetime]
    following: datetime | None
    left_out_before: datetime | None
    over: bool


COLUMNS = [table.c[field.name] for field in fields(Series)]
BLACKOUTS = [blackouts.c[field.name] for field in fields(Blackout)]
