//! Judges one batch of observations at a time.

use crate::decided::Decided;
use crate::{Group, Service};
use bus::{Delivery, Failure, Handler, PublishError, Publisher, subject, trace};
use detect::Verdict;
use engine::Rules;
use model::partition::Partitions;
use model::{Finding, Item, Observation};
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, Value, global};
use runtime::error::chain;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

pub(crate) struct Worker {
    group: Group,
    rules: watch::Receiver<Arc<Rules>>,
    decided: Decided,
    partitions: Partitions,
    prefix: String,
    publisher: Publisher<Finding>,
    verdicts: Counter<u64>,
}

impl Worker {
    pub(crate) fn new(service: Service, publisher: Publisher<Finding>) -> Self {
        Self {
            group: service.group,
            rules: service.rules,
            decided: Decided::new(service.store),
            partitions: service.partitions,
            prefix: service.bus.settings().prefix.clone(),
            publisher,
            verdicts: global::meter("orgwatch")
                .u64_counter("orgwatch.detector.verdicts")
                .with_description("Verdicts by detector: anomalous, normal, or unscoreable with the reason")
                .build(),
        }
    }

    /// Returns the findings of the group's detectors, each with a span in the trace of its observation.
    fn judge(&self, item: &Item<Observation>, rules: &Rules) -> Vec<Item<Finding>> {
        let count = |detector: &'static str, verdict: &Verdict| self.count(detector, verdict);
        let findings = rules.judge(self.group.detectors(), &item.value, count);
        if findings.is_empty() {
            return Vec::new();
        }
        let span =
            tracing::info_span!("judge", orgwatch.service = "detector", orgwatch.findings = findings.len() as u64);
        trace::parent(&span, &item.traceparent);
        let _entered = span.enter();
        let traceparent = trace::current();
        findings.into_iter().map(|value| item.causes(value, traceparent.clone())).collect()
    }

    fn count(&self, detector: &'static str, verdict: &Verdict) {
        let outcome: Value = match verdict {
            Verdict::Anomalous(_) => "anomalous".into(),
            Verdict::Normal => "normal".into(),
            Verdict::Unscoreable(reason) => format!("unscoreable: {reason}").into(),
        };
        self.verdicts.add(1, &[KeyValue::new("detector", detector), KeyValue::new("verdict", outcome)]);
    }

    async fn publish(&self, by_subject: BTreeMap<String, Vec<Item<Finding>>>) -> Result<(), PublishError> {
        let mut tickets = Vec::with_capacity(by_subject.len());
        for (subject, items) in by_subject {
            tickets.push(self.publisher.send_or_set_aside("detector", subject, items).await?);
        }
        for ticket in tickets {
            ticket.await?;
        }
        Ok(())
    }
}

impl Handler for Worker {
    type Item = Observation;

    async fn handle(&mut self, deliveries: Vec<Delivery<Observation>>) -> Result<(), Failure> {
        let rules = Arc::clone(&self.rules.borrow());
        let rules = self.decided.complete(rules, &deliveries).await;
        let rules = rules.map_err(|error| Failure::Unavailable(chain(&error)))?;
        let mut by_subject: BTreeMap<String, Vec<Item<Finding>>> = BTreeMap::new();
        for delivery in &deliveries {
            for finding in delivery.items.iter().flat_map(|item| self.judge(item, &rules)) {
                let partition = self.partitions.of_finding(&finding.value.org_id, &finding.value.user_id);
                by_subject.entry(subject::finding(&self.prefix, partition)).or_default().push(finding);
            }
            // Judging never waits, and the connection needs its turn on this thread.
            tokio::task::yield_now().await;
        }
        self.publish(by_subject).await.map_err(|error| Failure::Unavailable(error.to_string()))
    }
}
