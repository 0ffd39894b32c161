"""The database contract: tables, functions, triggers and the summary view."""

from alembic import op

from migrations.plain_sql import run, run_file

revision = "0001"
down_revision = None

# PostgreSQL 18 has uuidv7(); before it, 48 bits of milliseconds over random ones (RFC 9562, 5.7).
UUID_V7 = "uuidv7()"
UUID_V7_BEFORE_18 = """
encode(set_bit(set_bit(
    overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
            FROM 1 FOR 6),
    52, 1), 53, 1), 'hex')::uuid
"""


def upgrade() -> None:
    version = op.get_bind().exec_driver_sql("SHOW server_version_num").scalar_one()
    expression = UUID_V7 if int(version) >= 180000 else UUID_V7_BEFORE_18
    run(f"CREATE FUNCTION crondesk_uuid() RETURNS uuid LANGUAGE sql VOLATILE AS $$ SELECT {expression} $$")
    for name in ("0001_tables.sql", "0001_counting.sql", "0001_functions.sql", "0001_firing.sql"):
        run_file(name)


def downgrade() -> None:
    run("""
    DROP VIEW vw_scheduled_crons_summary;
    DROP FUNCTION get_ready_scheduled_crons, crondesk_decide_late;
    DROP TABLE cron_workers, cron_events, scheduled_cron_executions, cron_execution_output, cron_executions,
        cron_hourly, cron_hourly_lengths, cron_hourly_changes;
    DROP FUNCTION mark_scheduled_cron_triggered, mark_scheduled_cron_failed,
        cleanup_old_scheduled_crons, crondesk_fire, crondesk_settle, crondesk_delay_after, crondesk_due_at_follows,
        crondesk_attempts_begin_anew, crondesk_count_execution, crondesk_count_schedule, crondesk_fold_hours,
        crondesk_hour, crondesk_bucket, crondesk_execution_exists, crondesk_let_go_of_executions,
        crondesk_refuse_while_firing, crondesk_wake_workers, crondesk_wake_workers_for_one,
        crondesk_events_are_append_only, crondesk_actor, crondesk_via, crondesk_role, crondesk_uuid;
    """)
