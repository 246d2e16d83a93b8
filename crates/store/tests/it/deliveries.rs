use crate::support::Database;
use model::{Timestamp, Uuid};
use std::time::Duration;
use store::{Claim, DeliveryKey, Store};

const LONG: Duration = Duration::from_secs(3_600);

fn key(channel: &str) -> DeliveryKey {
    DeliveryKey { incident_id: Uuid::from_u128(1), revision: 4, channel: channel.into() }
}

async fn claim(store: &Store, channel: &str, lease: Duration) -> Claim {
    store.claim(&key(channel), lease).await.unwrap()
}

#[tokio::test]
async fn a_delivery_is_sent_until_it_is_confirmed() {
    let (_database, store) = Database::migrated().await;
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 1 });
    assert!(matches!(claim(&store, "slack", LONG).await, Claim::Wait { .. }));
    assert_eq!(claim(&store, "mail", LONG).await, Claim::Send { attempt: 1 }, "channels are apart");
    assert_eq!(store.due(10).await.unwrap(), []);

    // Failed, to be tried again at once.
    assert!(store.failed(&key("slack"), 1, Some(Duration::ZERO), "503").await.unwrap());
    assert_eq!(store.due(10).await.unwrap(), [key("slack")]);
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 2 });
    assert!(!store.failed(&key("slack"), 1, None, "late").await.unwrap(), "a later attempt has begun");
    // Failed, to be tried again later.
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
async fn an_attempt_that_is_never_heard_of_again_is_made_anew() {
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
    assert!(store.suppressed(&key("mail")).await.unwrap());
    assert_eq!(claim(&store, "mail", LONG).await, Claim::Suppressed);
    assert_eq!(store.due(10).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_given_up_is_revived_by_what_is_told_later() {
    let (_database, store) = Database::migrated().await;
    let revive = async |told| store.revive(&key("slack"), LONG, told).await.unwrap();
    let (before, after) = (Timestamp(0), Timestamp::parse("2999-01-01").unwrap());
    assert!(!revive(after).await, "there is none");
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 1 });
    assert!(!revive(after).await, "it is under way");
    assert!(store.failed(&key("slack"), 1, Some(Duration::ZERO), "503").await.unwrap());
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 2 });
    assert!(store.failed(&key("slack"), 2, None, "404").await.unwrap());
    assert!(!revive(before).await, "the message that was given up, delivered again");
    assert!(revive(after).await);
    assert!(!revive(after).await, "one may send");
    assert!(matches!(claim(&store, "slack", LONG).await, Claim::Wait { .. }));
    assert!(store.failed(&key("slack"), 1, Some(Duration::ZERO), "503").await.unwrap(), "attempts count anew");
    assert_eq!(claim(&store, "slack", LONG).await, Claim::Send { attempt: 2 });
    assert!(store.confirmed(&key("slack")).await.unwrap());
    assert!(!revive(after).await, "it was told");
}

#[tokio::test]
async fn of_many_claims_at_once_one_may_send() {
    let (_database, store) = Database::migrated().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        tasks.spawn(async move { claim(&store, "slack", LONG).await });
    }
    let claims = tasks.join_all().await;
    assert_eq!(claims.iter().filter(|claim| matches!(claim, Claim::Send { .. })).count(), 1, "{claims:?}");
}
