-- Lists of incidents that people keep under a name.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.kept_views (
    subject text NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    -- The filters and the order, as the query of the list.
    query text NOT NULL CHECK (octet_length(query) <= 2000),
    kept_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, name)
);
ALTER TABLE orgwatch.kept_views ENABLE ROW LEVEL SECURITY;
SELECT orgwatch.gather_no_statistics('kept_views');

-- Adds to the grants of the console's role.
DO $$
DECLARE
    anchor constant text := 'GRANT SELECT, INSERT (org_id, action, subject, detail) ON orgwatch.audit TO orgwatch_console;';
    definition text := pg_get_functiondef('orgwatch.grant_console()'::regprocedure);
BEGIN
    IF strpos(definition, anchor) = 0 THEN
        RAISE EXCEPTION 'orgwatch.grant_console() has no line %', anchor;
    END IF;
    EXECUTE replace(definition, anchor, 'GRANT SELECT, INSERT (subject, name, query), UPDATE (query, kept_at), DELETE
        ON orgwatch.kept_views TO orgwatch_console;
    DROP POLICY IF EXISTS own_views ON orgwatch.kept_views;
    CREATE POLICY own_views ON orgwatch.kept_views TO orgwatch_console
        USING (subject = (SELECT orgwatch.session_subject()))
        WITH CHECK (subject = (SELECT orgwatch.session_subject()));

    ' || anchor);
END
$$;
SELECT orgwatch.grant_roles();
