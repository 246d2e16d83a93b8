use crate::support::Database;
use model::{Timestamp, Uuid};
use sqlx::PgConnection;
use std::time::Duration;
use store::{Claim, DeliveryKey, HousekeepingCounts, Retention};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

async fn months(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'orgwatch.incident_history'::regclass AND c.relname ~ '_2019' ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}

/// Inserts a line of history.
async fn insert(connection: &mut PgConnection, day: &str) {
    sqlx::query(
        "INSERT INTO orgwatch.incident_history (incident_id, revision, org_id, change, risk_score, severity, at, message)
         VALUES ($1, 1, 'org', 'opened', 1, 0, $2::text::timestamptz, '')",
    )
    .bind(Uuid::from_u128(1))
    .bind(day)
    .execute(connection)
    .await
    .unwrap();
}

/// Returns the table partition of each line of history, by time.
async fn tables_of_lines(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("SELECT tableoid::regclass::text FROM orgwatch.incident_history ORDER BY at")
        .fetch_all(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn months_are_created_ahead_and_dropped_when_old() {
    let (database, store) = Database::migrated().await;
    let mut connection = database.connection().await;
    // Housekeeping has not run for long: these rows land in the default partition.
    insert(&mut connection, "2019-01-31T23:59:59Z").await;
    insert(&mut connection, "2019-02-01T00:00:00Z").await;
    assert_eq!(tables_of_lines(&mut connection).await, ["orgwatch.incident_history_default"; 2]);

    let retention = Retention { history_days: 60, audit_days: 60, delivery_days: 30, user_day_days: 60 };
    let kept = store.housekeeping(at("2019-01-15"), &retention).await.unwrap().unwrap();
    // Three months of two tables, and those of days from November on.
    assert_eq!((kept.months_made, kept.months_dropped), (6 + 5, 0));
    let expect = ["incident_history_2019_01", "incident_history_2019_02", "incident_history_2019_03"];
    assert_eq!(months(&mut connection).await, expect);
    insert(&mut connection, "2019-03-10T00:00:00Z").await;
    let expect = expect.map(|month| format!("orgwatch.{month}"));
    assert_eq!(tables_of_lines(&mut connection).await, expect);

    // November, of days.
    let idle = HousekeepingCounts {
        months_made: 0,
        months_dropped: 1,
        deliveries_deleted: 0,
        gaps_deleted: 0,
        erased_deleted: 0,
        sessions_deleted: 0,
        replicas_deleted: 0,
    };
    assert_eq!(store.housekeeping(at("2019-01-31"), &retention).await.unwrap(), Some(idle));

    // On the first of April, all of January is over 60 days old.
    let kept = store.housekeeping(at("2019-04-02"), &retention).await.unwrap().unwrap();
    assert_eq!((kept.months_made, kept.months_dropped), (6 + 3, 2 + 2));
    assert_eq!(tables_of_lines(&mut connection).await, expect[1..]);

    // Old rows of the default partition are deleted too.
    insert(&mut connection, "2009-01-01T00:00:00Z").await;
    store.housekeeping(at("2019-04-02"), &retention).await.unwrap();
    assert_eq!(tables_of_lines(&mut connection).await, expect[1..]);
    store.audit(None, "acknowledge", "incident 1", &serde_json::json!({})).await.unwrap();
}

#[tokio::test]
async fn old_finished_deliveries_are_deleted() {
    let (database, store) = Database::migrated().await;
    let key = |destination: &str| DeliveryKey {
        incident_id: Uuid::from_u128(1),
        revision: 1,
        destination: destination.into(),
    };
    for destination in ["old", "fresh", "pending"] {
        store.claim(&key(destination), Duration::from_secs(3_600)).await.unwrap();
    }
    for destination in ["old", "fresh"] {
        store.confirmed(&key(destination)).await.unwrap();
    }
    let mut connection = database.connection().await;
    sqlx::query("UPDATE orgwatch.deliveries SET updated_at = '2026-01-01T00:00:00Z' WHERE channel <> 'fresh'")
        .execute(&mut connection)
        .await
        .unwrap();
    let retention = Retention { history_days: 36_500, audit_days: 36_500, delivery_days: 30, user_day_days: 36_500 };
    let kept = store.housekeeping(at("2026-02-01"), &retention).await.unwrap().unwrap();
    assert_eq!(kept.deliveries_deleted, 1);
    let lease = Duration::from_secs(60);
    assert_eq!(store.claim(&key("fresh"), lease).await.unwrap(), Claim::AlreadyConfirmed);
    assert!(matches!(store.claim(&key("pending"), lease).await.unwrap(), Claim::Wait { .. }));
}
