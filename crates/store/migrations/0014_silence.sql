-- By which a partition without events of an org follows the event time of the org's other partitions.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- The clock that an org had in a partition once this had applied a sequence of the stream. Both are null, or of an earlier
-- clock, where an earlier release has written the clock.
ALTER TABLE orgwatch.org_clocks ADD COLUMN passed bigint;
ALTER TABLE orgwatch.org_clocks ADD COLUMN sequence bigint;

-- Adds to the grants of grant_roles(), whichever migrations have replaced the function before.
DO $$
DECLARE
    anchor constant text := '(service, ''SELECT'', ''migrations''),';
    definition text := pg_get_functiondef('orgwatch.grant_roles()'::regprocedure);
BEGIN
    IF strpos(definition, anchor) = 0 THEN
        RAISE EXCEPTION 'orgwatch.grant_roles() has no line %', anchor;
    END IF;
    EXECUTE replace(definition, anchor, anchor || '
                -- How far each partition has read the stream.
                (''correlator'', ''SELECT'', ''checkpoints''),');
END
$$;
SELECT orgwatch.grant_roles();
