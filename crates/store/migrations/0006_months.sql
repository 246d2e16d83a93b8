-- Monthly partitions of incident_history and audit: made ahead, dropped when they are old.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Makes the partitions of the month of `first` and of the `ahead` months after it, where they are missing. Rows that
-- had to go to the default partition move to the new one. Returns how many were made.
CREATE FUNCTION orgwatch.create_months(parent text, first timestamptz, ahead integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog
    SET timezone = 'UTC'
    SET lock_timeout = '5s'
AS $$
DECLARE
    low timestamptz;
    high timestamptz;
    name text;
    made integer := 0;
BEGIN
    IF parent NOT IN ('incident_history', 'audit') THEN
        RAISE EXCEPTION 'no table of months: %', parent;
    END IF;
    FOR month IN 0..ahead LOOP
        low := date_trunc('month', first) + make_interval(months => month);
        high := low + interval '1 month';
        name := parent || to_char(low, '"_"YYYY"_"MM');
        CONTINUE WHEN to_regclass(format('orgwatch.%I', name)) IS NOT NULL;
        EXECUTE format('LOCK TABLE orgwatch.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
        EXECUTE format('CREATE TABLE orgwatch.%I (LIKE orgwatch.%I INCLUDING ALL)', name, parent);
        EXECUTE format(
            'WITH moved AS (DELETE FROM orgwatch.%I WHERE at >= $1 AND at < $2 RETURNING *)
             INSERT INTO orgwatch.%I SELECT * FROM moved', parent || '_default', name) USING low, high;
        -- Attaching locks the table far less than creating the partition in place.
        EXECUTE format('ALTER TABLE orgwatch.%I ATTACH PARTITION orgwatch.%I FOR VALUES FROM (%L) TO (%L)',
            parent, name, low, high);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- Drops the partitions that end by `before`, and older rows of the default partition. Returns how many were dropped.
CREATE FUNCTION orgwatch.drop_months(parent text, before timestamptz) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog
    SET timezone = 'UTC'
    SET lock_timeout = '5s'
AS $$
DECLARE
    child name;
    dropped integer := 0;
BEGIN
    IF parent NOT IN ('incident_history', 'audit') THEN
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
    EXECUTE format('DELETE FROM orgwatch.%I WHERE at < $1', parent || '_default') USING before;
    RETURN dropped;
END
$$;

SELECT orgwatch.create_months('incident_history', now(), 2), orgwatch.create_months('audit', now(), 2);
