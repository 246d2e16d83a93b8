use crate::support::{Database, finding, incident, open, org, put_incidents, stored, user};
use model::codec::Message;
use model::{Points, Severity, Timestamp, UserClass, Uuid};
use sqlx::Row;
use std::time::Duration;
use store::{
    FindingFilter, HistoryWrite, IncidentFilter, IncidentWrite, OutboxWrite, RiskWrite, Status, StoreError,
    StoredFinding, UserSpan,
};
use tokio::time::timeout;

#[tokio::test]
async fn writes_are_read_back() {
    let (database, store) = Database::migrated().await;
    let (emma, omar) = (user("emma"), user("omar"));
    let mut correlation = store.correlate(&[omar.clone(), emma.clone(), emma.clone()]).await.unwrap();
    let of_both = [1, 2].map(Uuid::from_u128);
    assert_eq!(correlation.findings(&of_both, &[]).await.unwrap(), []);

    let id = Uuid::from_u128(10);
    let mut findings = vec![stored(finding(1, &emma)), stored(finding(2, &omar))];
    findings[0].incident_id = Some(id);
    findings[1].finding.withdrawn = true;
    (findings[1].first_observed_at, findings[1].traceparent) = (None, None);
    correlation.put_findings(&findings).await.unwrap();
    let written = open(incident(10, &emma));
    correlation.put_incidents(std::slice::from_ref(&written)).await.unwrap();
    let message = written.incident.encode();
    let line = HistoryWrite {
        incident_id: id,
        revision: 3,
        org_id: org(),
        change: "opened".into(),
        risk_score: Points(7_250),
        severity: Severity::High,
        message: message.clone(),
        end_reason: None,
        merged_into: None,
    };
    correlation.put_history(&[line]).await.unwrap();
    let outgoing = OutboxWrite {
        incident_id: id,
        revision: 3,
        org_id: org(),
        change: "opened".into(),
        message: message.clone(),
        traceparent: None,
        end_reason: None,
        merged_into: None,
    };
    correlation.put_outbox(&[outgoing]).await.unwrap();
    let risk = RiskWrite {
        org_id: org(),
        user_id: emma.1.clone(),
        username: Some("emma.martin".into()),
        user_class: UserClass::Power,
        risk_score: Points(7_250),
        incidents: 1,
        last_event_at: Some(Timestamp(2_000)),
    };
    correlation.put_risk(&[risk]).await.unwrap();
    assert_eq!(correlation.findings(&of_both, &[]).await.unwrap(), findings);
    assert_eq!(correlation.findings(&[], &[id]).await.unwrap(), findings[..1]);
    assert_eq!(store.findings(&FindingFilter::default()).await.unwrap(), [], "not committed");
    correlation.commit().await.unwrap();

    assert_eq!(store.findings(&FindingFilter::default()).await.unwrap(), findings);
    let of_incident = FindingFilter { incident_ids: Some(vec![id]), ..FindingFilter::default() };
    assert_eq!(store.findings(&of_incident).await.unwrap(), findings[..1]);
    let incidents = store.incidents(&IncidentFilter::default()).await.unwrap();
    assert_eq!(incidents.len(), 1);
    assert_eq!((&incidents[0].incident, incidents[0].status), (&written.incident, Status::Open));
    assert_eq!(incidents[0].finding_ids().collect::<Vec<_>>(), [Uuid::from_u128(11)]);
    let change = store.change(id, 3).await.unwrap().unwrap();
    assert_eq!((&change.message, &*change.change), (&message, "opened"));
    assert_eq!(store.change(id, 4).await.unwrap(), None);
    assert_eq!(store.earlier_changes(id, 4).await.unwrap(), [("opened".to_owned(), Severity::High)]);
    assert_eq!(store.earlier_changes(id, 3).await.unwrap(), []);
    assert_eq!(store.outbox_backlog().await.unwrap().0, 1);

    let mut connection = database.connection().await;
    let rows =
        sqlx::query("SELECT user_id, username, user_class, risk_score FROM orgwatch.entity_risk ORDER BY user_id")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let risks: Vec<(String, Option<String>, String, i32)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    let expect = [
        ("emma".to_owned(), Some("emma.martin".to_owned()), "power".to_owned(), 7_250),
        ("omar".to_owned(), None, "normal".to_owned(), 0),
    ];
    assert_eq!(risks, expect);
    let receipt: serde_json::Value =
        sqlx::query_scalar("SELECT receipt FROM orgwatch.incidents").fetch_one(&mut connection).await.unwrap();
    assert_eq!(receipt["risk_score"], 72.5);
}

#[tokio::test]
async fn an_incident_keeps_its_trace_and_closes_once() {
    let (_database, store) = Database::migrated().await;
    let emma = user("emma");
    put_incidents(&store, &emma, &[open(incident(10, &emma)), open(incident(20, &emma))]).await;
    let merged = IncidentWrite {
        status: Status::Merged,
        merged_into: Some(Uuid::from_u128(10)),
        trace_id: Some("later".into()),
        incident: incident(20, &emma),
        ended: true,
        disposition: None,
        assignee: None,
        snoozed_until: None,
    };
    let mut grown = open(incident(10, &emma));
    (grown.incident.revision, grown.trace_id) = (4, None);
    put_incidents(&store, &emma, &[merged.clone(), grown]).await;

    let shown = store.incidents(&IncidentFilter::default()).await.unwrap();
    assert_eq!(shown.len(), 1, "merged ones are left out");
    assert_eq!((shown[0].incident.revision, shown[0].closed_at), (4, None));
    assert_eq!(shown[0].trace_id.as_deref(), Some("trace"));
    let only_merged = IncidentFilter { statuses: Some(vec![Status::Merged]), ..IncidentFilter::default() };
    let first = store.incidents(&only_merged).await.unwrap();
    assert_eq!(first[0].merged_into, Some(Uuid::from_u128(10)));
    assert_eq!(first[0].trace_id.as_deref(), Some("trace"));
    put_incidents(&store, &emma, &[merged]).await;
    let again = store.incidents(&only_merged).await.unwrap();
    assert!(first[0].closed_at.is_some() && again[0].closed_at == first[0].closed_at);

    let by = async |filter| store.incidents(&filter).await.unwrap().len();
    let default = IncidentFilter::default;
    assert_eq!(by(IncidentFilter { org_id: Some(org()), user_id: Some(emma.1.clone()), ..default() }).await, 1);
    assert_eq!(by(IncidentFilter { user_id: Some(user("omar").1), ..default() }).await, 0);
    assert_eq!(by(IncidentFilter { ids: Some(vec![Uuid::from_u128(20)]), ..default() }).await, 0);
    assert_eq!(by(IncidentFilter { ids: Some(vec![Uuid::from_u128(10)]), ..default() }).await, 1);
}

#[tokio::test]
async fn correlations_of_one_user_are_serialized_and_others_do_not_wait() {
    let (database, store) = Database::migrated().await;
    let (emma, omar) = (user("emma"), user("omar"));
    let mut first = store.correlate(std::slice::from_ref(&emma)).await.unwrap();
    first.put_findings(&[stored(finding(1, &emma))]).await.unwrap();

    let mut other = store.correlate(std::slice::from_ref(&omar)).await.unwrap();
    other.put_findings(&[stored(finding(2, &omar))]).await.unwrap();
    other.commit().await.unwrap();

    // First for an account that was not stored before, then for one that was.
    for expect in [1, 2] {
        let mut second = tokio::spawn({
            let (store, emma) = (store.clone(), emma.clone());
            async move {
                let mut second = store.correlate(std::slice::from_ref(&emma)).await.unwrap();
                let seen = second.findings(&[1, 3].map(Uuid::from_u128), &[]).await.unwrap().len();
                second.put_findings(&[stored(finding(3, &emma))]).await.unwrap();
                second.commit().await.unwrap();
                seen
            }
        });
        tokio::select! {
            _ = &mut second => unreachable!("the user is locked"),
            () = database.until_a_session_waits() => first.commit().await.unwrap(),
        }
        assert_eq!(second.await.unwrap(), expect, "sees what the one before it committed");
        first = store.correlate(std::slice::from_ref(&emma)).await.unwrap();
    }
}

#[tokio::test]
async fn overlapping_correlations_never_deadlock() {
    let (_database, store) = Database::migrated().await;
    let users: Vec<_> = (0..6).map(|i| user(&format!("user {i}"))).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for start in 0..48usize {
        let (store, mut some) = (store.clone(), users.clone());
        some.rotate_left(start % 6);
        some.truncate(2 + start % 3);
        if start % 2 == 1 {
            some.reverse();
        }
        tasks.spawn(async move {
            let mut correlation = store.correlate(&some).await.unwrap();
            correlation.findings(&[], &[]).await.unwrap();
            correlation.commit().await.unwrap();
        });
    }
    // A deadlock would fail one of them. The pool has eight connections, so the others queue.
    timeout(Duration::from_secs(60), tasks.join_all()).await.unwrap();
}

#[tokio::test]
async fn unlocked_users_and_numbers_out_of_range_are_refused() {
    let (_database, store) = Database::migrated().await;
    let (emma, omar) = (user("emma"), user("omar"));
    let mut correlation = store.correlate(std::slice::from_ref(&emma)).await.unwrap();
    let error = correlation.put_findings(&[stored(finding(1, &omar))]).await.unwrap_err();
    assert_eq!(error.to_string(), format!("account omar of org {} is not locked by this correlation", org()));
    let error = correlation.put_incidents(&[open(incident(1, &omar))]).await.unwrap_err();
    assert!(matches!(error, StoreError::NotLocked { .. }));
    let mut wide = finding(1, &emma);
    wide.revision = u64::MAX;
    let error = correlation.put_findings(&[stored(wide)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Range { field: "revision", .. }));

    // A null character, which Postgres' text cannot hold, must not keep a finding from being stored.
    let (mut odd, mut odd_incident) = (finding(1, &emma), incident(10, &emma));
    (odd.summary, odd.username) = ("report a\0b".into(), Some("em\0ma".into()));
    (odd_incident.username, odd_incident.receipt.config_hash) = (odd.username.clone(), "h\0".into());
    let expect = stored(odd);
    correlation.put_findings(std::slice::from_ref(&expect)).await.unwrap();
    correlation.put_incidents(&[open(odd_incident)]).await.unwrap();
    assert_eq!(correlation.findings(&[Uuid::from_u128(1)], &[]).await.unwrap(), [expect]);

    // A dropped correlation writes nothing and unlocks the user.
    correlation.put_findings(&[stored(finding(1, &emma))]).await.unwrap();
    drop(correlation);
    let mut next = store.correlate(std::slice::from_ref(&emma)).await.unwrap();
    assert_eq!(next.findings(&[Uuid::from_u128(1)], &[]).await.unwrap(), Vec::<StoredFinding>::new());
    next.put_findings(&[]).await.unwrap();
    next.commit().await.unwrap();
    store.correlate(&[]).await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn incidents_are_read_by_their_span_or_id() {
    let (_database, store) = Database::migrated().await;
    let emma = user("emma");
    let at = |id: u128, first: i64, last: i64| {
        let mut written = open(incident(id, &emma));
        (written.incident.first_event_at, written.incident.last_event_at) = (Timestamp(first), Timestamp(last));
        written.incident.risk_score = Points(last as i32);
        written
    };
    let mut ended = at(10, 100, 200);
    ended.ended = true;
    put_incidents(&store, &emma, &[ended, at(20, 300, 400), at(30, 500, 600)]).await;
    put_incidents(&store, &user("omar"), &[open(incident(40, &user("omar")))]).await;
    let mut correlation = store.correlate(std::slice::from_ref(&emma)).await.unwrap();
    let id = Uuid::from_u128;
    type Case<'a> = (&'a [(i64, i64)], &'a [u128], &'a [u128], &'a [u128]);
    let cases: [Case<'_>; 6] = [
        (&[], &[], &[], &[]),
        (&[(200, 300)], &[], &[], &[10, 20]),
        (&[(201, 299)], &[30], &[], &[30]),
        (&[(0, 99), (601, 700)], &[], &[], &[]),
        (&[(0, 700), (150, 350)], &[10], &[], &[10, 20, 30]),
        (&[(0, 700)], &[10], &[10, 30], &[20]),
    ];
    for (spans, ids, without, expect) in cases {
        let span =
            |(from, to): &(i64, i64)| UserSpan { user: emma.clone(), from: Timestamp(*from), to: Timestamp(*to) };
        let spans: Vec<UserSpan> = spans.iter().map(span).collect();
        let [ids, without, expect] = [ids, without, expect].map(|ids| ids.iter().copied().map(id).collect::<Vec<_>>());
        let found = correlation.incidents(&spans, &ids, &without).await.unwrap();
        assert_eq!(found.iter().map(|stored| stored.incident.incident_id).collect::<Vec<_>>(), expect, "{spans:?}");
    }
    let unended = correlation.unended().await.unwrap();
    assert_eq!(unended.iter().map(|stored| stored.incident.incident_id).collect::<Vec<_>>(), [id(20), id(30)]);

    let others = correlation.other_incidents(&[id(30)]).await.unwrap();
    let latest = others[0].latest.as_ref().unwrap();
    assert_eq!((others.len(), others[0].counted, others[0].risk_score), (1, 0, Some(Points(400))));
    assert_eq!((latest.incident_id, latest.last_event_at), (id(20), Timestamp(400)));
    let others = correlation.other_incidents(&[10, 20, 30].map(id)).await.unwrap();
    assert_eq!((others[0].risk_score, &others[0].latest), (None, &None));
}
