"""The tables of notifications and alerts as SQLAlchemy writes queries over them."""

from sqlalchemy import Boolean, Column, FetchedValue, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.tables import Instant, metadata

channels = Table(
    "cron_notification_channels",
    metadata,
    Column("id", Uuid, FetchedValue(), primary_key=True),
    Column("name", Text),
    Column("address", Text),
    Column("shown", Text),
    Column("created_by", Text),
    Column("created_at", Instant),
)

rules = Table(
    "cron_notification_rules",
    metadata,
    Column("id", Uuid, FetchedValue(), primary_key=True),
    Column("channel_id", Uuid),
    Column("events", ARRAY(Text)),
    Column("cron_name", Text),
    Column("tag", Text),
    Column("cron_names", ARRAY(Text)),
    Column("after_failures", Integer),
    Column("remind_minutes", Integer),
    Column("language", Text),
    Column("timezone", Text),
    Column("enabled", Boolean),
    Column("created_by", Text),
    Column("created_at", Instant),
)

outbox = Table(
    "cron_notification_outbox",
    metadata,
    Column("id", Uuid, FetchedValue(), primary_key=True),
    Column("rule_id", Uuid),
    Column("channel_id", Uuid),
    Column("kind", Text),
    Column("happening", Text),
    Column("cron_name", Text),
    Column("schedule_id", Uuid),
    Column("execution_id", Uuid),
    Column("details", JSONB),
    Column("created_at", Instant),
    Column("due_at", Instant),
    Column("claimed_by", Text),
    Column("attempts", Integer),
    Column("sent_at", Instant),
    Column("given_up_at", Instant),
    Column("error", Text),
    Column("acted", Text),
    Column("acted_at", Instant),
)

alerts = Table(
    "cron_alerts",
    metadata,
    Column("id", Uuid, FetchedValue(), primary_key=True),
    Column("kind", Text),
    Column("severity", Text),
    Column("since", Instant),
    Column("until", Instant),
    Column("details", JSONB),
)
