//! Database roles: each service can do its own work with its role, and nothing else.

use crate::support::{Database, decision, finding, incident, open, org, put_incidents, stored, user, user_day};
use model::{Disposition, Points, Ruling, Severity, Timestamp, UserClass, Uuid};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use servers::Postgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;
use store::{
    Claim, DecisionFilter, DeliveryKey, Effect, ErasureRecord, FindingFilter, HistoryWrite, IncidentFilter, NewGap,
    OutboxWrite, Owner, Purpose, Retention, RiskWrite, Settings, SourceState, StateEntry, StateKey, Store,
};

const SERVICES: [&str; 7] = ["ingest", "baseline", "detector", "correlator", "notifier", "operator", "console"];
const MINUTE: Duration = Duration::from_secs(60);

/// Creates a login that is a member of the service's role alone, and returns settings for it.
async fn settings_of(database: &Database, service: &str) -> Settings {
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    let login = format!("{service}_of_{name}");
    let made = format!(
        "DO $$ BEGIN CREATE ROLE {login} LOGIN IN ROLE orgwatch_{service}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    );
    execute(&mut database.connection().await, &made).await.unwrap();
    let url = database.url().replace("postgres@", &format!("{login}@"));
    Settings { url: SecretString::from(url), ..Settings::default() }
}

pub(crate) async fn store_of(database: &Database, service: &str) -> Store {
    Store::connect(&settings_of(database, service).await, service).await.unwrap()
}

async fn connection_of(database: &Database, service: &str) -> PgConnection {
    let url = settings_of(database, service).await.url;
    PgConnection::connect(url.expose_secret()).await.unwrap()
}

async fn execute(connection: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.map(drop)
}

async fn texts(connection: &mut PgConnection, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(connection).await.unwrap()
}

/// Lists the privileges of the roles on tables, columns, functions and the schema, a line for each role and object.
const GRANTS: &str = "
    SELECT format('%s %s: %s', substr(role::text, 10), object, string_agg(verb, ', ' ORDER BY verb)) FROM (
        SELECT a.grantee::regrole AS role, c.relname::text AS object, a.privilege_type AS verb
        FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'orgwatch'::regnamespace
        UNION ALL
        SELECT a.grantee::regrole, c.relname, format('%s (%s)', a.privilege_type, string_agg(t.attname, ', ' ORDER BY t.attnum))
        FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
        WHERE c.relnamespace = 'orgwatch'::regnamespace GROUP BY a.grantee, c.relname, a.privilege_type
        UNION ALL
        SELECT a.grantee::regrole, p.proname || '()', a.privilege_type
        FROM pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace = 'orgwatch'::regnamespace
        UNION ALL
        SELECT a.grantee::regrole, 'the schema', a.privilege_type
        FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'orgwatch'
    ) AS granted (role, object, verb)
    WHERE role::text LIKE 'orgwatch%' GROUP BY role, object ORDER BY role::text, object";

#[tokio::test]
async fn what_each_role_may_do() {
    let (database, _store) = Database::migrated().await;
    insta::assert_snapshot!(texts(&mut database.connection().await, GRANTS).await.join("\n"));
}

#[tokio::test]
async fn roles_that_are_made_later_get_the_same() {
    let (database, _store) = Database::migrated().await;
    let mut owner = database.connection().await;
    // Functions are left out: the owner of one keeps its own right.
    let of_tables = async |owner: &mut PgConnection| {
        let lines = texts(owner, GRANTS).await.into_iter();
        lines.filter(|line| !line.contains("()") && !line.starts_with("reader ")).collect::<Vec<_>>()
    };
    let before = of_tables(&mut owner).await;
    let services = SERVICES.map(|service| format!("orgwatch_{service}")).join(", ");
    let revoke = format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA orgwatch FROM {services};
         REVOKE ALL ON ALL SEQUENCES IN SCHEMA orgwatch FROM {services}; REVOKE ALL ON SCHEMA orgwatch FROM {services}"
    );
    execute(&mut owner, &revoke).await.unwrap();
    assert!(of_tables(&mut owner).await.is_empty());
    execute(&mut owner, "SELECT orgwatch.grant_roles()").await.unwrap();
    assert_eq!(of_tables(&mut owner).await, before);
}

#[tokio::test]
async fn ingest_keeps_positions_and_coverage() {
    let (database, _store) = Database::migrated().await;
    let store = store_of(&database, "ingest").await;
    for position in [1, 2] {
        store.put_position("stream", &org(), &json!(position)).await.unwrap();
    }
    assert_eq!(store.position("stream", &org()).await.unwrap(), Some(json!(2)));
    let state = SourceState {
        source: "stream".into(),
        kind: "login".into(),
        state: "leading".into(),
        last_event_at: None,
        last_heard_at: None,
        detail: None,
    };
    for _ in 0..2 {
        store.put_source_states(&org(), std::slice::from_ref(&state)).await.unwrap();
    }
    assert_eq!(store.source_states(Some(&org())).await.unwrap().len(), 1);
    let (source, kind, reason) = (state.source, state.kind, String::new());
    let mut gap = NewGap { source, kind, from: Timestamp(0), to: Timestamp(1), reason };
    store.open_gap(&org(), &gap).await.unwrap();
    gap.to = Timestamp(2);
    store.open_gap(&org(), &gap).await.unwrap();
    let open = store.open_gaps(&org()).await.unwrap();
    store.close_gap(&open[0], "filled").await.unwrap();
    assert!(store.open_gaps(&org()).await.unwrap().is_empty());
    let owner = Owner::connect(&settings_of(&database, "ingest").await, "ingest", "orgs", 1).await.unwrap();
    assert!(owner.try_acquire(1).await.unwrap());
}

#[tokio::test]
async fn baseline_keeps_its_state() {
    let (database, store) = Database::migrated().await;
    let owner = Owner::connect(&settings_of(&database, "baseline").await, "baseline", "test", 1).await.unwrap();
    assert!(owner.try_acquire(3).await.unwrap());
    let entry = |key: &str| StateEntry { org_id: org(), key: key.into(), bytes: vec![1] };
    owner.checkpoint(3, 1, &[entry("a"), entry("b")], &[], &[], &[]).await.unwrap();
    let gone = StateKey { org_id: org(), key: "b".into() };
    store.record(&decision(1, &org(), None, Ruling::Joined)).await.unwrap();
    let effect = |hour| Effect { decision_id: Uuid::from_u128(1), hour: Timestamp(hour) };
    owner.checkpoint(3, 2, &[entry("a")], &[gone], &[effect(1)], &[]).await.unwrap();
    owner.checkpoint(3, 2, &[], &[], &[effect(2)], &[user_day(&user("emma"), 20_000)]).await.unwrap();
    owner.checkpoint(3, 2, &[], &[], &[], &[user_day(&user("emma"), 20_000)]).await.unwrap();
    for clock in [1, 2] {
        owner.put_clocks(3, 2, &[(org(), Timestamp(clock))]).await.unwrap();
    }
    assert_eq!(owner.load_checkpoint(3).await.unwrap(), Some(2));
    assert_eq!(owner.load_page(3, "~", None).await.unwrap(), [entry("a")]);
    // Every process runs these queries when it starts.
    for service in SERVICES {
        let store = store_of(&database, service).await;
        assert_eq!(store.placements().await.unwrap(), [(3, org())], "{service}");
        store.check_schema().await.unwrap();
        // What has run already needs no rights.
        store.migrate().await.unwrap();
        if service != "notifier" {
            store.put_settings(service, "").await.unwrap();
            let read = store.settings(&[service.into()]).await;
            // The console reads them by a function, in the name of a session.
            assert_eq!(read.map(|found| found.len()).ok(), (service != "console").then_some(1), "{service}");
        }
    }
}

#[tokio::test]
async fn correlator_writes_and_notifier_delivers() {
    let (database, owner) = Database::migrated().await;
    owner.record(&decision(1, &org(), None, Ruling::Joined)).await.unwrap();
    let (store, emma) = (store_of(&database, "correlator").await, user("emma"));
    let (incident, change) = (incident(1, &emma), String::from("opened"));
    for _ in 0..2 {
        let mut correlation = store.correlate(std::slice::from_ref(&emma)).await.unwrap();
        correlation.put_findings(&[stored(finding(2, &emma))]).await.unwrap();
        let mut written = open(incident.clone());
        (written.disposition, written.assignee) = (Some(Disposition::Benign), Some("alice".into()));
        written.snoozed_until = Some(Timestamp(9));
        correlation.put_incidents(&[written]).await.unwrap();
        assert_eq!(correlation.decisions().await.unwrap().len(), 1);
        let risk = RiskWrite {
            org_id: org(),
            user_id: emma.1.clone(),
            username: None,
            user_class: UserClass::Power,
            risk_score: Points(7_250),
            incidents: 1,
            last_event_at: Some(Timestamp(1_000_000)),
        };
        correlation.put_risk(&[risk]).await.unwrap();
        correlation.put_history(&[line(incident.incident_id, &change)]).await.unwrap();
        let outbox = OutboxWrite {
            incident_id: incident.incident_id,
            revision: 1,
            org_id: org(),
            change: change.clone(),
            message: vec![],
            traceparent: None,
            end_reason: None,
            merged_into: None,
        };
        correlation.put_outbox(&[outbox]).await.unwrap();
        assert_eq!(correlation.findings(&[Uuid::from_u128(2)], &[]).await.unwrap().len(), 1);
        assert_eq!(correlation.incidents(&[], &[incident.incident_id], &[]).await.unwrap().len(), 1);
        assert_eq!(correlation.unended().await.unwrap().len(), 1);
        assert_eq!(correlation.other_incidents(&[]).await.unwrap()[0].counted, 1);
        correlation.commit().await.unwrap();
    }
    for purpose in [Purpose::Incidents, Purpose::Stream] {
        let due = store.due_decisions(purpose, 10).await.unwrap();
        let ids: Vec<Uuid> = due.iter().map(|decision| decision.decision_id).collect();
        assert_eq!(ids.len(), usize::from(purpose == Purpose::Incidents));
        store.done_with(purpose, &ids).await.unwrap();
    }
    assert_eq!(store.decisions(&DecisionFilter::default()).await.unwrap().len(), 1);
    let clock = format!("INSERT INTO orgwatch.org_clocks VALUES (3, '{}', {})", org(), i64::MAX);
    execute(&mut database.connection().await, &clock).await.unwrap();
    assert_eq!(store.ending_accounts(0, &[].into(), 10).await.unwrap().len(), 1);
    assert_eq!(store.outbox_backlog().await.unwrap().0, 2);
    let relayed = store.relay(10, async |rows| rows.iter().map(|row| row.id).collect()).await.unwrap().unwrap();
    assert_eq!(relayed.published, 2);

    let notifier = store_of(&database, "notifier").await;
    assert_eq!(notifier.earlier_changes(incident.incident_id, 9).await.unwrap().len(), 1);
    assert!(notifier.change(incident.incident_id, 1).await.unwrap().is_some());
    let key = |destination: &str| DeliveryKey {
        incident_id: incident.incident_id,
        revision: 1,
        destination: destination.into(),
    };
    assert_eq!(notifier.snoozed(incident.incident_id).await.unwrap().map(|snoozed| snoozed.until), Some(Timestamp(9)));
    for destination in ["confirmed", "failed", "suppressed"] {
        assert!(matches!(notifier.claim(&key(destination), MINUTE).await.unwrap(), Claim::Send { attempt: 1 }));
    }
    assert!(notifier.confirmed(&key("confirmed")).await.unwrap());
    assert!(notifier.failed(&key("failed"), 1, None, "gone").await.unwrap());
    assert!(notifier.revive(&key("failed"), MINUTE, Timestamp(i64::from(u32::MAX) * 1_000)).await.unwrap());
    assert!(notifier.suppressed(&key("suppressed")).await.unwrap());
    assert!(notifier.due(10).await.unwrap().is_empty());

    let ended = "INSERT INTO orgwatch.sessions (session_id, secret_hash, kind, name, subject, created_by, expires_at)
                 SELECT gen_random_uuid(), sha256(n::text::bytea), 'token', 'a', 'a', 'a', now() + n * interval '100 years'
                 FROM generate_series(0, 1) n";
    sqlx::query(ended).execute(&mut database.connection().await).await.unwrap();
    let far = Retention { delivery_days: 0, ..Retention::default() };
    let kept = store.housekeeping(Timestamp::parse("2097-01-15").unwrap(), &far).await.unwrap().unwrap();
    // Three months of two tables, and those of days from December 2095 on.
    assert_eq!((kept.months_made, kept.deliveries_deleted, kept.sessions_deleted), (6 + 16, 2, 1));
}

fn line(incident_id: Uuid, change: &str) -> HistoryWrite {
    HistoryWrite {
        incident_id,
        revision: 1,
        org_id: org(),
        change: change.to_owned(),
        risk_score: Points(7_250),
        severity: Severity::High,
        message: vec![],
        end_reason: None,
        merged_into: None,
    }
}

#[tokio::test]
async fn an_operator_reads_decides_and_erases() {
    let (database, owner) = Database::migrated().await;
    let emma = user("emma");
    put_incidents(&owner, &emma, &[open(incident(1, &emma))]).await;
    let store = store_of(&database, "operator").await;
    let acknowledged = Ruling::Acknowledged { incident_id: Uuid::from_u128(1) };
    let recorded = store.record(&decision(9, &org(), Some("emma"), acknowledged)).await.unwrap();
    assert!(recorded.decided_by.starts_with("operator_of_"), "{}", recorded.decided_by);
    let undone = Ruling::Undone { decision_id: recorded.decision_id };
    store.record(&decision(8, &org(), Some("emma"), undone)).await.unwrap();
    assert!(store.is_due(&[recorded.decision_id]).await.unwrap());
    assert_eq!(store.org_clock(&org()).await.unwrap(), None);
    assert_eq!(store.accounts(&org(), None, 10).await.unwrap(), [emma.1]);
    assert_eq!(store.incidents(&IncidentFilter::default()).await.unwrap().len(), 1);
    assert!(store.findings(&FindingFilter::default()).await.unwrap().is_empty());

    let operator =
        Owner::connect_as_nonmember(&settings_of(&database, "operator").await, "operator", "test").await.unwrap();
    assert!(operator.take_over(3, MINUTE).await.unwrap());
    let entry = StateEntry { org_id: org(), key: "a".into(), bytes: vec![1] };
    operator.checkpoint(3, 1, &[entry], &[], &[], &[]).await.unwrap();
    assert_eq!(operator.forget_org(3, &org()).await.unwrap(), 1);
    operator.forget(3).await.unwrap();
    let record = ErasureRecord { claimed_by: None, action: "org removed", subject: "test" };
    let erased = store.erase(&org(), None, record).await.unwrap();
    assert_eq!((erased.incidents, erased.decisions), (1, 2));
    assert_eq!(store.audit_page(None, 10).await.unwrap().entries.len(), 1);
    assert!(store.all_gaps(None, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn other_services_work_is_refused() {
    let (database, _store) = Database::migrated().await;
    for (service, statement) in [
        ("ingest", "SELECT bytes FROM orgwatch.baseline_state"),
        ("ingest", "SELECT FROM orgwatch.findings"),
        ("baseline", "SELECT FROM orgwatch.incidents"),
        ("baseline", "UPDATE orgwatch.source_positions SET position = 'null'"),
        ("detector", "SELECT FROM orgwatch.incidents"),
        ("detector", "SELECT key FROM orgwatch.baseline_state"),
        ("detector", "DELETE FROM orgwatch.checkpoints"),
        ("correlator", "DELETE FROM orgwatch.decisions"),
        ("correlator", "INSERT INTO orgwatch.decisions_due VALUES (gen_random_uuid(), 'stream')"),
        ("baseline", "SELECT payload FROM orgwatch.decisions"),
        ("correlator", "DELETE FROM orgwatch.incidents"),
        ("correlator", "DELETE FROM orgwatch.incident_history"),
        ("correlator", "SELECT FROM orgwatch.audit"),
        ("correlator", "SELECT orgwatch.drop_months('audit', now())"),
        ("correlator", "SELECT orgwatch.drop_old_months('incidents', now())"),
        ("notifier", "UPDATE orgwatch.findings SET score = 0"),
        ("notifier", "SELECT user_id FROM orgwatch.incidents"),
        ("notifier", "SELECT orgwatch.create_months('audit', now(), 1)"),
        ("operator", "DELETE FROM orgwatch.audit"),
        ("operator", "UPDATE orgwatch.audit SET actor = 'somebody else'"),
        ("operator", "UPDATE orgwatch.incidents SET risk_score = 0"),
        ("operator", "UPDATE orgwatch.incidents SET disposition = 'benign'"),
        ("operator", "UPDATE orgwatch.decisions SET reason = ''"),
        (
            "operator",
            "INSERT INTO orgwatch.decisions (decision_id, org_id, kind, payload, reason, valid_from, decided_by)
             VALUES (gen_random_uuid(), 'a', 'joined', '{\"kind\": \"joined\"}', '', 0, 'somebody else')",
        ),
        ("operator", "INSERT INTO orgwatch.source_positions VALUES ('a', 'b', 'null')"),
    ] {
        let mut connection = connection_of(&database, service).await;
        let error = execute(&mut connection, statement).await.unwrap_err().to_string();
        let is_refused = error.contains("permission denied") || error.contains("no table of months");
        assert!(is_refused, "{service}: {statement}: {error}");
    }
    let missing = "DELETE FROM orgwatch.migrations WHERE version = (SELECT max(version) FROM orgwatch.migrations)";
    execute(&mut database.connection().await, missing).await.unwrap();
    for service in SERVICES {
        let mut connection = connection_of(&database, service).await;
        for beyond in ["CREATE TABLE orgwatch.extra ()", "ALTER TABLE orgwatch.findings DISABLE ROW LEVEL SECURITY"] {
            execute(&mut connection, beyond).await.unwrap_err();
        }
        store_of(&database, service).await.migrate().await.unwrap_err();
    }
}

#[tokio::test]
async fn the_current_audit_trail_cannot_be_dropped() {
    let (database, store) = Database::migrated().await;
    store.audit(None, "looked", "incident 1", &json!({})).await.unwrap();
    let mut connection = connection_of(&database, "correlator").await;
    for statement in [
        "SELECT orgwatch.drop_old_months('audit', 'infinity')",
        // A temporary view that shadows a catalog must not make the owner's function run the session's code.
        "CREATE FUNCTION pg_temp.erase() RETURNS oid LANGUAGE plpgsql AS
             $$ BEGIN DELETE FROM orgwatch.audit; RETURN 1; END $$",
        "CREATE TEMP VIEW pg_inherits AS SELECT pg_temp.erase() AS inhrelid, 'orgwatch.audit'::regclass::oid AS inhparent",
        "SELECT orgwatch.drop_old_months('audit', 'infinity')",
    ] {
        execute(&mut connection, statement).await.unwrap();
    }
    assert_eq!(store.audit_page(None, 10).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn roles_can_be_created_after_the_schema() {
    let server = Postgres::start().await.unwrap();
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    for statement in ["CREATE ROLE orgwatch_reader", "CREATE ROLE owner LOGIN", "CREATE DATABASE orgwatch OWNER owner"]
    {
        execute(&mut connection, statement).await.unwrap();
    }
    let connect = async |user: &str| {
        let url = server.url_of("orgwatch").replace("postgres@", &format!("{user}@"));
        Store::connect(&Settings { url: url.into(), ..Settings::default() }, "test").await.unwrap()
    };
    // The services work as the owner, who may not create roles.
    let owner = connect("owner").await;
    owner.migrate().await.unwrap();
    let emma = user("emma");
    put_incidents(&owner, &emma, &[open(incident(1, &emma))]).await;
    owner.housekeeping(Timestamp::parse("2097-01-15").unwrap(), &Retention::default()).await.unwrap().unwrap();
    let mut theirs = PgConnection::connect(&server.url_of("orgwatch").replace("postgres@", "owner@")).await.unwrap();
    let missing = "SELECT unnest(orgwatch.grant_roles())";
    assert_eq!(texts(&mut theirs, missing).await, SERVICES.map(|service| format!("orgwatch_{service}")));

    for service in SERVICES {
        execute(&mut connection, &format!("CREATE ROLE orgwatch_{service}")).await.unwrap();
    }
    execute(&mut connection, "CREATE ROLE late LOGIN IN ROLE orgwatch_correlator").await.unwrap();
    let late = connect("late").await;
    assert!(late.incidents(&IncidentFilter::default()).await.is_err());
    for _ in 0..2 {
        assert!(texts(&mut theirs, missing).await.is_empty());
    }
    assert_eq!(late.incidents(&IncidentFilter::default()).await.unwrap().len(), 1);
    late.housekeeping(Timestamp::parse("2098-01-15").unwrap(), &Retention::default()).await.unwrap().unwrap();
}
