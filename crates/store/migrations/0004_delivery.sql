-- The way from an incident's change to the people and systems that are told of it.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Written with the incident in one transaction; a row is deleted once it is published.
CREATE TABLE orgwatch.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id uuid NOT NULL,
    revision bigint NOT NULL,
    org_id text NOT NULL,
    change text NOT NULL,
    message bytea NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orgwatch.deliveries (
    incident_id uuid NOT NULL,
    revision bigint NOT NULL,
    channel text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'confirmed', 'failed', 'suppressed')),
    attempts integer NOT NULL DEFAULT 0,
    -- While an attempt runs: when it counts as lost. After it: when to try again.
    next_attempt_at timestamptz,
    confirmed_at timestamptz,
    last_error text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (incident_id, revision, channel),
    CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
    CHECK ((state = 'confirmed') = (confirmed_at IS NOT NULL))
);
CREATE INDEX deliveries_due ON orgwatch.deliveries (next_attempt_at) WHERE state = 'pending';
