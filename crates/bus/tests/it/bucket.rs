use crate::support::{PATIENCE, server};
use bus::{Bucket, BusError};
use futures::StreamExt;

#[tokio::test]
async fn a_watch_yields_the_present_value_and_every_later_one() {
    let (mut nats, bus) = server().await;
    let bucket = Bucket::open(&bus).await.unwrap();
    assert_eq!(bucket.get("detect").await.unwrap(), None);
    bucket.put("detect", "one".into()).await.unwrap();
    bucket.put("other", "x".into()).await.unwrap();
    assert_eq!(bucket.get("detect").await.unwrap().unwrap(), "one");
    let mut watch = bucket.watch("detect").unwrap();
    let mut next = async || tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
    assert_eq!(next().await, "one");
    bucket.put("detect", "two".into()).await.unwrap();
    assert_eq!(next().await, "two");
    nats.restart().await.unwrap();
    crate::support::eventually("connected", async || bucket.put("detect", "three".into()).await.is_ok()).await;
    assert_eq!(next().await, "three");
}

#[tokio::test]
async fn an_invalid_key_is_refused() {
    let (_nats, bus) = server().await;
    let bucket = Bucket::open(&bus).await.unwrap();
    for key in ["", ".a", "a b", "a*"] {
        assert!(matches!(bucket.put(key, "x".into()).await, Err(BusError::Key { .. })), "{key}");
        assert!(bucket.watch(key).is_err(), "{key}");
    }
}
