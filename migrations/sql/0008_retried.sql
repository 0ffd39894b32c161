-- What failed and is tried again has not failed yet, as notifications have it: five attempts of one run are one failure.

CREATE OR REPLACE FUNCTION crondesk_alert_conditions(
    p_lateness_target interval,
    p_forecast        integer DEFAULT 0  -- how many runs series will plan within 24 hours, beyond what is pending
) RETURNS TABLE (kind text, severity text, details jsonb) LANGUAGE sql STABLE AS $$
    SELECT 'failures', 'warning', jsonb_build_object('count', count, 'hours', 24)
    FROM (SELECT (SELECT count(*) FROM (
                      SELECT FROM cron_executions
                      WHERE status = 'failed' AND coalesce(finished_at, queued_at) > now() - interval '1 day'
                        AND retried_by IS NULL
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
