-- Who is signed in at the console, and what the console may see and write. Each of its transactions names the secret of a
-- session; policies ask a function for the orgs of that session, which the console can neither read nor change itself.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE orgwatch.sessions (
    session_id uuid PRIMARY KEY,
    -- SHA-256 of the secret: the secret itself is stored nowhere.
    secret_hash bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    -- A person who signed in, or a token for programs.
    kind text NOT NULL CHECK (kind IN ('person', 'token')),
    -- What people see: an e-mail address, or the name of the token.
    name text NOT NULL,
    -- Who it is for good: issuer and subject of the identity provider, or the name of the token.
    subject text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    -- It ends when it was not used for so long; null: only at expires_at.
    idle interval,
    ended_at timestamptz,
    -- The tokens of the identity provider, encrypted under a key that follows from the secret, which only the browser has;
    -- null in tokens for programs, of which nothing is checked.
    sealed bytea,
    -- How often the provider is asked for the person's present groups, when it last answered, and when to ask it again.
    check_every interval,
    checked_at timestamptz,
    check_at timestamptz,
    -- Whether a replica is asking it.
    is_checking boolean NOT NULL DEFAULT false,
    -- When the session ends unless the provider answers before that; null: it answered last time.
    fails_at timestamptz
);
CREATE INDEX sessions_by_subject ON orgwatch.sessions (subject);

CREATE TABLE orgwatch.session_roles (
    session_id uuid NOT NULL REFERENCES orgwatch.sessions (session_id) ON DELETE CASCADE,
    -- '*': all orgs.
    org_id text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'analyst', 'responder', 'administrator')),
    PRIMARY KEY (session_id, org_id)
);

-- From 0, viewer, to 3, administrator; each may do what those before it may.
CREATE FUNCTION orgwatch.role_rank(role text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN array_position(ARRAY['viewer', 'analyst', 'responder', 'administrator'], role) - 1;

-- The session of which the transaction names the secret, if it has not ended.
CREATE FUNCTION orgwatch.session_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    RETURN (
        SELECT s.session_id FROM orgwatch.sessions s
        WHERE s.secret_hash = sha256(convert_to(current_setting('orgwatch.session', true), 'UTF8'))
          AND s.ended_at IS NULL AND now() < s.expires_at AND (s.idle IS NULL OR now() < s.used_at + s.idle)
          AND (s.fails_at IS NULL OR now() < s.fails_at));

-- The orgs in which the session has at least a role; '*' stands for all.
CREATE FUNCTION orgwatch.session_orgs(at_least text) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    RETURN (
        SELECT coalesce(array_agg(r.org_id), '{}') FROM orgwatch.session_roles r
        WHERE r.session_id = orgwatch.session_id() AND orgwatch.role_rank(r.role) >= orgwatch.role_rank(at_least));

-- Whether the session has at least a role in each of these orgs.
CREATE FUNCTION orgwatch.session_may(at_least text, orgs text[]) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    RETURN orgs <@ orgwatch.session_orgs(at_least) OR '*' = ANY (orgwatch.session_orgs(at_least));

-- The role that a decision takes: settings are an administrator's, what holds for all accounts of an org is a responder's,
-- and the rest an analyst's. What ends or undoes a decision takes the same role as that one.
CREATE FUNCTION orgwatch.role_to_decide(kind text, user_id text, replaces uuid) RETURNS text
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE replaced AS (
        SELECT role_to_decide.kind AS kind, role_to_decide.replaces AS replaces
        UNION
        SELECT d.kind, d.replaces FROM orgwatch.decisions d JOIN replaced r ON d.decision_id = r.replaces
    )
    SELECT CASE
        WHEN EXISTS (SELECT FROM replaced r WHERE r.kind = 'settings') THEN 'administrator'
        WHEN role_to_decide.user_id IS NULL THEN 'responder'
        ELSE 'analyst'
    END;
END;

-- Who acts: the person of the session, or `token` and its name, or else the database login.
CREATE FUNCTION orgwatch.actor() RETURNS text
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    RETURN coalesce(
        (SELECT CASE s.kind WHEN 'token' THEN 'token ' || s.name ELSE s.name END FROM orgwatch.sessions s
         WHERE s.session_id = orgwatch.session_id()),
        session_user);

-- The session, with its role in each org. is_noted: its use was noted within the last minute. is_check_due: the identity
-- provider has to be asked first; while another replica asks it, a session may go on that was checked within the last minute.
CREATE FUNCTION orgwatch.current_session(
    OUT session_id uuid, OUT kind text, OUT name text, OUT subject text, OUT created_at timestamptz,
    OUT expires_at timestamptz, OUT is_noted boolean, OUT is_check_due boolean, OUT roles jsonb
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.session_id, s.kind, s.name, s.subject, s.created_at, s.expires_at, s.used_at >= now() - interval '1 minute',
        coalesce(now() >= s.check_at OR (s.is_checking AND s.checked_at < now() - interval '1 minute'), false),
        (SELECT coalesce(jsonb_object_agg(r.org_id, r.role), '{}') FROM orgwatch.session_roles r
         WHERE r.session_id = s.session_id)
    FROM orgwatch.sessions s WHERE s.session_id = orgwatch.session_id();
END;

-- Notes that the session is in use, at most once a minute. False if it has ended.
CREATE FUNCTION orgwatch.touch_session() RETURNS boolean
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE orgwatch.sessions s SET used_at = now()
    WHERE s.session_id = orgwatch.session_id() AND s.used_at < now() - interval '1 minute';
    SELECT orgwatch.session_id() IS NOT NULL;
END;

-- Opens the session of a person whom the identity provider has vouched for.
CREATE FUNCTION orgwatch.open_session(
    session_id uuid, secret_hash bytea, name text, subject text, expires_at timestamptz, idle interval, roles jsonb,
    sealed bytea, check_every interval
) RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO orgwatch.sessions (session_id, secret_hash, kind, name, subject, created_by, expires_at, idle, sealed,
        check_every, checked_at, check_at)
    VALUES (open_session.session_id, open_session.secret_hash, 'person', open_session.name, open_session.subject,
        open_session.name, open_session.expires_at, open_session.idle, open_session.sealed, open_session.check_every,
        now(), now() + open_session.check_every);
    INSERT INTO orgwatch.session_roles (session_id, org_id, role)
    SELECT open_session.session_id, r.key, r.value FROM jsonb_each_text(roles) r;
END;

-- Gives the session other roles, as the identity provider has them now. Without any it ends.
CREATE FUNCTION orgwatch.renew_session(roles jsonb) RETURNS void
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own uuid := orgwatch.session_id();
BEGIN
    IF roles = '{}' THEN
        UPDATE orgwatch.sessions SET ended_at = now() WHERE session_id = own;
        RETURN;
    END IF;
    DELETE FROM orgwatch.session_roles WHERE session_id = own;
    INSERT INTO orgwatch.session_roles (session_id, org_id, role)
    SELECT own, r.key, r.value FROM jsonb_each_text(roles) r WHERE own IS NOT NULL;
END
$$;

-- Takes the check of the session's groups, if it is due, for so long; of all replicas one gets the sealed tokens. is_awaited:
-- another one has taken it, and the session was not checked within the last minute.
CREATE FUNCTION orgwatch.take_check(lease interval, OUT taken uuid, OUT tokens bytea, OUT is_awaited boolean)
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own uuid := orgwatch.session_id();
BEGIN
    UPDATE orgwatch.sessions s SET is_checking = true, check_at = now() + lease
    WHERE s.session_id = own AND now() >= s.check_at
    RETURNING s.session_id, s.sealed INTO taken, tokens;
    is_awaited := EXISTS (
        SELECT FROM orgwatch.sessions s
        WHERE s.session_id = own AND taken IS NULL AND s.is_checking AND s.checked_at < now() - interval '1 minute');
END
$$;

-- Notes that the provider has answered, with the tokens for the next time.
CREATE FUNCTION orgwatch.note_check(tokens bytea) RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE orgwatch.sessions s SET sealed = note_check.tokens, checked_at = now(), check_at = now() + s.check_every,
        is_checking = false, fails_at = NULL
    WHERE s.session_id = orgwatch.session_id();
END;

-- Notes that the provider did not answer. The first time since an answer says when the session ends.
CREATE FUNCTION orgwatch.note_failed_check(tokens bytea, retry interval, outage interval) RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE orgwatch.sessions s SET sealed = note_failed_check.tokens, check_at = now() + retry, is_checking = false,
        fails_at = coalesce(s.fails_at, now() + outage)
    WHERE s.session_id = orgwatch.session_id();
END;

-- Makes a token, with no more than an administrator's own rights. The operator's command makes the first one.
CREATE FUNCTION orgwatch.create_token(
    session_id uuid, secret_hash bytea, name text, expires_at timestamptz, roles jsonb
) RETURNS void
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    orgs text[] := ARRAY(SELECT jsonb_object_keys(roles));
BEGIN
    -- In no org at all every session may do everything.
    IF NOT ((orgs <> '{}' AND orgwatch.session_may('administrator', orgs))
        OR (orgwatch.session_id() IS NULL AND pg_has_role(session_user, 'orgwatch_operator', 'MEMBER')))
    THEN
        RAISE EXCEPTION 'only an administrator of all its orgs makes a token' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO orgwatch.sessions (session_id, secret_hash, kind, name, subject, created_by, expires_at)
    VALUES (create_token.session_id, create_token.secret_hash, 'token', create_token.name,
        'token ' || create_token.session_id,
        orgwatch.actor(), create_token.expires_at);
    INSERT INTO orgwatch.session_roles (session_id, org_id, role)
    SELECT create_token.session_id, r.key, r.value FROM jsonb_each_text(roles) r;
END
$$;

-- Ends a session: one's own, or as an administrator of all its orgs. False if there is none that may be ended.
CREATE FUNCTION orgwatch.end_session(ended uuid) RETURNS boolean
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    orgs text[] := ARRAY(SELECT r.org_id FROM orgwatch.session_roles r WHERE r.session_id = ended);
BEGIN
    IF ended = orgwatch.session_id() OR (orgs <> '{}' AND orgwatch.session_may('administrator', orgs))
        OR (orgwatch.session_id() IS NULL AND pg_has_role(session_user, 'orgwatch_operator', 'MEMBER'))
    THEN
        UPDATE orgwatch.sessions s SET ended_at = now() WHERE s.session_id = ended AND s.ended_at IS NULL;
        RETURN FOUND;
    END IF;
    RETURN false;
END
$$;

-- The sessions that have a role in the orgs of which the session is an administrator, without their secrets.
CREATE FUNCTION orgwatch.other_sessions(
    OUT session_id uuid, OUT kind text, OUT name text, OUT created_by text, OUT created_at timestamptz,
    OUT used_at timestamptz, OUT expires_at timestamptz, OUT roles jsonb
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.session_id, s.kind, s.name, s.created_by, s.created_at, s.used_at, s.expires_at, of_session.roles
    FROM orgwatch.sessions s
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_object_agg(r.org_id, r.role), '{}') AS roles, coalesce(array_agg(r.org_id), '{}') AS orgs
        FROM orgwatch.session_roles r WHERE r.session_id = s.session_id) of_session
    WHERE s.ended_at IS NULL AND now() < s.expires_at AND (s.idle IS NULL OR now() < s.used_at + s.idle)
      AND (s.fails_at IS NULL OR now() < s.fails_at)
      AND of_session.orgs <> '{}' AND orgwatch.session_may('administrator', of_session.orgs)
    ORDER BY s.created_at, s.session_id;
END;

-- The request that recorded a decision, and SHA-256 of its body: a repeated one records nothing new, and another one with
-- the same key is refused.
ALTER TABLE orgwatch.decisions ADD COLUMN request_id uuid;
ALTER TABLE orgwatch.decisions ADD COLUMN request_hash bytea;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX decisions_by_request ON orgwatch.decisions (request_id) WHERE request_id IS NOT NULL;

-- What a person has seen of an incident, so that a list can say what has changed since.
CREATE TABLE orgwatch.looks (
    subject text NOT NULL,
    incident_id uuid NOT NULL REFERENCES orgwatch.incidents (incident_id) ON DELETE CASCADE,
    revision bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, incident_id)
);
CREATE INDEX looks_by_incident ON orgwatch.looks (incident_id);

-- Who looks: nobody writes for another.
CREATE FUNCTION orgwatch.session_subject() RETURNS text
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    RETURN (SELECT s.subject FROM orgwatch.sessions s WHERE s.session_id = orgwatch.session_id());

-- The same, or the database login where there is no session.
CREATE FUNCTION orgwatch.looker() RETURNS text
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    RETURN coalesce(orgwatch.session_subject(), 'login ' || session_user);

-- By what lists filter, group and sort; copies of what is in the message. Null in rows of earlier versions, which the
-- correlator fills.
ALTER TABLE orgwatch.incidents ADD COLUMN summary text;
ALTER TABLE orgwatch.incidents ADD COLUMN detectors text[];
-- 'detector:row_spike', 'object:Contact', 'resource:00O…', 'address:192.0.2.1', 'app:Data Loader', 'client:Chrome on macOS'.
ALTER TABLE orgwatch.incidents ADD COLUMN facets text[];
ALTER TABLE orgwatch.incidents ADD COLUMN words tsvector;
-- The detectors in one text: incidents with the same one are similar.
ALTER TABLE orgwatch.incidents ADD COLUMN pattern text;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_by_pattern ON orgwatch.incidents (org_id, pattern);
-- The finding after which records in other forms are named.
ALTER TABLE orgwatch.incidents ADD COLUMN leading_finding_id uuid;
-- What records of an incident have of it; metrics_type is null in rows of earlier versions alone.
ALTER TABLE orgwatch.findings ADD COLUMN event_name text;
ALTER TABLE orgwatch.findings ADD COLUMN metrics_type text;
ALTER TABLE orgwatch.findings ADD COLUMN title text;
ALTER TABLE orgwatch.findings ADD COLUMN operation text;
ALTER TABLE orgwatch.findings ADD COLUMN request_identifier text;
ALTER TABLE orgwatch.findings ADD COLUMN rows_processed double precision;
-- What was raised on a day of an account; replaces the one without the time.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX findings_by_user_and_time ON orgwatch.findings (org_id, user_id, first_observed_at);
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX orgwatch.findings_by_user;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX findings_without_names ON orgwatch.findings (finding_id) WHERE metrics_type IS NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_by_facet ON orgwatch.incidents USING gin (facets);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_by_word ON orgwatch.incidents USING gin (words);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_listed_by_risk ON orgwatch.incidents (org_id, risk_score DESC, incident_id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_listed_by_time ON orgwatch.incidents (org_id, last_event_at DESC, incident_id);
-- For lists of several orgs.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_of_all_by_risk ON orgwatch.incidents (risk_score DESC, incident_id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_of_all_by_time ON orgwatch.incidents (last_event_at DESC, incident_id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incidents_without_facets ON orgwatch.incidents (incident_id) WHERE facets IS NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX entity_risk_by_risk ON orgwatch.entity_risk (org_id, risk_score DESC, user_id);

-- Row policies keep operators of arrays and of full text search from using an index, as those could say of a row what it
-- holds before the policy has hidden it. These functions see all rows, and return those of the session's orgs, as many as
-- are asked for.
CREATE FUNCTION orgwatch.incidents_with_facets(all_of text[], most integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT i.incident_id FROM orgwatch.incidents i
    WHERE i.facets @> all_of
      AND (i.org_id = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[])
           OR '*' = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[]))
    LIMIT most;
END;

CREATE FUNCTION orgwatch.incidents_with_words(all_of text, most integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT i.incident_id FROM orgwatch.incidents i
    WHERE i.words @@ plainto_tsquery('simple', all_of)
      AND (i.org_id = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[])
           OR '*' = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[]))
    LIMIT most;
END;

-- Accounts with incidents that touched something, by its facet: those with the most incidents first, and the sums over all.
CREATE FUNCTION orgwatch.accounts_with_facet(
    of_org text, facet text, most integer, OUT user_id text, OUT username text, OUT incidents bigint,
    OUT highest_risk integer, OUT last_event_at bigint, OUT all_incidents bigint, OUT all_accounts bigint
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT i.user_id, max(i.username), count(*), max(i.risk_score), max(i.last_event_at),
        (sum(count(*)) OVER ())::bigint, count(*) OVER ()
    FROM orgwatch.incidents i
    WHERE i.org_id = of_org AND i.facets @> ARRAY[facet] AND i.status <> 'merged'
      AND (SELECT orgwatch.session_may('viewer', ARRAY[of_org]))
    GROUP BY i.user_id ORDER BY count(*) DESC, i.user_id LIMIT most;
END;

-- Who used something for the first time, by the names of it as in first_names: the latest days first.
CREATE FUNCTION orgwatch.first_days(
    of_org text, any_of jsonb[], since timestamptz, until timestamptz, most integer,
    OUT user_id text, OUT username text, OUT day timestamptz
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT d.user_id, max(d.username), d.day
    FROM unnest(any_of) AS one (names)
    -- OFFSET: the org is looked at last. With it the planner, which has no statistics, would read all days of the org.
    CROSS JOIN LATERAL (
        SELECT n.org_id, n.user_id, n.username, n.day FROM orgwatch.user_days n
        WHERE n.first_names @> one.names AND n.first_names IS NOT NULL AND n.day >= since AND n.day < until OFFSET 0) d
    WHERE d.org_id = of_org AND (SELECT orgwatch.session_may('viewer', ARRAY[of_org]))
    -- A day may have several of the names.
    GROUP BY d.day, d.user_id ORDER BY d.day DESC, d.user_id LIMIT most;
END;

-- How many days of accounts closed in a span: a policy would be asked for each of them.
CREATE FUNCTION orgwatch.count_user_days(of_org text, since timestamptz, until timestamptz) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT count(*) FROM orgwatch.user_days d
    WHERE d.org_id = of_org AND d.day >= since AND d.day < until
      AND (SELECT orgwatch.session_may('viewer', ARRAY[of_org]));
END;

-- What the accounts of an org did on the days that begin in a span, by surface: of each class, and of all (user_class is null).
CREATE FUNCTION orgwatch.days_of_classes(
    of_org text, since timestamptz, until timestamptz,
    OUT user_class text, OUT surface text, OUT accounts bigint, OUT median_rows double precision, OUT high_rows double precision
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT d.user_class, v.key, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY (v.value ->> 0)::double precision),
        percentile_cont(0.95) WITHIN GROUP (ORDER BY (v.value ->> 0)::double precision)
    FROM orgwatch.user_days d CROSS JOIN LATERAL jsonb_each(d.volumes) v
    WHERE d.org_id = of_org AND d.day >= since AND d.day < until
      AND (SELECT orgwatch.session_may('viewer', ARRAY[of_org]))
    GROUP BY GROUPING SETS ((d.user_class, v.key), (v.key)) ORDER BY v.key, d.user_class;
END;

-- What baseline has learned of accounts, as of its last checkpoint, by key. The table has no row policy: each service sees
-- where every org is. Identities of events and decisions of people are not given.
CREATE FUNCTION orgwatch.learned_state(
    of_org text, keys text[], OUT partition integer, OUT key text, OUT bytes bytea
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.partition, s.key, s.bytes FROM orgwatch.checkpoints c
    JOIN orgwatch.baseline_state s ON s.partition = c.partition AND s.org_id = of_org AND s.key = ANY (keys)
    WHERE orgwatch.session_may('viewer', ARRAY[of_org])
      AND (s.key IN ('head', 'populations') OR starts_with(s.key, 'names/') OR starts_with(s.key, 'user/'))
    ORDER BY s.partition, s.key;
END;

-- The settings behind hashes, but those that other orgs alone have: the ones of the services, which no decision names, and
-- those that a decision or the receipt of an incident of the session's orgs names. Receipts are asked last, as no index
-- has their hashes.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX decisions_of_settings ON orgwatch.decisions ((payload ->> 'hash')) WHERE kind = 'settings';
CREATE FUNCTION orgwatch.settings_of_session(hashes text[], OUT hash text, OUT toml text) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.hash, s.toml FROM orgwatch.settings s
    WHERE s.hash = ANY (hashes) AND orgwatch.session_id() IS NOT NULL
      AND CASE
          WHEN NOT EXISTS (
              SELECT FROM orgwatch.decisions d WHERE d.kind = 'settings' AND d.payload ->> 'hash' = s.hash) THEN true
          WHEN EXISTS (
              SELECT FROM orgwatch.decisions d WHERE d.kind = 'settings' AND d.payload ->> 'hash' = s.hash
                AND orgwatch.session_may('viewer', ARRAY[d.org_id])) THEN true
          ELSE EXISTS (
              SELECT FROM orgwatch.incidents i
              WHERE i.org_id = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[])
                AND i.receipt ->> 'config_hash' = s.hash)
      END;
END;

-- The order in which changes of incidents were committed: readers stop at the oldest transaction that is still open, so
-- that none is passed over.
CREATE SEQUENCE orgwatch.changes AS bigint;
ALTER TABLE orgwatch.incident_history ADD COLUMN transaction xid8;
ALTER TABLE orgwatch.incident_history ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
ALTER TABLE orgwatch.incident_history ADD COLUMN position bigint;
ALTER TABLE orgwatch.incident_history ALTER COLUMN position SET DEFAULT nextval('orgwatch.changes');
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incident_history_by_position ON orgwatch.incident_history (org_id, transaction, position);
-- For streams of several orgs.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incident_history_of_all_by_position ON orgwatch.incident_history (transaction, position);

-- What changed in a span of time.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX incident_history_by_time ON orgwatch.incident_history (at);

-- That there was an incident, so that clients with copies delete theirs; nothing about whom it concerned.
CREATE TABLE orgwatch.erased_incidents (
    incident_id uuid PRIMARY KEY,
    org_id text NOT NULL,
    erased_at timestamptz NOT NULL
);
CREATE INDEX erased_incidents_by_time ON orgwatch.erased_incidents (erased_at);

-- An action may be of one org, and is then seen by its administrators.
ALTER TABLE orgwatch.audit ADD COLUMN org_id text;
ALTER TABLE orgwatch.audit ALTER COLUMN actor SET DEFAULT orgwatch.actor();
ALTER TABLE orgwatch.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.decisions ALTER COLUMN decided_by SET DEFAULT orgwatch.actor();

-- Gives the console's role what it needs; false if there is no such role. Its policies name the orgs of the session.
CREATE FUNCTION orgwatch.grant_console() RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    -- A policy that is not there yet is no news.
    SET client_min_messages = warning
AS $$
DECLARE
    sees constant text := $policy$org_id = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[])
        OR '*' = ANY ((SELECT orgwatch.session_orgs('viewer'))::text[])$policy$;
    of_org text;
BEGIN
    IF to_regrole('orgwatch_console') IS NULL THEN
        RETURN false;
    END IF;
    GRANT USAGE ON SCHEMA orgwatch TO orgwatch_console;
    FOREACH of_org IN ARRAY ARRAY['incidents', 'findings', 'entity_risk', 'incident_history', 'decisions',
        'source_states', 'source_gaps', 'org_clocks', 'user_days', 'erased_incidents']
    LOOP
        EXECUTE format('GRANT SELECT ON orgwatch.%I TO orgwatch_console', of_org);
        EXECUTE format('DROP POLICY IF EXISTS session_orgs ON orgwatch.%I', of_org);
        EXECUTE format('CREATE POLICY session_orgs ON orgwatch.%I FOR SELECT TO orgwatch_console USING (%s)', of_org, sees);
    END LOOP;

    -- Settings are stored before they are first used, and read by a function.
    GRANT SELECT (hash), INSERT (hash, toml) ON orgwatch.settings TO orgwatch_console;
    GRANT SELECT (decision_id, partition, hour) ON orgwatch.decision_effects TO orgwatch_console;
    GRANT SELECT (decision_id, purpose), INSERT ON orgwatch.decisions_due TO orgwatch_console;
    GRANT SELECT ON orgwatch.deliveries TO orgwatch_console;
    DROP POLICY IF EXISTS session_orgs ON orgwatch.deliveries;
    CREATE POLICY session_orgs ON orgwatch.deliveries FOR SELECT TO orgwatch_console
        USING (EXISTS (SELECT FROM orgwatch.incidents i WHERE i.incident_id = deliveries.incident_id));

    GRANT INSERT (decision_id, org_id, user_id, kind, incident_id, replaces, payload, reason, valid_from, valid_until,
        claimed_by, request_id, request_hash) ON orgwatch.decisions TO orgwatch_console;
    DROP POLICY IF EXISTS session_decides ON orgwatch.decisions;
    CREATE POLICY session_decides ON orgwatch.decisions FOR INSERT TO orgwatch_console WITH CHECK (
        orgwatch.session_may(orgwatch.role_to_decide(kind, user_id, replaces), ARRAY[org_id]));

    GRANT SELECT, INSERT (subject, incident_id, revision), UPDATE (revision, at) ON orgwatch.looks TO orgwatch_console;
    DROP POLICY IF EXISTS own_looks ON orgwatch.looks;
    CREATE POLICY own_looks ON orgwatch.looks TO orgwatch_console
        USING (subject = (SELECT orgwatch.session_subject())) WITH CHECK (
            subject = (SELECT orgwatch.session_subject())
            AND EXISTS (SELECT FROM orgwatch.incidents i WHERE i.incident_id = looks.incident_id));

    GRANT SELECT, INSERT (org_id, action, subject, detail) ON orgwatch.audit TO orgwatch_console;
    DROP POLICY IF EXISTS session_reads ON orgwatch.audit;
    DROP POLICY IF EXISTS session_writes ON orgwatch.audit;
    CREATE POLICY session_reads ON orgwatch.audit FOR SELECT TO orgwatch_console USING (
        org_id = ANY ((SELECT orgwatch.session_orgs('administrator'))::text[])
        OR '*' = ANY ((SELECT orgwatch.session_orgs('administrator'))::text[]));
    CREATE POLICY session_writes ON orgwatch.audit FOR INSERT TO orgwatch_console WITH CHECK (true);

    GRANT SELECT (partition, org_id) ON orgwatch.baseline_state TO orgwatch_console;
    -- Without sqlx, as where queries are checked, there is no table of migrations.
    IF to_regclass('orgwatch.migrations') IS NOT NULL THEN
        GRANT SELECT ON orgwatch.migrations TO orgwatch_console;
    END IF;
    GRANT EXECUTE ON FUNCTION orgwatch.session_id(), orgwatch.session_orgs(text), orgwatch.session_may(text, text[]),
        orgwatch.session_subject(), orgwatch.role_to_decide(text, text, uuid), orgwatch.current_session(), orgwatch.touch_session(),
        orgwatch.open_session(uuid, bytea, text, text, timestamptz, interval, jsonb, bytea, interval),
        orgwatch.renew_session(jsonb),
        orgwatch.create_token(uuid, bytea, text, timestamptz, jsonb), orgwatch.end_session(uuid),
        orgwatch.other_sessions(), orgwatch.take_check(interval), orgwatch.note_check(bytea),
        orgwatch.note_failed_check(bytea, interval, interval),
        orgwatch.incidents_with_facets(text[], integer), orgwatch.incidents_with_words(text, integer),
        orgwatch.accounts_with_facet(text, text, integer),
        orgwatch.first_days(text, jsonb[], timestamptz, timestamptz, integer),
        orgwatch.count_user_days(text, timestamptz, timestamptz),
        orgwatch.days_of_classes(text, timestamptz, timestamptz),
        orgwatch.learned_state(text, text[]), orgwatch.settings_of_session(text[])
        TO orgwatch_console;
    RETURN true;
END
$$;

ALTER TABLE orgwatch.looks ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.session_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.org_clocks ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgwatch.erased_incidents ENABLE ROW LEVEL SECURITY;
-- Statistics of rows that a session does not see would say what is in them.
SELECT orgwatch.gather_no_statistics(protected) FROM unnest(ARRAY['incidents', 'findings', 'decisions', 'incident_history', 'looks', 'sessions',
    'session_roles', 'org_clocks', 'audit', 'erased_incidents']) AS protected;
SELECT orgwatch.gather_no_statistics(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('orgwatch.incident_history'::regclass, 'orgwatch.audit'::regclass);
REVOKE EXECUTE ON FUNCTION orgwatch.session_id(), orgwatch.session_orgs(text), orgwatch.session_may(text, text[]),
    orgwatch.session_subject(), orgwatch.role_to_decide(text, text, uuid), orgwatch.current_session(), orgwatch.touch_session(),
    orgwatch.open_session(uuid, bytea, text, text, timestamptz, interval, jsonb, bytea, interval),
    orgwatch.renew_session(jsonb),
    orgwatch.create_token(uuid, bytea, text, timestamptz, jsonb), orgwatch.end_session(uuid), orgwatch.other_sessions(),
    orgwatch.take_check(interval), orgwatch.note_check(bytea),
    orgwatch.note_failed_check(bytea, interval, interval),
    orgwatch.incidents_with_facets(text[], integer), orgwatch.incidents_with_words(text, integer),
    orgwatch.accounts_with_facet(text, text, integer),
    orgwatch.first_days(text, jsonb[], timestamptz, timestamptz, integer),
    orgwatch.count_user_days(text, timestamptz, timestamptz),
    orgwatch.days_of_classes(text, timestamptz, timestamptz),
    orgwatch.learned_state(text, text[]), orgwatch.settings_of_session(text[])
    FROM PUBLIC;

DO $$
DECLARE
    anchor constant text := '(service, ''SELECT'', ''migrations''),';
    ending constant text := 'RETURN missing;';
    definition text := pg_get_functiondef('orgwatch.grant_roles()'::regprocedure);
BEGIN
    IF strpos(definition, anchor) = 0 OR strpos(definition, ending) = 0 THEN
        RAISE EXCEPTION 'orgwatch.grant_roles() has no line % or %', anchor, ending;
    END IF;
    definition := replace(definition, anchor, anchor || '
                (''correlator'', ''INSERT (summary, detectors, pattern, facets, words, leading_finding_id),
                    UPDATE (summary, detectors, pattern, facets, words, leading_finding_id)'', ''incidents''),
                -- A snoozed incident is not notified.
                (''notifier'', ''SELECT (incident_id, status, snoozed_until)'', ''incidents''),
                -- Old sessions are removed with other old rows.
                (''correlator'', ''SELECT (expires_at, ended_at), DELETE'', ''sessions''),
                (''correlator'', ''SELECT, DELETE'', ''looks''),
                (''operator'', ''INSERT (request_id, request_hash)'', ''decisions''),
                (''operator'', ''SELECT, INSERT (subject, incident_id, revision), UPDATE (revision, at), DELETE'', ''looks''),
                (''correlator'', ''SELECT (erased_at), DELETE'', ''erased_incidents''),
                (''operator'', ''SELECT, INSERT, UPDATE (erased_at), DELETE'', ''erased_incidents''),');
    EXECUTE replace(definition, ending, 'IF NOT orgwatch.grant_console() THEN
        missing := missing || ''orgwatch_console''::text;
    END IF;
    IF to_regrole(''orgwatch_operator'') IS NOT NULL THEN
        GRANT EXECUTE ON FUNCTION orgwatch.create_token(uuid, bytea, text, timestamptz, jsonb), orgwatch.end_session(uuid)
            TO orgwatch_operator;
    END IF;
    IF to_regrole(''orgwatch_correlator'') IS NOT NULL THEN
        GRANT USAGE ON SEQUENCE orgwatch.changes TO orgwatch_correlator;
    END IF;
    RETURN missing;');
    BEGIN
        IF to_regrole('orgwatch_console') IS NULL THEN
            CREATE ROLE orgwatch_console NOLOGIN;
        END IF;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
        WHEN insufficient_privilege THEN NULL;
    END;
    IF orgwatch.grant_roles() <> '{}' THEN
        RAISE NOTICE 'roles are missing: make them, then SELECT orgwatch.grant_roles()';
    END IF;
END
$$;
