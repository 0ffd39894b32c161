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
        WHERE s.status = 'pending' AND s.due_at = s.scheduled_at
          AND NOT EXISTS (SELECT FROM cron_notification_outbox o
                          WHERE o.rule_id = r.id AND o.happening = key.happening)
          AND s.due_at BETWEEN now() + interval '1 minute' AND now() + make_interval(mins => v_longest + 2)
        ORDER BY s.due_at LIMIT 10000
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_count = ROW_COUNT;
    END IF;

    IF EXISTS (SELECT FROM cron_notification_rules WHERE enabled AND 'missed' = ANY (events)) THEN
        WITH late AS (
            -- Three look-ups, for one with OR between them reads all that is pending. Overdue:
            SELECT * FROM scheduled_cron_executions
            WHERE status = 'pending' AND due_at < now() + interval '10 minutes'
              AND scheduled_at < now() - interval '5 minutes'
            UNION ALL
            -- being tried again, however much later:
            SELECT * FROM scheduled_cron_executions
            WHERE status = 'pending' AND attempts > 0 AND scheduled_at < now() - interval '5 minutes'
              AND due_at >= now() + interval '10 minutes' AND due_at < '9999-01-01 00:00Z'
            UNION ALL
            -- held for a person to decide, and then never due.
            SELECT * FROM scheduled_cron_executions
            WHERE status = 'pending' AND due_at >= '9999-01-01 00:00Z'
              AND scheduled_at < now() - interval '5 minutes'
        )
        INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, cron_name, schedule_id, details)
        SELECT r.id, r.channel_id, 'missed', key.happening,
               s.cron_name, s.id,
               jsonb_strip_nulls(jsonb_build_object(
                   'scheduled_at', s.scheduled_at, 'held', s.held_at IS NOT NULL, 'attempts', nullif(s.attempts, 0),
                   'error', left(s.error_message, 1000)))
        FROM late s
        JOIN cron_notification_rules r
            ON r.enabled AND 'missed' = ANY (r.events)
            AND (r.cron_names IS NULL OR s.cron_name = ANY (r.cron_names))
        CROSS JOIN LATERAL (
            SELECT 'missed:' || s.id || ':' || extract(epoch FROM s.scheduled_at) AS happening) key
        WHERE NOT EXISTS (SELECT FROM cron_notification_outbox o
                          WHERE o.rule_id = r.id AND o.happening = key.happening)
        LIMIT 10000
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_told = ROW_COUNT;
        v_count := v_count + v_told;

        -- A series that paused itself plans nothing more: none of its runs will be missed one by one.
        INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, cron_name, details)
        SELECT r.id, r.channel_id, 'missed',
               'paused:' || s.id || ':' || s.planned || ':' || coalesce(extract(epoch FROM s.last_occurrence), 0),
               s.cron_name, jsonb_build_object('series_id', s.id, 'paused', true, 'error', left(s.error_message, 1000))
        FROM cron_series s
        JOIN cron_notification_rules r
            ON r.enabled AND 'missed' = ANY (r.events)
            AND (r.cron_names IS NULL OR s.cron_name = ANY (r.cron_names))
        WHERE s.status = 'paused' AND s.error_message IS NOT NULL
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_told = ROW_COUNT;
        v_count := v_count + v_told;
    END IF;

    -- Of one that hangs no end ever tells how long it took.
    IF EXISTS (SELECT FROM cron_notification_rules WHERE enabled AND 'slow' = ANY (events)) THEN
        INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, cron_name, schedule_id,
                                              execution_id, details)
        SELECT r.id, r.channel_id, 'slow', 'slow:' || e.id, e.cron_name, e.scheduled_id, e.id,
               jsonb_strip_nulls(jsonb_build_object(
                   'scheduled_at', (SELECT s.scheduled_at FROM scheduled_cron_executions s WHERE s.id = e.scheduled_id),
                   'started_at', e.started_at, 'usual_seconds', usual.seconds))
        FROM (SELECT * FROM cron_executions
              WHERE status = 'running' AND status IN ('queued', 'running')
                AND started_at < now() - interval '30 seconds'
                -- One whose worker fell silent is lost, not slow.
                AND heartbeat_at > now() - interval '1 minute'
              ORDER BY queued_at LIMIT 1000) e
        JOIN cron_notification_rules r
            ON r.enabled AND 'slow' = ANY (r.events)
            AND (r.cron_names IS NULL OR e.cron_name = ANY (r.cron_names))
        CROSS JOIN LATERAL (SELECT crondesk_usual_seconds(e.cron_name, e.id) AS seconds OFFSET 0) usual
        WHERE extract(epoch FROM now() - e.started_at) > greatest(2 * usual.seconds, usual.seconds + 30)
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_told = ROW_COUNT;
        v_count := v_count + v_told;
    END IF;
    RETURN v_count;
END $$;

COMMENT ON FUNCTION crondesk_watch_schedules IS
    'Puts reminders of what is to come and word of what did not run or runs too long into the outbox, each once; returns how many.';

-- What is tried again much later is found among millions that are only planned.
CREATE INDEX scheduled_crons_tried ON scheduled_cron_executions (scheduled_at)
    WHERE status = 'pending' AND attempts > 0;
-- Failures by the time they failed.
CREATE INDEX cron_executions_failed ON cron_executions (coalesce(finished_at, queued_at)) WHERE status = 'failed';
CREATE INDEX cron_events_of_failures ON cron_events (at) WHERE kind IN ('schedule.failed', 'schedule.expired');

CREATE FUNCTION crondesk_alert_conditions(
    p_lateness_target interval,
    p_forecast        integer DEFAULT 0  -- how many runs series will plan within 24 hours, beyond what is pending
) RETURNS TABLE (kind text, severity text, details jsonb) LANGUAGE sql STABLE AS $$
    SELECT 'failures', 'warning', jsonb_build_object('count', count, 'hours', 24)
    FROM (SELECT (SELECT count(*) FROM (
                      SELECT FROM cron_executions
                      WHERE status = 'failed' AND coalesce(finished_at, queued_at) > now() - interval '1 day'
                      LIMIT 1000) e)
               + (SELECT count(*) FROM (
                      SELECT s.id FROM scheduled_cron_executions s
                      WHERE s.status = 'failed' AND s.status IN ('failed', 'cancelled')
                          AND s.triggered_execution_id IS NULL
                          AND s.scheduled_at BETWEEN now() - interval '1 day' AND now()
                      UNION
                      -- Planned earlier, failed lately: only its event says when.
                      SELECT s.id
                      FROM (SELECT schedule_id FROM cron_events
                            WHERE kind IN ('schedule.failed', 'schedule.expired') AND at > now() - interval '1 day'
                            LIMIT 5000) v
                      CROSS JOIN LATERAL (
                          SELECT s.id FROM scheduled_cron_executions s
                          WHERE s.id = v.schedule_id AND s.status = 'failed' AND s.triggered_execution_id IS NULL
                          OFFSET 0) s
                      LIMIT 1000) s) AS count) failed
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
    FROM (SELECT least(1000, p_forecast + count(*)) AS count FROM (
              SELECT FROM scheduled_cron_executions
              WHERE status = 'pending' AND due_at BETWEEN now() AND now() + interval '1 day' LIMIT 1000) s) planned
    WHERE count >= 10
    UNION ALL
    SELECT 'lateness', 'warning', jsonb_build_object(
               'p99_ms', round(1000 * p99), 'target_ms', round(1000 * extract(epoch FROM p_lateness_target)))
    FROM (SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds)::numeric AS p99
          FROM (
              -- By when they were triggered, not planned: the worst come hours after their instant. One that
              -- still waits for a free worker is late by now.
              SELECT extract(epoch FROM coalesce(e.started_at, now()) - s.scheduled_at) AS seconds
              FROM (SELECT scheduled_id, started_at, queued_at FROM cron_executions
                    WHERE id >= crondesk_first_id_at(now() - interval '1 hour') AND scheduled_id IS NOT NULL
                      AND (started_at IS NOT NULL OR status = 'queued')
                    ORDER BY id DESC LIMIT 2000) e
              JOIN scheduled_cron_executions s ON s.id = e.scheduled_id
              -- What was tried again, or waited for a person, is late for another reason.
              WHERE s.attempts <= 1
                AND (s.not_after IS NULL OR s.not_after >= e.queued_at
                     OR NOT EXISTS (SELECT FROM cron_events v
                                    WHERE v.schedule_id = s.id AND v.kind = 'schedule.released'))) lately
         ) lateness
    WHERE p99 > extract(epoch FROM p_lateness_target)
$$;

COMMENT ON FUNCTION crondesk_alert_conditions IS
    'What is out of order with the whole now, but for the want of a worker; counts end at 1,000.';

CREATE FUNCTION crondesk_watch_alerts(
    p_lateness_target interval,
    p_silent          interval DEFAULT '35 seconds',  -- how long a worker may be silent until it counts as gone
    p_forecast        integer  DEFAULT 0
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_conditions  jsonb;
    v_alive_since timestamptz;
    v_last_beat   timestamptz;
BEGIN
    -- One that looks is enough, and two would tell everything twice.
    IF NOT pg_try_advisory_xact_lock(7265431904) THEN
        RETURN;
    END IF;

    SELECT min(beating_since) INTO v_alive_since FROM cron_workers
    WHERE stopped_at IS NULL AND beat_at > now() - p_silent;
    -- The last sign of life before that, also of a worker that fell silent and came back.
    SELECT max(CASE WHEN beating_since >= v_alive_since THEN beat_before ELSE coalesce(stopped_at, beat_at) END)
    INTO v_last_beat FROM cron_workers;

    SELECT coalesce(jsonb_agg(c), '[]') INTO v_conditions FROM (
        SELECT * FROM crondesk_alert_conditions(p_lateness_target, p_forecast)
        UNION ALL
        SELECT 'no_worker', 'critical', '{}'
        WHERE v_alive_since IS NULL
          AND (coalesce(v_last_beat, '-infinity') < now() - p_silent
               OR EXISTS (SELECT FROM cron_alerts WHERE kind = 'no_worker' AND until IS NULL))) c;

    WITH conditions AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(v_conditions) AS c (kind text, severity text, details jsonb)
    ), updated AS (
        UPDATE cron_alerts a SET details = c.details FROM conditions c
        WHERE a.kind = c.kind AND a.until IS NULL AND a.details <> c.details
    ), raised AS (
        INSERT INTO cron_alerts (kind, severity, since, details)
        SELECT c.kind, c.severity, CASE c.kind WHEN 'no_worker' THEN coalesce(v_last_beat, now()) ELSE now() END, c.details
        FROM conditions c
        WHERE NOT EXISTS (SELECT FROM cron_alerts a WHERE a.kind = c.kind AND a.until IS NULL)
        RETURNING *
    ), cleared AS (
        UPDATE cron_alerts a
        SET until = CASE a.kind WHEN 'no_worker' THEN greatest(a.since, v_alive_since) ELSE now() END
        WHERE a.until IS NULL AND NOT EXISTS (SELECT FROM conditions c WHERE c.kind = a.kind)
        RETURNING *
    ), unseen AS (
        -- Neither a worker nor anybody else was there to say so: the first one that comes says that it was so.
        INSERT INTO cron_alerts (kind, severity, since, until)
        SELECT 'no_worker', 'critical', v_last_beat, v_alive_since
        WHERE v_alive_since - v_last_beat > p_silent
          AND NOT EXISTS (SELECT FROM cron_alerts
                          WHERE kind = 'no_worker' AND since < v_alive_since AND coalesce(until, 'infinity') > v_last_beat)
        RETURNING *
    )
    INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, details)
    SELECT r.id, r.channel_id, 'alert', 'alert:' || a.id || CASE WHEN a.until IS NULL THEN ':raised' ELSE ':cleared' END,
           jsonb_strip_nulls(jsonb_build_object('alert', a.kind, 'severity', a.severity, 'since', a.since,
                                                'until', a.until) || a.details)
    FROM (SELECT * FROM raised UNION ALL SELECT * FROM cleared UNION ALL SELECT * FROM unseen) a
    JOIN cron_notification_rules r ON r.enabled AND 'alert' = ANY (r.events)
    ON CONFLICT DO NOTHING;
END $$;

COMMENT ON FUNCTION crondesk_watch_alerts IS
    'Writes down which alerts began and ended, and puts word of it into the outbox; one caller at a time.';
