use crate::support::{Database, org};
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
    let records = store.audit_page(None, 10).await.unwrap().entries;
    assert_eq!((records.len(), &*records[0].subject, &*records[1].subject), (2, "incident 2", "incident 1"));
    assert_eq!((&*records[0].actor, records[0].claimed_by.as_deref()), ("postgres", Some("alice")));
    assert_eq!(records[0].detail, json!({"from": "open"}));
}

#[tokio::test]
async fn no_page_of_the_audit_trail_leaves_an_action_out() {
    let (database, store) = Database::migrated().await;
    store.audit(None, "first", "0", &json!({})).await.unwrap();
    // One statement: all have the same time.
    let same = "INSERT INTO orgwatch.audit (actor, action, subject, detail)
                SELECT 'a', 'same', n::text, '{}' FROM generate_series(1, 7) n";
    sqlx::query(same).execute(&mut database.connection().await).await.unwrap();
    store.audit(None, "last", "8", &json!({})).await.unwrap();
    let whole = store.audit_page(None, 100).await.unwrap();
    assert_eq!((whole.entries.len(), whole.next), (9, None));
    for limit in 1..=9 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.audit_page(after, limit).await.unwrap();
            found.extend(page.entries);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, whole.entries, "in pages of {limit}");
    }
}
