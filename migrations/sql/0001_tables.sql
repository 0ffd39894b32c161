-- Identifiers in order of time: the newest rows of every index lie side by side,
-- which keeps a table of millions as quick as an empty one.
-- crondesk_uuid() is created by the revision: uuidv7() where the server has it (18),
-- else the function below it.

CREATE TABLE cron_executions (
    id                  uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    cron_name           text NOT NULL,
    parameters          jsonb NOT NULL DEFAULT '{}',
    status              text NOT NULL DEFAULT 'queued'
                        CONSTRAINT cron_executions_status_known
                        CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    scheduled_id        uuid CONSTRAINT cron_executions_scheduled_id_key UNIQUE,
    triggered_by        text,
    target              text NOT NULL,
    exclusive           boolean NOT NULL DEFAULT false,
    external_id         text,
    idempotency_key     text,
    retry_of            uuid,
    worker              text,
    queued_at           timestamptz NOT NULL DEFAULT now(),
    started_at          timestamptz,
    heartbeat_at        timestamptz,
    cancel_requested_at timestamptz,
    cancel_requested_by text,
    finished_at         timestamptz,
    exit_code           integer,
    error_message       text,
    attempt             integer NOT NULL DEFAULT 1,
    conflicts           integer NOT NULL DEFAULT 0,
    failures            integer NOT NULL DEFAULT 0,
    first_id            uuid,
    retried_by          uuid,
    not_before          timestamptz,
    CONSTRAINT cron_executions_parameters_are_an_object CHECK (jsonb_typeof(parameters) = 'object'),
    -- Years that programs can read: one row of the year 20000, or of 'infinity', and no list that
    -- has it could be shown.
    CONSTRAINT cron_executions_within_the_calendar CHECK (
        queued_at >= '1970-01-01 00:00Z' AND queued_at < '9999-01-01 00:00Z'
        AND started_at >= '1970-01-01 00:00Z' AND started_at < '9999-01-01 00:00Z'
        AND finished_at >= '1970-01-01 00:00Z' AND finished_at < '9999-01-01 00:00Z')
);

COMMENT ON TABLE cron_executions IS 'One row for each run of a cron.';
COMMENT ON COLUMN cron_executions.exclusive IS
    'The catalogue says overlap = "forbid": at most one such execution of a cron is queued or running.';

COMMENT ON COLUMN cron_executions.retry_of IS 'The attempt before this one.';
COMMENT ON COLUMN cron_executions.retried_by IS
    'The attempt after this one: set by the statement that fails this one and queues that one, so that it is neither lost nor doubled.';
COMMENT ON COLUMN cron_executions.first_id IS 'The first attempt; null where it is this one.';
COMMENT ON COLUMN cron_executions.conflicts IS 'How many of the attempts before it met an earlier run that had not ended.';
COMMENT ON COLUMN cron_executions.failures IS 'How many of the attempts before it failed.';
COMMENT ON COLUMN cron_executions.not_before IS 'No worker takes it from the queue before this instant.';

-- Overlap is refused by the database, not by a look before the leap.
CREATE UNIQUE INDEX cron_executions_one_at_a_time ON cron_executions (cron_name)
    WHERE exclusive AND status IN ('queued', 'running');
CREATE UNIQUE INDEX cron_executions_idempotency_key ON cron_executions (idempotency_key)
    WHERE idempotency_key IS NOT NULL;
-- By when they may begin: the queue's head is what a worker takes, the first one beyond now is when it looks again.
CREATE INDEX cron_executions_unfinished ON cron_executions (coalesce(not_before, queued_at))
    WHERE status IN ('queued', 'running');
-- Lists go by id, newest first: it holds the instant, so the primary key serves as their index.
CREATE INDEX cron_executions_by_cron ON cron_executions (cron_name, id);
CREATE INDEX cron_executions_unsuccessful ON cron_executions (status, id)
    WHERE status <> 'completed';

CREATE TABLE cron_execution_output (
    execution_id uuid NOT NULL REFERENCES cron_executions ON DELETE CASCADE,
    seq          integer NOT NULL,
    stream       text NOT NULL CHECK (stream IN ('stdout', 'stderr', 'crondesk')),
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    content      text NOT NULL,
    PRIMARY KEY (execution_id, seq)
);

COMMENT ON TABLE cron_execution_output IS
    'What an execution printed, in the order it came; the stream ''crondesk'' is the product''s own voice.';

CREATE TABLE scheduled_cron_executions (
    id                     uuid PRIMARY KEY DEFAULT crondesk_uuid(),
    cron_name              text NOT NULL,
    scheduled_at           timestamptz NOT NULL,
    parameters             jsonb NOT NULL DEFAULT '{}',
    created_by             text,
    created_at             timestamptz NOT NULL DEFAULT now(),
    status                 text NOT NULL DEFAULT 'pending'
                           CONSTRAINT scheduled_cron_executions_status_known
                           CHECK (status IN ('pending', 'triggered', 'cancelled', 'failed')),
    triggered_at           timestamptz,
    triggered_execution_id uuid,
    error_message          text,
    due_at                 timestamptz NOT NULL,
    claimed_by             text,
    attempts               integer NOT NULL DEFAULT 0,
    execution_id           uuid,
    checked                text,
    batch_id               uuid,
    idempotency_key        text,
    not_after              timestamptz,
    late_policy            text NOT NULL DEFAULT 'fire'
                           CONSTRAINT scheduled_cron_executions_late_policy_known
                           CHECK (late_policy IN ('fire', 'drop', 'ask')),
    held_at                timestamptz,
    series_id              uuid,
    occurrence             timestamptz,
    attempts_before        integer NOT NULL DEFAULT 0,
    conflicts              integer NOT NULL DEFAULT 0,
    failures               integer NOT NULL DEFAULT 0,
    retry_of               uuid,
    retried_by             uuid,
    -- On creation only: a check against now() would be made again on each update and on restore,
    -- and an overdue row could then be neither claimed nor loaded from a dump. What a series missed while no
    -- worker was there is planned late, and says so.
    CONSTRAINT scheduled_cron_executions_in_the_future CHECK (scheduled_at > created_at OR series_id IS NOT NULL),
    CONSTRAINT scheduled_cron_executions_parameters_are_an_object CHECK (jsonb_typeof(parameters) = 'object'),
    -- As of cron_executions; and a worker that cannot read the next instant cannot be on time.
    -- What is held for a decision is due in the year 9999: never, until somebody decides.
    CONSTRAINT scheduled_cron_executions_within_the_calendar CHECK (
        created_at >= '1970-01-01 00:00Z' AND scheduled_at < '9999-01-01 00:00Z'
        AND due_at >= '1970-01-01 00:00Z' AND due_at <= '9999-01-01 00:00Z'
        AND not_after >= '1970-01-01 00:00Z' AND not_after < '9999-12-31 00:00Z'
        AND triggered_at >= '1970-01-01 00:00Z' AND triggered_at < '9999-01-01 00:00Z'
        AND held_at >= '1970-01-01 00:00Z' AND held_at < '9999-01-01 00:00Z'
        AND occurrence >= '1970-01-01 00:00Z' AND occurrence < '9999-01-01 00:00Z')
);

COMMENT ON TABLE scheduled_cron_executions IS
    'The intention to run a cron once at an instant. Public: see docs/database.md.';
COMMENT ON COLUMN scheduled_cron_executions.due_at IS
    'The instant of the next attempt: scheduled_at at first, the lease''s end after a claim, the next try after a retry.';
COMMENT ON COLUMN scheduled_cron_executions.triggered_execution_id IS
    'References cron_executions, on delete set null: triggers see to it.';
COMMENT ON COLUMN scheduled_cron_executions.attempts IS
    'How often it was claimed; also the fencing token: a settlement names the attempt it settles.';
COMMENT ON COLUMN scheduled_cron_executions.attempts_before IS
    'What attempts was when it was last moved or decided about: attempts less this is how often it was tried since.';
COMMENT ON COLUMN scheduled_cron_executions.conflicts IS
    'How many of the attempts since then met an earlier run that had not ended.';
COMMENT ON COLUMN scheduled_cron_executions.failures IS
    'How many of them failed and were tried again.';
COMMENT ON COLUMN scheduled_cron_executions.retry_of IS 'The failed schedule that this one tries again, by hand.';
COMMENT ON COLUMN scheduled_cron_executions.retried_by IS
    'The schedule that tries this failed one again: set once, by the statement that plans that one.';
COMMENT ON COLUMN scheduled_cron_executions.execution_id IS
    'The id its execution will have: fixed by the first claim, the same in every attempt.';
COMMENT ON COLUMN scheduled_cron_executions.checked IS
    'Fingerprint of the schema that its parameters were last found to fit.';

COMMENT ON COLUMN scheduled_cron_executions.not_after IS
    'Too late after this instant: what then happens is late_policy''s say.';
COMMENT ON COLUMN scheduled_cron_executions.held_at IS
    'Since when it waits for a person to decide whether it fires late or not at all.';

-- Nothing before due_at: future and finished rows then cost a claim nothing.
CREATE INDEX idx_scheduled_crons_pending ON scheduled_cron_executions (due_at)
    WHERE status = 'pending';
CREATE INDEX idx_scheduled_crons_recent ON scheduled_cron_executions (created_at DESC);
CREATE INDEX scheduled_crons_by_instant ON scheduled_cron_executions (scheduled_at, id);
CREATE INDEX scheduled_crons_pending_by_cron ON scheduled_cron_executions (cron_name, due_at, id)
    WHERE status = 'pending';
-- The list of a cron's schedules, whatever their status.
CREATE INDEX scheduled_crons_by_cron ON scheduled_cron_executions (cron_name, scheduled_at, id);
CREATE INDEX scheduled_crons_unsuccessful ON scheduled_cron_executions (status, scheduled_at, id)
    WHERE status IN ('failed', 'cancelled');
-- What the calendar counts, however much of it there is: what failed without a run, and what is held.
CREATE INDEX scheduled_crons_unfired ON scheduled_cron_executions (scheduled_at, cron_name)
    WHERE status = 'failed' AND triggered_execution_id IS NULL;
CREATE INDEX scheduled_crons_held ON scheduled_cron_executions (scheduled_at, cron_name)
    WHERE status = 'pending' AND held_at IS NOT NULL;
-- An execution that is deleted is looked for here.
CREATE INDEX scheduled_crons_execution ON scheduled_cron_executions (triggered_execution_id)
    WHERE triggered_execution_id IS NOT NULL;
CREATE INDEX scheduled_crons_batch ON scheduled_cron_executions (batch_id)
    WHERE batch_id IS NOT NULL;
-- An occurrence of a series is planned once, whoever plans it.
CREATE UNIQUE INDEX scheduled_crons_occurrence ON scheduled_cron_executions (series_id, occurrence)
    WHERE series_id IS NOT NULL AND status <> 'cancelled';
CREATE INDEX scheduled_crons_perishable ON scheduled_cron_executions (not_after)
    WHERE status = 'pending' AND not_after IS NOT NULL;
CREATE UNIQUE INDEX scheduled_crons_idempotency_key ON scheduled_cron_executions (idempotency_key)
    WHERE idempotency_key IS NOT NULL;
-- A queue's table: most of it is updated once or twice and then left alone.
ALTER TABLE scheduled_cron_executions SET (autovacuum_vacuum_scale_factor = 0.02,
                                           autovacuum_vacuum_insert_scale_factor = 0.1,
                                           autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE cron_executions SET (autovacuum_vacuum_scale_factor = 0.05,
                                 autovacuum_analyze_scale_factor = 0.02);

CREATE TABLE cron_events (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor        text NOT NULL,
    role         text,
    via          text NOT NULL CHECK (via IN ('dashboard', 'api', 'worker', 'cli', 'sql')),
    kind         text NOT NULL,
    schedule_id  uuid,
    execution_id uuid,
    batch_id     uuid,
    cron_name    text,
    details      jsonb NOT NULL DEFAULT '{}'
);

COMMENT ON TABLE cron_events IS
    'Who did what, written in the transaction that did it. Append-only; what the rows of schedules and executions already say is not said again.';

CREATE INDEX cron_events_by_schedule ON cron_events (schedule_id, id) WHERE schedule_id IS NOT NULL;
CREATE INDEX cron_events_by_execution ON cron_events (execution_id, id) WHERE execution_id IS NOT NULL;
CREATE INDEX cron_events_by_batch ON cron_events (batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX cron_events_at ON cron_events (at);

CREATE TABLE cron_workers (
    name            text PRIMARY KEY,
    host            text NOT NULL,
    pid             integer NOT NULL,
    version         text NOT NULL,
    started_at      timestamptz NOT NULL DEFAULT now(),
    beat_at         timestamptz NOT NULL DEFAULT now(),
    beating_since   timestamptz NOT NULL DEFAULT now(),
    beat_before     timestamptz,
    ticked_at       timestamptz,
    stopped_at      timestamptz,
    clock_offset_ms double precision,
    slots           integer NOT NULL,
    running         integer NOT NULL DEFAULT 0,
    catalogue_error text
);

COMMENT ON TABLE cron_workers IS 'One row for each worker process; beat_at says that it lives.';
COMMENT ON COLUMN cron_workers.beating_since IS
    'Since when its signs of life follow one another without a silence in which it counted as gone.';
COMMENT ON COLUMN cron_workers.beat_before IS 'The last one before that silence; null where there was none.';
