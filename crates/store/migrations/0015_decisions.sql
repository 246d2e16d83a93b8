-- What people decide, in one table that rows are only added to, and what still has to be done about each decision.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.decisions (
    -- The order in which they were recorded.
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decision_id uuid NOT NULL UNIQUE,
    org_id text NOT NULL,
    -- Null: every account of the org.
    user_id text,
    kind text NOT NULL,
    incident_id uuid,
    -- The decision that this one ends or undoes.
    replaces uuid,
    -- What was decided, as JSON.
    payload jsonb NOT NULL,
    reason text NOT NULL,
    -- Event time in milliseconds; the end is exclusive, and null is for good.
    valid_from bigint NOT NULL,
    valid_until bigint,
    -- The login of the session, which SET ROLE does not change.
    decided_by text NOT NULL DEFAULT session_user,
    claimed_by text,
    decided_at timestamptz NOT NULL DEFAULT now(),
    CHECK (payload->>'kind' = kind),
    CHECK (replaces <> decision_id)
);
CREATE INDEX decisions_by_user ON orgwatch.decisions (org_id, user_id, sequence);
CREATE INDEX decisions_by_incident ON orgwatch.decisions (incident_id) WHERE incident_id IS NOT NULL;

-- The start of the hour of event time with the close of which a decision took effect in a partition. An erased decision
-- leaves no effect, and no key holds a checkpoint up while one is erased.
CREATE TABLE orgwatch.decision_effects (
    decision_id uuid NOT NULL,
    partition integer NOT NULL,
    hour bigint NOT NULL,
    PRIMARY KEY (decision_id, partition)
);

-- Decisions that the correlator has not applied to incidents, or not sent into the activity stream, yet.
CREATE TABLE orgwatch.decisions_due (
    decision_id uuid NOT NULL REFERENCES orgwatch.decisions (decision_id) ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('incidents', 'stream')),
    PRIMARY KEY (decision_id, purpose)
);

-- A decision ends or undoes one of the same org and account. What changes learning or settings is due for the stream, and
-- so is what ends or undoes such a decision.
CREATE FUNCTION orgwatch.decision_added() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.replaces IS NOT NULL AND NOT EXISTS (
        SELECT FROM orgwatch.decisions d
        WHERE d.decision_id = NEW.replaces AND d.org_id = NEW.org_id AND d.user_id IS NOT DISTINCT FROM NEW.user_id)
    THEN
        RAISE EXCEPTION 'no decision % of this org and account', NEW.replaces USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO orgwatch.decisions_due (decision_id, purpose) VALUES (NEW.decision_id, 'incidents');
    INSERT INTO orgwatch.decisions_due (decision_id, purpose)
    WITH RECURSIVE replaced AS (
        SELECT NEW.decision_id AS decision_id, NEW.kind AS kind, NEW.replaces AS replaces
        UNION
        SELECT d.decision_id, d.kind, d.replaces FROM orgwatch.decisions d JOIN replaced r ON d.decision_id = r.replaces
    )
    SELECT NEW.decision_id, 'stream'
    WHERE EXISTS (SELECT FROM replaced WHERE kind IN ('disposition', 'class', 'settings'));
    RETURN NULL;
END
$$;
CREATE TRIGGER decision_added AFTER INSERT ON orgwatch.decisions
    FOR EACH ROW EXECUTE FUNCTION orgwatch.decision_added();

-- Nothing changes a decision, and nothing deletes one but the erasure of an org or account, which says that it is one.
CREATE FUNCTION orgwatch.keep_decisions() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('orgwatch.erasing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'decisions are only added: end or undo one by another one' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER keep_decisions BEFORE UPDATE OR DELETE OR TRUNCATE ON orgwatch.decisions
    FOR EACH STATEMENT EXECUTE FUNCTION orgwatch.keep_decisions();

-- Who works on an incident, and until when, by the wall clock, it is of no concern.
ALTER TABLE orgwatch.incidents ADD COLUMN assignee text;
ALTER TABLE orgwatch.incidents ADD COLUMN snoozed_until timestamptz;
ALTER TABLE orgwatch.incidents ALTER COLUMN assignee SET STATISTICS 0;
ALTER TABLE orgwatch.incidents ALTER COLUMN snoozed_until SET STATISTICS 0;
-- The suppression or allowlist because of which it counts for nothing.
ALTER TABLE orgwatch.findings ADD COLUMN hidden_by uuid;
ALTER TABLE orgwatch.findings ALTER COLUMN hidden_by SET STATISTICS 0;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX findings_by_hider ON orgwatch.findings (hidden_by) WHERE hidden_by IS NOT NULL;

-- No release has read or written them.
-- squawk-ignore ban-drop-table
DROP TABLE orgwatch.suppressions;
-- squawk-ignore ban-drop-table
DROP TABLE orgwatch.dispositions;

-- Readers.
ALTER TABLE orgwatch.decisions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_org ON orgwatch.decisions FOR SELECT TO orgwatch_reader
    USING (org_id = ANY ((SELECT orgwatch.reader_orgs())::text[]));
SELECT orgwatch.gather_no_statistics('decisions');

CREATE VIEW orgwatch.reader_decisions WITH (security_invoker = true) AS
SELECT
    d.decision_id,
    d.org_id,
    d.user_id,
    d.kind,
    d.incident_id,
    d.replaces,
    d.payload,
    d.reason,
    orgwatch.from_ms(d.valid_from) AS valid_from,
    orgwatch.from_ms(d.valid_until) AS valid_until,
    d.decided_by,
    d.claimed_by,
    d.decided_at
FROM orgwatch.decisions d;
COMMENT ON VIEW orgwatch.reader_decisions IS
    'What people decided. One row for each decision; none is ever changed, but another one may end or undo it.';
COMMENT ON COLUMN orgwatch.reader_decisions.decision_id IS 'Id of the decision.';
COMMENT ON COLUMN orgwatch.reader_decisions.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_decisions.user_id IS
    'Salesforce id of the account that it concerns; null if it concerns all accounts of the org.';
COMMENT ON COLUMN orgwatch.reader_decisions.kind IS
    'What was decided: disposition, suppression, allowlist, watch, sensitivity, joined, class, settings, ended, undone, acknowledged, comment or snoozed.';
COMMENT ON COLUMN orgwatch.reader_decisions.incident_id IS 'The incident that it is about, if it is about one.';
COMMENT ON COLUMN orgwatch.reader_decisions.replaces IS 'The decision that it ends or undoes, if its kind is ended or undone.';
COMMENT ON COLUMN orgwatch.reader_decisions.payload IS 'What was decided, in full, as in an export.';
COMMENT ON COLUMN orgwatch.reader_decisions.reason IS 'Why.';
COMMENT ON COLUMN orgwatch.reader_decisions.valid_from IS 'From when it holds, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_decisions.valid_until IS
    'Until when it holds, by Salesforce''s clock; null if it holds for good.';
COMMENT ON COLUMN orgwatch.reader_decisions.decided_by IS 'The database login that recorded it.';
COMMENT ON COLUMN orgwatch.reader_decisions.claimed_by IS 'Who decided, as the login says; nobody has checked it.';
COMMENT ON COLUMN orgwatch.reader_decisions.decided_at IS 'When it was recorded, by the database''s clock.';

CREATE OR REPLACE VIEW orgwatch.reader_incidents WITH (security_invoker = true) AS
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
    i.revision,
    i.assignee,
    i.snoozed_until
FROM orgwatch.incidents i;
COMMENT ON COLUMN orgwatch.reader_incidents.assignee IS 'Who works on it, as they called themselves; null while nobody does.';
COMMENT ON COLUMN orgwatch.reader_incidents.snoozed_until IS
    'Until when, by the wall clock, a person wants to hear nothing of it; null if nobody does.';

CREATE OR REPLACE VIEW orgwatch.reader_findings WITH (security_invoker = true) AS
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
    f.revision,
    f.hidden_by
FROM orgwatch.findings f;
COMMENT ON COLUMN orgwatch.reader_findings.hidden_by IS
    'The decision, a suppression or an allowlist, because of which it adds nothing to the risk; null if none does.';

GRANT SELECT ON orgwatch.decisions, orgwatch.reader_decisions TO orgwatch_reader;

-- Changes the grants of grant_roles(), whichever migrations have replaced the function before.
DO $$
DECLARE
    anchor constant text := '(service, ''SELECT'', ''migrations''),';
    -- Of tables that are gone, and of what operators do not write any more.
    gone constant text[] := ARRAY[
        ',
                (''operator'', ''SELECT, INSERT, DELETE'', ''dispositions''),
                (''operator'', ''SELECT, INSERT, DELETE'', ''suppressions'')',
        'UPDATE (disposition, updated_at), '];
    definition text := pg_get_functiondef('orgwatch.grant_roles()'::regprocedure);
    part text;
BEGIN
    FOREACH part IN ARRAY gone || anchor LOOP
        IF strpos(definition, part) = 0 THEN
            RAISE EXCEPTION 'orgwatch.grant_roles() has no line %', part;
        END IF;
    END LOOP;
    FOREACH part IN ARRAY gone LOOP
        definition := replace(definition, part, '');
    END LOOP;
    definition := replace(definition, 'All but the disposition, which people decide, and the times', 'All but the times');
    EXECUTE replace(definition, anchor, anchor || '
                -- An operator decides. The login and the time are the database''s.
                (''operator'', ''SELECT, INSERT (decision_id, org_id, user_id, kind, incident_id, replaces, payload,
                    reason, valid_from, valid_until, claimed_by), DELETE'', ''decisions''),
                (''operator'', ''SELECT, DELETE'', ''decision_effects''),
                (''operator'', ''SELECT, INSERT'', ''decisions_due''),
                (''baseline'', ''SELECT (decision_id)'', ''decisions''),
                (''baseline'', ''SELECT, INSERT, UPDATE'', ''decision_effects''),
                -- To lock a row takes UPDATE of some column.
                (''correlator'', ''SELECT'', ''decisions''),
                (''correlator'', ''SELECT'', ''decision_effects''),
                (''correlator'', ''SELECT, UPDATE (purpose), DELETE'', ''decisions_due''),
                (''correlator'', ''INSERT (disposition, assignee, snoozed_until),
                    UPDATE (disposition, assignee, snoozed_until)'', ''incidents''),');
    IF to_regrole('orgwatch_operator') IS NOT NULL THEN
        REVOKE UPDATE (disposition, updated_at) ON orgwatch.incidents FROM orgwatch_operator;
    END IF;
END
$$;
SELECT orgwatch.grant_roles();
