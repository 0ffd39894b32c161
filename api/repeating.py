"""What goes over the wire about series and blackouts; and a schedule that repeats made a series."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AliasChoices, BaseModel, Field, StrictBool

from api.authentication import ACTOR
from api.representations import PlanRequest, ShownSchedule
from api.wire import Answer, Given, GivenInstant, GivenParameters, GivenPattern, Shown, Text
from core import repeating, series
from core.instants import FURTHEST_AHEAD
from core.schedules import LatePolicy, Schedule
from core.series import Repeats

Seconds = Annotated[float, Field(gt=0, le=FURTHEST_AHEAD.total_seconds(), allow_inf_nan=False)]


class SeriesRequest(Given):
    """What shall make schedules again and again."""

    cron_name: str
    repeat_pattern: GivenPattern = Field(validation_alias=AliasChoices("repeatPattern", "repeat_pattern"))
    timezone: str = Field(max_length=100, description="IANA zone whose wall clock it goes by")
    first: GivenInstant | None = Field(None, description="no occurrence before it; now")
    parameters: GivenParameters | None = None
    repeat_until: GivenInstant | None = Field(
        None, validation_alias=AliasChoices("repeatUntil", "repeat_until"), description="none after it"
    )
    repeat_count: int | None = Field(None, ge=1, le=series.MAX_COUNT, strict=True)
    excluded_dates: list[date] = Field(
        [], max_length=series.MAX_EXCLUDED, description="days, in the zone, without one"
    )
    missed: series.Missed = Field("one", description="after an outage fire 'one', or 'all' that were missed")
    fire_within_seconds: Seconds | None = Field(None, description="how late one may fire")
    late_policy: LatePolicy = "fire"
    created_by: str | None = Field(None, description="in whose name; 'api' where it is not given")


def _not_given() -> Any:
    return None


class SeriesChange(Given):
    """What shall be different about a series, at least one of them; null takes a limit away."""

    repeat_pattern: GivenPattern = Field(
        default_factory=_not_given, validation_alias=AliasChoices("repeatPattern", "repeat_pattern")
    )
    timezone: str = Field(
        default_factory=_not_given, max_length=100, description="IANA zone whose wall clock it goes by"
    )
    first: GivenInstant | None = Field(default_factory=_not_given, description="no occurrence before it")
    parameters: GivenParameters = Field(
        default_factory=_not_given, description="all of them: they replace the old ones"
    )
    repeat_until: GivenInstant | None = Field(
        default_factory=_not_given,
        validation_alias=AliasChoices("repeatUntil", "repeat_until"),
        description="none after it",
    )
    repeat_count: int | None = Field(
        default_factory=_not_given,
        ge=1,
        le=series.MAX_COUNT,
        strict=True,
        description="counts from the first one ever",
    )
    excluded_dates: list[date] = Field(default_factory=_not_given, max_length=series.MAX_EXCLUDED)
    missed: series.Missed = Field(default_factory=_not_given)
    fire_within_seconds: Seconds | None = Field(default_factory=_not_given)
    late_policy: LatePolicy = Field(default_factory=_not_given)


class DecideRequest(Given):
    """What becomes of a schedule that is held."""

    fire: StrictBool = Field(description="true fires it now, false drops it")


class BlackoutRequest(Given):
    """A period in which series have no occurrence."""

    name: Text
    starts_at: GivenInstant
    ends_at: GivenInstant
    cron_name: str | None = Field(None, description="of this cron's series; of all where it is not given")


REQUESTS: tuple[type[BaseModel], ...] = (SeriesRequest, SeriesChange, DecideRequest, BlackoutRequest)


class SeriesQuery(Given):
    """Which series."""

    cron_name: Text | None = None
    status: series.Status | None = None
    limit: int = Field(1000, ge=1, le=1000)


class ShownSeries(Shown):
    """What makes schedules again and again."""

    id: UUID
    cron_name: str
    parameters: dict[str, Any]
    repeat_pattern: Any = Field(validation_alias="pattern")
    timezone: str
    starts_on: date
    first: datetime | None = Field(description="no occurrence before it")
    repeat_until: datetime | None
    repeat_count: int | None
    excluded_dates: list[date]
    missed: series.Missed
    fire_within_seconds: float | None
    late_policy: LatePolicy
    status: series.Status
    planned: int = Field(description="how many have been planned so far")
    created_by: str | None
    created_at: datetime
    changed_at: datetime | None = Field(description="null where it is as it was made")
    changed_by: str | None
    error_message: str | None


class SeriesAnswer(Answer):
    """A series, as it is now."""

    series: ShownSeries
    words: str | None = Field(
        description="the pattern as a person says it; null where psql wrote one that cannot be read",
        examples=["every day at 02:00, Paris time"],
    )
    next_schedule_id: UUID | None = Field(description="its next pending schedule")
    next_scheduled_at: datetime | None
    upcoming: list[datetime] = Field(description="what follows that one")


class SeriesPage(Answer):
    """Series, latest made first."""

    series: list[ShownSeries]
    count: int = Field(description="of all that match, not of this page")


class ShownBlackout(Shown):
    """A period in which series have no occurrence."""

    id: UUID
    name: str
    starts_at: datetime
    ends_at: datetime
    cron_name: str | None


class BlackoutAnswer(Answer):
    """A blackout."""

    blackout: ShownBlackout


class BlackoutPage(Answer):
    """Blackouts under way and to come, the next one first."""

    blackouts: list[ShownBlackout]
    count: int


def plan_repeating(asked: PlanRequest, idempotency_key: str | None) -> Schedule:
    """Makes a series of a schedule that repeats.

    Returns:
        Its first schedule; of a call that is repeated, the same, whatever became of it.

    Raises:
        Invalid: something breaks a rule.
        Conflict: the key was used for something else.
        NotFound, Unavailable.
    """
    assert asked.repeat_pattern is not None
    return repeating.plan(
        ACTOR,
        asked.cron_name,
        asked.scheduled_at,
        asked.repeat_pattern,
        asked.timezone or "UTC",
        parameters=asked.parameters,
        repeat_until=asked.repeat_until,
        not_after=asked.not_after,
        late_policy=asked.late_policy,
        created_by=asked.created_by,
        idempotency_key=idempotency_key,
    )


def repeats(shown: Sequence[Schedule]) -> dict[UUID, Repeats]:
    """How the series of these schedules repeat."""
    return series.repeats_of({one.series_id for one in shown if one.series_id is not None})


def shown_schedule(schedule: Schedule, known: dict[UUID, Repeats] | None = None) -> ShownSchedule:
    """A schedule as it goes over the wire, with how it repeats."""
    shown = ShownSchedule.model_validate(schedule)
    if schedule.series_id is None:
        return shown
    found = (repeats([schedule]) if known is None else known).get(schedule.series_id)
    if found is not None:
        shown.repeat_pattern = found.kind
        shown.repeat_until = found.until
    return shown
