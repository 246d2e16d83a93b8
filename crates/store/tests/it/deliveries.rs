use crate::support::{Database, incident, open, put_incidents, user};
use model::{Status, Timestamp, Uuid};
use std::time::Duration;
use store::{Claim, DeliveryKey, Store};

const LONG: Duration = Duration::from_secs(3_600);

fn key(destination: &str) -> DeliveryKey {
    DeliveryKey { incident_id: Uuid::from_u128(1), revision: 4, destination: destination.into() }
}

async fn claim(store: &Store, destination: &str, lease: Duration) -> Claim {
    store.claim(&key(destination), lease).await.unwrap()
}

#[tokio::test]
async fn a_delivery_is_sent_until_it_is_confirmed() {
    let (_database, store) = Database::migrated().await;
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 1 });
    assert!(matches!(claim(&store, "slack", LONG).await, Claim::Wait { .. }));
    assert_eq!(claim(&store, "mail", LONG).await, Claim::Send { attempt: 1 }, "destinations are independent");
    assert_eq!(store.due(10).await.unwrap(), []);

    // Failed, to be attempted again at once.
    assert!(store.failed(&key("slack"), 1, Some(Duration::ZERO), "503").await.unwrap());
    assert_eq!(store.due(10).await.unwrap(), [key("slack")]);
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 2 });
    assert!(!store.failed(&key("slack"), 1, None, "late").await.unwrap(), "a later attempt has begun");
    // Failed, to be attempted again later.
    assert!(store.failed(&key("slack"), 2, Some(LONG), "503").await.unwrap());
    assert!(matches!(claim(&store, "slack", LONG).await, Claim::Wait { until } if until.0 > 0));

    assert!(store.confirmed(&key("slack")).await.unwrap());
    assert!(!store.confirmed(&key("slack")).await.unwrap());
    assert_eq!(claim(&store, "slack", LONG).await, Claim::AlreadyConfirmed);
    assert!(!store.failed(&key("slack"), 2, None, "late").await.unwrap());
    assert!(!store.suppressed(&key("slack")).await.unwrap());
    assert_eq!(claim(&store, "slack", LONG).await, Claim::AlreadyConfirmed);
}

#[tokio::test]
async fn an_attempt_without_an_outcome_is_repeated_after_its_lease() {
    let (_database, store) = Database::migrated().await;
    assert_eq!(claim(&store, "slack", Duration::ZERO).await, Claim::Send { attempt: 1 });
    assert_eq!(store.due(10).await.unwrap(), [key("slack")]);
    assert_eq!(store.due(0).await.unwrap(), []);
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 2 });
    // The first one succeeded after all.
    assert!(store.confirmed(&key("slack")).await.unwrap());
}

#[tokio::test]
async fn a_delivery_ends_given_up_or_suppressed() {
    let (_database, store) = Database::migrated().await;
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 1 });
    assert!(store.failed(&key("slack"), 1, None, "404").await.unwrap());
    assert_eq!(claim(&store, "slack", LONG).await, Claim::GivenUp);
    assert!(!store.suppressed(&key("mail")).await.unwrap(), "not claimed");
    assert_eq!(claim(&store, "mail", LONG).await, Claim::Send { attempt: 1 });
    assert!(store.suppressed(&key("mail")).await.unwrap());
    assert_eq!(claim(&store, "mail", LONG).await, Claim::Suppressed);
    assert_eq!(store.due(10).await.unwrap(), []);
}

#[tokio::test]
async fn a_given_up_delivery_is_revived_by_a_later_publication() {
    let (_database, store) = Database::migrated().await;
    let revive = async |published_at| store.revive(&key("slack"), LONG, published_at).await.unwrap();
    let (before, after) = (Timestamp(0), Timestamp::parse("2999-01-01").unwrap());
    assert!(!revive(after).await, "no such delivery");
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 1 });
    assert!(!revive(after).await, "still pending");
    assert!(store.failed(&key("slack"), 1, Some(Duration::ZERO), "503").await.unwrap());
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 2 });
    assert!(store.failed(&key("slack"), 2, None, "404").await.unwrap());
    assert!(!revive(before).await, "only the given-up message itself was redelivered");
    assert!(revive(after).await);
    assert!(!revive(after).await, "pending again");
    assert!(matches!(claim(&store, "slack", LONG).await, Claim::Wait { .. }));
    assert!(
        store.failed(&key("slack"), 1, Some(Duration::ZERO), "503").await.unwrap(),
        "attempts are counted from 1 again"
    );
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 2 });
    assert!(store.confirmed(&key("slack")).await.unwrap());
    assert!(!revive(after).await, "already confirmed");
}

#[tokio::test]
async fn one_of_many_concurrent_claims_may_send() {
    let (_database, store) = Database::migrated().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        tasks.spawn(async move { claim(&store, "slack", LONG).await });
    }
    let claims = tasks.join_all().await;
    assert_eq!(claims.iter().filter(|claim| matches!(claim, Claim::Send { .. })).count(), 1, "{claims:?}");
}

#[tokio::test]
async fn a_delivery_that_waits_uses_up_no_attempt_and_a_counted_one_is_not_sent() {
    let (_database, store) = Database::migrated().await;
    for _ in 0..3 {
        assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 1 });
        assert!(store.postponed(&key("slack"), 1, Duration::ZERO).await.unwrap());
        assert_eq!(store.due(10).await.unwrap(), [key("slack")]);
    }
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 1 });
    assert!(!store.postponed(&key("slack"), 2, Duration::ZERO).await.unwrap(), "not this attempt");
    assert!(store.counted(&key("slack")).await.unwrap());
    assert!(!store.counted(&key("slack")).await.unwrap() && !store.confirmed(&key("slack")).await.unwrap());
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Counted);
    assert_eq!(store.due(10).await.unwrap(), []);
}

#[tokio::test]
async fn a_snooze_is_read_with_the_clock_of_the_database() {
    let (_database, store) = Database::migrated().await;
    let emma = user("emma");
    let mut written = open(incident(1, &emma));
    put_incidents(&store, &emma, std::slice::from_ref(&written)).await;
    let snoozed = async |id| store.snoozed(Uuid::from_u128(id)).await.unwrap();
    assert_eq!((snoozed(1).await, snoozed(2).await), (None, None));
    written.snoozed_until = Some(Timestamp(1_800_000_000_123));
    put_incidents(&store, &emma, &[written]).await;
    let found = snoozed(1).await.unwrap();
    assert_eq!((found.until, found.status), (Timestamp(1_800_000_000_123), Status::Open));
    assert!(found.now > Timestamp::parse("2026-01-01").unwrap());
}
