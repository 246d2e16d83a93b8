//! Decisions on stored incidents, whichever came first.

use super::*;
use crate::testing::{finding, rules, store};
use model::decision::{Scope, WatchCause};
use model::time::HOUR;
use model::{ChangeKind, Disposition, Finding, OrgId, Status};
use servers::Postgres;
use std::collections::BTreeMap;
use store::{FindingFilter, IncidentFilter, OutboxRow, StoredIncident};

struct Bench {
    _server: Postgres,
    store: Store,
    worker: Worker,
}

impl Bench {
    async fn new() -> Self {
        let (server, store) = store().await;
        let worker = Worker::of(store.clone(), rules(), Meter::new());
        Self { _server: server, store, worker }
    }

    async fn put(&self, finding: Finding) {
        let user = (finding.org_id.clone(), finding.user_id.clone());
        self.worker.correlate(BTreeMap::from([(user, vec![Item::new(finding)])])).await.unwrap();
    }

    /// Records a decision of an org from an hour on, for an account or all, and applies it.
    async fn decide(
        &self,
        org: &OrgId,
        user: Option<&UserId>,
        (from, until): (i64, Option<i64>),
        ruling: Ruling,
    ) -> Uuid {
        let decision_id =
            Uuid::from_u128(1_000 + self.store.decisions(&DecisionFilter::default()).await.unwrap().len() as u128);
        let decision = Decision {
            decision_id,
            org_id: org.clone(),
            user_id: user.cloned(),
            ruling,
            from: Timestamp(from * HOUR),
            until: until.map(|until| Timestamp(until * HOUR)),
            decided_by: "nobody".into(),
            claimed_by: Some("ana".into()),
            reason: "a test".to_owned(),
            decided_at: Timestamp(0),
            in_force: BTreeMap::new(),
        };
        self.store.record(&decision).await.unwrap();
        to_incidents(&self.worker, &self.store).await.unwrap();
        // Those of the stream wait for NATS.
        decision_id
    }

    async fn incidents(&self, org: &OrgId) -> Vec<StoredIncident> {
        let filter = IncidentFilter { org_id: Some(org.clone()), ..IncidentFilter::default() };
        let mut incidents = self.store.incidents(&filter).await.unwrap();
        incidents.sort_by_key(|stored| stored.incident.first_event_at);
        incidents
    }

    async fn published(&self) -> Vec<ChangeKind> {
        let mut kinds = Vec::new();
        let relayed = self.store.relay(100, async |rows: Vec<OutboxRow>| {
            kinds.extend(rows.iter().map(|row| crate::relay::change(row).unwrap().kind));
            rows.iter().map(|row| row.id).collect()
        });
        relayed.await.unwrap();
        kinds
    }
}

fn emma() -> (OrgId, UserId) {
    let finding = finding(1, 0, 8.0);
    (finding.org_id, finding.user_id)
}

fn elsewhere(finding: Finding) -> Finding {
    let id = Uuid::from_u128(finding.finding_id.as_u128() + 500);
    Finding { org_id: OrgId::new("00D000000000002AAA"), finding_id: id, ..finding }
}

fn everything() -> Ruling {
    Ruling::Suppression { scope: Scope::default(), incident_id: None }
}

#[tokio::test]
async fn what_an_incident_was_closes_it_and_taken_back_it_is_open_again() {
    let bench = Bench::new().await;
    let (org, user) = emma();
    bench.put(finding(1, 0, 8.0)).await;
    let incident = bench.incidents(&org).await.remove(0).incident;
    let benign = Ruling::Disposition(risk::dispose(&incident, Disposition::Benign, true, true));
    let decision_id = bench.decide(&org, Some(&user), (0, Some(1)), benign).await;
    let stored = bench.incidents(&org).await.remove(0);
    assert_eq!((stored.status, stored.disposition), (Status::Resolved, Some(Disposition::Benign)));
    assert!(stored.closed_at.is_some() && stored.incident.disposition == stored.disposition);
    let undone = Ruling::Undone { decision_id };
    bench.decide(&org, Some(&user), (0, None), undone).await;
    let stored = bench.incidents(&org).await.remove(0);
    assert_eq!((stored.status, stored.disposition, stored.closed_at), (Status::Open, None, None));
    assert_eq!(bench.published().await, [ChangeKind::Opened, ChangeKind::Closed, ChangeKind::Reopened]);
    assert!(!bench.store.is_due(&[]).await.unwrap());
}

#[tokio::test]
async fn what_one_org_suppresses_is_raised_in_another() {
    let bench = Bench::new().await;
    let (org, _) = emma();
    let there = elsewhere(finding(1, 0, 8.0)).org_id;
    for id in [1, 2] {
        bench.put(Finding { user_id: UserId::new(&format!("user {id}")), ..finding(id, 0, 8.0) }).await;
        bench.put(elsewhere(Finding { user_id: UserId::new(&format!("user {id}")), ..finding(id, 0, 8.0) })).await;
    }
    let decision_id = bench.decide(&org, None, (0, Some(50)), everything()).await;
    let statuses = async |org: &OrgId| bench.incidents(org).await.iter().map(|i| i.status).collect::<Vec<_>>();
    assert_eq!((statuses(&org).await, statuses(&there).await), (vec![Status::Withdrawn; 2], vec![Status::Open; 2]));
    // A later finding in its interval is hidden too, and stays stored with the reason.
    bench.put(finding(4, 40, 9.0)).await;
    bench.put(elsewhere(finding(4, 40, 9.0))).await;
    bench.put(finding(7, 90, 9.0)).await;
    assert_eq!((statuses(&org).await.len(), statuses(&there).await.len()), (3, 3));
    let of_org = FindingFilter { org_id: Some(org.clone()), ..FindingFilter::default() };
    let findings = bench.store.findings(&of_org).await.unwrap();
    let hidden = findings.iter().filter(|stored| stored.hidden_by == Some(decision_id)).count();
    assert_eq!((findings.len(), hidden), (4, 3));
    // Ended after the first two, it hides only these.
    bench.decide(&org, None, (30, None), Ruling::Ended { decision_id }).await;
    let open = bench.incidents(&org).await.iter().filter(|stored| stored.status == Status::Open).count();
    assert_eq!(open, 2);
    bench.decide(&org, None, (0, None), Ruling::Undone { decision_id }).await;
    assert_eq!(statuses(&org).await, [Status::Open; 4]);
}

#[tokio::test]
async fn people_take_incidents_on_and_watch_accounts() {
    let bench = Bench::new().await;
    let (org, user) = emma();
    bench.put(finding(1, 0, 5.0)).await;
    let before = bench.incidents(&org).await.remove(0);
    let incident_id = before.incident.incident_id;
    bench.decide(&org, Some(&user), (0, None), Ruling::Acknowledged { incident_id }).await;
    let until = Timestamp(99 * HOUR);
    bench.decide(&org, Some(&user), (0, None), Ruling::Snoozed { incident_id, until }).await;
    bench.decide(&org, Some(&user), (0, None), Ruling::Comment { incident_id }).await;
    let taken = bench.incidents(&org).await.remove(0);
    assert_eq!((taken.status, taken.assignee.as_deref()), (Status::Acknowledged, Some("ana")));
    assert_eq!((taken.snoozed_until, taken.incident.revision), (Some(until), before.incident.revision + 2));
    let watch = Ruling::Watch { cause: WatchCause::Departing, factor: 4.0 };
    bench.decide(&org, Some(&user), (0, None), watch).await;
    let watched = bench.incidents(&org).await.remove(0);
    assert!(watched.incident.risk_score > before.incident.risk_score);
    assert_eq!((watched.status, watched.assignee.as_deref()), (Status::Acknowledged, Some("ana")));
    // Nothing changes of what has no findings, and it blocks nothing.
    bench.decide(&org, Some(&user), (500, None), Ruling::Acknowledged { incident_id }).await;
    assert_eq!(bench.incidents(&org).await.len(), 1);
}
