-- What people decide, and the record of what they did.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.suppressions (
    id uuid PRIMARY KEY,
    org_id text NOT NULL,
    -- Null: every account.
    user_id text,
    -- Null: every detector.
    detector text,
    -- Event time, exclusive, in milliseconds; null: for good.
    until bigint,
    reason text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX suppressions_by_org ON orgwatch.suppressions (org_id);

CREATE TABLE orgwatch.dispositions (
    id uuid PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES orgwatch.incidents,
    disposition text NOT NULL CHECK (disposition IN ('malicious', 'suspicious', 'benign', 'false_positive')),
    by text NOT NULL,
    note text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dispositions_by_incident ON orgwatch.dispositions (incident_id);

CREATE TABLE orgwatch.audit (
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL
) PARTITION BY RANGE (at);
CREATE TABLE orgwatch.audit_default PARTITION OF orgwatch.audit DEFAULT;
CREATE INDEX audit_by_time ON orgwatch.audit (at);
