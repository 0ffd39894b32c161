CREATE TABLE cron_series (
    id              uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    cron_name       text NOT NULL,
    parameters      jsonb NOT NULL DEFAULT '{}',
    pattern         jsonb NOT NULL,
    timezone        text NOT NULL,
    starts_on       date NOT NULL,
    repeat_until    timestamptz,
    repeat_count    integer CHECK (repeat_count > 0),
    excluded_dates  date[] NOT NULL DEFAULT '{}',
    missed          text NOT NULL DEFAULT 'one' CHECK (missed IN ('one', 'all')),
    fire_within     interval CHECK (fire_within > interval '0' AND fire_within <= interval '3653 days'),
    late_policy     text NOT NULL DEFAULT 'fire' CHECK (late_policy IN ('fire', 'drop', 'ask')),
    status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'ended')),
    planned         integer NOT NULL DEFAULT 0,
    last_occurrence timestamptz,
    created_by      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    error_message   text,
    CONSTRAINT cron_series_parameters_are_an_object CHECK (jsonb_typeof(parameters) = 'object'),
    -- Years that programs can read: one row that they cannot would keep all series from being planned.
    CONSTRAINT cron_series_within_the_calendar CHECK (
        starts_on >= '1970-01-01' AND starts_on < '9999-01-01'
        AND '-infinity' <> ALL (excluded_dates) AND 'infinity' <> ALL (excluded_dates)
        AND created_at >= '1970-01-01 00:00Z' AND created_at < '9999-01-01 00:00Z'
        AND repeat_until >= '1970-01-01 00:00Z' AND repeat_until < '9999-01-01 00:00Z'
        AND last_occurrence >= '1970-01-01 00:00Z' AND last_occurrence < '9999-01-01 00:00Z')
);

COMMENT ON TABLE cron_series IS
    'What makes schedules again and again; its next occurrence is a pending schedule like any other.';
COMMENT ON COLUMN cron_series.last_occurrence IS 'The latest occurrence that was planned or passed over.';

CREATE INDEX cron_series_active ON cron_series (id) WHERE status = 'active';
CREATE INDEX scheduled_crons_pending_of_series ON scheduled_cron_executions (series_id)
    WHERE status = 'pending' AND series_id IS NOT NULL;

CREATE TABLE cron_blackouts (
    id         uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    name       text NOT NULL,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    cron_name  text,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (ends_at > starts_at),
    CONSTRAINT cron_blackouts_within_the_calendar CHECK (
        starts_at >= '1970-01-01 00:00Z' AND ends_at < '9999-12-31 00:00Z')
);

COMMENT ON TABLE cron_blackouts IS
    'Periods in which no occurrence of a series is planned; of one cron, or of all where cron_name is null.';

CREATE INDEX cron_blackouts_by_end ON cron_blackouts (ends_at);

CREATE FUNCTION crondesk_plan_occurrences(
    p_series      uuid,
    p_seen        timestamptz,    -- last_occurrence as the planner read it: of two planners one wins
    p_occurrences timestamptz[],  -- the occurrences, and for each of them in the same order:
    p_instants    timestamptz[],  --   when it is planned for
    p_checked     text,           -- fingerprint of the schema that the parameters fit
    p_actor       text,
    p_via         text
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_series cron_series;
BEGIN
    UPDATE cron_series
    SET planned = planned + cardinality(p_occurrences),
        last_occurrence = (SELECT max(o) FROM unnest(p_occurrences) o),
        error_message = NULL
    WHERE id = p_series AND status = 'active' AND last_occurrence IS NOT DISTINCT FROM p_seen
    RETURNING * INTO v_series;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    WITH made AS (
        INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, parameters, checked, created_by,
                                               series_id, occurrence, not_after, late_policy)
        SELECT v_series.cron_name, o.instant, o.instant, v_series.parameters, p_checked, v_series.created_by,
               v_series.id, o.occurrence, o.instant + v_series.fire_within, v_series.late_policy
        FROM unnest(p_occurrences, p_instants) AS o (occurrence, instant)
        ON CONFLICT DO NOTHING
        RETURNING id, cron_name, scheduled_at
    )
    INSERT INTO cron_events (actor, via, kind, schedule_id, cron_name, details)
    SELECT p_actor, p_via, 'schedule.created', id, cron_name,
           jsonb_build_object('scheduled_at', scheduled_at, 'series_id', v_series.id)
    FROM made;
    RETURN cardinality(p_occurrences);
END $$;

COMMENT ON FUNCTION crondesk_plan_occurrences IS 'Plans the next occurrences of an active series, once.';

CREATE FUNCTION crondesk_wake_planners() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crondesk_series', '');
    RETURN NULL;
END $$;

-- Fired, skipped, failed, by whomever: the series has nothing pending now.
CREATE TRIGGER series_wants_its_next AFTER UPDATE OF status ON scheduled_cron_executions
    FOR EACH ROW WHEN (OLD.status = 'pending' AND NEW.status <> 'pending' AND NEW.series_id IS NOT NULL)
    EXECUTE FUNCTION crondesk_wake_planners();
