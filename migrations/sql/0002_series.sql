CREATE TABLE cron_series (
    id              uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    cron_name       text NOT NULL,
    parameters      jsonb NOT NULL DEFAULT '{}',
    pattern         jsonb NOT NULL,
    timezone        text NOT NULL,
    starts_on       date NOT NULL,
    first           timestamptz,
    repeat_until    timestamptz,
    repeat_count    integer CHECK (repeat_count > 0),
    excluded_dates  date[] NOT NULL DEFAULT '{}',
    missed          text NOT NULL DEFAULT 'one' CHECK (missed IN ('one', 'all')),
    fire_within     interval CHECK (fire_within > interval '0' AND fire_within <= interval '3653 days'),
    late_policy     text NOT NULL DEFAULT 'fire' CHECK (late_policy IN ('fire', 'drop', 'ask')),
    status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'ended')),
    planned         integer NOT NULL DEFAULT 0,
    last_occurrence timestamptz,
    idempotency_key text,
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
COMMENT ON COLUMN cron_series.first IS 'No occurrence before this instant.';
COMMENT ON COLUMN cron_series.last_occurrence IS
    'The latest occurrence that was planned, or the instant until which there was none.';

CREATE INDEX cron_series_active ON cron_series (id) WHERE status = 'active';
CREATE INDEX cron_series_behind ON cron_series (last_occurrence) WHERE status = 'active';
CREATE UNIQUE INDEX cron_series_idempotency_key ON cron_series (idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX scheduled_crons_of_series ON scheduled_cron_executions (series_id, occurrence)
    WHERE series_id IS NOT NULL;
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

-- Held shared by who plans, alone by who adds or removes a blackout: neither can overlook the other.
CREATE FUNCTION crondesk_blackouts_lock() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtext('crondesk blackouts')::bigint
$$;

-- A row of a series that nobody has touched, tried or moved, and whose instant has come.
CREATE FUNCTION crondesk_untried(p_series cron_series, p_now timestamptz)
RETURNS SETOF scheduled_cron_executions LANGUAGE sql STABLE AS $$
    SELECT * FROM scheduled_cron_executions
    WHERE status = 'pending' AND series_id = (p_series).id AND scheduled_at = occurrence
      AND scheduled_at <= p_now AND attempts = 0 AND claimed_by IS NULL AND held_at IS NULL
      AND late_policy = (p_series).late_policy
$$;

CREATE FUNCTION crondesk_plan_occurrences(
    p_series          uuid,
    p_seen            timestamptz,    -- last_occurrence as the planner read it: of two planners one wins
    p_missed          timestamptz[],  -- occurrences that have passed since and are made up for, the newest first
    p_next            timestamptz,    -- the next one to come; null where there is none
    p_left_out_before timestamptz,    -- of more that were missed, those before this instant are not made up for
    p_checked         text,           -- fingerprint of the schema that the parameters fit
    p_actor           text,
    p_via             text
) RETURNS text                        -- 'planned', or why not: 'overtaken', 'dark' (by a blackout) or 'busy'
LANGUAGE plpgsql AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_series  cron_series;
    v_stands  scheduled_cron_executions;
    v_wanted  timestamptz[] := p_missed;
    v_left    integer;
    v_planned integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(crondesk_blackouts_lock());
    SELECT * INTO v_series FROM cron_series
    WHERE id = p_series AND status = 'active' AND last_occurrence IS NOT DISTINCT FROM p_seen
    FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 'overtaken';
    END IF;
    IF EXISTS (SELECT FROM cron_blackouts b, unnest(p_missed || p_next) AS o (occurrence)
               WHERE b.starts_at <= o.occurrence AND o.occurrence < b.ends_at
                 AND (b.cron_name IS NULL OR b.cron_name = v_series.cron_name)) THEN
        RETURN 'dark';
    END IF;

    IF v_series.missed = 'one' THEN
        SELECT * INTO v_stands FROM crondesk_untried(v_series, v_now) ORDER BY occurrence DESC LIMIT 1;
        IF FOUND AND (cardinality(p_missed) > 0
                      OR (SELECT count(*) FROM crondesk_untried(v_series, v_now)) > 1) THEN
            -- Who is firing it, or holds it in psql, is not waited for.
            PERFORM FROM scheduled_cron_executions
            WHERE id = v_stands.id AND status = 'pending' AND attempts = 0 AND claimed_by IS NULL
            FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                RETURN 'busy';
            END IF;
            v_planned := v_planned - crondesk_supersede(v_series, v_stands, v_now, p_actor, p_via);
            IF p_missed[1] > v_stands.occurrence THEN
                v_wanted := '{}';
                PERFORM crondesk_count_as(v_stands, p_missed[1], p_actor, p_via);
            END IF;
        END IF;
    ELSIF cardinality(p_missed) > 0 THEN
        -- What waits already is older than what was missed after it: the newest goes first.
        UPDATE scheduled_cron_executions s
        SET due_at = v_now + (cardinality(p_missed) + waiting.place) * interval '1 millisecond'
        FROM (
            SELECT id, row_number() OVER (ORDER BY occurrence DESC) AS place FROM (
                SELECT s.id, s.occurrence FROM scheduled_cron_executions s
                WHERE s.id IN (SELECT id FROM crondesk_untried(v_series, v_now))
                  AND s.status = 'pending' AND s.attempts = 0
                FOR UPDATE SKIP LOCKED
            ) untried
        ) waiting
        WHERE s.id = waiting.id;
    END IF;

    v_wanted := v_wanted || p_next;
    IF p_next IS NULL THEN
        v_wanted := array_remove(v_wanted, NULL);
    END IF;
    v_left := v_series.repeat_count - v_series.planned - v_planned;
    IF v_left < cardinality(v_wanted) THEN
        v_wanted := v_wanted[1:greatest(v_left, 0)];
    END IF;
    WITH made AS (
        INSERT INTO scheduled_cron_executions (cron_name, scheduled_at, due_at, parameters, checked, created_by,
                                               series_id, occurrence, not_after, late_policy)
        SELECT v_series.cron_name, o.occurrence,
               CASE WHEN o.occurrence > v_now THEN o.occurrence
                    ELSE v_now + o.place * interval '1 millisecond' END,
               v_series.parameters, p_checked, v_series.created_by, v_series.id, o.occurrence,
               o.occurrence + v_series.fire_within, v_series.late_policy
        FROM unnest(v_wanted) WITH ORDINALITY AS o (occurrence, place)
        ON CONFLICT DO NOTHING
        RETURNING id, cron_name, scheduled_at
    ), told AS (
        INSERT INTO cron_events (actor, role, via, kind, schedule_id, cron_name, details)
        SELECT p_actor, crondesk_role(), p_via, 'schedule.created', id, cron_name,
               jsonb_build_object('scheduled_at', scheduled_at, 'series_id', v_series.id)
        FROM made
    )
    SELECT v_planned + count(*) INTO v_planned FROM made;
    UPDATE cron_series
    SET planned = planned + v_planned,
        last_occurrence = greatest(p_seen, p_missed[1], (SELECT max(o) FROM unnest(v_wanted) o)),
        error_message = NULL
    WHERE id = p_series;
    INSERT INTO cron_events (actor, role, via, kind, cron_name, details)
    SELECT p_actor, crondesk_role(), p_via, 'series.left_out', v_series.cron_name,
           jsonb_build_object('series_id', v_series.id, 'before', p_left_out_before)
    WHERE p_left_out_before IS NOT NULL;
    RETURN 'planned';
END $$;

COMMENT ON FUNCTION crondesk_plan_occurrences IS
    'Plans the next occurrences of an active series, once; what was missed meanwhile fires once, as the newest, or all of it, the newest first.';

-- A series that fires once has a newer occurrence waiting: the older ones do not fire any more.
CREATE FUNCTION crondesk_supersede(
    p_series cron_series, p_by scheduled_cron_executions, p_now timestamptz, p_actor text, p_via text
) RETURNS integer LANGUAGE sql AS $$
    WITH gone AS (
        UPDATE scheduled_cron_executions s SET status = 'cancelled'
        FROM (
            SELECT id FROM scheduled_cron_executions
            WHERE id IN (SELECT id FROM crondesk_untried(p_series, p_now)) AND id <> (p_by).id
              AND status = 'pending' AND attempts = 0 AND claimed_by IS NULL
            FOR UPDATE SKIP LOCKED
        ) old
        WHERE s.id = old.id
        RETURNING s.id, s.cron_name
    ), told AS (
        INSERT INTO cron_events (actor, role, via, kind, schedule_id, cron_name, details)
        SELECT p_actor, crondesk_role(), p_via, 'schedule.cancelled', id, cron_name,
               jsonb_build_object('reason', 'missed', 'instead', (p_by).id)
        FROM gone
    )
    SELECT count(*)::integer FROM gone
$$;

CREATE FUNCTION crondesk_count_as(
    p_schedule scheduled_cron_executions, p_occurrence timestamptz, p_actor text, p_via text
) RETURNS void LANGUAGE sql AS $$
    WITH moved AS (
        UPDATE scheduled_cron_executions s
        SET scheduled_at = p_occurrence, occurrence = p_occurrence, due_at = p_occurrence,
            not_after = s.not_after + (p_occurrence - s.scheduled_at)
        WHERE s.id = (p_schedule).id AND NOT EXISTS (
            SELECT FROM scheduled_cron_executions o
            WHERE o.series_id = s.series_id AND o.occurrence = p_occurrence AND o.status <> 'cancelled')
        RETURNING s.id, s.cron_name
    )
    INSERT INTO cron_events (actor, role, via, kind, schedule_id, cron_name, details)
    SELECT p_actor, crondesk_role(), p_via, 'schedule.moved', id, cron_name,
           jsonb_build_object('from', (p_schedule).scheduled_at, 'to', p_occurrence, 'reason', 'missed')
    FROM moved
$$;

CREATE FUNCTION crondesk_wake_planners() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crondesk_series', '');
    RETURN NULL;
END $$;

-- Fired, skipped, failed, moved, held or tried again later, by whomever: its series goes on without it.
CREATE TRIGGER series_wants_its_next AFTER UPDATE OF status, scheduled_at, held_at ON scheduled_cron_executions
    FOR EACH ROW WHEN (
        NEW.series_id IS NOT NULL AND OLD.status = 'pending'
        AND (NEW.status <> 'pending' OR NEW.scheduled_at <> OLD.scheduled_at
             OR NEW.held_at IS DISTINCT FROM OLD.held_at
             OR (NEW.claimed_by IS NULL AND NEW.due_at > OLD.scheduled_at)))
    EXECUTE FUNCTION crondesk_wake_planners();
