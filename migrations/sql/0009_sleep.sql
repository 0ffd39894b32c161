-- The wait for an instant no longer oversleeps it by a millisecond.

CREATE OR REPLACE FUNCTION crondesk_wait_until(
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
    -- A sleep is counted in whole milliseconds, rounded up, and ends a little late: the last of the time is not slept
    -- through. Not more of it: who has kept a core for two milliseconds loses it soon. Less than the whole
    -- milliseconds is asked for: of 3 the sum with the time of day may be off by a hair, and that was rounded up to 4.
    IF v_left_ms >= 1.2 THEN
        PERFORM pg_sleep((floor(v_left_ms - 0.2) - 0.05) / 1000);
    END IF;
    WHILE clock_timestamp() < p_instant LOOP
    END LOOP;
END $$;
