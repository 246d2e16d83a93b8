-- The hours of each day on which an account was active, and the detectors that could not judge something of it. Earlier versions
-- of baseline write neither: null is not known.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE orgwatch.user_days
    -- A bit for each hour with activity, in the org's time zone; bit 0 is midnight to 01:00.
    ADD COLUMN hours integer,
    -- By detector: the reason. Empty if there is no such detector.
    ADD COLUMN unjudged jsonb;
-- Statistics would show readers what other orgs have.
SELECT orgwatch.gather_no_statistics('user_days');
SELECT orgwatch.gather_no_statistics(c.relname)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'orgwatch.user_days'::regclass;

CREATE OR REPLACE VIEW orgwatch.reader_user_days WITH (security_invoker = true) AS
SELECT
    d.org_id,
    d.user_id,
    d.username,
    d.user_class,
    d.day,
    d.last_at,
    EXISTS (
        SELECT FROM orgwatch.findings f
        WHERE f.org_id = d.org_id AND f.user_id = d.user_id AND NOT f.withdrawn
            AND f.first_observed_at BETWEEN extract(epoch FROM d.day) * 1000 AND extract(epoch FROM d.last_at) * 1000
    ) AS raised,
    d.held,
    d.first_reports,
    d.first_objects,
    d.first_scopes,
    d.first_networks,
    d.first_clients,
    d.first_countries,
    d.first_apps,
    d.first_names,
    d.downloads,
    d.bytes,
    d.written,
    d.volumes,
    d.surprises,
    d.hours,
    d.unjudged
FROM orgwatch.user_days d;
COMMENT ON COLUMN orgwatch.reader_user_days.hours IS
    'A bit for each hour of the day with activity, in the org''s time zone; bit 0 is midnight to 01:00. Null is not known.';
COMMENT ON COLUMN orgwatch.reader_user_days.unjudged IS
    'By detector that could not judge something of the day: why. Empty if there is none, as of backfill, which nobody judges; null is not known.';
