"""The tables as SQLAlchemy writes queries over them; migrations/sql says what they are."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    FetchedValue,
    Integer,
    Interval,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()
Instant = DateTime(timezone=True)

schedules = Table(
    "scheduled_cron_executions",
    metadata,
    Column("id", Uuid, FetchedValue(), primary_key=True),
    Column("cron_name", Text),
    Column("scheduled_at", Instant),
    Column("parameters", JSONB),
    Column("created_by", Text),
    Column("created_at", Instant),
    Column("status", Text),
    Column("triggered_at", Instant),
    Column("triggered_execution_id", Uuid),
    Column("error_message", Text),
    Column("due_at", Instant),
    Column("claimed_by", Text),
    Column("attempts", Integer),
    Column("execution_id", Uuid),
    Column("checked", Text),
    Column("batch_id", Uuid),
    Column("idempotency_key", Text),
    Column("not_after", Instant),
    Column("late_policy", Text),
    Column("held_at", Instant),
    Column("series_id", Uuid),
    Column("occurrence", Instant),
    Column("attempts_before", Integer),
    Column("conflicts", Integer),
    Column("failures", Integer),
    Column("retry_of", Uuid),
    Column("retried_by", Uuid),
)

executions = Table(
    "cron_executions",
    metadata,
    Column("id", Uuid, FetchedValue(), primary_key=True),
    Column("cron_name", Text),
    Column("parameters", JSONB),
    Column("status", Text),
    Column("scheduled_id", Uuid),
    Column("triggered_by", Text),
    Column("target", Text),
    Column("exclusive", Boolean),
    Column("external_id", Text),
    Column("idempotency_key", Text),
    Column("retry_of", Uuid),
    Column("worker", Text),
    Column("queued_at", Instant),
    Column("started_at", Instant),
    Column("heartbeat_at", Instant),
    Column("cancel_requested_at", Instant),
    Column("cancel_requested_by", Text),
    Column("finished_at", Instant),
    Column("exit_code", Integer),
    Column("error_message", Text),
    Column("attempt", Integer),
    Column("conflicts", Integer),
    Column("failures", Integer),
    Column("first_id", Uuid),
    Column("retried_by", Uuid),
    Column("not_before", Instant),
)

series = Table(
    "cron_series",
    metadata,
    Column("id", Uuid, FetchedValue(), primary_key=True),
    Column("cron_name", Text),
    Column("parameters", JSONB),
    Column("pattern", JSONB),
    Column("timezone", Text),
    Column("starts_on", Date),
    Column("first", Instant),
    Column("repeat_until", Instant),
    Column("repeat_count", Integer),
    Column("excluded_dates", ARRAY(Date)),
    Column("missed", Text),
    Column("fire_within", Interval),
    Column("late_policy", Text),
    Column("status", Text),
    Column("planned", Integer),
    Column("last_occurrence", Instant),
    Column("idempotency_key", Text),
    Column("created_by", Text),
    Column("created_at", Instant),
    Column("changed_at", Instant),
    Column("changed_by", Text),
    Column("error_message", Text),
)

blackouts = Table(
    "cron_blackouts",
    metadata,
    Column("id", Uuid, FetchedValue(), primary_key=True),
    Column("name", Text),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("cron_name", Text),
    Column("created_by", Text),
    Column("created_at", Instant),
)

output = Table(
    "cron_execution_output",
    metadata,
    Column("execution_id", Uuid, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("stream", Text),
    Column("at", Instant),
    Column("content", Text),
)

events = Table(
    "cron_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant),
    Column("actor", Text),
    Column("role", Text),
    Column("via", Text),
    Column("kind", Text),
    Column("schedule_id", Uuid),
    Column("execution_id", Uuid),
    Column("batch_id", Uuid),
    Column("cron_name", Text),
    Column("details", JSONB),
)

workers = Table(
    "cron_workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("host", Text),
    Column("pid", Integer),
    Column("version", Text),
    Column("started_at", Instant),
    Column("beat_at", Instant),
    Column("ticked_at", Instant),
    Column("stopped_at", Instant),
    Column("clock_offset_ms", Double),
    Column("slots", Integer),
    Column("running", Integer),
    Column("catalogue_error", Text),
)

_COUNTED = ("kind", Text), ("hour", Instant), ("cron_name", Text)

hourly = Table(
    "cron_hourly",
    metadata,
    *(Column(name, kind, primary_key=True) for name, kind in _COUNTED),
    Column("status", Text, primary_key=True),
    Column("count", Integer),
)

hourly_lengths = Table(
    "cron_hourly_lengths",
    metadata,
    *(Column(name, kind, primary_key=True) for name, kind in _COUNTED),
    Column("bucket", Integer, primary_key=True),
    Column("count", Integer),
)

hourly_changes = Table(
    "cron_hourly_changes",
    metadata,
    *(Column(name, kind) for name, kind in _COUNTED),
    Column("status", Text),
    Column("bucket", Integer),
    Column("count", Integer),
)

calendar_addresses = Table(
    "cron_calendar_addresses",
    metadata,
    Column("person", Text, primary_key=True),
    Column("salt", Uuid),
    Column("created_by", Text),
    Column("created_at", Instant),
)

presets = Table(
    "cron_presets",
    metadata,
    Column("cron_name", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("parameters", JSONB),
    Column("created_by", Text),
    Column("created_at", Instant),
)
