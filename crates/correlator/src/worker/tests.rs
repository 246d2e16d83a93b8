//! A user with a long history costs no more than one with a short one.

use super::*;
use crate::testing::{finding, rules, store};
use sqlx::{Connection, PgConnection};
use store::IncidentFilter;

/// Incidents of the user, each with [`FINDINGS`] findings.
const INCIDENTS: i64 = 20_000;
const FINDINGS: i64 = 5;

/// Copies the only finding and incident of the user: one incident each three days, back from the first one.
const COPIES: &str = "
    INSERT INTO orgwatch.incidents (incident_id, org_id, user_id, username, user_class, severity, risk_score, status,
        first_event_at, last_event_at, revision, receipt, message, ended)
    SELECT ('00000000-0000-0001-0000-' || lpad(to_hex(n), 12, '0'))::uuid, org_id, user_id, username, user_class, severity,
        n % 5000, status, first_event_at - n::bigint * 259200000, last_event_at - n::bigint * 259200000, 1, receipt, message, true
    FROM orgwatch.incidents, generate_series(1, $1) n;
    INSERT INTO orgwatch.findings (finding_id, org_id, user_id, detector, severity, score, revision, observed_at,
        revised_at, withdrawn, summary, message, first_observed_at, incident_id)
    SELECT ('00000000-0000-0002-' || lpad(to_hex(k), 4, '0') || '-' || lpad(to_hex(n), 12, '0'))::uuid, org_id, user_id,
        detector, severity, score, 1, observed_at - n::bigint * 259200000, revised_at - n::bigint * 259200000, false, summary, message,
        first_observed_at - n::bigint * 259200000, ('00000000-0000-0001-0000-' || lpad(to_hex(n), 12, '0'))::uuid
    FROM orgwatch.findings, generate_series(1, $1) n, generate_series(1, $2) k;
    UPDATE orgwatch.entity_risk SET incidents = incidents + $1;
    ANALYZE orgwatch.incidents; ANALYZE orgwatch.findings";

/// Returns the rows of findings, incidents and history that all sessions have read. Waits for the end of all others.
async fn rows_read(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let others =
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut connection).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
    let read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
                WHERE relname IN ('findings', 'incidents') OR relname LIKE 'incident_history%'";
    let rows = sqlx::query_scalar(read).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows
}

fn worker(store: &Store) -> Worker {
    Worker::of(store.clone(), rules(), Meter::new())
}

fn batch(findings: impl IntoIterator<Item = Finding>) -> BTreeMap<User, Vec<Item<Finding>>> {
    let mut batch: BTreeMap<User, Vec<Item<Finding>>> = BTreeMap::new();
    for finding in findings {
        batch.entry((finding.org_id.clone(), finding.user_id.clone())).or_default().push(Item::new(finding));
    }
    batch
}

#[tokio::test]
async fn a_batch_of_a_user_with_100_000_findings_reads_few_rows() {
    let (server, store) = store().await;
    let settings = store::Settings { url: server.url().into(), ..store::Settings::default() };
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    // Far enough from the start of time.
    let hour = 72 * (INCIDENTS + 10);
    worker(&store).correlate(batch([finding(1, hour, 8.0)])).await.unwrap();
    let copies = COPIES.replace("$1", &INCIDENTS.to_string()).replace("$2", &FINDINGS.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(copies)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    store.close().await;
    let before = rows_read(&server.url()).await;

    // A second finding of the latest incident, and a late one between two of years ago.
    let store = Store::connect(&settings, "orgwatch-test").await.unwrap();
    let late = finding(3, hour - 72 * 700 - 36, 9.0);
    worker(&store).correlate(batch([finding(2, hour + 1, 9.0), late])).await.unwrap();
    store.close().await;
    let read = rows_read(&server.url()).await - before;
    assert!(read < 100, "{read} rows");

    let risk = "SELECT incidents, risk_score FROM orgwatch.entity_risk";
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    let (incidents, risk_score): (i32, i32) = sqlx::query_as(risk).fetch_one(&mut connection).await.unwrap();
    let store = Store::connect(&settings, "orgwatch-test").await.unwrap();
    let latest = finding(1, hour, 8.0);
    let latest = IncidentFilter {
        ids: Some(vec![model::id::incident_id(&latest.org_id, &latest.user_id, latest.finding_id)]),
        ..IncidentFilter::default()
    };
    let latest = &store.incidents(&latest).await.unwrap()[0].incident;
    assert_eq!(latest.findings.len(), 2);
    assert_eq!((i64::from(incidents), risk_score), (INCIDENTS + 2, latest.risk_score.0), "the gravest of all");
}
