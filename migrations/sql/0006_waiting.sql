-- An instant is waited for where it is fired: a statement sent when it has come is late by its way here.
CREATE FUNCTION crondesk_wait_until(
    p_instant timestamptz           -- NULL: not at all
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_left_ms double precision;
BEGIN
    -- Nobody is kept waiting by a clock that goes wrong.
    IF p_instant > clock_timestamp() + interval '50 milliseconds' THEN
        RETURN;
    END IF;
    v_left_ms := 1000 * extract(epoch FROM p_instant - clock_timestamp());
    -- A sleep is counted in milliseconds and ends a little late: the last of the time is not slept through. Not more
    -- of it: who has kept a core for two milliseconds loses it soon.
    IF v_left_ms >= 1.2 THEN
        PERFORM pg_sleep(floor(v_left_ms - 0.2) / 1000);
    END IF;
    WHILE clock_timestamp() < p_instant LOOP
    END LOOP;
END $$;

COMMENT ON FUNCTION crondesk_wait_until IS
    'Returns when an instant has come that is some milliseconds away; at once where it is more than 50.';
