//! The instruments of the correlator.

use model::{ChangeKind, Finding, Incident, OrgId, Points, Severity, Uuid};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};
use std::time::Duration;

/// The instruments. Create it after telemetry has started.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    incidents: Counter<u64>,
    findings: Counter<u64>,
    outbox_messages: Gauge<u64>,
    outbox_age: Gauge<f64>,
}

/// What one transaction adds to the counters: counted, and changes logged, once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    changes: Vec<PublishedChange>,
    findings: Vec<[KeyValue; 2]>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self::of(&opentelemetry::global::meter("orgwatch"))
    }

    pub(crate) fn of(meter: &opentelemetry::metrics::Meter) -> Self {
        let incidents = meter.u64_counter("orgwatch.incidents");
        let findings = meter.u64_counter("orgwatch.correlator.findings");
        let messages = meter.u64_gauge("orgwatch.outbox.messages").with_unit("{message}");
        let age = meter.f64_gauge("orgwatch.outbox.age").with_unit("s");
        Self {
            incidents: incidents.with_description("Published changes of incidents").build(),
            findings: findings.with_description("Findings merged for the first time").build(),
            outbox_messages: messages.with_description("Changes that wait to be published").build(),
            outbox_age: age.with_description("Time since the oldest of them was written").build(),
        }
    }

    /// Adds what a committed transaction has changed.
    pub(crate) fn count(&self, counts: Counts) {
        counts.changes.into_iter().for_each(|change| change.emit(&self.incidents));
        counts.findings.iter().for_each(|labels| self.findings.add(1, labels));
    }

    /// Records the changes that wait, and the age of the oldest.
    pub(crate) fn outbox(&self, messages: u64, age: Duration) {
        self.outbox_messages.record(messages, &[]);
        self.outbox_age.record(age.as_secs_f64(), &[]);
    }
}

/// A published change of an incident. It names no account: log lines must not.
#[derive(Debug)]
struct PublishedChange {
    kind: ChangeKind,
    org_id: OrgId,
    incident_id: Uuid,
    revision: u64,
    severity: Severity,
    risk_score: Points,
    detector: String,
}

impl PublishedChange {
    /// Logs and counts the change.
    fn emit(self, counter: &Counter<u64>) {
        let Self { kind, org_id, incident_id, revision, severity, risk_score, detector } = self;
        let (change, severity, org) = (kind.as_str(), severity.as_str(), org_id.as_str());
        let risk_score = risk_score.to_f64();
        match kind {
            ChangeKind::Opened => {
                tracing::info!(org, %incident_id, revision, severity, risk_score, detector, "incident opened");
            }
            ChangeKind::Escalated => {
                tracing::info!(org, %incident_id, revision, severity, risk_score, detector, "incident escalated");
            }
            _ => {
                tracing::info!(org, %incident_id, revision, change, severity, risk_score, detector, "incident changed");
            }
        }
        let labels = [("change", change.to_owned()), ("severity", severity.to_owned()), ("detector", detector)];
        counter.add(1, &labels.map(|(key, value)| KeyValue::new(key, value)));
    }
}

impl Counts {
    /// Counts a published change under the detector of the incident's first finding. Later findings seldom change it, so
    /// the counts of opened and ended incidents can be compared.
    pub(crate) fn change(&mut self, kind: ChangeKind, incident: &Incident) {
        let detector = incident.findings.first().map_or_else(|| "none".to_owned(), |first| first.detector.to_string());
        self.changes.push(PublishedChange {
            kind,
            org_id: incident.org_id.clone(),
            incident_id: incident.incident_id,
            revision: incident.revision,
            severity: incident.severity,
            risk_score: incident.risk_score,
            detector,
        });
    }

    /// Counts a finding that is merged for the first time.
    pub(crate) fn finding(&mut self, finding: &Finding) {
        self.findings.push([
            KeyValue::new("detector", finding.detector.to_string()),
            KeyValue::new("severity", finding.severity.as_str()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backlog::measure;
    use crate::testing::{finding, rules, store};
    use crate::worker::Worker;
    use model::Item;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
    use std::collections::BTreeMap;
    use std::slice::from_ref;

    struct Metrics {
        exporter: InMemoryMetricExporter,
        provider: SdkMeterProvider,
    }

    impl Metrics {
        fn new() -> Self {
            let exporter = InMemoryMetricExporter::default();
            let reader = PeriodicReader::builder(exporter.clone()).build();
            Self { exporter, provider: SdkMeterProvider::builder().with_reader(reader).build() }
        }

        /// Values by labels, which are sorted by key and separated by spaces.
        fn counted(&self, name: &str) -> BTreeMap<String, u64> {
            self.exporter.reset();
            self.provider.force_flush().unwrap();
            let mut counted = BTreeMap::new();
            for resource in self.exporter.get_finished_metrics().unwrap() {
                let metrics = resource.scope_metrics().flat_map(|scope| scope.metrics());
                for metric in metrics.filter(|metric| metric.name() == name) {
                    let points: Vec<(Vec<KeyValue>, u64)> = match metric.data() {
                        AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
                            .data_points()
                            .map(|point| (point.attributes().cloned().collect(), point.value()))
                            .collect(),
                        AggregatedMetrics::U64(MetricData::Gauge(gauge)) => {
                            gauge.data_points().map(|point| (Vec::new(), point.value())).collect()
                        }
                        other => panic!("{other:?}"),
                    };
                    for (mut labels, value) in points {
                        labels.sort_by(|a, b| a.key.cmp(&b.key));
                        let words: Vec<String> = labels.iter().map(|label| label.value.to_string()).collect();
                        counted.insert(words.join(" "), value);
                    }
                }
            }
            counted
        }
    }

    #[tokio::test]
    async fn committed_changes_are_counted_once() {
        let metrics = Metrics::new();
        let meter = Meter::of(&metrics.provider.meter("orgwatch"));
        let (_server, store) = store().await;
        let worker = Worker::of(store.clone(), rules(), meter.clone());
        let put = async |findings: &[Finding]| {
            let user = (findings[0].org_id.clone(), findings[0].user_id.clone());
            let items = findings.iter().cloned().map(Item::new).collect();
            worker.correlate(BTreeMap::from([(user, items)])).await.unwrap();
        };
        // The same finding twice, then a later revision and a finding of another detector that escalates the incident.
        let (first, second) = (finding(1, 2, 6.0), finding(2, 3, 9.5));
        put(from_ref(&first)).await;
        put(from_ref(&first)).await;
        put(&[Finding { revision: 2, ..first }, second]).await;
        let count = |counts: [(&str, u64); 2]| counts.map(|(labels, count)| (labels.to_owned(), count)).into();
        assert_eq!(
            metrics.counted("orgwatch.correlator.findings"),
            count([("new_access critical", 1), ("view_burst high", 1)]),
        );
        assert_eq!(
            metrics.counted("orgwatch.incidents"),
            count([("escalated view_burst critical", 1), ("opened view_burst low", 1)]),
        );

        measure(&store, &meter).await.unwrap();
        assert_eq!(metrics.counted("orgwatch.outbox.messages").values().collect::<Vec<_>>(), [&2]);
        store.relay(10, async |rows| rows.iter().map(|row| row.id).collect()).await.unwrap();
        measure(&store, &meter).await.unwrap();
        assert_eq!(metrics.counted("orgwatch.outbox.messages").values().collect::<Vec<_>>(), [&0]);
    }
}
