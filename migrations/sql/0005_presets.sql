CREATE TABLE cron_presets (
    cron_name  text NOT NULL,
    name       text NOT NULL CONSTRAINT cron_presets_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    parameters jsonb NOT NULL DEFAULT '{}',
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cron_name, name)
);

COMMENT ON TABLE cron_presets IS
    'Parameters of a cron that people keep under a name. They are checked when they are taken, not here.';

-- The newest plan of a cron, by its id, which holds the instant. Only of pending ones: what has fired is
-- found by its execution, and a row that leaves the index costs nothing.
CREATE INDEX scheduled_crons_newest_by_cron ON scheduled_cron_executions (cron_name, id)
    WHERE status = 'pending';
