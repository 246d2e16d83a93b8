-- Which processes run: each replica of a service writes its row when it starts and every minute, and removes it when it stops.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.services (
    -- ingest, baseline, detector, correlator, notifier or console.
    service text NOT NULL,
    -- The host or pod, and the process.
    instance text NOT NULL,
    version text NOT NULL,
    -- Of the rules in force; null in a service that follows none.
    settings_hash text,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, instance)
);

-- Where the orgs of the session are, with the checkpoints of these partitions. The tables have no row policies: each
-- service sees where every org is.
CREATE FUNCTION orgwatch.partitions_of_session(
    OUT partition integer, OUT org_id text, OUT applied bigint, OUT updated_at timestamptz
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- A loose index scan: one look-up for each pair of partition and org, however many records it has.
    WITH RECURSIVE places AS (
        (SELECT s.partition, s.org_id FROM orgwatch.baseline_state s ORDER BY s.partition, s.org_id LIMIT 1)
        UNION ALL
        SELECT following.partition, following.org_id
        FROM places p CROSS JOIN LATERAL (
            SELECT s.partition, s.org_id FROM orgwatch.baseline_state s
            WHERE (s.partition, s.org_id) > (p.partition, p.org_id)
            ORDER BY s.partition, s.org_id LIMIT 1) following
    )
    SELECT p.partition, p.org_id, c.applied, c.updated_at
    FROM places p LEFT JOIN orgwatch.checkpoints c ON c.partition = p.partition
    WHERE p.org_id = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[])
       OR '*' = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[])
    ORDER BY p.partition, p.org_id;
END;
REVOKE EXECUTE ON FUNCTION orgwatch.partitions_of_session() FROM PUBLIC;

-- Changes the grants of both functions, whichever migrations have replaced them before.
DO $$
DECLARE
    anchor constant text := '(service, ''SELECT'', ''migrations''),';
    beginning constant text := 'GRANT USAGE ON SCHEMA orgwatch TO orgwatch_console;';
    verbs constant text := 'SELECT, INSERT (service, instance, version, settings_hash, started_at),
                    UPDATE (version, settings_hash, started_at, seen_at), DELETE';
    of_services text := pg_get_functiondef('orgwatch.grant_roles()'::regprocedure);
    of_console text := pg_get_functiondef('orgwatch.grant_console()'::regprocedure);
BEGIN
    IF strpos(of_services, anchor) = 0 OR strpos(of_console, beginning) = 0 THEN
        RAISE EXCEPTION 'orgwatch.grant_roles() has no line %, or orgwatch.grant_console() no line %', anchor, beginning;
    END IF;
    EXECUTE replace(of_services, anchor, anchor || format('
                (''ingest'', %1$L, ''services''), (''baseline'', %1$L, ''services''), (''detector'', %1$L, ''services''),
                (''correlator'', %1$L, ''services''), (''notifier'', %1$L, ''services''),
                (''operator'', ''SELECT'', ''services''),', verbs));
    EXECUTE replace(of_console, beginning, beginning || format('
    GRANT %s ON orgwatch.services TO orgwatch_console;
    GRANT EXECUTE ON FUNCTION orgwatch.partitions_of_session() TO orgwatch_console;', verbs));
END
$$;
SELECT orgwatch.grant_roles();
