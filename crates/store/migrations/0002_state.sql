-- What the baseline stage keeps, and how far sources were read.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.baseline_state (
    partition integer NOT NULL,
    org_id text NOT NULL,
    key text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (partition, org_id, key)
);
-- The bytes are dense already: do not try to compress them, and keep them out of the row.
ALTER TABLE orgwatch.baseline_state ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE orgwatch.checkpoints (
    partition integer PRIMARY KEY,
    -- The last sequence of the stream whose effect is in baseline_state.
    applied bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orgwatch.source_positions (
    source text NOT NULL,
    org_id text NOT NULL,
    position jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, org_id)
);
