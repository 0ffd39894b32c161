"""Firing at less cost: what nothing is in the way of fires by one plain statement, planned once."""

from migrations.plain_sql import run, run_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_file("0010_firing.sql")


def downgrade() -> None:
    run("""
    DROP FUNCTION crondesk_fire, crondesk_fire_or_put_off, crondesk_lock_due, crondesk_uuid_after;
    DROP TRIGGER no_change_while_being_fired ON scheduled_cron_executions;
    CREATE TRIGGER no_change_while_being_fired
        BEFORE UPDATE OF scheduled_at, parameters, cron_name, status ON scheduled_cron_executions
        FOR EACH ROW WHEN (
            OLD.claimed_by IS NOT NULL AND OLD.due_at > now() AND OLD.status = 'pending'
            AND (NEW.status = 'cancelled' OR NEW.scheduled_at <> OLD.scheduled_at
                 OR NEW.parameters <> OLD.parameters OR NEW.cron_name <> OLD.cron_name))
        EXECUTE FUNCTION crondesk_refuse_while_firing();
    """)
    run_file("0007_firing.sql")
