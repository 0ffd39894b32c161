CREATE TABLE cron_calendar_addresses (
    person     text PRIMARY KEY,
    salt       uuid NOT NULL DEFAULT gen_random_uuid(),
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE cron_calendar_addresses IS
    'Who has an address of the calendar feed. The secret in it is derived from the salt and CRON_SECRET, and kept nowhere.';
