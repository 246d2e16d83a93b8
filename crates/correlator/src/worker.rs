//! One batch of findings, one transaction.

use crate::Service;
use crate::error::failure;
use crate::merge::{Known, Merged, Written, merge};
use crate::meter::{Meter, Tally};
use bus::{Delivery, Failure, Handler, trace};
use model::codec::Message;
use model::{ChangeKind, Finding, Item, OrgId, Points, Text, UserId, Uuid};
use opentelemetry::global;
use runtime::latency::Latency;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};
use store::{
    Correlation, HistoryWrite, IncidentWrite, OutboxWrite, RiskWrite, Status, Store, StoreError, StoredFinding,
    StoredIncident,
};

pub(crate) struct Worker {
    store: Store,
    risk: risk::Settings,
    config_hash: Text,
    latency: Latency,
    meter: Meter,
}

type User = (OrgId, UserId);

impl Worker {
    pub(crate) fn new(service: &Service, meter: Meter) -> Self {
        Self::of(service.store.clone(), service.risk.clone(), service.config_hash.clone(), meter)
    }

    pub(crate) fn of(store: Store, risk: risk::Settings, config_hash: Text, meter: Meter) -> Self {
        Self { store, risk, config_hash, latency: Latency::new(&global::meter("orgwatch")), meter }
    }

    pub(crate) async fn correlate(&self, new: BTreeMap<User, Vec<Item<Finding>>>) -> Result<(), StoreError> {
        let users: Vec<User> = new.keys().cloned().collect();
        let mut correlation = self.store.correlate(&users).await?;
        let mut findings = by_user(correlation.findings().await?, |stored: &StoredFinding| {
            (stored.finding.org_id.clone(), stored.finding.user_id.clone())
        });
        let mut incidents = by_user(correlation.incidents().await?, |stored: &StoredIncident| {
            (stored.incident.org_id.clone(), stored.incident.user_id.clone())
        });
        let mut writes = Writes::default();
        for (user, new) in new {
            let known: Vec<Known> = incidents
                .remove(&user)
                .unwrap_or_default()
                .into_iter()
                .map(|stored| Known { incident: stored.incident, status: stored.status })
                .collect();
            let kept = findings.remove(&user).unwrap_or_default();
            let before: BTreeSet<Uuid> = kept.iter().map(|stored| stored.finding.finding_id).collect();
            let merged = merge(kept, known.clone(), traced(new), &self.risk, &self.config_hash);
            let firsts = merged.findings.iter().filter(|stored| !before.contains(&stored.finding.finding_id));
            firsts.for_each(|stored| writes.tally.finding(&stored.finding));
            writes.add(user, known, merged);
        }
        writes.commit(correlation, &self.meter).await
    }
}

impl Handler for Worker {
    type Item = Finding;

    async fn handle(&mut self, deliveries: Vec<Delivery<Finding>>) -> Result<(), Failure> {
        let mut new: BTreeMap<User, Vec<Item<Finding>>> = BTreeMap::new();
        let mut received = Vec::new();
        for item in deliveries.into_iter().flat_map(|delivery| delivery.items) {
            let user = (item.value.org_id.clone(), item.value.user_id.clone());
            received.extend(item.received_at);
            new.entry(user).or_default().push(item);
        }
        self.correlate(new).await.map_err(|error| failure(&error))?;
        let now = now();
        received.into_iter().for_each(|received| self.latency.pipeline(received.0, now, &[]));
        Ok(())
    }
}

/// The wall clock, in milliseconds since 1970; only for measuring.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The findings, each with a span of its own trace.
fn traced(findings: Vec<Item<Finding>>) -> Vec<Item<Finding>> {
    let traced = |item: Item<Finding>| {
        let span = tracing::info_span!("correlate", orgwatch.service = "correlator", detector = %item.value.detector);
        trace::parent(&span, &item.traceparent);
        let _entered = span.enter();
        Item { traceparent: trace::current(), ..item }
    };
    findings.into_iter().map(traced).collect()
}

fn by_user<T>(rows: Vec<T>, user: impl Fn(&T) -> User) -> BTreeMap<User, Vec<T>> {
    let mut grouped: BTreeMap<User, Vec<T>> = BTreeMap::new();
    for row in rows {
        grouped.entry(user(&row)).or_default().push(row);
    }
    grouped
}

/// All that one transaction writes.
#[derive(Default)]
pub(crate) struct Writes {
    findings: Vec<StoredFinding>,
    incidents: Vec<IncidentWrite>,
    history: Vec<HistoryWrite>,
    outbox: Vec<OutboxWrite>,
    risks: Vec<RiskWrite>,
    tally: Tally,
}

impl Writes {
    fn add(&mut self, user: User, known: Vec<Known>, merged: Merged) {
        if merged.findings.is_empty() && merged.incidents.is_empty() {
            return;
        }
        self.findings.extend(merged.findings);
        self.risks.extend(risk_of(user, known, &merged.incidents));
        for written in merged.incidents {
            self.add_incident(written);
        }
    }

    pub(crate) fn add_incident(&mut self, written: Written) {
        let Written { incident, status, kind, merged_into, ended, traceparent } = written;
        let message = incident.encode();
        // What merely grows is kept, and not told.
        if kind != ChangeKind::Updated {
            self.tally.change(kind, &incident);
            self.outbox.push(OutboxWrite {
                incident_id: incident.incident_id,
                revision: incident.revision,
                org_id: incident.org_id.clone(),
                change: kind.as_str().to_owned(),
                message: message.clone(),
                traceparent: (!traceparent.is_empty()).then(|| traceparent.to_string()),
            });
        }
        self.history.push(HistoryWrite {
            incident_id: incident.incident_id,
            revision: incident.revision,
            org_id: incident.org_id.clone(),
            change: kind.as_str().to_owned(),
            risk_score: incident.risk_score,
            severity: incident.severity,
            message,
        });
        let trace_id = traceparent.split('-').nth(1).map(str::to_owned);
        self.incidents.push(IncidentWrite { incident, status, trace_id, merged_into, ended });
    }

    pub(crate) async fn commit(self, mut correlation: Correlation, meter: &Meter) -> Result<(), StoreError> {
        correlation.put_findings(&self.findings).await?;
        correlation.put_incidents(&self.incidents).await?;
        correlation.put_history(&self.history).await?;
        correlation.put_outbox(&self.outbox).await?;
        correlation.put_risk(&self.risks).await?;
        correlation.commit().await?;
        meter.count(self.tally);
        Ok(())
    }
}

/// The user's risk: that of the gravest incident that is not settled.
fn risk_of(user: User, known: Vec<Known>, written: &[Written]) -> Option<RiskWrite> {
    let mut incidents: BTreeMap<_, Known> =
        known.into_iter().map(|known| (known.incident.incident_id, known)).collect();
    for Written { incident, status, .. } in written {
        incidents.insert(incident.incident_id, Known { incident: incident.clone(), status: *status });
    }
    let latest = incidents.values().max_by_key(|known| known.incident.last_event_at)?;
    let live = || incidents.values().filter(|known| matches!(known.status, Status::Open | Status::Acknowledged));
    let (org_id, user_id) = user;
    Some(RiskWrite {
        org_id,
        user_id,
        username: latest.incident.username.clone(),
        user_class: latest.incident.user_class,
        risk_score: live().map(|known| known.incident.risk_score).max().unwrap_or(Points(0)),
        incidents: u32::try_from(live().count()).unwrap_or(u32::MAX),
        last_event_at: Some(latest.incident.last_event_at),
    })
}
