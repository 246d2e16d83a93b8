//! The record of decisions.

use crate::support::{Database, decision, finding, incident, open, org, put_incidents, stored, user};
use model::decision::{Disposed, Scope, WatchCause};
use model::{Decision, Disposition, OrgId, Ruling, Timestamp, UserClass, UserId, Uuid};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use store::{DecisionFilter, Effect, FindingFilter, Hidden, IncidentFilter, Owner, Purpose, Store, StoreError};

fn disposed() -> Ruling {
    Ruling::Disposition(Disposed {
        incident_id: Uuid::from_u128(10),
        disposition: Disposition::Benign,
        teaches: true,
        credits: BTreeMap::from([("row_spike".into(), 0.75), ("new_access".into(), 0.25)]),
        user_class: UserClass::Power,
        severity: model::Severity::High,
    })
}

fn suppression() -> Ruling {
    let scope = Scope { detectors: ["row_spike".into()].into(), ..Scope::default() };
    Ruling::Suppression { scope, incident_id: None }
}

/// Returns the ids of decisions that are due, and leaves them due.
async fn due(store: &Store, purpose: Purpose) -> Vec<u128> {
    let due = store.due_decisions(purpose, 100).await.unwrap();
    ids(&due)
}

fn ids(decisions: &[Decision]) -> Vec<u128> {
    decisions.iter().map(|decision| decision.decision_id.as_u128()).collect()
}

#[tokio::test]
async fn a_decision_is_stored_with_the_login_and_time_of_the_database() {
    let (_database, store) = Database::migrated().await;
    let mut asked = decision(1, &org(), Some("emma"), disposed());
    asked.decided_by = "the owner of the company".into();
    asked.reason = "she moved\0 to another team".into();
    let recorded = store.record(&asked).await.unwrap();
    assert!(recorded.decided_at.0 > 1_700_000_000_000, "{:?}", recorded.decided_at);
    let expect = Decision {
        decided_by: "postgres".into(),
        decided_at: recorded.decided_at,
        reason: "she moved\u{fffd} to another team".into(),
        ..asked.clone()
    };
    assert_eq!(recorded, expect);
    // The same id once more, even with another content, changes nothing.
    let other = Decision { reason: "no".into(), ..decision(1, &org(), Some("omar"), suppression()) };
    assert_eq!(store.record(&other).await.unwrap(), expect);
    assert_eq!(store.decisions(&DecisionFilter::default()).await.unwrap(), [expect]);
}

#[tokio::test]
async fn every_ruling_survives_being_stored_in_the_order_of_recording() {
    let (_database, store) = Database::migrated().await;
    let incident_id = Uuid::from_u128(10);
    let rulings = [
        disposed(),
        suppression(),
        Ruling::Allowlist { allowlist: serde_json::from_str(r#"{"hours":"22-5","most_rows":1000}"#).unwrap() },
        Ruling::Watch { cause: WatchCause::Departing, factor: 2.5 },
        Ruling::Sensitivity { object: "Salary__c".into(), factor: 0.05 },
        Ruling::Joined,
        Ruling::Class { class: UserClass::Integration },
        Ruling::Settings { hash: "a".into(), toml: "[risk]\n".into() },
        Ruling::Ended { decision_id: Uuid::from_u128(998) },
        Ruling::Undone { decision_id: Uuid::from_u128(999) },
        Ruling::Acknowledged { incident_id },
        Ruling::Comment { incident_id },
        Ruling::Snoozed { incident_id, until: Timestamp(5_000) },
    ];
    // Ids that descend: the order is that of recording, not that of ids.
    for (index, ruling) in rulings.iter().enumerate() {
        store
            .record(&decision(1_000 - index as u128, &org(), Some("emma"), ruling.clone()))
            .await
            .unwrap_or_else(|error| panic!("{ruling:?}: {error}"));
    }
    let all = store.decisions(&DecisionFilter::default()).await.unwrap();
    assert_eq!(all.iter().map(|decision| decision.ruling.clone()).collect::<Vec<_>>(), rulings);

    let by = async |filter| ids(&store.decisions(&filter).await.unwrap());
    let default = DecisionFilter::default;
    assert_eq!(by(DecisionFilter { incident_id: Some(incident_id), ..default() }).await, [1_000, 990, 989, 988]);
    assert_eq!(by(DecisionFilter { kinds: Some(vec!["watch", "class"]), ..default() }).await, [997, 994]);
    assert_eq!(by(DecisionFilter { user_id: Some(user("omar").1), ..default() }).await, [0; 0]);
    assert_eq!(by(DecisionFilter { org_id: Some(OrgId::new("other")), ..default() }).await, [0; 0]);
    assert_eq!(by(DecisionFilter { ids: Some(vec![Uuid::from_u128(995)]), ..default() }).await, [995]);
}

#[tokio::test]
async fn nothing_is_changed_or_deleted() {
    let (database, store) = Database::migrated().await;
    store.record(&decision(1, &org(), None, suppression())).await.unwrap();
    let mut owner = database.connection().await;
    for statement in [
        "UPDATE orgwatch.decisions SET reason = 'another'",
        "DELETE FROM orgwatch.decisions",
        "TRUNCATE orgwatch.decisions CASCADE",
        "INSERT INTO orgwatch.decisions (decision_id, org_id, kind, payload, reason, valid_from)
         VALUES (gen_random_uuid(), 'a', 'watch', '{\"kind\": \"joined\"}', '', 0)",
    ] {
        sqlx::query(statement).execute(&mut owner).await.expect_err(statement);
    }
    assert_eq!(store.decisions(&DecisionFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_decision_ends_or_undoes_one_of_the_same_org_and_account() {
    let (_database, store) = Database::migrated().await;
    store.record(&decision(1, &org(), Some("emma"), suppression())).await.unwrap();
    let undone = |of: u128| Ruling::Undone { decision_id: Uuid::from_u128(of) };
    for refused in [
        decision(2, &org(), Some("emma"), undone(7)),
        decision(3, &org(), Some("omar"), undone(1)),
        decision(4, &org(), None, undone(1)),
        decision(5, &OrgId::new("other"), Some("emma"), undone(1)),
    ] {
        let error = store.record(&refused).await.unwrap_err();
        assert!(matches!(error, StoreError::NoDecision { .. }) && !error.is_transient(), "{error:?}");
    }
    store.record(&decision(6, &org(), Some("emma"), undone(6))).await.unwrap_err();
    store.record(&decision(6, &org(), Some("emma"), undone(1))).await.unwrap();
    assert_eq!(ids(&store.decisions(&DecisionFilter::default()).await.unwrap()), [1, 6]);
}

#[tokio::test]
async fn what_changes_learning_or_settings_is_due_for_the_stream_too() {
    let (_database, store) = Database::migrated().await;
    let undone = |of: u128| Ruling::Undone { decision_id: Uuid::from_u128(of) };
    let ended = |of: u128| Ruling::Ended { decision_id: Uuid::from_u128(of) };
    let rulings = [
        (1, suppression()),
        (2, disposed()),
        (3, ended(1)),
        (4, ended(2)),
        (5, undone(4)),
        (6, undone(3)),
        (7, Ruling::Class { class: UserClass::Admin }),
        (8, Ruling::Settings { hash: "a".into(), toml: String::new() }),
        (9, Ruling::Joined),
    ];
    for (id, ruling) in rulings {
        store.record(&decision(id, &org(), Some("emma"), ruling)).await.unwrap();
    }
    assert_eq!(due(&store, Purpose::Incidents).await, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(due(&store, Purpose::Stream).await, [2, 4, 5, 7, 8]);

    let all: Vec<Uuid> = (1..=9).map(Uuid::from_u128).collect();
    let id = |id: u128| [Uuid::from_u128(id)];
    store.done_with(Purpose::Incidents, &all).await.unwrap();
    assert!(!store.is_due(&id(1)).await.unwrap() && store.is_due(&id(2)).await.unwrap());
    store.done_with(Purpose::Stream, &id(2)).await.unwrap();
    assert!(!store.is_due(&id(2)).await.unwrap() && store.is_due(&all).await.unwrap());
    assert_eq!(due(&store, Purpose::Stream).await, [4, 5, 7, 8]);
    assert_eq!(due(&store, Purpose::Incidents).await, [0; 0]);
    // Recorded once more, it is not due once more.
    store.record(&decision(2, &org(), Some("emma"), disposed())).await.unwrap();
    assert!(!store.is_due(&id(2)).await.unwrap());
}

#[tokio::test]
async fn a_decision_that_cannot_be_read_holds_up_no_other() {
    let (database, store) = Database::migrated().await;
    for id in [1, 3] {
        store.record(&decision(id, &org(), Some("emma"), suppression())).await.unwrap();
    }
    let insert = |id: u128, kind: &str, payload: &str| {
        let (id, org) = (Uuid::from_u128(id), org());
        format!(
            "INSERT INTO orgwatch.decisions (decision_id, org_id, user_id, kind, payload, reason, valid_from)
             VALUES ('{id}', '{org}', 'emma', '{kind}', '{payload}', '', 0);"
        )
    };
    let later_version = insert(2, "forgiven", r#"{"kind":"forgiven"}"#);
    let broken = insert(4, "watch", r#"{"kind":"watch","cause":"departing","factor":"three"}"#);
    let both = AssertSqlSafe(later_version + &broken);
    sqlx::raw_sql(both).execute(&mut database.connection().await).await.unwrap();
    assert_eq!(due(&store, Purpose::Incidents).await, [1, 3]);
    store.done_with(Purpose::Incidents, &[Uuid::from_u128(1), Uuid::from_u128(3)]).await.unwrap();
    assert!(!store.is_due(&[Uuid::from_u128(4)]).await.unwrap(), "it is logged, and due no more");
    assert!(store.is_due(&[Uuid::from_u128(2)]).await.unwrap(), "a later version applies it");
    assert_eq!(ids(&store.decisions(&DecisionFilter::default()).await.unwrap()), [1, 3]);
    let mut correlation = store.correlate(&[user("emma")]).await.unwrap();
    assert_eq!(ids(&correlation.decisions().await.unwrap()), [1, 3]);
}

#[tokio::test]
async fn the_hour_of_effect_is_written_with_the_checkpoint() {
    let (database, store) = Database::migrated().await;
    store.record(&decision(1, &org(), Some("emma"), disposed())).await.unwrap();
    let owner = Owner::connect(&database.settings(), "test", "test", 1).await.unwrap();
    let effect = |id: u128, hour: i64| Effect { decision_id: Uuid::from_u128(id), hour: Timestamp(hour) };
    assert!(owner.checkpoint(7, 1, &[], &[], &[effect(1, 3_600_000)], &[]).await.is_err(), "not held");
    let in_force = async || store.decisions(&DecisionFilter::default()).await.unwrap().remove(0).in_force;
    assert_eq!(in_force().await, BTreeMap::new());
    for (partition, hour) in [(7, 3_600_000), (3, 7_200_000), (7, 10_800_000)] {
        assert!(owner.try_acquire(partition).await.unwrap());
        // Of a decision that has been erased meanwhile nothing is written, and the checkpoint moves.
        let effects = [effect(1, hour), effect(2, hour)];
        owner.checkpoint(partition, 2, &[], &[], &effects, &[]).await.unwrap();
        assert_eq!(owner.load_checkpoint(partition).await.unwrap(), Some(2));
    }
    assert_eq!(in_force().await, BTreeMap::from([(3, Timestamp(7_200_000)), (7, Timestamp(10_800_000))]));
    // A checkpoint that is refused writes nothing.
    assert!(owner.checkpoint(7, 1, &[], &[], &[effect(1, 0)], &[]).await.is_err(), "behind");
    assert_eq!(in_force().await.get(&7), Some(&Timestamp(10_800_000)));
    let rows = "SELECT count(*) FROM orgwatch.decision_effects";
    let count: i64 = sqlx::query_scalar(rows).fetch_one(&mut database.connection().await).await.unwrap();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn a_correlation_reads_the_decisions_on_its_users_and_orgs() {
    let (_database, store) = Database::migrated().await;
    let other = (OrgId::new("other"), UserId::new("emma"));
    for (id, org, user, ruling) in [
        (1, org(), Some("emma"), disposed()),
        (2, org(), None, suppression()),
        (3, org(), Some("omar"), suppression()),
        (4, other.0.clone(), Some("emma"), suppression()),
        (5, other.0.clone(), None, suppression()),
        (6, org(), Some("emma"), Ruling::Comment { incident_id: Uuid::from_u128(10) }),
        (7, org(), None, Ruling::Settings { hash: "a".into(), toml: String::new() }),
        (8, org(), Some("emma"), Ruling::Undone { decision_id: Uuid::from_u128(1) }),
    ] {
        store.record(&decision(id, &org, user, ruling)).await.unwrap();
    }
    let read = async |users: &[(OrgId, UserId)]| {
        let mut correlation = store.correlate(users).await.unwrap();
        ids(&correlation.decisions().await.unwrap())
    };
    assert_eq!(read(&[user("emma")]).await, [1, 2, 8]);
    assert_eq!(read(&[user("emma"), user("omar")]).await, [1, 2, 3, 8]);
    assert_eq!(read(&[user("carl")]).await, [2]);
    assert_eq!(read(&[other, user("omar")]).await, [2, 3, 4, 5]);
    assert_eq!(read(&[]).await, [0; 0]);
}

#[tokio::test]
async fn how_incidents_and_findings_stand_is_stored() {
    let (_database, store) = Database::migrated().await;
    let emma = user("emma");
    let mut written = open(incident(10, &emma));
    written.disposition = Some(Disposition::Suspicious);
    written.assignee = Some("alice\0".into());
    written.snoozed_until = Some(Timestamp(1_800_000_000_123));
    put_incidents(&store, &emma, std::slice::from_ref(&written)).await;
    let standing = async || {
        let stored = store.incidents(&IncidentFilter::default()).await.unwrap().remove(0);
        (stored.disposition, stored.assignee, stored.snoozed_until)
    };
    assert_eq!(standing().await, (written.disposition, Some("alice\u{fffd}".into()), written.snoozed_until));
    put_incidents(&store, &emma, &[open(incident(10, &emma))]).await;
    assert_eq!(standing().await, (None, None, None));

    let mut hidden = stored(finding(1, &emma));
    hidden.hidden_by = Some(Uuid::from_u128(9));
    let mut correlation = store.correlate(std::slice::from_ref(&emma)).await.unwrap();
    correlation.put_findings(std::slice::from_ref(&hidden)).await.unwrap();
    let other = stored(finding(2, &emma));
    correlation.put_findings(&[other]).await.unwrap();
    assert_eq!(correlation.findings(&[Uuid::from_u128(1)], &[]).await.unwrap(), [hidden]);
    correlation.commit().await.unwrap();
    let expect = Hidden { decision_id: Uuid::from_u128(9), findings: 1, latest_at: Timestamp(1_000) };
    assert_eq!(store.hidden(&[8, 9].map(Uuid::from_u128)).await.unwrap(), [expect]);

    for (since, count) in [(1_000, 2), (1_001, 0)] {
        let filter = FindingFilter { since: Some(Timestamp(since)), ..FindingFilter::default() };
        assert_eq!(store.findings(&filter).await.unwrap().len(), count, "{since}");
    }
    for (since, count) in [(2_000, 1), (2_001, 0)] {
        let filter = IncidentFilter { since: Some(Timestamp(since)), ..IncidentFilter::default() };
        assert_eq!(store.incidents(&filter).await.unwrap().len(), count, "{since}");
    }
}

#[tokio::test]
async fn accounts_and_the_clock_of_an_org() {
    let (database, store) = Database::migrated().await;
    for name in ["emma", "omar", "zoe"] {
        store.correlate(&[user(name)]).await.unwrap().commit().await.unwrap();
    }
    let page = store.accounts(&org(), None, 2).await.unwrap();
    assert_eq!(page, [user("emma").1, user("omar").1]);
    assert_eq!(store.accounts(&org(), page.last(), 2).await.unwrap(), [user("zoe").1]);
    assert_eq!(store.accounts(&OrgId::new("other"), None, 2).await.unwrap(), []);

    assert_eq!(store.org_clock(&org()).await.unwrap(), None);
    let mut connection = database.connection().await;
    for (partition, clock) in [(1, 7_200_000), (2, 3_600_000)] {
        let insert = format!(
            "INSERT INTO orgwatch.org_clocks (partition, org_id, clock) VALUES ({partition}, '{}', {clock})",
            org()
        );
        sqlx::query(AssertSqlSafe(insert)).execute(&mut connection).await.unwrap();
    }
    assert_eq!(store.org_clock(&org()).await.unwrap(), Some(Timestamp(7_200_000)));
}
