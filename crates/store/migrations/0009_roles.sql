-- A role for each service and one for operators, each with what it uses and nothing else. A login that is a member of
-- one does that service's work; the owner of the schema may do everything, as before.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Gives the roles that are there what they need, and returns those that are not. The owner runs it again when they have
-- been made: `SELECT orgwatch.grant_roles()`. A migration that needs other grants replaces and runs it.
CREATE FUNCTION orgwatch.grant_roles() RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    service text;
    member text;
    may text;
    target text;
    missing text[] := '{}';
BEGIN
    FOREACH service IN ARRAY ARRAY['ingest', 'baseline', 'detector', 'correlator', 'notifier', 'operator'] LOOP
        member := 'orgwatch_' || service;
        IF to_regrole(member) IS NULL THEN
            missing := missing || member;
            CONTINUE;
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA orgwatch TO %I', member);
        FOR may, target IN
            SELECT grants.verbs, grants.on_table FROM (VALUES
                -- Looked at by all when they start: where each org is, and which schema it is.
                (service, 'SELECT (partition, org_id)', 'baseline_state'),
                (service, 'SELECT', 'migrations'),

                ('ingest', 'SELECT, INSERT, UPDATE', 'source_positions'),
                ('ingest', 'SELECT, INSERT, UPDATE', 'source_states'),
                ('ingest', 'SELECT, INSERT, UPDATE', 'source_gaps'),

                ('baseline', 'SELECT, INSERT, UPDATE, DELETE', 'baseline_state'),
                ('baseline', 'SELECT, INSERT, UPDATE', 'checkpoints'),

                ('correlator', 'SELECT, INSERT, UPDATE', 'findings'),
                ('correlator', 'SELECT, INSERT, UPDATE', 'entity_risk'),
                -- All but the disposition, which people decide, and the times that are the database's.
                ('correlator', 'SELECT, INSERT (incident_id, org_id, user_id, username, user_class, severity, risk_score,
                    status, merged_into, first_event_at, last_event_at, revision, receipt, message, trace_id, closed_at,
                    ended), UPDATE (username, user_class, severity, risk_score, status, merged_into, first_event_at,
                    last_event_at, revision, receipt, message, trace_id, updated_at, closed_at, ended)', 'incidents'),
                ('correlator', 'INSERT', 'incident_history'),
                ('correlator', 'SELECT, INSERT, DELETE', 'outbox'),
                -- What is old goes.
                ('correlator', 'SELECT (state, updated_at), DELETE', 'deliveries'),
                ('correlator', 'SELECT (closed_at), DELETE', 'source_gaps'),

                ('notifier', 'SELECT, INSERT, UPDATE', 'deliveries'),
                ('notifier', 'SELECT', 'incident_history'),

                -- An operator reads, decides and erases; what was recorded of it stays.
                ('operator', 'SELECT, INSERT', 'audit'),
                ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'baseline_state'),
                ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'checkpoints'),
                ('operator', 'SELECT, DELETE', 'source_positions'),
                ('operator', 'SELECT, DELETE', 'source_states'),
                ('operator', 'SELECT, DELETE', 'source_gaps'),
                ('operator', 'SELECT, DELETE', 'findings'),
                -- To lock a row takes UPDATE of some column.
                ('operator', 'SELECT, INSERT (org_id, user_id), UPDATE (user_id), DELETE', 'entity_risk'),
                ('operator', 'SELECT, UPDATE (disposition, updated_at), DELETE', 'incidents'),
                ('operator', 'SELECT, DELETE', 'incident_history'),
                ('operator', 'SELECT, DELETE', 'outbox'),
                ('operator', 'SELECT, DELETE', 'deliveries'),
                ('operator', 'SELECT, INSERT, DELETE', 'dispositions'),
                ('operator', 'SELECT, INSERT, DELETE', 'suppressions')
            ) AS grants (to_service, verbs, on_table)
            -- Without sqlx, as where queries are checked, there is no table of migrations.
            WHERE grants.to_service = service AND to_regclass('orgwatch.' || grants.on_table) IS NOT NULL
        LOOP
            EXECUTE format('GRANT %s ON orgwatch.%I TO %I', may, target, member);
            -- Services see the rows of all orgs: what they may do with them is in the grants alone.
            IF EXISTS (SELECT FROM pg_class c WHERE c.oid = ('orgwatch.' || target)::regclass AND c.relrowsecurity)
                AND NOT EXISTS (
                    SELECT FROM pg_policies p
                    WHERE p.schemaname = 'orgwatch' AND p.tablename = target AND p.policyname = member)
            THEN
                EXECUTE format('CREATE POLICY %I ON orgwatch.%I TO %I USING (true)', member, target, member);
            END IF;
        END LOOP;
    END LOOP;
    IF to_regrole('orgwatch_correlator') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION orgwatch.create_months(text, timestamptz, integer) TO orgwatch_correlator;
        GRANT EXECUTE ON FUNCTION orgwatch.drop_old_months(text, timestamptz) TO orgwatch_correlator;
    END IF;
    RETURN missing;
END
$$;

-- Making and dropping partitions takes their owner. Who calls may have tables of its own in pg_temp, which is searched
-- first unless it is named: then catalogs would not be what they seem.
ALTER FUNCTION orgwatch.create_months(text, timestamptz, integer) SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION orgwatch.create_months(text, timestamptz, integer) SECURITY DEFINER;
ALTER FUNCTION orgwatch.drop_months(text, timestamptz) SET search_path = pg_catalog, pg_temp;

-- As drop_months, whoever owns the tables. The last 30 days stay, so that nobody removes the traces of today.
CREATE FUNCTION orgwatch.drop_old_months(parent text, before timestamptz) RETURNS integer
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    RETURN orgwatch.drop_months(parent, least(before, now() - interval '30 days'));

REVOKE EXECUTE ON FUNCTION orgwatch.create_months(text, timestamptz, integer) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION orgwatch.drop_old_months(text, timestamptz) FROM PUBLIC;

DO $$
DECLARE
    member text;
    missing text[];
BEGIN
    FOREACH member IN ARRAY orgwatch.grant_roles() LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', member);
        EXCEPTION
            -- Roles belong to the cluster: another database may make them at the same time.
            WHEN duplicate_object OR unique_violation THEN NULL;
            -- Not this one's to make: an administrator does, or the services go on as the owner.
            WHEN insufficient_privilege THEN NULL;
        END;
    END LOOP;
    missing := orgwatch.grant_roles();
    IF missing <> '{}' THEN
        RAISE NOTICE 'no roles %: make them, then SELECT orgwatch.grant_roles()', missing;
    END IF;
END
$$;
