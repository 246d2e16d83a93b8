-- What each account did on each closed day, by months of the day. Baseline writes it with its checkpoints.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.user_days (
    -- Start of the day in the org's time zone, and the last activity of the day, by Salesforce's clock.
    day timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    bytes bigint NOT NULL,
    written bigint NOT NULL,
    partition integer NOT NULL,
    downloads integer NOT NULL,
    first_objects integer NOT NULL,
    first_scopes integer NOT NULL,
    first_reports integer NOT NULL,
    first_networks integer NOT NULL,
    first_clients integer NOT NULL,
    first_countries integer NOT NULL,
    first_apps integer NOT NULL,
    held boolean NOT NULL,
    org_id text NOT NULL,
    user_id text NOT NULL,
    user_class text NOT NULL,
    username text,
    -- By surface: rows, requests, and the expected, lowest and highest usual rows, if anything was known.
    volumes jsonb NOT NULL,
    -- By kind: the names of what was new, or the first of them. Null if nothing was.
    first_names jsonb,
    -- By detector: the largest calibrated surprise. Null if no detector was surprised.
    surprises jsonb,
    PRIMARY KEY (org_id, user_id, day)
) PARTITION BY RANGE (day);
CREATE TABLE orgwatch.user_days_default PARTITION OF orgwatch.user_days DEFAULT;
-- Most days have nothing new and no surprise. Heat maps and score cards read these indexes alone; a name may be too long
-- for them.
CREATE INDEX user_days_by_firsts ON orgwatch.user_days (org_id, day) INCLUDE (user_id, first_reports, first_objects)
    WHERE first_reports > 0 OR first_objects > 0;
CREATE INDEX user_days_by_surprise ON orgwatch.user_days (org_id, day, user_id) INCLUDE (last_at, surprises)
    WHERE surprises IS NOT NULL;
CREATE INDEX user_days_by_first_name ON orgwatch.user_days USING gin (first_names jsonb_path_ops)
    WHERE first_names IS NOT NULL;

-- The column by which a table is partitioned into months.
CREATE FUNCTION orgwatch.month_column(parent text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
    RETURN CASE parent WHEN 'incident_history' THEN 'at' WHEN 'audit' THEN 'at' WHEN 'user_days' THEN 'day' END;

-- As before, with the column by table.
CREATE OR REPLACE FUNCTION orgwatch.create_months(parent text, first timestamptz, ahead integer) RETURNS integer
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET lock_timeout = '5s'
AS $$
DECLARE
    stamp constant text := orgwatch.month_column(parent);
    low timestamptz;
    high timestamptz;
    name text;
    made integer := 0;
BEGIN
    IF stamp IS NULL THEN
        RAISE EXCEPTION 'no table of months: %', parent;
    END IF;
    FOR month IN 0..ahead LOOP
        low := date_trunc('month', first) + make_interval(months => month);
        high := low + interval '1 month';
        name := parent || to_char(low, '"_"YYYY"_"MM');
        CONTINUE WHEN to_regclass(format('orgwatch.%I', name)) IS NOT NULL;
        EXECUTE format('LOCK TABLE orgwatch.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
        EXECUTE format('CREATE TABLE orgwatch.%I (LIKE orgwatch.%I INCLUDING ALL)', name, parent);
        PERFORM orgwatch.gather_no_statistics(name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM orgwatch.%I WHERE %I >= $1 AND %I < $2 RETURNING *)
             INSERT INTO orgwatch.%I SELECT * FROM moved', parent || '_default', stamp, stamp, name) USING low, high;
        -- Attaching locks the table far less than creating the partition in place.
        EXECUTE format('ALTER TABLE orgwatch.%I ATTACH PARTITION orgwatch.%I FOR VALUES FROM (%L) TO (%L)',
            parent, name, low, high);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION orgwatch.drop_months(parent text, before timestamptz) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET lock_timeout = '5s'
AS $$
DECLARE
    stamp constant text := orgwatch.month_column(parent);
    child name;
    dropped integer := 0;
BEGIN
    IF stamp IS NULL THEN
        RAISE EXCEPTION 'no table of months: %', parent;
    END IF;
    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = format('orgwatch.%I', parent)::regclass AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
        ORDER BY c.relname
    LOOP
        CONTINUE WHEN to_date(right(child, 7), 'YYYY_MM') + interval '1 month' > before;
        EXECUTE format('DROP TABLE orgwatch.%I', child);
        dropped := dropped + 1;
    END LOOP;
    EXECUTE format('DELETE FROM orgwatch.%I WHERE %I < $1', parent || '_default', stamp) USING before;
    RETURN dropped;
END
$$;

-- Readers.
ALTER TABLE orgwatch.user_days ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_org ON orgwatch.user_days FOR SELECT TO orgwatch_reader
    USING (org_id = ANY ((SELECT orgwatch.reader_orgs())::text[]));
SELECT orgwatch.gather_no_statistics('user_days'), orgwatch.gather_no_statistics('user_days_default');

-- The months that are kept, and the coming ones: days of long ago come with a backfill.
SELECT orgwatch.create_months('user_days', now() - interval '14 months', 16);

CREATE VIEW orgwatch.reader_user_days WITH (security_invoker = true) AS
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
    d.surprises
FROM orgwatch.user_days d;
COMMENT ON VIEW orgwatch.reader_user_days IS
    'What each account did on each day that has ended. One row for each account and day with activity.';
COMMENT ON COLUMN orgwatch.reader_user_days.org_id IS 'Salesforce id of the org, 18 characters.';
COMMENT ON COLUMN orgwatch.reader_user_days.user_id IS 'Salesforce id of the account.';
COMMENT ON COLUMN orgwatch.reader_user_days.username IS 'Username of the account, if any event had it.';
COMMENT ON COLUMN orgwatch.reader_user_days.user_class IS
    'normal, power, admin, integration or guest, before the day was learned.';
COMMENT ON COLUMN orgwatch.reader_user_days.day IS 'Start of the day in the org''s time zone.';
COMMENT ON COLUMN orgwatch.reader_user_days.last_at IS 'Time of the last event of the day, by Salesforce''s clock.';
COMMENT ON COLUMN orgwatch.reader_user_days.raised IS
    'Whether a finding was first observed on the day and was not withdrawn since.';
COMMENT ON COLUMN orgwatch.reader_user_days.held IS
    'Whether the day stood out so far that the account has not learned it when it ended.';
COMMENT ON COLUMN orgwatch.reader_user_days.first_reports IS
    'Reports that the account exported for the first time; this and the other firsts are 0 in its first five active days.';
COMMENT ON COLUMN orgwatch.reader_user_days.first_objects IS 'Objects that it accessed for the first time.';
COMMENT ON COLUMN orgwatch.reader_user_days.first_scopes IS 'Requests for list views wider than those that it used.';
COMMENT ON COLUMN orgwatch.reader_user_days.first_networks IS 'Networks that it used for the first time.';
COMMENT ON COLUMN orgwatch.reader_user_days.first_clients IS 'Types of clients that it used for the first time.';
COMMENT ON COLUMN orgwatch.reader_user_days.first_countries IS 'Countries that it came from for the first time.';
COMMENT ON COLUMN orgwatch.reader_user_days.first_apps IS 'Connected apps that it used for the first time.';
COMMENT ON COLUMN orgwatch.reader_user_days.first_names IS
    'The names of these by object, scope, report, network, client, country and app: the first 12 of each; null if there are none.';
COMMENT ON COLUMN orgwatch.reader_user_days.downloads IS 'Downloads of files and Bulk API results.';
COMMENT ON COLUMN orgwatch.reader_user_days.bytes IS 'Bytes of these, as far as events have them.';
COMMENT ON COLUMN orgwatch.reader_user_days.written IS 'Records written through the APIs.';
COMMENT ON COLUMN orgwatch.reader_user_days.volumes IS
    'By surface (list_view, report, api, bulk, file): rows, requests, and if known the expected, lowest and highest usual rows.';
COMMENT ON COLUMN orgwatch.reader_user_days.surprises IS
    'By detector the largest calibrated surprise, -log10 p, from 1 on; null if there is none.';
GRANT SELECT ON orgwatch.user_days, orgwatch.reader_user_days TO orgwatch_reader;

-- Changes the grants of grant_roles(), whichever migrations have replaced the function before.
DO $$
DECLARE
    anchor constant text := '(service, ''SELECT'', ''migrations''),';
    definition text := pg_get_functiondef('orgwatch.grant_roles()'::regprocedure);
BEGIN
    IF strpos(definition, anchor) = 0 THEN
        RAISE EXCEPTION 'orgwatch.grant_roles() has no line %', anchor;
    END IF;
    EXECUTE replace(definition, anchor, anchor || '
                (''baseline'', ''SELECT, INSERT, UPDATE'', ''user_days''),
                (''operator'', ''SELECT, DELETE'', ''user_days''),');
END
$$;
SELECT orgwatch.grant_roles();
