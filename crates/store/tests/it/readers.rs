//! Readers in SQL: a login sees the orgs that it is bound to, whatever it sets, creates or asks.

use crate::support::{Database, decision, finding, incident, open, org, put_user_days, stored, user_day};
use model::{OrgId, Ruling, UserId};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::time::Duration;
use store::{DeliveryKey, Erased, ErasureRecord, HistoryWrite, NewGap, Reader, SourceState, Store, StoreError};

/// Everything that readers may read, tables first.
pub(crate) const READABLE: [&str; 18] = [
    "findings",
    "entity_risk",
    "incidents",
    "incident_history",
    "decisions",
    "deliveries",
    "source_states",
    "source_gaps",
    "user_days",
    "reader_incidents",
    "reader_findings",
    "reader_decisions",
    "reader_entity_risk",
    "reader_history",
    "reader_deliveries",
    "reader_coverage",
    "reader_gaps",
    "reader_user_days",
];
const NOTHING: [i64; 18] = [0; 18];
const ONE_ORG: [i64; 18] = [1; 18];
const TWO_ORGS: [i64; 18] = [2; 18];
const OTHER: &str = "00D000000000002AAA";

fn other() -> OrgId {
    OrgId::new(OTHER)
}

/// Inserts one row of the org into every table that readers can see.
async fn fill(store: &Store, id: u128, org: &OrgId) {
    let user = (org.clone(), UserId::new("emma"));
    let mut correlation = store.correlate(std::slice::from_ref(&user)).await.unwrap();
    let incident = incident(id, &user);
    let incident_id = incident.incident_id;
    let mut finding = stored(finding(id, &user));
    finding.incident_id = Some(incident_id);
    correlation.put_findings(&[finding]).await.unwrap();
    let line = HistoryWrite {
        incident_id,
        revision: 1,
        org_id: org.clone(),
        change: "opened".into(),
        risk_score: incident.risk_score,
        severity: incident.severity,
        message: vec![],
        end_reason: None,
        merged_into: None,
    };
    correlation.put_incidents(&[open(incident)]).await.unwrap();
    correlation.put_history(&[line]).await.unwrap();
    correlation.commit().await.unwrap();
    store.record(&decision(id, org, Some("emma"), Ruling::Acknowledged { incident_id })).await.unwrap();
    let delivery = DeliveryKey { incident_id, revision: 1, destination: "soar".into() };
    store.claim(&delivery, Duration::from_secs(60)).await.unwrap();
    let (source, kind) = ("stream".to_owned(), "login".to_owned());
    let state = SourceState {
        source: source.clone(),
        kind: kind.clone(),
        state: "leading".into(),
        last_event_at: Some(model::Timestamp(1_500)),
        last_heard_at: None,
        detail: None,
    };
    store.put_source_states(org, &[state]).await.unwrap();
    let (from, to) = (model::Timestamp(0), model::Timestamp(1_000));
    store.open_gap(org, &NewGap { source, kind, from, to, reason: String::new() }).await.unwrap();
}

/// A database with rows of two orgs.
pub(crate) async fn two_orgs() -> (Database, Store) {
    let (database, store) = Database::migrated().await;
    fill(&store, 1, &org()).await;
    fill(&store, 10, &other()).await;
    let of = |org| user_day(&(org, UserId::new("emma")), 0);
    put_user_days(&database, &[of(org()), of(other())]).await;
    (database, store)
}

/// Creates a login of this database; logins belong to the server.
async fn login(database: &Database, name: &str, options: &str) -> String {
    let login = format!("{name}_of_{}", database.url().rsplit('/').next().unwrap());
    execute(&mut database.connection().await, &format!("CREATE ROLE {login} {options}")).await.unwrap();
    login
}

/// Creates a login that is a reader, binds it to the org, and connects with it.
pub(crate) async fn reader(database: &Database, store: &Store, name: &str, org: &OrgId) -> PgConnection {
    let login = login(database, name, "LOGIN IN ROLE orgwatch_reader").await;
    assert!(store.grant_reader(&login, org).await.unwrap());
    connect(database, &login).await
}

async fn connect(database: &Database, login: &str) -> PgConnection {
    PgConnection::connect(&database.url().replace("postgres@", &format!("{login}@"))).await.unwrap()
}

async fn counts(connection: &mut PgConnection) -> [i64; 18] {
    let columns = READABLE.map(|table| format!("(SELECT count(*) FROM orgwatch.{table})")).join(", ");
    let row = sqlx::query(AssertSqlSafe(format!("SELECT {columns}"))).fetch_one(connection).await.unwrap();
    std::array::from_fn(|index| row.get(index))
}

pub(crate) async fn execute(connection: &mut PgConnection, statements: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await.map(drop)
}

pub(crate) async fn texts(connection: &mut PgConnection, query: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(connection).await.unwrap()
}

/// Asserts that the statement fails with this SQLSTATE.
async fn assert_refused(connection: &mut PgConnection, statement: &str, code: &str) {
    let outcome = execute(connection, statement).await;
    let found = outcome.as_ref().err().and_then(|error| error.as_database_error()?.code());
    assert_eq!(found.as_deref(), Some(code), "{statement}: {outcome:?}");
}

/// SQLSTATE of a statement that a role may not execute.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

#[tokio::test]
async fn a_reader_sees_the_orgs_that_its_login_is_bound_to() {
    let (database, store) = two_orgs().await;
    assert_eq!(counts(&mut database.connection().await).await, TWO_ORGS, "the owner sees all orgs");
    let login = login(&database, "anna", "LOGIN IN ROLE orgwatch_reader").await;
    let mut anna = connect(&database, &login).await;
    assert_eq!(counts(&mut anna).await, NOTHING, "bound to no org");

    assert!(store.grant_reader(&login, &org()).await.unwrap());
    assert!(!store.grant_reader(&login, &org()).await.unwrap(), "it is bound already");
    assert_eq!(counts(&mut anna).await, ONE_ORG);
    assert_eq!(texts(&mut anna, "SELECT org_id FROM orgwatch.incidents").await, [org().as_str()]);
    execute(&mut anna, "PREPARE mine AS SELECT org_id FROM orgwatch.reader_incidents").await.unwrap();
    assert!(store.grant_reader(&login, &other()).await.unwrap());
    assert_eq!(counts(&mut anna).await, TWO_ORGS);
    assert_eq!(store.readers().await.unwrap().len(), 2);

    assert!(store.revoke_reader(&login, &org()).await.unwrap());
    assert!(!store.revoke_reader(&login, &org()).await.unwrap(), "it is not bound any more");
    assert_eq!(texts(&mut anna, "EXECUTE mine").await, [OTHER], "also for a statement that was prepared before");
    let record = ErasureRecord { claimed_by: None, action: "b", subject: "c" };
    let erased = store.erase(&other(), None, record).await.unwrap();
    assert!(matches!(erased, Erased { readers: 1, .. }));
    assert_eq!(counts(&mut anna).await, NOTHING);

    let entries = store.audit_page(None, 10).await.unwrap().entries;
    let actions: Vec<_> = entries.iter().rev().map(|entry| (entry.action.as_str(), entry.subject.as_str())).collect();
    let (granted, revoked) = (("reader granted", login.as_str()), ("reader revoked", login.as_str()));
    assert_eq!(actions, [granted, granted, revoked, ("b", "c")]);
    assert_eq!((entries[3].actor.as_str(), &entries[3].detail["org"]), ("postgres", &org().as_str().into()));
}

#[tokio::test]
async fn a_reader_does_not_escape_from_its_org() {
    let (database, store) = two_orgs().await;
    execute(&mut database.connection().await, "CREATE SCHEMA shared; GRANT ALL ON SCHEMA shared TO orgwatch_reader")
        .await
        .unwrap();
    let mut bert = reader(&database, &store, "bert", &other()).await;
    execute(
        &mut bert,
        "CREATE VIEW shared.of_bert AS SELECT org_id FROM orgwatch.incidents; GRANT SELECT ON shared.of_bert TO PUBLIC",
    )
    .await
    .unwrap();
    assert_eq!(texts(&mut bert, "SELECT org_id FROM shared.of_bert").await, [OTHER]);
    let mut anna = reader(&database, &store, "anna", &org()).await;
    let login = texts(&mut anna, "SELECT session_user::text").await.remove(0);

    let tries = [
        format!("SET orgwatch.org_id = '{OTHER}'"),
        "SET ROLE orgwatch_reader".into(),
        "RESET ROLE".into(),
        // A view and functions of one's own, one that runs with its owner's rights among them.
        "CREATE TEMP VIEW own AS SELECT * FROM orgwatch.incidents".into(),
        "CREATE FUNCTION shared.count_all() RETURNS bigint LANGUAGE sql SECURITY DEFINER
         RETURN (SELECT count(*) FROM orgwatch.incidents)"
            .into(),
        // Names that shadow those of the policies and of their function.
        format!(
            "CREATE TEMP TABLE readers (login text, org_id text); INSERT INTO readers VALUES ('{login}', '{OTHER}');
             CREATE FUNCTION shared.reader_orgs() RETURNS text[] LANGUAGE sql RETURN ARRAY['{OTHER}'];
             CREATE FUNCTION shared.yes(text, name) RETURNS boolean LANGUAGE sql RETURN true;
             CREATE FUNCTION shared.yes(text, text) RETURNS boolean LANGUAGE sql RETURN true;
             CREATE OPERATOR shared.= (LEFTARG = text, RIGHTARG = name, FUNCTION = shared.yes);
             CREATE OPERATOR shared.= (LEFTARG = text, RIGHTARG = text, FUNCTION = shared.yes);
             SET search_path = pg_temp, shared, orgwatch, pg_catalog"
        ),
    ];
    for statements in tries {
        execute(&mut anna, &statements).await.expect(&statements);
        assert_eq!(counts(&mut anna).await, ONE_ORG, "{statements}");
    }
    execute(&mut anna, "RESET search_path").await.unwrap();
    let seen = "SELECT org_id FROM own UNION ALL SELECT org_id FROM shared.of_bert
                UNION ALL SELECT shared.count_all()::text";
    assert_eq!(texts(&mut anna, seen).await, [org().as_str(), org().as_str(), "1"]);

    // The planner may call a function that leaks its argument only on rows that have passed the policies.
    execute(
        &mut anna,
        &format!(
            "CREATE FUNCTION pg_temp.leak(org text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
             BEGIN IF org = '{OTHER}' THEN RAISE EXCEPTION 'leaked %', org; END IF; RETURN true; END $$"
        ),
    )
    .await
    .unwrap();
    for table in READABLE.iter().filter(|table| **table != "deliveries") {
        let query = format!("SELECT org_id FROM orgwatch.{table} WHERE pg_temp.leak(org_id)");
        assert_eq!(texts(&mut anna, &query).await, [org().as_str()], "{table}");
        assert_eq!(copied(&database, &login, &format!("orgwatch.{table}")).await, Ok(1), "{table}");
    }
    // Raised by the function itself.
    assert_refused(&mut anna, &format!("SELECT pg_temp.leak('{OTHER}')"), "P0001").await;
}

/// Copies a table as psql does, and returns the number of rows.
async fn copied(database: &Database, login: &str, table: &str) -> Result<usize, String> {
    let url = database.url().replace("postgres@", &format!("{login}@"));
    // Views and partitioned tables can only be copied as a query.
    let is_partitioned = ["orgwatch.incident_history", "orgwatch.user_days"].contains(&table);
    let is_table = !table.contains("reader_") && !is_partitioned;
    let from = if is_table { table.to_owned() } else { format!("(SELECT * FROM {table})") };
    let mut psql = tokio::process::Command::new(database.server.program("psql"));
    let output = psql.arg(url).arg("--command").arg(format!("COPY {from} TO STDOUT")).output().await.unwrap();
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr).unwrap());
    }
    Ok(String::from_utf8(output.stdout).unwrap().lines().count())
}

#[tokio::test]
async fn what_a_reader_is_refused() {
    let (database, store) = two_orgs().await;
    let bert = login(&database, "bert", "LOGIN IN ROLE orgwatch_reader").await;
    let mut anna = reader(&database, &store, "anna", &org()).await;
    let months =
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'orgwatch.incident_history'::regclass";
    let months = texts(&mut anna, months).await;
    assert!(months.len() > 3, "{months:?}");
    let direct = months.iter().map(|month| format!("SELECT FROM {month}"));
    let denied = [
        "SELECT FROM orgwatch.readers",
        "COPY orgwatch.readers TO STDOUT",
        "INSERT INTO orgwatch.readers (login, org_id) VALUES (session_user, 'a')",
        "UPDATE orgwatch.readers SET org_id = 'a'",
        "DELETE FROM orgwatch.readers",
        "SELECT FROM orgwatch.baseline_state",
        "SELECT FROM orgwatch.outbox",
        "SELECT FROM orgwatch.audit",
        "SELECT FROM pg_statistic",
        "UPDATE orgwatch.incidents SET status = 'resolved'",
        "UPDATE orgwatch.reader_incidents SET status = 'resolved'",
        "DELETE FROM orgwatch.findings",
        "DELETE FROM orgwatch.decisions",
        "SELECT FROM orgwatch.decision_effects",
        "SELECT FROM orgwatch.decisions_due",
        "INSERT INTO orgwatch.entity_risk (org_id, user_id) VALUES ('a', 'b')",
        "CREATE OR REPLACE FUNCTION orgwatch.reader_orgs() RETURNS text[] LANGUAGE sql RETURN ARRAY['a']",
        "SELECT orgwatch.grant_roles()",
        "SELECT orgwatch.gather_no_statistics('incidents')",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "ALTER TABLE orgwatch.incidents DISABLE ROW LEVEL SECURITY",
        "ALTER FUNCTION orgwatch.reader_orgs() RESET ALL",
        // Without row security Postgres refuses the query instead of showing all rows.
        "SET row_security = off; SELECT FROM orgwatch.incidents",
        "SET SESSION AUTHORIZATION postgres",
        "SET ROLE orgwatch_operator",
    ];
    let of_others = [format!("SET SESSION AUTHORIZATION {bert}"), format!("SET ROLE {bert}")];
    for statement in denied.map(str::to_owned).into_iter().chain(of_others).chain(direct) {
        assert_refused(&mut anna, &statement, INSUFFICIENT_PRIVILEGE).await;
    }
}

#[tokio::test]
async fn estimates_and_statistics_say_nothing_of_other_orgs() {
    let (database, store) = two_orgs().await;
    let mut owner = database.connection().await;
    let many = format!(
        "INSERT INTO orgwatch.findings (finding_id, org_id, user_id, detector, severity, score, revision, observed_at,
             revised_at, withdrawn, summary, message)
         SELECT gen_random_uuid(), '{OTHER}', 'omar', 'row_spike', 3, 9, 1, n, n, false, 'secret', ''
         FROM generate_series(1, 3000) n;
         INSERT INTO orgwatch.incident_history (incident_id, revision, org_id, change, risk_score, severity, message)
         SELECT gen_random_uuid(), 1, '{OTHER}', 'escalated', 9000, 3, '' FROM generate_series(1, 3000);
         ANALYZE"
    );
    execute(&mut owner, &many).await.unwrap();
    let protected = "SELECT count(*)::text FROM pg_stats s JOIN pg_class c
             ON c.oid = format('%I.%I', s.schemaname, s.tablename)::regclass
         WHERE s.schemaname = 'orgwatch' AND (c.relrowsecurity OR c.relispartition)";
    assert_eq!(texts(&mut owner, protected).await, ["0"]);

    let mut anna = reader(&database, &store, "anna", &org()).await;
    let present_and_absent = [
        ("findings WHERE org_id = ", OTHER, "00D000000000003AAA"),
        ("findings WHERE user_id = ", "omar", "carl"),
        ("findings WHERE summary = ", "secret", "nobody"),
        ("findings WHERE summary < ", "secrets", "a"),
        ("reader_findings WHERE detector = ", "row_spike", "no_such"),
        ("findings WHERE severity = ", "3", "1"),
        ("incident_history WHERE org_id = ", OTHER, "00D000000000003AAA"),
        ("reader_history WHERE change = ", "escalated", "opened"),
    ];
    for (query, present, absent) in present_and_absent {
        let plan = async |anna: &mut PgConnection, value: &str| {
            let plan = texts(anna, &format!("EXPLAIN SELECT FROM orgwatch.{query}'{value}'")).await.join("\n");
            plan.replace(&format!("'{value}'"), "'…'")
        };
        let (present, absent) = (plan(&mut anna, present).await, plan(&mut anna, absent).await);
        assert!(present.contains("'…'") && present.contains("rows="), "{present}");
        assert_eq!(present, absent, "{query}");
    }
}

#[tokio::test]
async fn what_readers_may_read_has_policies() {
    let (database, _store) = Database::migrated().await;
    let mut owner = database.connection().await;
    let readable = "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'orgwatch'::regnamespace
        AND c.relkind IN ('r', 'p', 'v') AND has_any_column_privilege('orgwatch_reader', c.oid, 'SELECT') ORDER BY 1";
    let mut expected = READABLE.map(str::to_owned);
    expected.sort();
    assert_eq!(texts(&mut owner, readable).await, expected);
    let open = "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'orgwatch'::regnamespace
        AND has_any_column_privilege('orgwatch_reader', c.oid, 'SELECT')
        AND CASE c.relkind WHEN 'v' THEN NOT coalesce(c.reloptions, '{}') @> '{security_invoker=true}'
            ELSE NOT c.relrowsecurity OR NOT EXISTS (
                SELECT FROM pg_policies p WHERE p.schemaname = 'orgwatch' AND p.tablename = c.relname
                    AND p.roles = '{orgwatch_reader}' AND p.qual ~ 'reader_orgs|incidents') END";
    assert_eq!(texts(&mut owner, open).await, [""; 0]);
    let function = "SELECT format('%s %s %s', p.prosecdef, r.rolsuper, p.proconfig) FROM pg_proc p
        JOIN pg_roles r ON r.oid = p.proowner WHERE p.oid = 'orgwatch.reader_orgs'::regproc";
    assert_eq!(texts(&mut owner, function).await, [r#"t f {"search_path=pg_catalog, pg_temp"}"#]);
}

#[tokio::test]
async fn only_a_login_that_the_policies_hold_is_bound() {
    let (database, store) = Database::migrated().await;
    let refused = async |name: &str, options: &str| {
        let login = login(&database, name, options).await;
        let StoreError::Reader { problem, .. } = store.grant_reader(&login, &org()).await.unwrap_err() else {
            panic!("{name}")
        };
        problem.replace(&login, name)
    };
    let wider = |role: &str| format!("it may act as {role}, which row policies do not bind or which reads more");
    assert_eq!(refused("plain", "LOGIN").await, "it is no reader yet: GRANT orgwatch_reader TO plain");
    assert_eq!(refused("group", "NOLOGIN").await, "the role is not a login");
    assert_eq!(refused("root", "LOGIN SUPERUSER IN ROLE orgwatch_reader").await, wider("root"));
    assert_eq!(refused("free", "LOGIN BYPASSRLS IN ROLE orgwatch_reader").await, wider("free"));
    // Replication copies whole tables, and the whole cluster.
    assert_eq!(refused("copy", "LOGIN REPLICATION IN ROLE orgwatch_reader").await, wider("copy"));
    assert_eq!(refused("both", "LOGIN IN ROLE orgwatch_reader, orgwatch_operator").await, wider("orgwatch_operator"));
    assert_eq!(refused("wide", "LOGIN IN ROLE orgwatch_reader, pg_read_all_data").await, wider("pg_read_all_data"));
    let nobody = store.grant_reader("nobody", &org()).await.unwrap_err().to_string();
    assert_eq!(nobody, "login nobody cannot be bound to an org: there is no such role");
    assert!(store.readers().await.unwrap().is_empty());

    // A login that gets more rights later is named.
    let login = login(&database, "anna", "LOGIN IN ROLE orgwatch_reader").await;
    store.grant_reader(&login, &org()).await.unwrap();
    let problem = async || store.readers().await.unwrap().remove(0).problem;
    assert_eq!(problem().await, None);
    execute(&mut database.connection().await, &format!("GRANT orgwatch_baseline TO {login}")).await.unwrap();
    assert_eq!(problem().await, Some(wider("orgwatch_baseline")));
    execute(&mut database.connection().await, &format!("DROP ROLE {login}")).await.unwrap();
    let Reader { problem, granted_by, .. } = store.readers().await.unwrap().remove(0);
    assert_eq!((problem.as_deref(), granted_by.as_str()), (Some("there is no such role"), "postgres"));
}
