//! The instruments of this service.

use engine::{ActivityOutcome, IdentityUse};
use model::{Entry, Item, OrgId};
use opentelemetry::metrics::{Counter, Gauge, Histogram};
use opentelemetry::{KeyValue, global};
use profile::TestCount;
use runtime::latency::BUCKETS;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Meter {
    entries: Counter<u64>,
    activities: Counter<u64>,
    checkpoint_bytes: Counter<u64>,
    checkpoint_seconds: Histogram<f64>,
    profiles: Gauge<u64>,
    partitions: Gauge<u64>,
    all_partitions: Gauge<u64>,
    renewed: Counter<u64>,
    refused: Counter<u64>,
    restore_seconds: Gauge<f64>,
    identities: Gauge<u64>,
    identity_bytes: Gauge<u64>,
    identity_rows: Gauge<u64>,
    users: Gauge<u64>,
    tests: Counter<u64>,
    rare_tests: Counter<u64>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self::of(&global::meter("orgwatch"))
    }

    fn of(meter: &opentelemetry::metrics::Meter) -> Self {
        let entries = meter.u64_counter("orgwatch.baseline.entries");
        let bytes = meter.u64_counter("orgwatch.baseline.checkpoint.size").with_unit("By");
        let seconds = meter.f64_histogram("orgwatch.baseline.checkpoint.duration").with_unit("s");
        let seconds = seconds.with_description("Until a checkpoint is committed").with_boundaries(BUCKETS.to_vec());
        let renewed = meter.u64_counter("orgwatch.baseline.profiles.renewed");
        let refused = meter.u64_counter("orgwatch.baseline.decisions.refused");
        let restore = meter.f64_gauge("orgwatch.baseline.restore.duration").with_unit("s");
        let size = meter.u64_gauge("orgwatch.baseline.identities.size").with_unit("By");
        let gauge = |name, what| meter.u64_gauge(name).with_description(what).build();
        let tests = meter.u64_counter("orgwatch.baseline.calibration.tests");
        let rare = meter.u64_counter("orgwatch.baseline.calibration.rare");
        Self {
            entries: entries.with_description("Entries applied, by kind: activity, backfill, control").build(),
            checkpoint_bytes: bytes.with_description("Bytes of checkpoints").build(),
            checkpoint_seconds: seconds.build(),
            profiles: gauge(
                "orgwatch.baseline.profiles",
                "Profiles in memory, of the partition that wrote the last checkpoint",
            ),
            partitions: gauge("orgwatch.baseline.partitions", "Partitions that this replica owns"),
            all_partitions: gauge("orgwatch.baseline.partitions.configured", "Partitions of the deployment"),
            activities: meter
                .u64_counter("orgwatch.baseline.activities")
                .with_description("Activities and backfill by outcome; late ones count against their day")
                .build(),
            renewed: renewed.with_description("Accounts that started over: their profile could not be read").build(),
            refused: refused.with_description("Decisions that a partition cannot take and goes on without").build(),
            restore_seconds: restore.with_description("Of the last start of a partition from its checkpoint").build(),
            identities: gauge("orgwatch.baseline.identities", "Identities of counted activities that are kept"),
            identity_bytes: size.with_description("Bytes of identities in memory").build(),
            identity_rows: gauge("orgwatch.baseline.identities.rows", "Rows of identities in Postgres"),
            users: gauge("orgwatch.baseline.users", "Accounts of an org in a partition"),
            tests: tests.with_description("Tests of closed user-days, of which calibration makes a promise").build(),
            rare_tests: rare.with_description("Tests as surprised as one in a hundred should be").build(),
        }
    }

    /// Counts the entries of a delivery in one go, because every activity passes here.
    pub(crate) fn applied(&self, items: &[Item<Entry>]) {
        let (mut activities, mut backfill, mut controls) = (0, 0, 0);
        for item in items {
            match item.value {
                Entry::Activity(_) => activities += 1,
                Entry::Backfill(_) => backfill += 1,
                Entry::Control(_) => controls += 1,
            }
        }
        for (kind, count) in [("activity", activities), ("backfill", backfill), ("control", controls)] {
            if count > 0 {
                self.entries.add(count, &[KeyValue::new("kind", kind)]);
            }
        }
    }

    /// Counts the activities of a delivery by outcome.
    pub(crate) fn outcomes(&self, outcomes: &BTreeMap<ActivityOutcome, u64>) {
        for (outcome, count) in outcomes {
            self.activities.add(*count, &[KeyValue::new("outcome", outcome.as_str())]);
        }
    }

    pub(crate) fn checkpoint(&self, bytes: usize, took: Duration, profiles: usize) {
        self.checkpoint_bytes.add(bytes as u64, &[]);
        self.checkpoint_seconds.record(took.as_secs_f64(), &[]);
        self.profiles.record(profiles as u64, &[]);
    }

    /// Records how long the restart of a partition from its checkpoint took.
    pub(crate) fn restored(&self, partition: u16, took: Duration) {
        self.restore_seconds.record(took.as_secs_f64(), &[of(partition)]);
    }

    /// Records the identities that a partition keeps.
    pub(crate) fn identities(&self, partition: u16, usage: IdentityUse) {
        self.identities.record(usage.entries, &[of(partition)]);
        self.identity_bytes.record(usage.bytes, &[of(partition)]);
        self.identity_rows.record(usage.rows, &[of(partition)]);
    }

    /// Records how many accounts of an org a partition has.
    pub(crate) fn users(&self, partition: u16, org: &OrgId, users: usize) {
        self.users.record(users as u64, &[of_org(org), of(partition)]);
    }

    /// Counts what a test found. Zeros count as well, so that a test that finds nothing has a rate.
    pub(crate) fn tested(&self, org: &OrgId, count: &TestCount) {
        let labels = [
            of_org(org),
            KeyValue::new("detector", count.detector.to_string()),
            KeyValue::new("subject", count.subject.to_string()),
        ];
        self.tests.add(count.tests, &labels);
        self.rare_tests.add(count.rare, &labels);
    }

    /// Counts an account that starts over because its stored profile cannot be read.
    pub(crate) fn renewed(&self) {
        self.renewed.add(1, &[]);
    }

    /// Counts a decision that a partition does not take.
    pub(crate) fn refused(&self, org: &OrgId) {
        self.refused.add(1, &[of_org(org)]);
    }

    /// Records the number of partitions of the deployment.
    pub(crate) fn all_partitions(&self, count: u16) {
        self.all_partitions.record(count.into(), &[]);
    }

    pub(crate) fn partitions(&self, owned: usize) {
        self.partitions.record(owned as u64, &[]);
    }
}

fn of(partition: u16) -> KeyValue {
    KeyValue::new("partition", i64::from(partition))
}

fn of_org(org: &OrgId) -> KeyValue {
    KeyValue::new("org", org.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
    use std::collections::BTreeMap;

    /// Returns what is exported of what is measured.
    fn exported(measure: impl Fn(&Meter)) -> Vec<ResourceMetrics> {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        measure(&Meter::of(&provider.meter("orgwatch")));
        provider.force_flush().unwrap();
        exporter.get_finished_metrics().unwrap()
    }

    #[test]
    fn a_test_without_surprises_has_a_series() {
        let exported = exported(|meter| {
            let org = OrgId::new("00Dhn0000018hrcEAA");
            let count = |tests, rare| TestCount { detector: "row_spike".into(), subject: "api".into(), tests, rare };
            meter.tested(&org, &count(70, 0));
            meter.tested(&org, &count(30, 0));
        });
        let mut sums = Vec::new();
        for metric in exported.iter().flat_map(ResourceMetrics::scope_metrics).flat_map(|scope| scope.metrics()) {
            if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
                for point in sum.data_points() {
                    let mut labels: Vec<String> = point.attributes().map(|label| label.value.to_string()).collect();
                    labels.sort();
                    sums.push((metric.name().to_owned(), labels.join(" "), point.value()));
                }
            }
        }
        sums.sort();
        let of = |name: &str, value| {
            (format!("orgwatch.baseline.calibration.{name}"), "00Dhn0000018hrcEAA api row_spike".to_owned(), value)
        };
        assert_eq!(sums, [of("rare", 0), of("tests", 100)]);
    }

    #[test]
    fn checkpoints_and_partitions_are_measured() {
        let exported = exported(|meter| {
            meter.all_partitions(32);
            meter.partitions(16);
            for milliseconds in [3, 4, 700] {
                meter.checkpoint(1_000, Duration::from_millis(milliseconds), 7);
            }
        });
        let (mut gauges, mut quick) = (BTreeMap::new(), None);
        for resource in exported {
            for metric in resource.scope_metrics().flat_map(|scope| scope.metrics()) {
                match metric.data() {
                    AggregatedMetrics::U64(MetricData::Gauge(gauge)) => {
                        gauges.insert(metric.name().to_owned(), gauge.data_points().next().unwrap().value());
                    }
                    AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                        let point = histogram.data_points().next().unwrap();
                        quick = point.bounds().zip(point.bucket_counts()).find(|(_, count)| *count == 2);
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(quick, Some((0.005, 2)), "a checkpoint takes milliseconds");
        let expected = [("partitions", 16), ("partitions.configured", 32), ("profiles", 7)];
        assert_eq!(gauges, expected.map(|(name, value)| (format!("orgwatch.baseline.{name}"), value)).into());
    }
}
