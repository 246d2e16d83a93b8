use crate::support::{Database, org};
use model::Timestamp;
use serde_json::json;

#[tokio::test]
async fn positions_and_audit_entries_are_read_back() {
    let (_database, store) = Database::migrated().await;
    assert_eq!(store.position("pubsub", &org()).await.unwrap(), None);
    for position in [json!({"replay_id": "AAA"}), json!({"replay_id": "AAB"})] {
        store.put_position("pubsub", &org(), &position).await.unwrap();
        assert_eq!(store.position("pubsub", &org()).await.unwrap(), Some(position));
    }
    assert_eq!(store.position("log_file", &org()).await.unwrap(), None);

    for subject in ["incident 1", "incident 2"] {
        store.audit(Some("alice"), "acknowledge", subject, &json!({"from": "open"})).await.unwrap();
    }
    let records = store.audit_entries(None, 10).await.unwrap();
    assert_eq!((records.len(), &*records[0].subject, &*records[1].subject), (2, "incident 2", "incident 1"));
    assert_eq!((&*records[0].actor, records[0].claimed_by.as_deref()), ("postgres", Some("alice")));
    assert_eq!(records[0].detail, json!({"from": "open"}));
    assert_eq!(store.audit_entries(None, 1).await.unwrap().len(), 1);
    assert_eq!(store.audit_entries(Some(Timestamp(0)), 10).await.unwrap(), []);
}
