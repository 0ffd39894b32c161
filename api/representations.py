"""What goes over the wire: JSON in camelCase, instants in RFC 3339."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, Field

from api.wire import Answer, Given, GivenInstant, GivenParameters, GivenPattern, Shown, ShownParameters, Text
from core import executions, schedules
from core.executions import OUTPUT_PAGE
from core.paging import MAX_LIMIT
from core.schedules import MAX_BATCH

LARGEST_SEQ = 2**31 - 1


class PlanRequest(Given):
    """One execution in the future."""

    cron_name: str
    scheduled_at: GivenInstant
    parameters: GivenParameters | None = None
    created_by: str | None = Field(None, description="in whose name; 'api' where it is not given")
    not_after: GivenInstant | None = Field(None, description="its deadline, where it could not fire in time")
    late_policy: schedules.LatePolicy = Field(
        "fire", description="after the deadline: 'fire' it all the same, 'drop' it, or 'ask' a person"
    )
    repeat_pattern: GivenPattern | None = Field(
        None,
        validation_alias=AliasChoices("repeatPattern", "repeat_pattern"),
        description="'daily', 'weekly' and 'monthly' repeat it at its time of day, on its day of the week or "
        "of the month; or a pattern as `POST /series` takes; 'once' does not",
    )
    repeat_until: GivenInstant | None = Field(
        None, validation_alias=AliasChoices("repeatUntil", "repeat_until"), description="none after it"
    )
    timezone: str | None = Field(
        None, max_length=100, description="IANA zone whose wall clock a repeating one goes by; UTC"
    )


class BatchItem(Given):
    """One of many executions in the future."""

    cron_name: str
    scheduled_at: GivenInstant
    parameters: GivenParameters | None = None


class BatchRequest(Given):
    """Many executions in the future: all of them are planned, or none."""

    items: list[BatchItem] = Field(min_length=1, max_length=MAX_BATCH)
    created_by: str | None = None


class ChangeRequest(Given):
    """What shall be different; at least one of them."""

    scheduled_at: GivenInstant | None = None
    parameters: GivenParameters | None = Field(None, description="the new ones, whole")


class TriggeredRequest(Given):
    """That a worker of another make has fired a schedule."""

    execution_id: UUID


class FailedRequest(Given):
    """That a worker of another make could not fire a schedule."""

    error: Text


class TriggerRequest(Given):
    """One execution now."""

    cron_name: str
    parameters: GivenParameters | None = None
    scheduled_id: UUID | None = Field(
        None, description="the schedule it comes from: the same one twice starts one execution"
    )
    execution_id: UUID | None = Field(
        None, description="the run's id where it was planned; a Crondesk sends it, and it is not used here"
    )


class AddressRequest(Given):
    """Whose address of the calendar feed it shall be."""

    person: str
    renew: bool = Field(False, description="make it anew; the old one is then no more")


REQUESTS: tuple[type[BaseModel], ...] = (
    PlanRequest,
    BatchRequest,
    ChangeRequest,
    TriggeredRequest,
    FailedRequest,
    TriggerRequest,
    AddressRequest,
)


class _Query(Given):
    cron_name: Text | None = None
    from_: GivenInstant | None = Field(None, alias="from", description="this instant or later")
    to: GivenInstant | None = Field(None, description="before this instant")
    limit: int = Field(100, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=200, description="`nextCursor` of the page before")
    search: Text | None = Field(None, max_length=200)


class ScheduleQuery(_Query):
    """Which schedules."""

    status: schedules.Status | None = None


class ExecutionQuery(_Query):
    """Which executions."""

    status: executions.Status | None = None


class OutputQuery(Given):
    """Which pieces of an execution's output."""

    after: int = Field(-1, ge=-1, le=LARGEST_SEQ, description="`next` of the answer before")
    limit: int = Field(OUTPUT_PAGE, ge=1, le=MAX_LIMIT)


class FeedQuery(BaseModel):
    """What of all that is planned the calendar feed shows; calendar programs may add words of their own."""

    cron: list[str] = Field([], max_length=100, description="only of these crons")
    mine: bool = Field(False, description="only what the person planned")
    language: Literal["en", "fr"] = "en"


class PersonQuery(Given):
    """Whose address."""

    person: Text


class ShownSchedule(Shown):
    """The intention to run a cron once at an instant."""

    id: UUID
    cron_name: str
    scheduled_at: datetime
    parameters: ShownParameters
    created_by: str | None
    created_at: datetime
    status: schedules.Status
    triggered_at: datetime | None
    triggered_execution_id: UUID | None
    error_message: str | None
    due_at: datetime = Field(description="the instant of the next attempt")
    claimed_by: str | None = Field(description="the worker that is firing it now")
    attempts: int = Field(description="how often it was claimed, ever; also the fencing token")
    tries: int = Field(description="how often it was tried since it was planned, moved or decided about")
    conflicts: int = Field(description="how many of the tries met an earlier run that had not ended")
    failures: int = Field(description="how many of the tries failed and were followed by another")
    batch_id: UUID | None
    not_after: datetime | None = Field(description="its deadline")
    late_policy: schedules.LatePolicy
    held_at: datetime | None = Field(description="since when it waits for a decision")
    series_id: UUID | None
    retry_of: UUID | None = Field(description="the failed schedule that it tries again")
    retried_by: UUID | None = Field(description="the schedule that tries it again, which has failed")
    repeat_pattern: str = Field(
        "once",
        description="'once', or what its series goes by: 'daily', 'weekly', 'monthly' or 'cron'; "
        "'unknown' where psql wrote what cannot be read",
    )
    repeat_until: datetime | None = Field(None, description="its series has none after it")


class ShownExecution(Shown):
    """One run of a cron."""

    id: UUID
    cron_name: str
    parameters: ShownParameters
    status: executions.Status
    scheduled_id: UUID | None
    triggered_by: str | None
    target: str
    external_id: str | None
    worker: str | None
    queued_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    exit_code: int | None
    error_message: str | None
    attempt: int = Field(description="which attempt it is; 1 is the first")
    conflicts: int = Field(description="how many of those before it met an earlier run that had not ended")
    failures: int = Field(description="how many of those before it failed")
    retry_of: UUID | None = Field(description="the attempt before it")
    retried_by: UUID | None = Field(description="the attempt after it")
    not_before: datetime | None = Field(description="when it may begin, where it has to wait")


class ShownChunk(Shown):
    """A piece of what an execution printed."""

    seq: int
    stream: Literal["stdout", "stderr", "crondesk"] = Field(description="'crondesk' is the product itself")
    at: datetime
    content: str


class ShownAddress(Shown):
    """Where a person's calendar programs read what is planned: whoever has the address can."""

    person: str
    url: str
    created_at: datetime = Field(description="made, or last renewed")


class Scheduled(Answer):
    """A schedule, as it is now."""

    scheduled: ShownSchedule


class ScheduledFirst(Scheduled):
    """What was planned; of what repeats, the first, and the series that plans the others."""

    series_id: UUID | None


class ScheduledBatch(Answer):
    """What was planned, in the order it was asked for."""

    scheduled: list[ShownSchedule]
    count: int
    batch_id: UUID | None


class _Page(Answer):
    count: int = Field(description="of all that match, not of this page")
    count_is_estimate: bool = Field(description="true above 5,000")
    next_cursor: str | None = Field(description="asks for the next page; null on the last one")


class SchedulePage(_Page):
    """Schedules: pending ones (`status=pending`) next first, all others latest first."""

    scheduled: list[ShownSchedule]


class ExecutionPage(_Page):
    """Executions, latest first."""

    executions: list[ShownExecution]


class Cancelled(Answer):
    """A schedule will not fire."""

    message: str
    cron_name: str


class Triggered(Answer):
    """An execution waits for a worker."""

    execution_id: UUID


class Execution(Answer):
    """An execution, as it is now."""

    execution: ShownExecution


class CalendarAddress(Answer):
    """A person's address of the calendar feed."""

    feed: ShownAddress


class AddressRevoked(Answer):
    """A person's address of the calendar feed is no more."""

    message: str
    person: str


class Output(Answer):
    """What an execution printed."""

    execution_id: UUID
    status: executions.Status = Field(description="read before the output")
    output: list[ShownChunk]
    next: int = Field(
        description="ask again with `after` set to it; an ended execution that gives nothing more is read"
    )
