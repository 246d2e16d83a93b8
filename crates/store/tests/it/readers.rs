use crate::support::{Database, finding, incident, open, org, stored};
use model::{OrgId, UserId, Uuid};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use store::{Decision, Disposition, HistoryWrite, NewGap, SourceState, Store, Suppression};

const TABLES: [&str; 8] = [
    "findings",
    "entity_risk",
    "incidents",
    "incident_history",
    "suppressions",
    "dispositions",
    "source_states",
    "source_gaps",
];

/// Inserts one row into every table that readers can see.
async fn fill(store: &Store, id: u128, org: &OrgId) {
    let user = (org.clone(), UserId::new("emma"));
    let mut correlation = store.correlate(std::slice::from_ref(&user)).await.unwrap();
    correlation.put_findings(&[stored(finding(id, &user))]).await.unwrap();
    let incident = incident(id, &user);
    let line = HistoryWrite {
        incident_id: incident.incident_id,
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
    let suppression = Suppression {
        id: Uuid::from_u128(id),
        org_id: org.clone(),
        user_id: None,
        detector: None,
        until: None,
        reason: String::new(),
        created_by: String::new(),
    };
    store.suppress(&suppression).await.unwrap();
    let decision = Decision {
        id: Uuid::from_u128(id),
        incident_id: Uuid::from_u128(id),
        disposition: Disposition::Benign,
        by: String::new(),
        note: String::new(),
        at: model::Timestamp(0),
    };
    assert!(store.decide(&decision).await.unwrap());
    let (source, kind) = ("stream".to_owned(), "login".to_owned());
    let state = SourceState {
        source: source.clone(),
        kind: kind.clone(),
        state: "leading".into(),
        last_event_at: None,
        last_heard_at: None,
        detail: None,
    };
    store.put_source_states(org, &[state]).await.unwrap();
    let (from, to) = (model::Timestamp(0), model::Timestamp(1));
    store.open_gap(org, &NewGap { source, kind, from, to, reason: String::new() }).await.unwrap();
}

async fn counts(connection: &mut PgConnection) -> Vec<i64> {
    let columns = TABLES.map(|table| format!("(SELECT count(*) FROM orgwatch.{table})")).join(", ");
    let row = sqlx::query(AssertSqlSafe(format!("SELECT {columns}"))).fetch_one(connection).await.unwrap();
    (0..TABLES.len()).map(|index| row.get(index)).collect()
}

async fn execute(connection: &mut PgConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

#[tokio::test]
async fn a_reader_sees_only_the_org_that_it_names() {
    let (database, store) = Database::migrated().await;
    fill(&store, 1, &org()).await;
    fill(&store, 10, &OrgId::new("00D000000000002AAA")).await;
    let mut connection = database.connection().await;
    assert_eq!(counts(&mut connection).await, [2; 8], "the services see all orgs");

    execute(&mut connection, "SET ROLE orgwatch_reader").await.unwrap();
    assert_eq!(counts(&mut connection).await, [0; 8], "no org is named");
    execute(&mut connection, "BEGIN").await.unwrap();
    execute(&mut connection, "SELECT set_config('orgwatch.org_id', '00D000000000002AAA', true)").await.unwrap();
    assert_eq!(counts(&mut connection).await, [1; 8]);
    let seen: String =
        sqlx::query_scalar("SELECT org_id FROM orgwatch.incidents").fetch_one(&mut connection).await.unwrap();
    assert_eq!(seen, "00D000000000002AAA");
    execute(&mut connection, "COMMIT").await.unwrap();
    assert_eq!(counts(&mut connection).await, [0; 8], "the setting lasts for one transaction");

    for refused in [
        "SELECT FROM orgwatch.baseline_state",
        "SELECT FROM orgwatch.outbox",
        "SELECT FROM orgwatch.audit",
        "SELECT FROM orgwatch.incident_history_default",
        "UPDATE orgwatch.incidents SET status = 'resolved'",
        "DELETE FROM orgwatch.findings",
        "INSERT INTO orgwatch.entity_risk (org_id, user_id) VALUES ('a', 'b')",
    ] {
        let error = execute(&mut connection, refused).await.unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{refused}: {error}");
    }
}
