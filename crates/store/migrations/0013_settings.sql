-- The settings behind the hashes that findings, observations and receipts carry. Rows are never changed.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.settings (
    hash text PRIMARY KEY,
    -- With the weights that were compiled in, so that a receipt can be computed again by a later version.
    toml text NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);

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
                -- Stored before they are first used.
                (''ingest'', ''SELECT, INSERT'', ''settings''),
                (''baseline'', ''SELECT, INSERT'', ''settings''),
                (''detector'', ''SELECT, INSERT'', ''settings''),
                (''correlator'', ''SELECT, INSERT'', ''settings''),
                (''operator'', ''SELECT, INSERT'', ''settings''),');
END
$$;
SELECT orgwatch.grant_roles();
