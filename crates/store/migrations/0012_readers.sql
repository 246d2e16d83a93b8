-- Readers are bound to orgs by their login, in a table that they can neither read nor write. What they set in their own
-- session decides nothing. Views in words, scales and timestamps are for them.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Which login reads which org. By name, so that a restored dump keeps it: revoke before a login is dropped.
CREATE TABLE orgwatch.readers (
    login text NOT NULL,
    org_id text NOT NULL,
    granted_by text NOT NULL DEFAULT session_user,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (login, org_id)
);

-- The orgs of the login that opened the session. SET ROLE and functions of other owners do not change session_user;
-- changing it takes a superuser. All names are bound when the function is created, and the path is fixed, so nothing
-- that a reader creates can stand in for them.
CREATE FUNCTION orgwatch.reader_orgs() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    RETURN (SELECT coalesce(array_agg(r.org_id), '{}') FROM orgwatch.readers r WHERE r.login = session_user);
REVOKE EXECUTE ON FUNCTION orgwatch.reader_orgs() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION orgwatch.reader_orgs() TO orgwatch_reader;

-- What keeps a login from reading its orgs and nothing else; null if nothing does.
CREATE FUNCTION orgwatch.reader_problem(login text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE
        WHEN r.oid IS NULL THEN 'there is no such role'
        WHEN NOT r.rolcanlogin THEN 'the role is not a login'
        WHEN wider.rolname IS NOT NULL
            THEN format('it may act as %I, which row policies do not bind or which reads more', wider.rolname)
        WHEN NOT pg_has_role(r.oid, 'orgwatch_reader', 'MEMBER')
            THEN format('it is no reader yet: GRANT orgwatch_reader TO %I', r.rolname)
    END
    FROM (SELECT login) AS asked
    LEFT JOIN pg_roles r ON r.rolname = asked.login
    LEFT JOIN LATERAL (
        SELECT g.rolname FROM pg_roles g
        WHERE pg_has_role(r.oid, g.oid, 'MEMBER') AND (
            g.rolsuper OR g.rolbypassrls OR g.rolcreaterole OR g.rolreplication
            OR g.rolname IN ('orgwatch_ingest', 'orgwatch_baseline', 'orgwatch_detector', 'orgwatch_correlator',
                'orgwatch_notifier', 'orgwatch_operator', 'pg_read_all_data', 'pg_write_all_data',
                'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
            OR g.oid = (SELECT c.relowner FROM pg_class c WHERE c.oid = 'orgwatch.readers'::regclass))
        ORDER BY g.oid <> r.oid, g.rolname LIMIT 1
    ) AS wider ON true;
END;

DO $$
DECLARE
    protected text;
BEGIN
    -- A function of a superuser is worth more to an attacker. Where one migrates, operators, who bind readers anyway,
    -- own it.
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND to_regrole('orgwatch_operator') IS NOT NULL THEN
        ALTER FUNCTION orgwatch.reader_orgs() OWNER TO orgwatch_operator;
    END IF;
    FOREACH protected IN ARRAY ARRAY['findings', 'entity_risk', 'incidents', 'incident_history', 'suppressions',
        'source_states', 'source_gaps']
    LOOP
        EXECUTE format('DROP POLICY own_org ON orgwatch.%I', protected);
        -- As a subquery it is evaluated once for a statement, not once for a row.
        EXECUTE format('CREATE POLICY own_org ON orgwatch.%I FOR SELECT TO orgwatch_reader
            USING (org_id = ANY ((SELECT orgwatch.reader_orgs())::text[]))', protected);
    END LOOP;
END
$$;

-- Deliveries have no org of their own: through the policy of incidents, as dispositions.
ALTER TABLE orgwatch.deliveries ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_org ON orgwatch.deliveries FOR SELECT TO orgwatch_reader
    USING (EXISTS (SELECT FROM orgwatch.incidents i WHERE i.incident_id = deliveries.incident_id));
GRANT SELECT ON orgwatch.deliveries TO orgwatch_reader;

-- EXPLAIN estimates from statistics of all rows, whatever the policies say: "how many rows has that org", "is there an
-- account of that name". The queries of services find rows by keys and need no statistics. Those that were gathered
-- before stay until a superuser deletes them from pg_statistic.
CREATE FUNCTION orgwatch.gather_no_statistics(of_table text) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE (
        SELECT format('ALTER TABLE orgwatch.%I %s', of_table,
            string_agg(format('ALTER COLUMN %I SET STATISTICS 0', a.attname), ', '))
        FROM pg_attribute a
        WHERE a.attrelid = format('orgwatch.%I', of_table)::regclass AND a.attnum > 0 AND NOT a.attisdropped);
END
$$;
REVOKE EXECUTE ON FUNCTION orgwatch.gather_no_statistics(text) FROM PUBLIC;
SELECT orgwatch.gather_no_statistics(protected) FROM unnest(ARRAY['findings', 'entity_risk', 'incidents',
    'incident_history', 'suppressions', 'dispositions', 'source_states', 'source_gaps', 'deliveries']) AS protected;

-- Months that are made from now on are like the others.
CREATE OR REPLACE FUNCTION orgwatch.create_months(parent text, first timestamptz, ahead integer) RETURNS integer
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET lock_timeout = '5s'
AS $$
DECLARE
    low timestamptz;
    high timestamptz;
    name text;
    made integer := 0;
BEGIN
    IF parent NOT IN ('incident_history', 'audit') THEN
        RAISE EXCEPTION 'no table of months: %', parent;
    END IF;
    FOR month IN 0..ahead LOOP
        low := date_trunc('month', first) + make_interval(months => month);
        high := low + interval '1 month';
        name := parent || to_char(low, '"_"YYYY"_"MM');
        CONTINUE WHEN to_regclass(format('orgwatch.%I', name)) IS NOT NULL;
        EXECUTE format('LOCK TABLE orgwatch.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
        EXECUTE format('CREATE TABLE orgwatch.%I (LIKE orgwatch.%I INCLUDING ALL)', name, parent);
        PERFORM orgwatch.gather_no_statistics(name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM orgwatch.%I WHERE at >= $1 AND at < $2 RETURNING *)
             INSERT INTO orgwatch.%I SELECT * FROM moved', parent || '_default', name) USING low, high;
        -- Attaching locks the table far less than creating the partition in place.
        EXECUTE format('ALTER TABLE orgwatch.%I ATTACH PARTITION orgwatch.%I FOR VALUES FROM (%L) TO (%L)',
            parent, name, low, high);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- Operators bind readers. Adds to the grants of grant_roles(), whichever migrations have replaced the function before.
DO $$
DECLARE
    anchor constant text := '(service, ''SELECT'', ''migrations''),';
    definition text := pg_get_functiondef('orgwatch.grant_roles()'::regprocedure);
BEGIN
    IF strpos(definition, anchor) = 0 THEN
        RAISE EXCEPTION 'orgwatch.grant_roles() has no line %', anchor;
    END IF;
    EXECUTE replace(definition, anchor, anchor || '
                (''operator'', ''SELECT, INSERT, DELETE'', ''readers''),');
END
$$;
SELECT orgwatch.grant_roles();

-- The views. Times are timestamptz, scores have their scale, severities sort from low to critical. They run with the
-- rights of who asks, so the policies of the tables hold.
CREATE TYPE orgwatch.severity AS ENUM ('low', 'medium', 'high', 'critical');
COMMENT ON TYPE orgwatch.severity IS 'How bad a finding or incident is. It sorts from low to critical.';

CREATE FUNCTION orgwatch.severity_of(number smallint) RETURNS orgwatch.severity
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT
    RETURN CASE number WHEN 0 THEN 'low' WHEN 1 THEN 'medium' WHEN 2 THEN 'high' WHEN 3 THEN 'critical' END::orgwatch.severity;

-- Stored from now on; null for a finding that no service has written since.
ALTER TABLE orgwatch.findings ADD COLUMN anomaly_score double precision;
ALTER TABLE orgwatch.findings ADD COLUMN confidence double precision;
ALTER TABLE orgwatch.findings ALTER COLUMN anomaly_score SET STATISTICS 0;
ALTER TABLE orgwatch.findings ALTER COLUMN confidence SET STATISTICS 0;

CREATE VIEW orgwatch.reader_incidents WITH (security_invoker = true) AS
SELECT
    i.incident_id,
    i.org_id,
    i.user_id,
    i.username,
    i.user_class,
    orgwatch.severity_of(i.severity) AS severity,
    (i.risk_score / 100.0)::numeric(5, 2) AS risk_score,
    i.status,
    i.ended,
    i.disposition,
    orgwatch.from_ms(i.first_event_at) AS first_event_at,
    orgwatch.from_ms(i.last_event_at) AS last_event_at,
    i.opened_at,
    i.updated_at,
    i.closed_at,
    i.merged_into,
    i.revision
FROM orgwatch.incidents i;
COMMENT ON VIEW orgwatch.reader_incidents IS
    'Incidents: the findings of one account, merged into one risk. One row for each.';
COMMENT ON COLUMN orgwatch.reader_incidents.incident_id IS 'Id of the incident, the same in every notification.';
COMMENT ON COLUMN orgwatch.reader_incidents.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_incidents.user_id IS
    'Salesforce id of the account; its username in lower case if no event names the id.';
COMMENT ON COLUMN orgwatch.reader_incidents.username IS 'Name of the account, where an event has it.';
COMMENT ON COLUMN orgwatch.reader_incidents.user_class IS 'Class of the account: normal, power, admin, integration or guest.';
COMMENT ON COLUMN orgwatch.reader_incidents.severity IS 'low, medium, high or critical; it sorts in this order.';
COMMENT ON COLUMN orgwatch.reader_incidents.risk_score IS 'Risk, 0 to 100.';
COMMENT ON COLUMN orgwatch.reader_incidents.status IS 'open, acknowledged, resolved, merged or withdrawn.';
COMMENT ON COLUMN orgwatch.reader_incidents.ended IS
    'Whether it is not expected to grow any more. This is no decision: an ended incident may be open.';
COMMENT ON COLUMN orgwatch.reader_incidents.disposition IS
    'What a person decided: malicious, suspicious, benign or false_positive; null while nobody has.';
COMMENT ON COLUMN orgwatch.reader_incidents.first_event_at IS 'Time of its first event, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_incidents.last_event_at IS 'Time of its last event, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_incidents.opened_at IS 'When orgwatch opened it, by the database''s clock.';
COMMENT ON COLUMN orgwatch.reader_incidents.updated_at IS 'When it last changed, by the database''s clock.';
COMMENT ON COLUMN orgwatch.reader_incidents.closed_at IS
    'When it was resolved, merged or withdrawn, by the database''s clock.';
COMMENT ON COLUMN orgwatch.reader_incidents.merged_into IS 'The incident that it became a part of, if its status is merged.';
COMMENT ON COLUMN orgwatch.reader_incidents.revision IS 'Rises with each change; notifications carry it.';

CREATE VIEW orgwatch.reader_findings WITH (security_invoker = true) AS
SELECT
    f.finding_id,
    f.incident_id,
    f.org_id,
    f.user_id,
    f.detector,
    orgwatch.severity_of(f.severity) AS severity,
    f.score,
    f.anomaly_score,
    f.confidence,
    f.summary,
    f.withdrawn,
    orgwatch.from_ms(f.observed_at) AS observed_at,
    orgwatch.from_ms(f.revised_at) AS revised_at,
    f.revision
FROM orgwatch.findings f;
COMMENT ON VIEW orgwatch.reader_findings IS 'Findings: what one detector saw of one account, at its latest revision.';
COMMENT ON COLUMN orgwatch.reader_findings.finding_id IS 'Id of the finding.';
COMMENT ON COLUMN orgwatch.reader_findings.incident_id IS 'The incident that it belongs to; null for one that raised none.';
COMMENT ON COLUMN orgwatch.reader_findings.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_findings.user_id IS
    'Salesforce id of the account; its username in lower case if no event names the id.';
COMMENT ON COLUMN orgwatch.reader_findings.detector IS 'Name of the detector, as in docs/detectors.';
COMMENT ON COLUMN orgwatch.reader_findings.severity IS 'low, medium, high or critical; it sorts in this order.';
COMMENT ON COLUMN orgwatch.reader_findings.score IS 'How far from usual, 0 to 10.';
COMMENT ON COLUMN orgwatch.reader_findings.anomaly_score IS
    'The same on the scale of Salesforce''s ApiAnomalyEvent, 0 to 1; null if it was stored before this column was.';
COMMENT ON COLUMN orgwatch.reader_findings.confidence IS
    'How much evidence the account''s baseline rests on, 0 to 1; null if it was stored before this column was.';
COMMENT ON COLUMN orgwatch.reader_findings.summary IS 'What the account did and what is usual for it, as a sentence.';
COMMENT ON COLUMN orgwatch.reader_findings.withdrawn IS 'Whether it was explained since, and adds nothing to the risk.';
COMMENT ON COLUMN orgwatch.reader_findings.observed_at IS 'Time of the event that raised it, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_findings.revised_at IS 'Time of the event that last revised it, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_findings.revision IS 'Rises with each revision.';

CREATE VIEW orgwatch.reader_entity_risk WITH (security_invoker = true) AS
SELECT
    r.org_id,
    r.user_id,
    r.username,
    r.user_class,
    (r.risk_score / 100.0)::numeric(5, 2) AS risk_score,
    r.incidents,
    orgwatch.from_ms(r.last_event_at) AS last_event_at
FROM orgwatch.entity_risk r;
COMMENT ON VIEW orgwatch.reader_entity_risk IS 'The present risk of each account that ever had a finding.';
COMMENT ON COLUMN orgwatch.reader_entity_risk.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_entity_risk.user_id IS
    'Salesforce id of the account; its username in lower case if no event names the id.';
COMMENT ON COLUMN orgwatch.reader_entity_risk.username IS 'Name of the account, where an event has it.';
COMMENT ON COLUMN orgwatch.reader_entity_risk.user_class IS 'Class of the account: normal, power, admin, integration or guest.';
COMMENT ON COLUMN orgwatch.reader_entity_risk.risk_score IS 'Risk over all its incidents, 0 to 100.';
COMMENT ON COLUMN orgwatch.reader_entity_risk.incidents IS 'Number of incidents that the risk is computed from.';
COMMENT ON COLUMN orgwatch.reader_entity_risk.last_event_at IS
    'Time of the last event in any of its findings, by Salesforce''s clock.';

CREATE VIEW orgwatch.reader_history WITH (security_invoker = true) AS
SELECT
    h.incident_id,
    h.org_id,
    h.revision,
    h.change,
    orgwatch.severity_of(h.severity) AS severity,
    (h.risk_score / 100.0)::numeric(5, 2) AS risk_score,
    h.end_reason,
    h.merged_into,
    h.at
FROM orgwatch.incident_history h;
COMMENT ON VIEW orgwatch.reader_history IS 'What happened to incidents, one row for each change.';
COMMENT ON COLUMN orgwatch.reader_history.incident_id IS 'Id of the incident.';
COMMENT ON COLUMN orgwatch.reader_history.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_history.revision IS 'Revision of the incident after the change.';
COMMENT ON COLUMN orgwatch.reader_history.change IS 'What happened: opened, updated, escalated, reopened, closed, ended or resumed.';
COMMENT ON COLUMN orgwatch.reader_history.severity IS 'Severity after the change: low, medium, high or critical.';
COMMENT ON COLUMN orgwatch.reader_history.risk_score IS 'Risk after the change, 0 to 100.';
COMMENT ON COLUMN orgwatch.reader_history.end_reason IS
    'Why it ended, if the change is ended: passed, absorbed or withdrawn.';
COMMENT ON COLUMN orgwatch.reader_history.merged_into IS 'The incident that absorbed it, if the reason is absorbed.';
COMMENT ON COLUMN orgwatch.reader_history.at IS 'When the change was stored, by the database''s clock.';

CREATE VIEW orgwatch.reader_deliveries WITH (security_invoker = true) AS
SELECT
    d.incident_id,
    i.org_id,
    d.revision,
    d.channel AS destination,
    d.state,
    d.attempts,
    d.next_attempt_at,
    d.confirmed_at,
    d.last_error,
    d.updated_at
FROM orgwatch.deliveries d
JOIN orgwatch.incidents i ON i.incident_id = d.incident_id;
COMMENT ON VIEW orgwatch.reader_deliveries IS
    'Notifications: one row for each revision of an incident and destination.';
COMMENT ON COLUMN orgwatch.reader_deliveries.incident_id IS 'Id of the incident.';
COMMENT ON COLUMN orgwatch.reader_deliveries.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_deliveries.revision IS 'Revision of the incident that is delivered.';
COMMENT ON COLUMN orgwatch.reader_deliveries.destination IS 'Name of the destination in the configuration.';
COMMENT ON COLUMN orgwatch.reader_deliveries.state IS
    'pending, confirmed, counted (in a digest that does not name it), failed or suppressed.';
COMMENT ON COLUMN orgwatch.reader_deliveries.attempts IS 'Number of attempts so far.';
COMMENT ON COLUMN orgwatch.reader_deliveries.next_attempt_at IS 'When it is tried again, if it is pending, by the database''s clock.';
COMMENT ON COLUMN orgwatch.reader_deliveries.confirmed_at IS 'When the destination accepted it, by the database''s clock.';
COMMENT ON COLUMN orgwatch.reader_deliveries.last_error IS 'Why the last attempt failed.';
COMMENT ON COLUMN orgwatch.reader_deliveries.updated_at IS 'When it last changed, by the database''s clock.';

CREATE VIEW orgwatch.reader_coverage WITH (security_invoker = true) AS
SELECT
    s.org_id,
    s.source,
    s.kind,
    s.state,
    orgwatch.from_ms(s.last_event_at) AS last_event_at,
    orgwatch.from_ms(s.last_heard_at) AS last_heard_at,
    s.detail,
    s.updated_at
FROM orgwatch.source_states s;
COMMENT ON VIEW orgwatch.reader_coverage IS 'What each source of an org sees, one row for each kind of events.';
COMMENT ON COLUMN orgwatch.reader_coverage.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_coverage.source IS 'The source, such as push or streams.';
COMMENT ON COLUMN orgwatch.reader_coverage.kind IS 'The kind of events, such as login or api.';
COMMENT ON COLUMN orgwatch.reader_coverage.state IS
    'leading (orgwatch reads the kind from this source), following, blind, missing or off.';
COMMENT ON COLUMN orgwatch.reader_coverage.last_event_at IS 'Time of the last event seen, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_coverage.last_heard_at IS 'When the source last answered, with or without events.';
COMMENT ON COLUMN orgwatch.reader_coverage.detail IS 'What is wrong, and what to do.';
COMMENT ON COLUMN orgwatch.reader_coverage.updated_at IS 'When this row last changed, by the database''s clock.';

CREATE VIEW orgwatch.reader_gaps WITH (security_invoker = true) AS
SELECT
    g.id AS gap_id,
    g.org_id,
    g.source,
    g.kind,
    orgwatch.from_ms(g.from_at) AS from_at,
    orgwatch.from_ms(g.to_at) AS to_at,
    g.reason,
    g.opened_at,
    g.closed_at,
    g.note
FROM orgwatch.source_gaps g;
COMMENT ON VIEW orgwatch.reader_gaps IS 'Periods of which a source has missed events of a kind.';
COMMENT ON COLUMN orgwatch.reader_gaps.gap_id IS 'Id of the gap.';
COMMENT ON COLUMN orgwatch.reader_gaps.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_gaps.source IS 'The source, such as push or streams.';
COMMENT ON COLUMN orgwatch.reader_gaps.kind IS 'The kind of events, such as login or api.';
COMMENT ON COLUMN orgwatch.reader_gaps.from_at IS 'Start of the period, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_gaps.to_at IS 'End of the period, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_gaps.reason IS 'Why events are missing.';
COMMENT ON COLUMN orgwatch.reader_gaps.opened_at IS 'When it was found, by the database''s clock.';
COMMENT ON COLUMN orgwatch.reader_gaps.closed_at IS 'When it was filled or given up, by the database''s clock; null while it is open.';
COMMENT ON COLUMN orgwatch.reader_gaps.note IS 'What became of it.';

GRANT SELECT ON
    orgwatch.reader_incidents, orgwatch.reader_findings, orgwatch.reader_entity_risk, orgwatch.reader_history,
    orgwatch.reader_deliveries, orgwatch.reader_coverage, orgwatch.reader_gaps
TO orgwatch_reader;
