CREATE TABLE cron_notification_channels (
    id         uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    name       text NOT NULL CONSTRAINT cron_notification_channels_name_key UNIQUE CHECK (name <> ''),
    address    text NOT NULL,
    shown      text NOT NULL,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE cron_notification_channels IS 'Where notifications go.';
COMMENT ON COLUMN cron_notification_channels.address IS
    'The Apprise URL, sealed with a key that is derived from CRON_SECRET: a dump of the database does not give it away.';
COMMENT ON COLUMN cron_notification_channels.shown IS 'What may be shown of the address.';

CREATE TABLE cron_notification_rules (
    id             uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    channel_id     uuid NOT NULL REFERENCES cron_notification_channels ON DELETE CASCADE,
    events         text[] NOT NULL
                   CONSTRAINT cron_notification_rules_events_known
                   CHECK (events <> '{}' AND events <@ ARRAY['triggered', 'failed', 'completed', 'recovered',
                                                             'slow', 'missed', 'reminder', 'alert']),
    cron_name      text,
    tag            text,
    cron_names     text[],
    after_failures integer NOT NULL DEFAULT 1 CHECK (after_failures BETWEEN 1 AND 100),
    remind_minutes integer NOT NULL DEFAULT 5 CHECK (remind_minutes BETWEEN 1 AND 1440),
    language       text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'fr')),
    timezone       text NOT NULL DEFAULT 'UTC',
    enabled        boolean NOT NULL DEFAULT true,
    created_by     text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT cron_notification_rules_one_scope CHECK (cron_name IS NULL OR tag IS NULL)
);

COMMENT ON TABLE cron_notification_rules IS
    'What is told to which channel: of one cron, of those with a tag, or of all.';
COMMENT ON COLUMN cron_notification_rules.cron_names IS
    'The crons that it is about, as the catalogue has them now; null for all.';

CREATE INDEX cron_notification_rules_by_channel ON cron_notification_rules (channel_id);

CREATE TABLE cron_notification_outbox (
    id           uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    rule_id      uuid REFERENCES cron_notification_rules ON DELETE SET NULL,
    channel_id   uuid REFERENCES cron_notification_channels ON DELETE SET NULL,
    kind         text NOT NULL,
    happening    text NOT NULL,
    cron_name    text,
    schedule_id  uuid,
    execution_id uuid,
    details      jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    claimed_by   text,
    attempts     integer NOT NULL DEFAULT 0,
    sent_at      timestamptz,
    given_up_at  timestamptz,
    error        text,
    acted        text CHECK (acted IN ('cancel', 'delay')),
    acted_at     timestamptz,
    CONSTRAINT cron_notification_outbox_once UNIQUE (rule_id, happening)
);

COMMENT ON TABLE cron_notification_outbox IS
    'What is to be told and what was: a row for each rule and happening, written in the transaction of the happening.';
COMMENT ON COLUMN cron_notification_outbox.due_at IS
    'The instant of the next attempt; a claim moves it to the lease''s end.';
COMMENT ON COLUMN cron_notification_outbox.acted IS
    'Which link of a reminder was used; one use for both of them.';

CREATE INDEX cron_notification_outbox_waiting ON cron_notification_outbox (channel_id, due_at)
    WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX cron_notification_outbox_by_age ON cron_notification_outbox (created_at DESC);

CREATE TABLE cron_alerts (
    id       uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    kind     text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    since    timestamptz NOT NULL DEFAULT now(),
    until    timestamptz,
    details  jsonb NOT NULL DEFAULT '{}'
);

COMMENT ON TABLE cron_alerts IS 'What was or is out of order with the whole; open while until is null.';

CREATE UNIQUE INDEX cron_alerts_one_open ON cron_alerts (kind) WHERE until IS NULL;
CREATE INDEX cron_alerts_by_age ON cron_alerts (since DESC);

CREATE FUNCTION crondesk_wake_notifiers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crondesk_outbox', '') WHERE EXISTS (SELECT FROM arrived);
    RETURN NULL;
END $$;

CREATE TRIGGER arrivals_wake_notifiers AFTER INSERT ON cron_notification_outbox
    REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION crondesk_wake_notifiers();

CREATE FUNCTION crondesk_failures_in_a_row(
    p_cron      text,
    p_execution uuid,         -- counts executions up to this id
    p_until     timestamptz,  -- counts schedules that failed without an execution up to this instant
    p_schedule  uuid,         -- and id
    OUT failures integer,
    OUT last_failed uuid
) LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    -- A plan that was made while the table was small would else read all of it ever after.
    WITH success AS (
        SELECT e.id, e.queued_at FROM cron_executions e
        WHERE e.cron_name = p_cron AND e.status = 'completed' AND e.id < p_execution
        ORDER BY e.id DESC LIMIT 1
    ), failed AS (
        SELECT e.id, e.queued_at AS at FROM cron_executions e
        WHERE e.cron_name = p_cron AND e.status = 'failed' AND e.retried_by IS NULL AND e.id <= p_execution
          AND e.id > coalesce((SELECT id FROM success), '00000000-0000-0000-0000-000000000000')
        UNION ALL
        SELECT s.id, s.scheduled_at FROM scheduled_cron_executions s
        WHERE s.cron_name = p_cron AND s.status = 'failed' AND s.status IN ('failed', 'cancelled')
          AND s.triggered_execution_id IS NULL
          AND s.scheduled_at > coalesce((SELECT queued_at FROM success), '-infinity')
          AND (s.scheduled_at, s.id) <= (p_until, p_schedule)
    )
    SELECT count(*)::integer, (array_agg(id ORDER BY at DESC, id DESC))[1] FROM failed
$$;

COMMENT ON FUNCTION crondesk_failures_in_a_row IS
    'How often a cron has failed since it last completed; a schedule that failed without an execution counts too.';

CREATE FUNCTION crondesk_usual_seconds(p_cron text, p_before uuid) RETURNS double precision
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT CASE WHEN count(*) >= 5 THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) END
    FROM (SELECT extract(epoch FROM finished_at - started_at) AS seconds FROM cron_executions
          WHERE cron_name = p_cron AND id < p_before AND status = 'completed'
            AND started_at IS NOT NULL AND finished_at IS NOT NULL
          ORDER BY id DESC LIMIT 20) lately
$$;

COMMENT ON FUNCTION crondesk_usual_seconds IS
    'The median duration of the last 20 completed executions of a cron; null while fewer than 5 are known.';

CREATE FUNCTION crondesk_wanted(
    p_events text[],
    OUT events text[],     -- those that some rule wants
    OUT of_all boolean,    -- whether one of these rules is about all crons
    OUT crons text[]       -- else the crons that they are about
) LANGUAGE sql STABLE AS $$
    WITH wanting AS MATERIALIZED (
        SELECT r.events, r.cron_names FROM cron_notification_rules r WHERE r.enabled AND r.events && p_events
    )
    SELECT ARRAY(SELECT DISTINCT unnest(w.events) FROM wanting w),
           coalesce((SELECT bool_or(w.cron_names IS NULL) FROM wanting w), false),
           ARRAY(SELECT DISTINCT unnest(w.cron_names) FROM wanting w)
$$;

CREATE FUNCTION crondesk_may_have_recovered(p_ended cron_executions[]) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY(
        SELECT c.cron_name
        FROM (SELECT cron_name, (array_agg(id ORDER BY id))[1] AS first, (array_agg(id ORDER BY id DESC))[1] AS last,
                     max(queued_at) AS last_at
              FROM unnest(p_ended) GROUP BY cron_name) c
        CROSS JOIN LATERAL crondesk_failures_in_a_row(
            c.cron_name, c.first, c.last_at, 'ffffffff-ffff-ffff-ffff-ffffffffffff') f
        WHERE f.failures > 0
           OR EXISTS (SELECT FROM cron_executions e WHERE e.cron_name = c.cron_name AND e.status = 'failed'
                          AND e.id BETWEEN c.first AND c.last))
$$;

COMMENT ON FUNCTION crondesk_may_have_recovered IS
    'The crons among these executions that failed lately: asked once a cron, not once an execution.';

CREATE FUNCTION crondesk_notify_of_executions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_wanted   record;
    v_statuses text[];
    v_ended    cron_executions[];
    v_suspects text[] := '{}';
BEGIN
    SELECT * INTO v_wanted FROM crondesk_wanted('{failed,completed,recovered,slow}');
    v_statuses := CASE WHEN v_wanted.events && '{failed,slow}' THEN '{failed}'::text[] ELSE '{}' END
               || CASE WHEN v_wanted.events && '{completed,recovered,slow}' THEN '{completed}'::text[] ELSE '{}' END;
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(n) INTO v_ended FROM new_rows n
        WHERE n.status = ANY (v_statuses) AND (v_wanted.of_all OR n.cron_name = ANY (v_wanted.crons));
    ELSIF EXISTS (SELECT FROM new_rows n WHERE n.status = ANY (v_statuses)) THEN
        SELECT array_agg(n) INTO v_ended FROM new_rows n JOIN old_rows o USING (id)
        WHERE n.status = ANY (v_statuses) AND (v_wanted.of_all OR n.cron_name = ANY (v_wanted.crons))
          AND o.status NOT IN ('completed', 'failed');
    END IF;
    IF v_ended IS NULL THEN
        RETURN NULL;
    END IF;
    IF 'recovered' = ANY (v_wanted.events) THEN
        v_suspects := crondesk_may_have_recovered(v_ended);
    END IF;
    INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, cron_name, schedule_id,
                                          execution_id, details)
    SELECT r.id, r.channel_id, told.kind, told.kind || ':' || told.about, e.cron_name, e.scheduled_id, e.id,
           jsonb_strip_nulls(jsonb_build_object(
               'scheduled_at', (SELECT s.scheduled_at FROM scheduled_cron_executions s WHERE s.id = e.scheduled_id),
               'started_at', e.started_at, 'finished_at', e.finished_at, 'exit_code', e.exit_code,
               'error', left(e.error_message, 1000), 'failures', nullif(streak.failures, 0),
               'usual_seconds', usual.seconds))
    FROM unnest(v_ended) e
    JOIN cron_notification_rules r
        ON r.enabled AND (r.cron_names IS NULL OR e.cron_name = ANY (r.cron_names))
        AND ('completed' = ANY (r.events) OR 'slow' = ANY (r.events)
             OR (e.status = 'failed' AND 'failed' = ANY (r.events))
             OR ('recovered' = ANY (r.events) AND e.cron_name = ANY (v_suspects)))
    -- OFFSET 0: the conditions are looked at before the functions are called, not after.
    LEFT JOIN LATERAL (
        SELECT f.* FROM crondesk_failures_in_a_row(
            e.cron_name, e.id, e.queued_at, 'ffffffff-ffff-ffff-ffff-ffffffffffff') f
        WHERE (e.status = 'failed' AND 'failed' = ANY (r.events))
           OR (e.status = 'completed' AND 'recovered' = ANY (r.events) AND e.cron_name = ANY (v_suspects))
        OFFSET 0) streak ON true
    LEFT JOIN LATERAL (
        SELECT crondesk_usual_seconds(e.cron_name, e.id) AS seconds
        WHERE 'slow' = ANY (r.events) AND e.finished_at - e.started_at >= interval '30 seconds'
          -- One that failed may have hung until its timeout; one whose worker fell silent is lost, not slow.
          AND (e.status = 'completed' OR e.finished_at - e.heartbeat_at < interval '30 seconds') OFFSET 0) usual ON true
    CROSS JOIN LATERAL (
        -- What is tried again has not failed yet.
        SELECT 'failed' AS kind, e.id AS about
        WHERE e.status = 'failed' AND e.retried_by IS NULL AND streak.failures >= r.after_failures
        UNION ALL
        SELECT 'completed', e.id WHERE e.status = 'completed' AND 'completed' = ANY (r.events)
        UNION ALL
        -- By the last failure: of two successes at once only one is the recovery.
        SELECT 'recovered', streak.last_failed WHERE e.status = 'completed' AND streak.failures >= r.after_failures
        UNION ALL
        SELECT 'slow', e.id
        WHERE extract(epoch FROM e.finished_at - e.started_at) > greatest(2 * usual.seconds, usual.seconds + 30)
    ) told
    -- A rule that is being removed at this moment wants nothing any more; waiting for it could deadlock.
    FOR KEY SHARE OF r SKIP LOCKED
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION crondesk_notify_of_schedules() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_wanted record;
BEGIN
    SELECT * INTO v_wanted FROM crondesk_wanted('{triggered,failed}');
    IF NOT EXISTS (SELECT FROM new_rows n WHERE n.status IN ('triggered', 'failed') AND n.status = ANY (v_wanted.events)
                       AND (v_wanted.of_all OR n.cron_name = ANY (v_wanted.crons))) THEN
        RETURN NULL;
    END IF;
    INSERT INTO cron_notification_outbox (rule_id, channel_id, kind, happening, cron_name, schedule_id,
                                          execution_id, details)
    SELECT r.id, r.channel_id, s.status, s.status || ':' || s.id, s.cron_name, s.id, s.triggered_execution_id,
           jsonb_strip_nulls(jsonb_build_object(
               'scheduled_at', s.scheduled_at, 'triggered_at', s.triggered_at,
               'error', left(s.error_message, 1000), 'failures', nullif(streak.failures, 0)))
    FROM (SELECT n.* FROM new_rows n JOIN old_rows o USING (id)
          WHERE o.status = 'pending'
            -- Where there is an execution, its own failure is told.
            AND (n.status = 'triggered' OR (n.status = 'failed' AND n.triggered_execution_id IS NULL))) s
    JOIN cron_notification_rules r
        ON r.enabled AND s.status = ANY (r.events) AND (r.cron_names IS NULL OR s.cron_name = ANY (r.cron_names))
    LEFT JOIN LATERAL (
        SELECT f.* FROM crondesk_failures_in_a_row(
            s.cron_name, 'ffffffff-ffff-ffff-ffff-ffffffffffff', s.scheduled_at, s.id) f
        WHERE s.status = 'failed' OFFSET 0) streak ON true
    WHERE s.status = 'triggered' OR streak.failures >= r.after_failures
    FOR KEY SHARE OF r SKIP LOCKED
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- Firing pays for notifications only while somebody wants them: a trigger with transition tables
-- costs 7 to 10 % of the firing rate, even one that does nothing, and even a disabled one.
CREATE FUNCTION crondesk_attach_notifications() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_patience   text := current_setting('lock_timeout');
    v_schedules  boolean;
    v_executions boolean;
    v_attached   regclass[];
BEGIN
    -- One after the other: each then sees the rules and the triggers that the one before left.
    PERFORM pg_advisory_xact_lock(7265431903);
    SELECT coalesce(bool_or(events && '{triggered,failed}'), false),
           coalesce(bool_or(events && '{failed,completed,recovered,slow}'), false)
    INTO v_schedules, v_executions FROM cron_notification_rules WHERE enabled;
    SELECT coalesce(array_agg(tgrelid::regclass), '{}') INTO v_attached
    FROM pg_trigger WHERE tgname = 'notify_of_changes';

    -- Rather give up and be tried again than let firings queue behind this.
    PERFORM set_config('lock_timeout', '400ms', true);
    IF v_schedules AND NOT 'scheduled_cron_executions'::regclass = ANY (v_attached) THEN
        CREATE TRIGGER notify_of_changes AFTER UPDATE ON scheduled_cron_executions
            REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION crondesk_notify_of_schedules();
    ELSIF NOT v_schedules AND 'scheduled_cron_executions'::regclass = ANY (v_attached) THEN
        DROP TRIGGER notify_of_changes ON scheduled_cron_executions;
    END IF;
    IF v_executions AND NOT 'cron_executions'::regclass = ANY (v_attached) THEN
        CREATE TRIGGER notify_of_changes AFTER UPDATE ON cron_executions
            REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION crondesk_notify_of_executions();
        CREATE TRIGGER notify_of_arrivals AFTER INSERT ON cron_executions
            REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION crondesk_notify_of_executions();
    ELSIF NOT v_executions AND 'cron_executions'::regclass = ANY (v_attached) THEN
        DROP TRIGGER notify_of_changes ON cron_executions;
        DROP TRIGGER notify_of_arrivals ON cron_executions;
    END IF;
    PERFORM set_config('lock_timeout', v_patience, true);
    RETURN NULL;
END $$;

CREATE TRIGGER firing_pays_only_while_rules_exist AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON cron_notification_rules FOR EACH STATEMENT EXECUTE FUNCTION crondesk_attach_notifications();
