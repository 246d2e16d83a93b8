-- The schema, and how times cross between SQL and Rust.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA IF NOT EXISTS orgwatch;

-- Wall-clock times are timestamptz in tables and milliseconds since 1970 in Rust, like times of events.
CREATE FUNCTION orgwatch.to_ms(at timestamptz) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT
    RETURN floor(extract(EPOCH FROM at) * 1000)::bigint;

CREATE FUNCTION orgwatch.from_ms(ms bigint) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT
    RETURN to_timestamp(ms / 1000.0::double precision);
