use crate::support::{Database, incident, open, org, put_incidents, user};
use model::{OrgId, Timestamp, Uuid};
use serde_json::json;
use store::{Decision, Disposition, IncidentFilter, Suppression};

#[tokio::test]
async fn suppressions_belong_to_an_org() {
    let (_database, store) = Database::migrated().await;
    let first = Suppression {
        id: Uuid::from_u128(1),
        org_id: org(),
        user_id: Some(user("emma").1),
        detector: Some("row_spike".into()),
        until: Some(Timestamp(5_000)),
        reason: "migration".into(),
        created_by: "alice".into(),
    };
    let second = Suppression { id: Uuid::from_u128(2), user_id: None, detector: None, until: None, ..first.clone() };
    for suppression in [&first, &second, &first] {
        store.suppress(suppression).await.unwrap();
    }
    assert_eq!(store.suppressions(&org()).await.unwrap(), [first, second.clone()]);
    assert_eq!(store.suppressions(&OrgId::new("other")).await.unwrap(), []);
    assert!(store.unsuppress(Uuid::from_u128(1)).await.unwrap());
    assert!(!store.unsuppress(Uuid::from_u128(1)).await.unwrap());
    let mut correlation = store.correlate(&[]).await.unwrap();
    assert_eq!(correlation.suppressions_of(&org()).await.unwrap(), [second]);
}

#[tokio::test]
async fn the_last_decision_holds_and_correlations_keep_it() {
    let (_database, store) = Database::migrated().await;
    let emma = user("emma");
    let decide = |id: u128, disposition| Decision {
        id: Uuid::from_u128(id),
        incident_id: Uuid::from_u128(10),
        disposition,
        by: "alice".into(),
        note: "she moved to another team".into(),
        at: Timestamp(0),
    };
    assert!(!store.decide(&decide(1, Disposition::Benign)).await.unwrap(), "no such incident");
    put_incidents(&store, &emma, &[open(incident(10, &emma))]).await;
    assert!(store.decide(&decide(1, Disposition::Suspicious)).await.unwrap());
    assert!(store.decide(&decide(2, Disposition::FalsePositive)).await.unwrap());
    put_incidents(&store, &emma, &[open(incident(10, &emma))]).await;
    let incidents = store.incidents(&IncidentFilter::default()).await.unwrap();
    assert_eq!(incidents[0].disposition, Some(Disposition::FalsePositive));
    let decisions = store.decisions(Uuid::from_u128(10)).await.unwrap();
    let dispositions: Vec<Disposition> = decisions.iter().map(|decision| decision.disposition).collect();
    assert_eq!(dispositions, [Disposition::Suspicious, Disposition::FalsePositive]);
    assert!(decisions[0].at.0 > 0);
}

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
