-- What each source of each org has seen, and what it has missed. Times are those of the org, in milliseconds since 1970.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.source_states (
    org_id text NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('leading', 'following', 'blind', 'missing', 'off')),
    last_event_at bigint,
    last_heard_at bigint,
    -- For an operator: what is wrong, and what to do.
    detail text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, source, kind)
);

CREATE TABLE orgwatch.source_gaps (
    -- Derived from org, source, kind and from_at: the same gap is one row.
    id uuid PRIMARY KEY,
    org_id text NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    from_at bigint NOT NULL,
    to_at bigint NOT NULL,
    reason text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    -- What became of it.
    note text,
    CHECK ((closed_at IS NULL) = (note IS NULL))
);
CREATE INDEX source_gaps_by_org ON orgwatch.source_gaps (org_id, from_at);

ALTER TABLE orgwatch.source_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.source_gaps ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_org ON orgwatch.source_states FOR SELECT TO orgwatch_reader
    USING (org_id = current_setting('orgwatch.org_id', true));
CREATE POLICY own_org ON orgwatch.source_gaps FOR SELECT TO orgwatch_reader
    USING (org_id = current_setting('orgwatch.org_id', true));

GRANT SELECT ON orgwatch.source_states, orgwatch.source_gaps TO orgwatch_reader;
