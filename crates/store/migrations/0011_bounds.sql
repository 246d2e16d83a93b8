-- How far the stream was seen to have no further messages of a partition, and indexes that bound what a merge reads.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Messages of other partitions up to here may expire without a loss for this one. NULL: not seen
-- yet, `applied` counts.
ALTER TABLE orgwatch.checkpoints ADD COLUMN reached bigint;

-- A merge reads the incidents of a user around some moments, the latest other one, and the gravest other one.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_by_time ON orgwatch.incidents (org_id, user_id, last_event_at, incident_id, first_event_at);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_by_risk ON orgwatch.incidents (org_id, user_id, risk_score)
    WHERE status IN ('open', 'acknowledged');
-- The first of these begins with the same columns. Without statistics the planner would take this one, and read all.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX orgwatch.incidents_by_user;
