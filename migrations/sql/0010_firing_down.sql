-- What 0010_firing.sql changed, as it was before.

DROP FUNCTION crondesk_fire, crondesk_fire_or_put_off, crondesk_lock_due, crondesk_uuid_after;
DROP TRIGGER no_change_while_being_fired ON scheduled_cron_executions;
CREATE TRIGGER no_change_while_being_fired
    BEFORE UPDATE OF scheduled_at, parameters, cron_name, status ON scheduled_cron_executions
    FOR EACH ROW WHEN (
        OLD.claimed_by IS NOT NULL AND OLD.due_at > now() AND OLD.status = 'pending'
        AND (NEW.status = 'cancelled' OR NEW.scheduled_at <> OLD.scheduled_at
             OR NEW.parameters <> OLD.parameters OR NEW.cron_name <> OLD.cron_name))
    EXECUTE FUNCTION crondesk_refuse_while_firing();
CREATE OR REPLACE FUNCTION crondesk_execution_exists() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM cron_executions WHERE id = NEW.triggered_execution_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'triggered_execution_id: there is no execution %', NEW.triggered_execution_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION crondesk_let_go_of_executions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE scheduled_cron_executions SET triggered_execution_id = NULL
    WHERE triggered_execution_id = ANY (ARRAY(SELECT id FROM gone));
    RETURN NULL;
END $$;
DROP TRIGGER triggered_execution_exists ON scheduled_cron_executions;
CREATE TRIGGER triggered_execution_exists AFTER INSERT OR UPDATE OF triggered_execution_id ON scheduled_cron_executions
    FOR EACH ROW WHEN (
        NEW.triggered_execution_id IS NOT NULL AND current_setting('crondesk.batch', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION crondesk_execution_exists();
DROP FUNCTION crondesk_execution_is_given_away CASCADE;
COMMENT ON COLUMN scheduled_cron_executions.execution_id IS
    'The id its execution will have: fixed by the first claim, the same in every attempt.';
DROP INDEX scheduled_crons_execution;
CREATE INDEX scheduled_crons_execution ON scheduled_cron_executions (triggered_execution_id)
    WHERE triggered_execution_id IS NOT NULL;
ALTER TABLE scheduled_cron_executions RESET (autovacuum_vacuum_cost_delay);
ALTER TABLE cron_executions RESET (autovacuum_vacuum_cost_delay);
