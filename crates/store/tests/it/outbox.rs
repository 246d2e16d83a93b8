use crate::support::{Database, org, user};
use model::Uuid;
use store::{OutboxWrite, RelayCounts, Store};

async fn put(store: &Store, name: &str, revisions: std::ops::RangeInclusive<u64>) {
    let mut correlation = store.correlate(&[user(name)]).await.unwrap();
    let messages: Vec<OutboxWrite> = revisions.map(|revision| message(name, revision)).collect();
    correlation.put_outbox(&messages).await.unwrap();
    correlation.commit().await.unwrap();
}

fn message(name: &str, revision: u64) -> OutboxWrite {
    OutboxWrite {
        incident_id: Uuid::from_u128(1),
        revision,
        org_id: org(),
        change: name.into(),
        message: vec![1, 2, 3],
        traceparent: Some("00-1-2-01".into()),
        end_reason: None,
        merged_into: None,
    }
}

#[tokio::test]
async fn rows_are_relayed_in_order_and_only_published_ones_deleted() {
    let (_database, store) = Database::migrated().await;
    assert_eq!(store.outbox_backlog().await.unwrap(), (0, None));
    assert_eq!(store.relay(10, async |_| unreachable!()).await.unwrap(), Some(RelayCounts { taken: 0, published: 0 }));
    put(&store, "emma", 1..=3).await;
    put(&store, "omar", 1..=2).await;

    let relayed = store.relay(4, async |rows| rows.iter().take(2).map(|row| row.id).collect()).await.unwrap();
    assert_eq!(relayed, Some(RelayCounts { taken: 4, published: 2 }));
    let mut seen = Vec::new();
    let all = async |rows: Vec<store::OutboxRow>| {
        assert_eq!((rows[0].message.as_slice(), rows[0].traceparent.as_deref()), (&[1, 2, 3][..], Some("00-1-2-01")));
        seen = rows.iter().map(|row| (row.change.clone(), row.revision)).collect();
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(store.relay(10, all).await.unwrap(), Some(RelayCounts { taken: 3, published: 3 }));
    assert_eq!(seen, [("emma".to_owned(), 3), ("omar".to_owned(), 1), ("omar".to_owned(), 2)]);
    assert_eq!(store.outbox_backlog().await.unwrap().0, 0);
}

#[tokio::test]
async fn only_one_relay_works_at_a_time() {
    let (database, store) = Database::migrated().await;
    put(&store, "emma", 1..=1).await;
    let other = database.store().await;
    let outer = store.relay(10, async |rows| {
        assert_eq!(other.relay(10, async |_| unreachable!()).await.unwrap(), None);
        // A message that is committed meanwhile waits for the next call.
        put(&other, "emma", 2..=2).await;
        rows.iter().map(|row| row.id).collect()
    });
    assert_eq!(outer.await.unwrap(), Some(RelayCounts { taken: 1, published: 1 }));
    let next = other.relay(10, async |rows| rows.iter().map(|row| row.id).collect());
    assert_eq!(next.await.unwrap(), Some(RelayCounts { taken: 1, published: 1 }));
}

#[tokio::test]
async fn the_next_relay_takes_the_rows_of_a_dead_one() {
    let (database, store) = Database::migrated().await;
    put(&store, "emma", 1..=2).await;
    let doomed = Store::connect(&database.settings(), "doomed").await.unwrap();
    let outcome = doomed
        .relay(10, async |rows| {
            database.terminate("doomed").await;
            rows.iter().map(|row| row.id).collect()
        })
        .await;
    assert!(outcome.unwrap_err().is_transient());
    let next = store.relay(10, async |rows| rows.iter().map(|row| row.id).collect());
    assert_eq!(next.await.unwrap(), Some(RelayCounts { taken: 2, published: 2 }));
}
