-- Whether an incident has a weak finding of a detector is read from this index alone: an incident may have many findings,
-- each of which is another page of the table. With the org, which row policies ask for; and the detector is first, so that
-- the planner takes it for no other query.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX findings_by_detector
    ON orgwatch.findings (detector, incident_id, anomaly_score, first_observed_at, org_id);
