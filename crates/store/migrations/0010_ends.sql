-- Why and by what clock incidents end, and which deliveries were only counted.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Event time up to which the hours of an org are closed in a partition, in milliseconds since 1970. It never goes back.
CREATE TABLE orgwatch.org_clocks (
    partition integer NOT NULL,
    org_id text NOT NULL,
    clock bigint NOT NULL,
    PRIMARY KEY (partition, org_id)
);

-- Present exactly if the change is 'ended': passed, absorbed or withdrawn.
ALTER TABLE orgwatch.outbox ADD COLUMN end_reason text;
ALTER TABLE orgwatch.incident_history ADD COLUMN end_reason text;
-- Present exactly if the reason is 'absorbed'.
ALTER TABLE orgwatch.outbox ADD COLUMN merged_into uuid;
ALTER TABLE orgwatch.incident_history ADD COLUMN merged_into uuid;

-- 'counted': a digest has counted the change without naming its incident. The new constraint allows all that the old did.
-- squawk-ignore ban-drop-constraint
ALTER TABLE orgwatch.deliveries DROP CONSTRAINT deliveries_state_check;
ALTER TABLE orgwatch.deliveries ADD CONSTRAINT deliveries_state_check
    CHECK (state IN ('pending', 'confirmed', 'counted', 'failed', 'suppressed')) NOT VALID;

-- Gives the roles that are there what they need, and returns those that are not. The owner runs it again when they have
-- been made: `SELECT orgwatch.grant_roles()`. A migration that needs other grants replaces and runs it.
CREATE OR REPLACE FUNCTION orgwatch.grant_roles() RETURNS text[]
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
                ('baseline', 'SELECT, INSERT, UPDATE', 'org_clocks'),

                ('correlator', 'SELECT', 'org_clocks'),
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
                ('operator', 'SELECT, DELETE', 'org_clocks'),
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

SELECT orgwatch.grant_roles();
