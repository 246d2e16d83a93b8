-- A role that reads the incidents of one org at a time: `SELECT set_config('orgwatch.org_id', '00D…', true)`.
--
-- The services own the tables, and row security does not bind owners (it is not FORCEd), so the policies need to
-- speak of readers alone. A reader that names no org sees nothing.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DO $$
BEGIN
    -- Roles belong to the cluster: another database, or an administrator, may have made it. Then it needs no rights here.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'orgwatch_reader') THEN
        CREATE ROLE orgwatch_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

ALTER TABLE orgwatch.findings ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.entity_risk ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.incident_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.suppressions ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.dispositions ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_org ON orgwatch.findings FOR SELECT TO orgwatch_reader
    USING (org_id = current_setting('orgwatch.org_id', true));
CREATE POLICY own_org ON orgwatch.entity_risk FOR SELECT TO orgwatch_reader
    USING (org_id = current_setting('orgwatch.org_id', true));
CREATE POLICY own_org ON orgwatch.incidents FOR SELECT TO orgwatch_reader
    USING (org_id = current_setting('orgwatch.org_id', true));
CREATE POLICY own_org ON orgwatch.incident_history FOR SELECT TO orgwatch_reader
    USING (org_id = current_setting('orgwatch.org_id', true));
CREATE POLICY own_org ON orgwatch.suppressions FOR SELECT TO orgwatch_reader
    USING (org_id = current_setting('orgwatch.org_id', true));
-- Through the policy of incidents.
CREATE POLICY own_org ON orgwatch.dispositions FOR SELECT TO orgwatch_reader
    USING (EXISTS (SELECT FROM orgwatch.incidents i WHERE i.incident_id = dispositions.incident_id));

GRANT USAGE ON SCHEMA orgwatch TO orgwatch_reader;
GRANT SELECT ON
    orgwatch.findings, orgwatch.entity_risk, orgwatch.incidents, orgwatch.incident_history, orgwatch.suppressions,
    orgwatch.dispositions
TO orgwatch_reader;
