-- Findings, incidents, and the risk of each account. Times of events are milliseconds since 1970.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.findings (
    finding_id uuid PRIMARY KEY,
    org_id text NOT NULL,
    user_id text NOT NULL,
    detector text NOT NULL,
    -- From 0, low, to 3, critical.
    severity smallint NOT NULL CHECK (severity BETWEEN 0 AND 3),
    score double precision NOT NULL,
    revision bigint NOT NULL,
    observed_at bigint NOT NULL,
    revised_at bigint NOT NULL,
    withdrawn boolean NOT NULL,
    summary text NOT NULL,
    -- The exact orgwatch.v1.Finding; the columns beside it are copies for people and indexes.
    message bytea NOT NULL,
    -- The earliest time at which any revision was anomalous; null while none was.
    first_observed_at bigint,
    traceparent text,
    incident_id uuid
);
CREATE INDEX findings_by_user ON orgwatch.findings (org_id, user_id);
CREATE INDEX findings_by_incident ON orgwatch.findings (incident_id);

-- One row per account. Locking it is what serializes the correlation of that account.
CREATE TABLE orgwatch.entity_risk (
    org_id text NOT NULL,
    user_id text NOT NULL,
    username text,
    user_class text NOT NULL DEFAULT 'normal',
    -- Hundredths of a point, 0 to 10000.
    risk_score integer NOT NULL DEFAULT 0,
    incidents integer NOT NULL DEFAULT 0,
    last_event_at bigint,
    PRIMARY KEY (org_id, user_id)
);

CREATE TABLE orgwatch.incidents (
    incident_id uuid PRIMARY KEY,
    org_id text NOT NULL,
    user_id text NOT NULL,
    username text,
    user_class text NOT NULL,
    severity smallint NOT NULL CHECK (severity BETWEEN 0 AND 3),
    -- Hundredths of a point, 0 to 10000.
    risk_score integer NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved', 'merged', 'withdrawn')),
    disposition text CHECK (disposition IN ('malicious', 'suspicious', 'benign', 'false_positive')),
    merged_into uuid,
    first_event_at bigint NOT NULL,
    last_event_at bigint NOT NULL,
    revision bigint NOT NULL,
    receipt jsonb NOT NULL,
    -- The exact orgwatch.v1.Incident.
    message bytea NOT NULL,
    trace_id text,
    opened_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    -- Its org's event time has gone so far that it cannot grow any more.
    ended boolean NOT NULL DEFAULT false,
    CHECK ((status = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX incidents_to_triage ON orgwatch.incidents (org_id, status, risk_score DESC);
CREATE INDEX incidents_to_end ON orgwatch.incidents (org_id, last_event_at)
    WHERE NOT ended AND status IN ('open', 'acknowledged');
CREATE INDEX incidents_by_user ON orgwatch.incidents (org_id, user_id);

CREATE TABLE orgwatch.incident_history (
    incident_id uuid NOT NULL,
    revision bigint NOT NULL,
    org_id text NOT NULL,
    change text NOT NULL,
    risk_score integer NOT NULL,
    severity smallint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    message bytea NOT NULL,
    PRIMARY KEY (incident_id, revision, change, at)
) PARTITION BY RANGE (at);
CREATE TABLE orgwatch.incident_history_default PARTITION OF orgwatch.incident_history DEFAULT;
