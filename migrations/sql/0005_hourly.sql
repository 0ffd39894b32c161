-- Figures over weeks without reading the rows: how many ended in each hour, by cron and status, and
-- how long that took in buckets. What ends is noted in the transaction that ends it and folded into
-- the hours later: of two workers none counts twice, and after a crash nothing is missing.

CREATE TABLE cron_hourly (
    kind      text NOT NULL CHECK (kind IN ('execution', 'schedule')),
    hour      timestamptz NOT NULL,
    cron_name text NOT NULL,
    status    text NOT NULL,
    count     integer NOT NULL,
    -- With the count in it, a reading of weeks never touches the table.
    PRIMARY KEY (kind, hour, cron_name, status) INCLUDE (count)
);

COMMENT ON TABLE cron_hourly IS
    'What ended, counted: executions by the hour they began, schedules by the hour they were planned for. cron_hourly_changes is to be added to it.';

CREATE TABLE cron_hourly_lengths (
    kind      text NOT NULL CHECK (kind IN ('execution', 'schedule')),
    hour      timestamptz NOT NULL,
    cron_name text NOT NULL,
    bucket    smallint NOT NULL,
    count     integer NOT NULL,
    PRIMARY KEY (kind, hour, cron_name, bucket) INCLUDE (count)
);

COMMENT ON TABLE cron_hourly_lengths IS
    'The durations of completed executions and the lateness of triggered schedules, counted likewise; the buckets are crondesk_bucket''s.';
-- The rows of an hour change each minute of it, all others never.
ALTER TABLE cron_hourly SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE cron_hourly_lengths SET (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE cron_hourly_changes (
    kind      text NOT NULL,
    hour      timestamptz NOT NULL,
    cron_name text NOT NULL,
    status    text NOT NULL,
    bucket    smallint,
    count     integer NOT NULL
);

COMMENT ON TABLE cron_hourly_changes IS
    'What is to be added to cron_hourly and cron_hourly_lengths; crondesk_fold_hours does it.';
COMMENT ON COLUMN cron_hourly_changes.bucket IS
    'Of the duration or the lateness; null for what did not complete or was not triggered.';
ALTER TABLE cron_hourly_changes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Buckets of DDSketch (Masson, Rim, Lee, 2019): each is a fifth wider than the one before, so that
-- its middle is within 10 % of all that is in it. Bucket 0 is below a millisecond.
CREATE FUNCTION crondesk_bucket(p_length interval) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN extract(epoch FROM p_length) < 0.001 THEN 0
                ELSE ceil(ln(extract(epoch FROM p_length)::float8 * 1000) / ln(1.2::float8)) END::smallint
$$;

-- By statement, not by row: a batch of 500 that fires costs one note for each cron and bucket.
CREATE FUNCTION crondesk_count_executions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO cron_hourly_changes
        SELECT 'execution', date_trunc('hour', coalesce(started_at, queued_at), 'UTC'), cron_name, status,
               CASE WHEN status = 'completed' THEN crondesk_bucket(finished_at - started_at) END, count(*)
        FROM arrived WHERE status NOT IN ('queued', 'running')
        GROUP BY 2, 3, 4, 5;
    ELSE
        INSERT INTO cron_hourly_changes
        SELECT 'execution', date_trunc('hour', coalesce(started_at, queued_at), 'UTC'), cron_name, status,
               CASE WHEN status = 'completed' THEN crondesk_bucket(finished_at - started_at) END, sum(n)
        FROM (SELECT queued_at, started_at, finished_at, cron_name, status, 1 AS n FROM arrived
              WHERE status NOT IN ('queued', 'running')
              UNION ALL
              SELECT queued_at, started_at, finished_at, cron_name, status, -1 FROM gone
              WHERE status NOT IN ('queued', 'running')) AS ended
        GROUP BY 2, 3, 4, 5 HAVING sum(n) <> 0;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION crondesk_count_schedules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO cron_hourly_changes
        SELECT 'schedule', date_trunc('hour', scheduled_at, 'UTC'), cron_name, status,
               CASE WHEN status = 'triggered' THEN crondesk_bucket(triggered_at - scheduled_at) END, count(*)
        FROM arrived WHERE status <> 'pending'
        GROUP BY 2, 3, 4, 5;
    ELSE
        INSERT INTO cron_hourly_changes
        SELECT 'schedule', date_trunc('hour', scheduled_at, 'UTC'), cron_name, status,
               CASE WHEN status = 'triggered' THEN crondesk_bucket(triggered_at - scheduled_at) END, sum(n)
        FROM (SELECT scheduled_at, triggered_at, cron_name, status, 1 AS n FROM arrived WHERE status <> 'pending'
              UNION ALL
              SELECT scheduled_at, triggered_at, cron_name, status, -1 FROM gone WHERE status <> 'pending') AS ended
        GROUP BY 2, 3, 4, 5 HAVING sum(n) <> 0;
    END IF;
    RETURN NULL;
END $$;

-- In the order in which workers take them: in another one, they and we would wait for each other.
LOCK TABLE scheduled_cron_executions, cron_executions IN SHARE ROW EXCLUSIVE MODE;
CREATE TRIGGER executions_are_counted_on_arrival AFTER INSERT ON cron_executions
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION crondesk_count_executions();
CREATE TRIGGER executions_are_counted AFTER UPDATE ON cron_executions
    REFERENCING OLD TABLE AS gone NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION crondesk_count_executions();
CREATE TRIGGER schedules_are_counted_on_arrival AFTER INSERT ON scheduled_cron_executions
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION crondesk_count_schedules();
CREATE TRIGGER schedules_are_counted AFTER UPDATE ON scheduled_cron_executions
    REFERENCING OLD TABLE AS gone NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION crondesk_count_schedules();

CREATE FUNCTION crondesk_fold_hours(p_limit integer DEFAULT 5000) RETURNS bigint LANGUAGE sql AS $$
    WITH taken AS MATERIALIZED (
        DELETE FROM cron_hourly_changes
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM cron_hourly_changes LIMIT p_limit FOR UPDATE SKIP LOCKED))
        RETURNING *
    ), counted AS (
        INSERT INTO cron_hourly AS h (kind, hour, cron_name, status, count)
        SELECT kind, hour, cron_name, status, sum(count) FROM taken GROUP BY 1, 2, 3, 4
        -- Two that fold at once would else wait for each other.
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (kind, hour, cron_name, status) DO UPDATE SET count = h.count + excluded.count
    ), measured AS (
        INSERT INTO cron_hourly_lengths AS h (kind, hour, cron_name, bucket, count)
        SELECT kind, hour, cron_name, bucket, sum(count) FROM taken WHERE bucket IS NOT NULL GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (kind, hour, cron_name, bucket) DO UPDATE SET count = h.count + excluded.count
    )
    SELECT count(*) FROM taken
$$;

COMMENT ON FUNCTION crondesk_fold_hours IS
    'Adds at most p_limit rows of cron_hourly_changes to the hours and returns how many: call it again until it returns 0.';
