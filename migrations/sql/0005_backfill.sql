-- What ended before the triggers were there; read in the moment in which they began to count.
INSERT INTO cron_hourly_changes
SELECT 'execution', date_trunc('hour', coalesce(started_at, queued_at), 'UTC'), cron_name, status,
       CASE WHEN status = 'completed' THEN crondesk_bucket(finished_at - started_at) END, count(*)
FROM cron_executions WHERE status NOT IN ('queued', 'running')
GROUP BY 2, 3, 4, 5;
INSERT INTO cron_hourly_changes
SELECT 'schedule', date_trunc('hour', scheduled_at, 'UTC'), cron_name, status,
       CASE WHEN status = 'triggered' THEN crondesk_bucket(triggered_at - scheduled_at) END, count(*)
FROM scheduled_cron_executions WHERE status <> 'pending'
GROUP BY 2, 3, 4, 5;
