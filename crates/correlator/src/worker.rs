//! Merges one batch of findings in one transaction.

use crate::Service;
use crate::error::failure;
use crate::meter::Meter;
use crate::near::Near;
use crate::rules::Rules;
use crate::writes::Writes;
use bus::{Delivery, Failure, Handler, trace};
use model::{Finding, Item, OrgId, Text, Timestamp, UserId, Uuid};
use opentelemetry::global;
use risk::Decisions;
use runtime::clock::now;
use runtime::latency::Latency;
use std::collections::{BTreeMap, BTreeSet};
use store::{Correlation, Store, StoreError};

/// Merges the findings that the bus delivers.
pub(crate) struct Worker {
    store: Store,
    rules: Rules,
    latency: Latency,
    meter: Meter,
}

/// A user of an org: what incidents are kept by.
pub(crate) type User = (OrgId, UserId);

impl Worker {
    pub(crate) fn new(service: &Service, meter: Meter) -> Self {
        Self::of(service.store.clone(), Rules::new(service.rules.clone()), meter)
    }

    pub(crate) fn of(store: Store, rules: Rules, meter: Meter) -> Self {
        Self { store, rules, latency: Latency::new(&global::meter("orgwatch")), meter }
    }

    /// Merges new findings by user, and returns once the transaction is committed.
    pub(crate) async fn correlate(&self, new: BTreeMap<User, Vec<Item<Finding>>>) -> Result<(), StoreError> {
        let users: Vec<User> = new.keys().cloned().collect();
        let correlation = self.store.correlate(&users).await?;
        self.merge(correlation, new, Cause::Findings).await
    }

    /// Works the incidents of users out once more that have a finding in one of the spans of event time, of which the end is
    /// exclusive: a decision on them has come.
    pub(crate) async fn reconsider(&self, users: &[User], spans: &[(Timestamp, Timestamp)]) -> Result<(), StoreError> {
        let mut correlation = self.store.correlate(users).await?;
        let mut found: BTreeMap<User, Vec<Item<Finding>>> = BTreeMap::new();
        for (from, until) in spans {
            for stored in correlation.findings_between(*from, *until).await? {
                let user = (stored.finding.org_id.clone(), stored.finding.user_id.clone());
                found.entry(user).or_default().push(Item::new(stored.finding));
            }
        }
        self.merge(correlation, found, Cause::Decision).await
    }

    /// Merges what is within reach of findings by user, which are new or at hand because of a decision.
    async fn merge(
        &self,
        mut correlation: Correlation,
        findings: BTreeMap<User, Vec<Item<Finding>>>,
        cause: Cause,
    ) -> Result<(), StoreError> {
        let orgs: BTreeSet<OrgId> = findings.keys().map(|(org, _)| org.clone()).collect();
        let widest = self.rules.widest_window(&mut correlation, &orgs).await?;
        let decisions = decisions(&mut correlation, findings.keys()).await?;
        let mut near = Near::read(&mut correlation, &findings, &decisions, widest).await?;
        let of_new = findings.values().flatten().map(|item| &item.value);
        let of_stored = near.values().flat_map(|near| &near.findings).map(|kept| &kept.finding);
        let named: BTreeSet<Text> = of_new.chain(of_stored).map(|finding| finding.config_hash.clone()).collect();
        let rulebooks = self.rules.rulebooks(&mut correlation, &orgs, &named).await?;
        let none = Decisions::default();
        let mut writes = Writes::default();
        for (user, findings) in findings {
            let Some(rulebook) = rulebooks.get(&user.0) else { continue };
            let near = near.remove(&user).unwrap_or_default();
            let known: BTreeSet<Uuid> = near.findings.iter().map(|kept| kept.finding.finding_id).collect();
            let new = if cause == Cause::Findings { traced(findings) } else { Vec::new() };
            let decided = decisions.get(&user).unwrap_or(&none);
            let merged = risk::merge(near.findings, near.incidents.clone(), new, rulebook, decided);
            let firsts = merged.findings.iter().filter(|kept| !known.contains(&kept.finding.finding_id));
            firsts.for_each(|kept| writes.counts.finding(&kept.finding));
            writes.add(user, near.incidents, near.others, merged);
        }
        writes.commit(correlation, &self.meter).await
    }
}

/// Why incidents are worked out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Findings have come.
    Findings,
    /// A decision has come.
    Decision,
}

/// Reads the decisions on users, by user; those without any are left out.
async fn decisions<'a>(
    correlation: &mut Correlation,
    users: impl Iterator<Item = &'a User>,
) -> Result<BTreeMap<User, Decisions>, StoreError> {
    let all = correlation.decisions().await?;
    if all.is_empty() {
        return Ok(BTreeMap::new());
    }
    let of_user = |(org, user): &User| {
        let decided = Decisions::new(all.iter().filter(|decision| decision.concerns(org, user)).cloned());
        (!decided.is_empty()).then(|| ((org.clone(), user.clone()), decided))
    };
    Ok(users.filter_map(of_user).collect())
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
        received.into_iter().for_each(|received| self.latency.pipeline(received.0, now.0, &[]));
        Ok(())
    }
}

/// Opens a span for each finding in its own trace, and hands the span's context on with the finding.
fn traced(findings: Vec<Item<Finding>>) -> Vec<Item<Finding>> {
    let traced = |item: Item<Finding>| {
        let span = tracing::info_span!("correlate", orgwatch.service = "correlator", detector = %item.value.detector);
        trace::parent(&span, &item.traceparent);
        let _entered = span.enter();
        Item { traceparent: trace::current(), ..item }
    };
    findings.into_iter().map(traced).collect()
}

#[cfg(test)]
mod tests;
