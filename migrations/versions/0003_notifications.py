"""Notifications through an outbox, and alerts."""

from migrations.plain_sql import run, run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name in ("0003_notifications.sql", "0003_watching.sql"):
        run_file(name)


def downgrade() -> None:
    run("""
    DROP INDEX scheduled_crons_tried, cron_executions_failed, cron_events_of_failures;
    DROP TABLE cron_alerts, cron_notification_outbox, cron_notification_rules, cron_notification_channels;
    DROP TRIGGER IF EXISTS notify_of_changes ON scheduled_cron_executions;
    DROP TRIGGER IF EXISTS notify_of_changes ON cron_executions;
    DROP TRIGGER IF EXISTS notify_of_arrivals ON cron_executions;
    DROP FUNCTION crondesk_attach_notifications, crondesk_notify_of_executions, crondesk_notify_of_schedules,
        crondesk_may_have_recovered, crondesk_wanted,
        crondesk_wake_notifiers, crondesk_failures_in_a_row, crondesk_usual_seconds, crondesk_watch_schedules,
        crondesk_alert_conditions, crondesk_watch_alerts, crondesk_first_id_at;
    """)
