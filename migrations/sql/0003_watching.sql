-- What no change of a row tells: what is to come, what did not come, and how the whole stands.

CREATE FUNCTION crondesk_first_id_at(p_at timestamptz) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

COMMENT ON FUNCTION crondesk_first_id_at IS 'The least id (UUID version 7) that could be made at the instant.';

CREATE FUNCTION crondesk_watch_schedules() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_count   integer := 0;
    v_told    integer;
    v_longest integer;
BEGIN
    SELECT max(remind_minutes) INTO v_longest FROM cron_notification_rules
    WHERE enabled AND 'reminder' = ANY (events);
    IF v_longest IS NOT NULL THEN
        INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, cron_name, schedule_id,
                                              details, due_at)
        SELECT r.id, r.channel_id, 'reminder', key.happening,
               s.cron_name, s.id,
               jsonb_strip_nulls(jsonb_build_object('scheduled_at', s.scheduled_at, 'created_by', s.created_by)),
               greatest(now(), s.scheduled_at - make_interval(mins => r.remind_minutes))
        FROM scheduled_cron_executions s
        JOIN cron_notification_rules r
            ON r.enabled AND 'reminder' = ANY (r.events)
            AND (r.cron_names IS NULL OR s.cron_name = ANY (r.cron_names))
            -- Two minutes beyond the next look: one that comes late costs no reminder its minute.
            AND s.scheduled_at <= now() + make_interval(mins => r.remind_minutes + 2)
        CROSS JOIN LATERAL (
            SELECT 'reminder:' || s.id || ':' || extract(epoch FROM s.scheduled_at) AS happening) key
        WHERE s.status = 'pending' AND s.attempts = 0
          AND NOT EXISTS (SELECT FROM cron_notification_outbox o
                          WHERE o.rule_id = r.id AND o.happening = key.happening)
          AND s.due_at BETWEEN now() + interval '1 minute' AND now() + make_interval(mins => v_longest + 2)
        ORDER BY s.due_at LIMIT 10000
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_count = ROW_COUNT;
    END IF;

    IF EXISTS (SELECT FROM cron_notification_rules WHERE enabled AND 'missed' = ANY (events)) THEN
        INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, cron_name, schedule_id, details)
        SELECT r.id, r.channel_id, 'missed', key.happening,
               s.cron_name, s.id,
               jsonb_strip_nulls(jsonb_build_object(
                   'scheduled_at', s.scheduled_at, 'held', s.held_at IS NOT NULL, 'attempts', nullif(s.attempts, 0),
                   'error', left(s.error_message, 1000)))
        FROM scheduled_cron_executions s
        JOIN cron_notification_rules r
            ON r.enabled AND 'missed' = ANY (r.events)
            AND (r.cron_names IS NULL OR s.cron_name = ANY (r.cron_names))
        CROSS JOIN LATERAL (
            SELECT 'missed:' || s.id || ':' || extract(epoch FROM s.scheduled_at) AS happening) key
        WHERE s.status = 'pending' AND s.scheduled_at < now() - interval '5 minutes'
          AND NOT EXISTS (SELECT FROM cron_notification_outbox o
                          WHERE o.rule_id = r.id AND o.happening = key.happening)
          -- Overdue; or being tried again; or held for a person to decide, and then far off.
          AND (s.due_at < now() + interval '10 minutes' OR s.due_at >= '9999-01-01 00:00Z')
        ORDER BY s.due_at LIMIT 10000
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_told = ROW_COUNT;
        v_count := v_count + v_told;
    END IF;
    RETURN v_count;
END $$;

COMMENT ON FUNCTION crondesk_watch_schedules IS
    'Puts reminders of what is to come and word of what did not run into the outbox, each once; returns how many.';

CREATE FUNCTION crondesk_alert_conditions(p_lateness_target interval)
RETURNS TABLE (kind text, severity text, details jsonb) LANGUAGE sql STABLE AS $$
    SELECT 'failures', 'warning', jsonb_build_object('count', count, 'hours', 24)
    FROM (SELECT (SELECT count(*) FROM (
                      SELECT FROM cron_executions WHERE status = 'failed' AND status <> 'completed'
                          AND id >= crondesk_first_id_at(now() - interval '1 day') LIMIT 1000) e)
               + (SELECT count(*) FROM (
                      SELECT FROM scheduled_cron_executions
                      WHERE status = 'failed' AND status IN ('failed', 'cancelled')
                          AND triggered_execution_id IS NULL
                          AND scheduled_at BETWEEN now() - interval '1 day' AND now() LIMIT 1000) s) AS count) failed
    WHERE count >= 5
    UNION ALL
    SELECT 'stalled', 'critical', jsonb_build_object('overdue', count, 'minutes', 60)
    FROM (SELECT count(*) FROM (
              SELECT FROM scheduled_cron_executions
              WHERE status = 'pending' AND due_at < now() - interval '1 minute' LIMIT 1000) s) overdue
    WHERE count > 0
      AND NOT EXISTS (SELECT FROM cron_executions
                      WHERE id >= crondesk_first_id_at(now() - interval '1 hour') AND scheduled_id IS NOT NULL)
      -- Workers of other makes leave no execution here.
      AND NOT EXISTS (SELECT FROM scheduled_cron_executions
                      WHERE scheduled_at > now() - interval '1 day' AND triggered_at > now() - interval '1 hour')
    UNION ALL
    SELECT 'busy', 'info', jsonb_build_object('count', count, 'hours', 24)
    FROM (SELECT count(*) FROM (
              SELECT FROM scheduled_cron_executions
              WHERE status = 'pending' AND due_at BETWEEN now() AND now() + interval '1 day' LIMIT 1000) s) planned
    WHERE count >= 10
    UNION ALL
    SELECT 'lateness', 'warning', jsonb_build_object(
               'p99_ms', round(1000 * p99), 'target_ms', round(1000 * extract(epoch FROM p_lateness_target)))
    FROM (SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds)::numeric AS p99
          FROM (SELECT extract(epoch FROM triggered_at - scheduled_at) AS seconds
                FROM scheduled_cron_executions
                WHERE scheduled_at BETWEEN now() - interval '1 hour' AND now() AND triggered_at IS NOT NULL
                ORDER BY scheduled_at DESC LIMIT 10000) lately) lateness
    WHERE p99 > extract(epoch FROM p_lateness_target)
$$;

COMMENT ON FUNCTION crondesk_alert_conditions IS
    'What is out of order with the whole now, as far as somebody is there to ask; counts end at 1,000.';

CREATE FUNCTION crondesk_watch_alerts(
    p_lateness_target interval,
    p_lost_after      interval DEFAULT '35 seconds'  -- how long a worker may be silent until it counts as gone
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_conditions  jsonb;
    v_alive_since timestamptz;
    v_last_beat   timestamptz;
BEGIN
    -- One worker is enough, and two would tell everything twice.
    IF NOT pg_try_advisory_xact_lock(7265431904) THEN
        RETURN;
    END IF;

    SELECT coalesce(jsonb_agg(c), '[]') INTO v_conditions FROM crondesk_alert_conditions(p_lateness_target) c;

    WITH conditions AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(v_conditions) AS c (kind text, severity text, details jsonb)
    ), updated AS (
        UPDATE cron_alerts a SET details = c.details FROM conditions c
        WHERE a.kind = c.kind AND a.until IS NULL AND a.details <> c.details
    ), raised AS (
        INSERT INTO cron_alerts (kind, severity, details)
        SELECT c.kind, c.severity, c.details FROM conditions c
        WHERE NOT EXISTS (SELECT FROM cron_alerts a WHERE a.kind = c.kind AND a.until IS NULL)
        RETURNING *
    ), cleared AS (
        UPDATE cron_alerts a SET until = now()
        WHERE a.until IS NULL AND NOT EXISTS (SELECT FROM conditions c WHERE c.kind = a.kind)
        RETURNING *
    )
    INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, details)
    SELECT r.id, r.channel_id, 'alert', 'alert:' || a.id || CASE WHEN a.until IS NULL THEN ':raised' ELSE ':cleared' END,
           jsonb_strip_nulls(jsonb_build_object('alert', a.kind, 'severity', a.severity, 'since', a.since,
                                                'until', a.until) || a.details)
    FROM (SELECT * FROM raised UNION ALL SELECT * FROM cleared) a
    JOIN cron_notification_rules r ON r.enabled AND 'alert' = ANY (r.events)
    ON CONFLICT DO NOTHING;

    -- While no worker is alive nobody is here to say so: the first one that comes says that it was so.
    SELECT min(started_at) INTO v_alive_since FROM cron_workers
    WHERE stopped_at IS NULL AND beat_at > now() - p_lost_after;
    SELECT max(coalesce(stopped_at, beat_at)) INTO v_last_beat FROM cron_workers WHERE started_at < v_alive_since;
    IF v_alive_since - v_last_beat > interval '5 minutes'
       AND NOT EXISTS (SELECT FROM cron_alerts WHERE kind = 'no_worker' AND since = v_last_beat) THEN
        WITH past AS (
            INSERT INTO cron_alerts (kind, severity, since, until)
            VALUES ('no_worker', 'critical', v_last_beat, v_alive_since) RETURNING *
        )
        INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, details)
        SELECT r.id, r.channel_id, 'alert', 'alert:' || past.id || ':cleared',
               jsonb_build_object('alert', past.kind, 'severity', past.severity, 'since', past.since,
                                  'until', past.until)
        FROM past JOIN cron_notification_rules r ON r.enabled AND 'alert' = ANY (r.events)
        ON CONFLICT DO NOTHING;
    END IF;
END $$;

COMMENT ON FUNCTION crondesk_watch_alerts IS
    'Writes down which alerts began and ended, and puts word of it into the outbox; one caller at a time.';
