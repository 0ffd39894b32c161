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

-- The hour of an instant; date_trunc looks its zone up each time.
CREATE FUNCTION crondesk_hour(p_at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT date_bin('1 hour', p_at, timestamptz '2000-01-01 00:00Z')
$$;

-- Buckets of DDSketch (Masson, Rim, Lee, 2019): each is a fifth wider than the one before, so that
-- its middle is within 10 % of all that is in it. Bucket 0 is below a millisecond.
CREATE FUNCTION crondesk_bucket(p_length interval) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    -- date_part and not extract, which reckons in numeric.
    SELECT CASE WHEN date_part('epoch', p_length) < 0.001 THEN 0
                ELSE ceil(ln(date_part('epoch', p_length) * 1000) / ln(1.2::float8)) END::smallint
$$;

-- Row by row. crondesk_fire and crondesk_settle set crondesk.batch, and count themselves what they end, all
-- rows of a batch in one note for each cron and bucket: triggers that hand all rows of a statement to a
-- function copied each of them twice, a tenth of what a firing costs.
CREATE FUNCTION crondesk_count_execution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status NOT IN ('queued', 'running') THEN
        INSERT INTO cron_hourly_changes
        VALUES ('execution', crondesk_hour(coalesce(OLD.started_at, OLD.queued_at)), OLD.cron_name, OLD.status,
                CASE WHEN OLD.status = 'completed' THEN crondesk_bucket(OLD.finished_at - OLD.started_at) END, -1);
    END IF;
    IF NEW.status NOT IN ('queued', 'running') THEN
        INSERT INTO cron_hourly_changes
        VALUES ('execution', crondesk_hour(coalesce(NEW.started_at, NEW.queued_at)), NEW.cron_name, NEW.status,
                CASE WHEN NEW.status = 'completed' THEN crondesk_bucket(NEW.finished_at - NEW.started_at) END, 1);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER executions_are_counted_on_arrival AFTER INSERT ON cron_executions FOR EACH ROW
    WHEN (current_setting('crondesk.batch', true) IS DISTINCT FROM 'on' AND NEW.status NOT IN ('queued', 'running'))
    EXECUTE FUNCTION crondesk_count_execution();
CREATE TRIGGER executions_are_counted AFTER UPDATE ON cron_executions FOR EACH ROW
    WHEN ((OLD.status NOT IN ('queued', 'running') OR NEW.status NOT IN ('queued', 'running'))
          AND (OLD.status, OLD.cron_name, OLD.queued_at, OLD.started_at, OLD.finished_at)
              IS DISTINCT FROM (NEW.status, NEW.cron_name, NEW.queued_at, NEW.started_at, NEW.finished_at))
    EXECUTE FUNCTION crondesk_count_execution();

CREATE FUNCTION crondesk_count_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status <> 'pending' THEN
        INSERT INTO cron_hourly_changes
        VALUES ('schedule', crondesk_hour(OLD.scheduled_at), OLD.cron_name, OLD.status,
                CASE WHEN OLD.status = 'triggered' THEN crondesk_bucket(OLD.triggered_at - OLD.scheduled_at) END, -1);
    END IF;
    IF NEW.status <> 'pending' THEN
        INSERT INTO cron_hourly_changes
        VALUES ('schedule', crondesk_hour(NEW.scheduled_at), NEW.cron_name, NEW.status,
                CASE WHEN NEW.status = 'triggered' THEN crondesk_bucket(NEW.triggered_at - NEW.scheduled_at) END, 1);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER schedules_are_counted_on_arrival AFTER INSERT ON scheduled_cron_executions FOR EACH ROW
    WHEN (NEW.status <> 'pending') EXECUTE FUNCTION crondesk_count_schedule();
CREATE TRIGGER schedules_are_counted AFTER UPDATE ON scheduled_cron_executions FOR EACH ROW
    WHEN (current_setting('crondesk.batch', true) IS DISTINCT FROM 'on'
          AND (OLD.status <> 'pending' OR NEW.status <> 'pending')
          AND (OLD.status, OLD.cron_name, OLD.scheduled_at, OLD.triggered_at)
              IS DISTINCT FROM (NEW.status, NEW.cron_name, NEW.scheduled_at, NEW.triggered_at))
    EXECUTE FUNCTION crondesk_count_schedule();

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
