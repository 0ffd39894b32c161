-- The public functions. Each is right when called alone, in autocommit, from any number of sessions.

CREATE FUNCTION crondesk_actor() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('crondesk.actor', true), ''), session_user)
$$;

CREATE FUNCTION crondesk_via() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('crondesk.via', true), ''), 'sql')
$$;

CREATE FUNCTION crondesk_role() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('crondesk.role', true), '')
$$;

-- Of what was claimed and not settled nobody knows whether it fired: its next attempt tells.
CREATE FUNCTION crondesk_decide_late(p_worker text, p_limit integer DEFAULT 1000) RETURNS integer
LANGUAGE sql AS $$
    WITH late AS MATERIALIZED (
        SELECT ctid AS tid FROM scheduled_cron_executions
        WHERE status = 'pending' AND not_after IS NOT NULL AND not_after < statement_timestamp()
          AND late_policy <> 'fire' AND held_at IS NULL AND claimed_by IS NULL
        ORDER BY not_after LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), decided AS (
        UPDATE scheduled_cron_executions s
        SET status = CASE late_policy WHEN 'drop' THEN 'failed' ELSE 'pending' END,
            held_at = CASE late_policy WHEN 'ask' THEN clock_timestamp() END,
            due_at = CASE late_policy WHEN 'ask' THEN timestamptz '9999-01-01 00:00Z' ELSE due_at END,
            error_message = CASE late_policy
                WHEN 'drop' THEN 'expired: ' ELSE 'held: a person decides whether it still fires; ' END
                || CASE attempts WHEN 0 THEN 'it could not fire before ' ELSE 'it is not tried again after ' END
                || to_char(not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
                || CASE attempts WHEN 0 THEN '' WHEN 1 THEN '; 1 attempt failed'
                                 ELSE '; ' || attempts || ' attempts failed' END
                || CASE WHEN attempts > 0 THEN coalesce(': ' || error_message, '') ELSE '' END
        FROM late WHERE s.ctid = late.tid
        RETURNING id, cron_name, late_policy, not_after, error_message, attempts
    ), told AS (
        INSERT INTO cron_events (actor, via, kind, schedule_id, cron_name, details)
        SELECT p_worker, 'worker', CASE late_policy WHEN 'drop' THEN 'schedule.expired' ELSE 'schedule.held' END,
               id, cron_name,
               jsonb_build_object('not_after', not_after, 'error', error_message, 'attempt', attempts)
        FROM decided
    )
    SELECT count(*)::integer FROM decided
$$;

COMMENT ON FUNCTION crondesk_decide_late IS
    'Drops, or holds for a person to decide, what could not fire before its deadline, as its late_policy says; returns how many.';

CREATE FUNCTION get_ready_scheduled_crons(
    p_limit  integer  DEFAULT 100,
    p_worker text     DEFAULT 'sql:' || session_user || ':' || pg_backend_pid(),
    p_lease  interval DEFAULT '1 minute',
    p_ahead  interval DEFAULT '0 seconds',
    p_crons  text[]   DEFAULT NULL
) RETURNS SETOF scheduled_cron_executions LANGUAGE plpgsql AS $$
DECLARE
    -- A bound for the index: with clock_timestamp() itself every pending row would be read and compared.
    v_now timestamptz := clock_timestamp();
BEGIN
    IF p_limit IS NULL OR p_limit < 0 THEN
        RAISE EXCEPTION 'p_limit must be 0 or more' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF coalesce(p_worker, '') = '' THEN
        RAISE EXCEPTION 'p_worker must name the worker' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_lease IS NULL OR p_lease <= interval '0' OR p_ahead IS NULL OR p_ahead < interval '0' THEN
        RAISE EXCEPTION 'p_lease must be more than 0, p_ahead 0 or more'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_crons IS NULL THEN  -- Crondesk's own worker names its crons, and decides before it claims
        PERFORM crondesk_decide_late(p_worker);
    END IF;

    -- Joined by ctid: the planner may choose to scan the whole table for a join by id.
    -- A row that changed in between has a new ctid and is left to the next call.
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT s.ctid AS tid, s.claimed_by AS lost_by
        FROM scheduled_cron_executions s
        WHERE s.status = 'pending'
          AND s.due_at <= v_now + p_ahead
          AND (s.late_policy = 'fire' OR s.not_after IS NULL OR s.not_after >= v_now OR s.claimed_by IS NOT NULL)
          AND s.held_at IS NULL
          AND (p_crons IS NULL OR s.cron_name = ANY (p_crons))
        ORDER BY s.due_at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE scheduled_cron_executions s
        SET claimed_by = p_worker,
            due_at = clock_timestamp() + p_ahead + p_lease,
            attempts = s.attempts + 1,
            execution_id = coalesce(s.execution_id, crondesk_uuid())
        FROM due
        WHERE s.ctid = due.tid
        RETURNING s.*, due.lost_by
    ), told AS (
        INSERT INTO cron_events (actor, via, kind, schedule_id, cron_name, details)
        SELECT p_worker, 'worker', 'schedule.lease_expired', c.id, c.cron_name,
               jsonb_build_object('worker', c.lost_by, 'attempt', c.attempts - 1 - c.attempts_before)
        FROM claimed c WHERE c.lost_by IS NOT NULL
    )
    SELECT c.id, c.cron_name, c.scheduled_at, c.parameters, c.created_by, c.created_at, c.status,
           c.triggered_at, c.triggered_execution_id, c.error_message, c.due_at, c.claimed_by,
           c.attempts, c.execution_id, c.checked, c.batch_id, c.idempotency_key, c.not_after,
           c.late_policy, c.held_at, c.series_id, c.occurrence, c.attempts_before, c.conflicts, c.failures,
           c.retry_of, c.retried_by
    FROM claimed c ORDER BY c.scheduled_at;
END $$;

COMMENT ON FUNCTION get_ready_scheduled_crons IS
    'Claims due pending schedules for p_worker for the length of p_lease and returns them. Settle each with mark_scheduled_cron_triggered or mark_scheduled_cron_failed before the lease ends, else it comes due again.';

CREATE FUNCTION mark_scheduled_cron_triggered(p_id uuid, p_execution_id uuid)
RETURNS boolean LANGUAGE sql AS $$
    WITH settled AS (
        UPDATE scheduled_cron_executions
        SET status = 'triggered', triggered_at = clock_timestamp(),
            triggered_execution_id = (SELECT e.id FROM cron_executions e WHERE e.id = p_execution_id),
            execution_id = coalesce(p_execution_id, execution_id),
            claimed_by = NULL, error_message = NULL
        WHERE id = p_id AND status = 'pending'
        RETURNING id, cron_name, attempts - attempts_before AS attempt
    ), told AS (
        INSERT INTO cron_events (actor, role, via, kind, schedule_id, execution_id, cron_name, details)
        SELECT crondesk_actor(), crondesk_role(), crondesk_via(), 'schedule.triggered', id,
               p_execution_id, cron_name, jsonb_build_object('attempt', attempt)
        FROM settled
    )
    SELECT EXISTS (SELECT FROM settled)
$$;

COMMENT ON FUNCTION mark_scheduled_cron_triggered IS
    'pending → triggered; says whether it did. An execution that this database does not hold is noted in the event, not linked.';

CREATE FUNCTION mark_scheduled_cron_failed(p_id uuid, p_error text)
RETURNS boolean LANGUAGE sql AS $$
    WITH settled AS (
        UPDATE scheduled_cron_executions
        SET status = 'failed', claimed_by = NULL,
            error_message = coalesce(nullif(p_error, ''), 'failed without a reason')
        WHERE id = p_id AND status = 'pending'
        RETURNING id, cron_name, attempts - attempts_before AS attempt, error_message
    ), told AS (
        INSERT INTO cron_events (actor, role, via, kind, schedule_id, cron_name, details)
        SELECT crondesk_actor(), crondesk_role(), crondesk_via(), 'schedule.failed', id, cron_name,
               jsonb_build_object('attempt', attempt, 'error', error_message)
        FROM settled
    )
    SELECT EXISTS (SELECT FROM settled)
$$;

COMMENT ON FUNCTION mark_scheduled_cron_failed IS 'pending → failed; says whether it did.';

CREATE FUNCTION cleanup_old_scheduled_crons(p_retention interval DEFAULT NULL, p_batch integer DEFAULT 10000)
RETURNS bigint LANGUAGE sql AS $$
    WITH old AS MATERIALIZED (
        SELECT ctid AS tid FROM scheduled_cron_executions
        WHERE status <> 'pending'
          AND scheduled_at < now() - coalesce(p_retention,
                nullif(current_setting('crondesk.retention', true), '')::interval, interval '30 days')
          AND coalesce(triggered_at, scheduled_at) < now() - coalesce(p_retention,
                nullif(current_setting('crondesk.retention', true), '')::interval, interval '30 days')
        ORDER BY scheduled_at
        LIMIT p_batch
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM scheduled_cron_executions s USING old WHERE s.ctid = old.tid AND s.status <> 'pending'
        RETURNING s.id
    )
    SELECT count(*) FROM gone
$$;

COMMENT ON FUNCTION cleanup_old_scheduled_crons IS
    'Deletes at most p_batch triggered, cancelled and failed schedules older than the retention (argument, setting crondesk.retention, or 30 days) and returns how many: call it again until it returns 0, so that no call holds its locks for long.';

-- Rows come from psql and shell scripts too: what core does for its own rows, triggers do for theirs.

CREATE FUNCTION crondesk_due_at_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.due_at := NEW.scheduled_at;
    RETURN NEW;
END $$;

CREATE FUNCTION crondesk_attempts_begin_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- attempts itself goes on: it is the fencing token, and a worker may still hold an old one.
    NEW.attempts_before := NEW.attempts;
    NEW.conflicts := 0;
    NEW.failures := 0;
    RETURN NEW;
END $$;

CREATE TRIGGER attempts_begin_anew_with_a_move BEFORE UPDATE OF scheduled_at ON scheduled_cron_executions
    FOR EACH ROW WHEN (NEW.scheduled_at <> OLD.scheduled_at) EXECUTE FUNCTION crondesk_attempts_begin_anew();

CREATE TRIGGER due_at_starts_as_scheduled_at BEFORE INSERT ON scheduled_cron_executions
    FOR EACH ROW WHEN (NEW.due_at IS NULL) EXECUTE FUNCTION crondesk_due_at_follows();

CREATE TRIGGER due_at_moves_with_scheduled_at BEFORE UPDATE OF scheduled_at ON scheduled_cron_executions
    FOR EACH ROW WHEN (NEW.scheduled_at <> OLD.scheduled_at AND NEW.due_at = OLD.due_at)
    EXECUTE FUNCTION crondesk_due_at_follows();

CREATE FUNCTION crondesk_refuse_while_firing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'too late: schedule % is being fired by %', OLD.id, OLD.claimed_by
        USING ERRCODE = 'object_in_use';
END $$;

CREATE TRIGGER no_change_while_being_fired
    BEFORE UPDATE OF scheduled_at, parameters, cron_name, status ON scheduled_cron_executions
    FOR EACH ROW WHEN (
        OLD.claimed_by IS NOT NULL AND OLD.due_at > now() AND OLD.status = 'pending'
        AND (NEW.status = 'cancelled' OR NEW.scheduled_at <> OLD.scheduled_at
             OR NEW.parameters <> OLD.parameters OR NEW.cron_name <> OLD.cron_name))
    EXECUTE FUNCTION crondesk_refuse_while_firing();

-- A foreign key whose check costs nothing where there is nothing to check: what crondesk_fire and crondesk_settle
-- refer to they have just written themselves. The check of a declared one reads and locks each row, an eighth of
-- what a firing costs.
CREATE FUNCTION crondesk_execution_exists() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM cron_executions WHERE id = NEW.triggered_execution_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'triggered_execution_id: there is no execution %', NEW.triggered_execution_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER triggered_execution_exists AFTER INSERT OR UPDATE OF triggered_execution_id ON scheduled_cron_executions
    FOR EACH ROW WHEN (
        NEW.triggered_execution_id IS NOT NULL AND current_setting('crondesk.batch', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION crondesk_execution_exists();

CREATE FUNCTION crondesk_let_go_of_executions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE scheduled_cron_executions SET triggered_execution_id = NULL
    WHERE triggered_execution_id = ANY (ARRAY(SELECT id FROM gone));
    RETURN NULL;
END $$;

CREATE TRIGGER schedules_let_go_of_executions AFTER DELETE ON cron_executions
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION crondesk_let_go_of_executions();

-- A worker polls each minute; what is due before its next poll wakes it. One NOTIFY a statement.
CREATE FUNCTION crondesk_wake_workers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_next timestamptz;
BEGIN
    SELECT min(due_at) INTO v_next FROM arrived
    WHERE status = 'pending' AND due_at < now() + interval '2 minutes';
    IF v_next IS NOT NULL THEN
        PERFORM pg_notify('crondesk_due', extract(epoch FROM v_next)::text);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER arrivals_wake_workers AFTER INSERT ON scheduled_cron_executions
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION crondesk_wake_workers();

CREATE FUNCTION crondesk_wake_workers_for_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crondesk_due', extract(epoch FROM NEW.due_at)::text);
    RETURN NULL;
END $$;

CREATE TRIGGER earlier_instants_wake_workers AFTER UPDATE OF due_at, scheduled_at ON scheduled_cron_executions
    FOR EACH ROW WHEN (NEW.status = 'pending' AND NEW.claimed_by IS NULL AND NEW.due_at < OLD.due_at)
    EXECUTE FUNCTION crondesk_wake_workers_for_one();

CREATE FUNCTION crondesk_events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('crondesk.cleanup', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'cron_events is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON cron_events
    FOR EACH ROW EXECUTE FUNCTION crondesk_events_are_append_only();

CREATE VIEW vw_scheduled_crons_summary AS
SELECT cron_name,
       count(*) FILTER (WHERE status = 'pending')   AS pending,
       count(*) FILTER (WHERE status = 'triggered') AS triggered,
       count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE status = 'failed')    AS failed,
       -- The next try of what is tried again, but of what is being fired not the end of its lease.
       min(CASE WHEN claimed_by IS NULL THEN due_at ELSE scheduled_at END)
           FILTER (WHERE status = 'pending' AND held_at IS NULL) AS next_scheduled_at,
       max(triggered_at)                             AS last_triggered_at,
       round(count(*) FILTER (WHERE status = 'triggered' AND scheduled_at > now() - interval '7 days')::numeric
             / nullif(count(*) FILTER (WHERE status IN ('triggered', 'failed')
                                         AND scheduled_at > now() - interval '7 days'), 0), 4)
                                                     AS success_rate_7d
FROM scheduled_cron_executions
GROUP BY cron_name;

COMMENT ON VIEW vw_scheduled_crons_summary IS
    'For each cron: schedules by status, the next pending instant (of what is held for a decision: none), the last one triggered, and the share triggered (0 to 1) of those triggered or failed over 7 days.';
