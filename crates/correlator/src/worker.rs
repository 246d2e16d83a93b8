//! Merges one batch of findings in one transaction.

use crate::Service;
use crate::error::failure;
use crate::meter::Meter;
use crate::near::Near;
use crate::rules::Rules;
use crate::writes::Writes;
use bus::{Delivery, Failure, Handler, trace};
use model::{Finding, Item, OrgId, Text, UserId, Uuid};
use opentelemetry::global;
use risk::merge;
use runtime::clock::now;
use runtime::latency::Latency;
use std::collections::{BTreeMap, BTreeSet};
use store::{Store, StoreError};

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
        let mut correlation = self.store.correlate(&users).await?;
        let orgs: BTreeSet<OrgId> = new.keys().map(|(org, _)| org.clone()).collect();
        let widest = self.rules.widest_window(&mut correlation, &orgs).await?;
        let mut near = Near::read(&mut correlation, &new, widest).await?;
        let of_new = new.values().flatten().map(|item| &item.value);
        let of_stored = near.values().flat_map(|near| &near.findings).map(|kept| &kept.finding);
        let named: BTreeSet<Text> = of_new.chain(of_stored).map(|finding| finding.config_hash.clone()).collect();
        let rulebooks = self.rules.rulebooks(&mut correlation, &orgs, &named).await?;
        let mut writes = Writes::default();
        for (user, new) in new {
            let Some(rulebook) = rulebooks.get(&user.0) else { continue };
            let Near { findings, incidents, others } = near.remove(&user).unwrap_or_default();
            let known: BTreeSet<Uuid> = findings.iter().map(|kept| kept.finding.finding_id).collect();
            let merged = merge(findings, incidents.clone(), traced(new), rulebook);
            let firsts = merged.findings.iter().filter(|kept| !known.contains(&kept.finding.finding_id));
            firsts.for_each(|kept| writes.counts.finding(&kept.finding));
            writes.add(user, incidents, others, merged);
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
