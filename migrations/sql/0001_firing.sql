-- The worker's hot path: each call is one transaction over a whole batch.

-- As core.retrying.delay_after, which a test holds it to.
CREATE FUNCTION crondesk_delay_after(
    p_tried   integer,              -- which of its attempts has just not succeeded, from 1
    p_seconds double precision,
    p_backoff double precision,
    p_jitter  double precision
) RETURNS interval LANGUAGE sql VOLATILE AS $$
    SELECT make_interval(secs => least(
        p_seconds * power(p_backoff, p_tried - 1) * (1 + random() * p_jitter), 86400))
$$;

COMMENT ON FUNCTION crondesk_delay_after IS
    'How long to wait after an attempt: p_seconds, times p_backoff for each one before it, and up to the share p_jitter more by chance; a day at most.';

CREATE FUNCTION crondesk_fire(
    p_worker            text,
    p_limit             integer,
    p_slots             integer,    -- how many commands may start at once; the rest is queued for any worker
    p_crons             text[],     -- the crons to fire, and for each of them in the same order:
    p_targets           text[],     --   'command', 'http' or 'noop'
    p_exclusive         boolean[],  --   overlap is forbidden
    p_fingerprints      text[],     --   fingerprint of its schema of parameters
    p_conflict_attempts integer[],  --   how often it is tried in all while an earlier run has not ended,
    p_conflict_seconds  double precision[],  -- after how long,
    p_conflict_backoff  double precision[],  -- what each later delay is multiplied by,
    p_conflict_jitter   double precision[],  -- and the share of it that is added by chance
    p_told              integer     -- of more than that many completed ones only the latest is told
) RETURNS TABLE (
    outcome      text,              -- 'completed', 'running', 'queued', 'exists', 'conflict', 'later', 'failed' or 'unchecked'
    schedule_id  uuid,
    execution_id uuid,
    cron_name    text,
    parameters   jsonb,
    scheduled_at timestamptz,
    fired_at     timestamptz,
    attempt      integer,
    alike        integer            -- how many completed ones it stands for, itself included
) LANGUAGE plpgsql SET crondesk.batch = 'on' AS $$
#variable_conflict use_column
DECLARE
    -- A bound for the index: with clock_timestamp() itself every pending row would be read and compared.
    v_now timestamptz := clock_timestamp();
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT s.ctid AS tid, s.id, s.cron_name, s.parameters, s.created_by, s.scheduled_at, s.due_at,
               s.attempts, s.checked, s.series_id, coalesce(s.execution_id, crondesk_uuid()) AS execution_id
        FROM scheduled_cron_executions s
        WHERE s.status = 'pending'
          AND s.due_at <= v_now
          AND (s.late_policy = 'fire' OR s.not_after IS NULL OR s.not_after >= v_now OR s.claimed_by IS NOT NULL)
          AND s.held_at IS NULL
          AND s.cron_name = ANY (p_crons)
        ORDER BY s.due_at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), known AS MATERIALIZED (
        SELECT due.*, k.target, k.exclusive,
               due.checked IS NOT DISTINCT FROM k.fingerprint AS fits,
               k.target <> 'noop' AND row_number() OVER (ORDER BY k.target = 'noop', due.due_at) > p_slots AS waits
        FROM due JOIN unnest(p_crons, p_targets, p_exclusive, p_fingerprints)
                   AS k (cron_name, target, exclusive, fingerprint) USING (cron_name)
    ), ran AS (
        INSERT INTO cron_executions AS e (id, cron_name, parameters, status, scheduled_id, triggered_by,
            target, exclusive, worker, queued_at, started_at, heartbeat_at, finished_at)
        SELECT execution_id, cron_name, parameters,
               CASE WHEN target = 'noop' THEN 'completed' WHEN waits THEN 'queued' ELSE 'running' END,
               id, created_by, target, exclusive,
               CASE WHEN NOT waits THEN p_worker END, clock_timestamp(),
               CASE WHEN NOT waits THEN clock_timestamp() END,
               CASE WHEN NOT waits THEN clock_timestamp() END,
               CASE WHEN target = 'noop' THEN clock_timestamp() END
        FROM known WHERE fits
        -- Two workers that insert the same crons in different orders would wait for each other.
        ORDER BY exclusive, cron_name COLLATE "C", due_at
        ON CONFLICT DO NOTHING
        RETURNING e.id, e.cron_name, e.status, e.started_at, e.finished_at
    ), judged AS MATERIALIZED (
        SELECT j.*, CASE WHEN j.ran AND j.target = 'noop' THEN 'completed'
                         WHEN j.ran AND j.waits THEN 'queued'
                         WHEN j.ran THEN 'running'
                         WHEN NOT j.fits THEN 'unchecked'
                         WHEN j.existing IS NOT NULL THEN 'exists'
                         -- Occurrences of one series wait for one another: that is no attempt.
                         WHEN j.series_id IS NOT NULL AND (
                             EXISTS (SELECT FROM known k WHERE k.series_id = j.series_id
                                                           AND k.execution_id IN (SELECT id FROM ran))
                             OR EXISTS (SELECT FROM cron_executions o
                                        JOIN scheduled_cron_executions w ON w.id = o.scheduled_id
                                        WHERE o.exclusive AND o.status IN ('queued', 'running')
                                          AND o.cron_name = j.cron_name AND w.series_id = j.series_id)
                         ) THEN 'later'
                         ELSE 'conflict' END AS outcome
        FROM (
            SELECT known.*, r.ran, CASE WHEN NOT r.ran THEN
                       (SELECT o.id FROM cron_executions o
                        WHERE o.scheduled_id = known.id AND o.cron_name = known.cron_name) END AS existing
            -- IN makes a hash of what ran. A join was planned for the few rows the planner expects,
            -- and compared each of 500 with each.
            FROM known CROSS JOIN LATERAL (SELECT known.execution_id IN (SELECT id FROM ran) AS ran OFFSET 0) r
        ) j
    ), triggered AS (
        -- Apart from those put off: a trigger looks at each row whose due_at is set.
        UPDATE scheduled_cron_executions s
        SET attempts = s.attempts + 1, execution_id = judged.execution_id, claimed_by = NULL,
            status = 'triggered', triggered_at = clock_timestamp(),
            triggered_execution_id = coalesce(judged.existing, judged.execution_id)
        FROM judged
        WHERE s.ctid = judged.tid AND judged.outcome IN ('completed', 'queued', 'running', 'exists')
        RETURNING judged.outcome, s.id, s.triggered_execution_id, s.cron_name, s.parameters, s.scheduled_at,
                  s.triggered_at AS fired_at, s.attempts
    ), put_off AS (
        UPDATE scheduled_cron_executions s
        SET attempts = s.attempts + (judged.outcome <> 'later')::integer,
            conflicts = s.conflicts + (judged.outcome = 'conflict')::integer,
            execution_id = judged.execution_id,
            status = CASE WHEN judged.outcome = 'conflict' AND s.conflicts + 1 >= p_conflict_attempts[policy.place]
                          THEN 'failed' ELSE 'pending' END,
            claimed_by = CASE WHEN judged.outcome = 'unchecked' THEN p_worker END,
            due_at = CASE WHEN judged.outcome = 'unchecked' THEN clock_timestamp() + interval '10 seconds'
                          WHEN judged.outcome = 'later' THEN clock_timestamp() + interval '5 seconds' * (
                              SELECT count(*) FROM judged b WHERE b.outcome = 'later'
                                 AND b.series_id = judged.series_id AND b.due_at <= judged.due_at)
                          WHEN s.conflicts + 1 < p_conflict_attempts[policy.place]
                          THEN clock_timestamp() + crondesk_delay_after(
                              s.conflicts + 1, p_conflict_seconds[policy.place],
                              p_conflict_backoff[policy.place], p_conflict_jitter[policy.place])
                          ELSE s.due_at END,
            error_message = CASE WHEN judged.outcome = 'conflict' AND s.conflicts + 1 >= p_conflict_attempts[policy.place]
                THEN 'still running after ' || s.attempts + 1 - s.attempts_before
                     || CASE s.attempts + 1 - s.attempts_before WHEN 1 THEN ' attempt' ELSE ' attempts' END
                     || ': an earlier run of ' || s.cron_name || ' has not ended, and the catalogue forbids overlap' END
        -- The policy is looked up for what needs it; the others pay nothing for it.
        FROM judged CROSS JOIN LATERAL (SELECT array_position(p_crons, judged.cron_name) AS place) policy
        WHERE s.ctid = judged.tid AND judged.outcome IN ('unchecked', 'conflict', 'later')
        RETURNING CASE s.status WHEN 'failed' THEN 'failed' ELSE judged.outcome END AS outcome,
                  s.id, s.cron_name, s.parameters, s.scheduled_at, s.attempts, s.due_at, s.error_message,
                  s.attempts - s.attempts_before AS tries
    ), told AS (
        INSERT INTO cron_events (actor, via, kind, schedule_id, cron_name, details)
        SELECT p_worker, 'worker', CASE outcome WHEN 'failed' THEN 'schedule.failed' ELSE 'schedule.conflicted' END,
               id, cron_name, CASE outcome
                   WHEN 'failed' THEN jsonb_build_object('attempt', tries, 'error', error_message)
                   ELSE jsonb_build_object('attempt', tries, 'again_at', due_at) END
        FROM put_off WHERE outcome IN ('conflict', 'failed')
    ), counted AS (
        INSERT INTO cron_hourly_changes
        SELECT 'execution', crondesk_hour(started_at), cron_name, status,
               crondesk_bucket(finished_at - started_at), count(*)
        FROM ran WHERE status = 'completed' GROUP BY 2, 3, 4, 5
        UNION ALL
        SELECT 'schedule', crondesk_hour(scheduled_at), cron_name, 'triggered',
               crondesk_bucket(fired_at - scheduled_at), count(*)
        FROM triggered GROUP BY 2, 3, 5
        UNION ALL
        SELECT 'schedule', crondesk_hour(scheduled_at), cron_name, 'failed', NULL, count(*)
        FROM put_off WHERE outcome = 'failed' GROUP BY 2, 3
    ), completed AS (
        SELECT t.*, count(*) OVER () AS alike, row_number() OVER (ORDER BY fired_at - scheduled_at DESC) AS place
        FROM triggered t WHERE outcome = 'completed'
    )
    SELECT c.outcome, c.id, c.triggered_execution_id, c.cron_name, NULL::jsonb, c.scheduled_at, c.fired_at,
           c.attempts, CASE WHEN c.alike > p_told THEN c.alike ELSE 1 END::integer
    FROM completed c WHERE c.alike <= p_told OR c.place = 1
    UNION ALL
    SELECT t.outcome, t.id, t.triggered_execution_id, t.cron_name,
           CASE WHEN t.outcome = 'running' THEN t.parameters END, t.scheduled_at, t.fired_at, t.attempts, 1
    FROM triggered t WHERE t.outcome <> 'completed'
    UNION ALL
    SELECT p.outcome, p.id, NULL, p.cron_name, CASE WHEN p.outcome = 'unchecked' THEN p.parameters END,
           p.scheduled_at, clock_timestamp(), p.attempts, 1
    FROM put_off p;
END $$;

COMMENT ON FUNCTION crondesk_fire IS
    'Fires due schedules whose execution begins in this database: claim, execution row and ''triggered'' in one statement, so that there is no moment in between.';

CREATE FUNCTION crondesk_settle(
    p_worker       text,
    p_ids          uuid[],          -- schedules claimed by p_worker, and for each of them in the same order:
    p_attempts     integer[],       --   the attempt that is settled
    p_outcomes     text[],          --   'triggered', 'failed'; or tried again, after a 'conflict' or a 'failure'
    p_fired_at     timestamptz[],
    p_finished_at  timestamptz[],
    p_again_at     timestamptz[],   --   of these two: the next try
    p_external_ids text[],
    p_errors       text[],
    p_outputs      text[]
) RETURNS SETOF uuid LANGUAGE plpgsql SET crondesk.batch = 'on' AS $$
BEGIN
    RETURN QUERY
    WITH told AS MATERIALIZED (
        SELECT t.* FROM unnest(p_ids, p_attempts, p_outcomes, p_fired_at, p_finished_at, p_again_at,
                               p_external_ids, p_errors, p_outputs)
            AS t (id, attempt, outcome, fired_at, finished_at, again_at, external_id, error, output)
    ), mine AS MATERIALIZED (
        SELECT s.ctid AS tid, s.cron_name, s.parameters, s.created_by, s.execution_id, told.*
        -- LATERAL and IN, here and below: for each row its index, and a hash. Joins were planned for
        -- the few rows the planner expects, and compared each of 500 with each.
        FROM told CROSS JOIN LATERAL (
            SELECT s.ctid, s.* FROM scheduled_cron_executions s
            WHERE s.id = told.id AND s.status = 'pending' AND s.claimed_by = p_worker AND s.attempts = told.attempt
            -- A row that somebody holds in psql must not hold up the others until their leases end.
            FOR UPDATE SKIP LOCKED
        ) s
    ), ran AS (
        INSERT INTO cron_executions AS e (id, cron_name, parameters, status, scheduled_id, triggered_by, target,
            external_id, worker, queued_at, started_at, finished_at, error_message)
        SELECT execution_id, cron_name, parameters,
               CASE outcome WHEN 'triggered' THEN 'completed' ELSE 'failed' END,
               id, created_by, 'http', external_id, p_worker, fired_at, fired_at, finished_at, error
        FROM mine WHERE outcome IN ('triggered', 'failed')
        ON CONFLICT DO NOTHING
        RETURNING e.id, e.cron_name, e.status, e.started_at, e.finished_at
    ), printed AS (
        INSERT INTO cron_execution_output (execution_id, seq, stream, at, content)
        SELECT mine.execution_id, 0, 'stdout', mine.finished_at, mine.output
        FROM mine WHERE mine.output <> '' AND mine.execution_id IN (SELECT id FROM ran)
    ), settled AS (
        UPDATE scheduled_cron_executions s
        SET status = mine.outcome,
            claimed_by = NULL,
            triggered_at = CASE mine.outcome WHEN 'triggered' THEN mine.fired_at END,
            triggered_execution_id = CASE WHEN mine.execution_id IN (SELECT id FROM ran) THEN mine.execution_id
                ELSE (SELECT o.id FROM cron_executions o WHERE o.scheduled_id = mine.id) END,
            error_message = CASE mine.outcome WHEN 'triggered' THEN NULL ELSE mine.error END
        FROM mine
        WHERE s.ctid = mine.tid AND mine.outcome IN ('triggered', 'failed')
        RETURNING s.id, s.cron_name, s.scheduled_at, s.attempts, s.attempts_before, s.triggered_execution_id,
                  mine.outcome, mine.fired_at, mine.error
    ), put_off AS (
        -- Apart, as in crondesk_fire: a trigger looks at each row whose due_at is set.
        UPDATE scheduled_cron_executions s
        SET claimed_by = NULL, due_at = mine.again_at, error_message = mine.error,
            conflicts = s.conflicts + (mine.outcome = 'conflict')::integer,
            failures = s.failures + (mine.outcome = 'failure')::integer
        FROM mine
        WHERE s.ctid = mine.tid AND mine.outcome IN ('conflict', 'failure')
        RETURNING s.id, s.cron_name, s.attempts, s.attempts_before, mine.fired_at, mine.error, mine.again_at
    ), counted AS (
        INSERT INTO cron_hourly_changes
        SELECT 'execution', crondesk_hour(started_at), cron_name, status,
               CASE status WHEN 'completed' THEN crondesk_bucket(finished_at - started_at) END, count(*)
        FROM ran GROUP BY 2, 3, 4, 5
        UNION ALL
        SELECT 'schedule', crondesk_hour(scheduled_at), cron_name, outcome,
               CASE outcome WHEN 'triggered' THEN crondesk_bucket(fired_at - scheduled_at) END, count(*)
        FROM settled GROUP BY 2, 3, 4, 5
    ), noted AS (
        INSERT INTO cron_events (actor, via, kind, schedule_id, execution_id, cron_name, details)
        SELECT p_worker, 'worker', 'schedule.failed', id, triggered_execution_id, cron_name,
               jsonb_build_object('attempt', attempts - attempts_before, 'fired_at', fired_at, 'error', error)
        FROM settled WHERE outcome = 'failed'
        UNION ALL
        SELECT p_worker, 'worker', 'schedule.retried', id, NULL, cron_name,
               jsonb_build_object('attempt', attempts - attempts_before, 'fired_at', fired_at, 'error', error,
                                  'again_at', again_at)
        FROM put_off
    )
    SELECT settled.id FROM settled UNION ALL SELECT put_off.id FROM put_off;
END $$;

COMMENT ON FUNCTION crondesk_settle IS
    'Writes down what came of the HTTP firings of one worker; a row that another attempt has taken since stays as it is. Returns the schedules it settled.';
