//! Streams and consumers, declared as data. [`Topology::apply`] creates them at the server.

mod apply;

use crate::{Settings, subject};
pub(crate) use apply::stream;
use serde::Serialize;
use std::time::Duration;

/// All streams and consumers of a deployment. Serializes as `topology show` prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Topology {
    /// One for each [`Stream`].
    pub streams: Vec<StreamSpec>,
    /// One for each partition, detector group and other service.
    pub consumers: Vec<ConsumerSpec>,
    /// The key-value bucket that distributes settings.
    pub bucket: String,
    /// Copies of the bucket.
    pub replicas: u8,
}

/// A stream, stored in files with limits retention, so that any number of consumers can read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamSpec {
    /// As [`Stream::name`].
    pub name: String,
    /// The subjects that it stores.
    pub subjects: Vec<String>,
    /// Older messages are dropped.
    pub max_age_hours: u32,
    /// The size above which the oldest messages are dropped; unlimited where absent.
    pub max_bytes: Option<u64>,
    /// Copies.
    pub replicas: u8,
    /// How long the server remembers ids of messages. This only saves work: every reader accepts a message twice.
    pub duplicate_window_seconds: u32,
}

/// A durable pull consumer. It redelivers without limit: the loops decide when a message goes to the dead stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsumerSpec {
    /// The name of its stream.
    pub stream: String,
    /// Its durable name.
    pub name: String,
    /// The subjects that it reads.
    pub filters: Vec<String>,
    /// How messages are acknowledged.
    pub ack: Ack,
    /// The most messages that may be delivered and not acknowledged; unlimited where absent.
    pub max_ack_pending: Option<u32>,
    /// After this time an unacknowledged message is redelivered.
    pub ack_wait_seconds: u32,
}

/// How messages of a consumer are acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ack {
    /// Acknowledging a message acknowledges all before it.
    All,
    /// Each message is acknowledged.
    Explicit,
}

/// Detectors that read through one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectorGroup {
    /// Part of the consumer's name.
    pub name: String,
    /// The families of observations that the detectors read.
    pub families: Vec<String>,
}

/// A field that the server has with another value than declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Such as `stream ORGWATCH_ACTIVITY` or `consumer ORGWATCH_FINDING/correlator`.
    pub object: String,
    /// `existence` where the object is missing.
    pub field: &'static str,
    /// The declared value.
    pub expected: String,
    /// The value at the server.
    pub actual: String,
}

/// The streams, by what they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Activities and control records.
    Activity,
    /// Observations.
    Observation,
    /// Findings.
    Finding,
    /// Changes of incidents.
    Incident,
    /// Dead letters.
    Dead,
}

/// The name of a consumer, and the stream that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The stream.
    pub stream: Stream,
    /// The durable name.
    pub consumer: String,
    /// The stage that reads it, as named in dead letters.
    pub(crate) stage: String,
}

impl Topology {
    /// Declares the streams, a consumer for each partition, and those of the detector groups and of the other services.
    pub fn new(settings: &Settings, detector_groups: &[DetectorGroup]) -> Self {
        let prefix = &settings.prefix;
        let mut consumers: Vec<ConsumerSpec> = (0..settings.partitions)
            .map(|partition| {
                // A cursor goes back by a reset, never by redelivery, so the server must redeliver nothing.
                let consumer = Consumer::baseline(partition);
                ConsumerSpec {
                    ack: Ack::All,
                    max_ack_pending: None,
                    ack_wait_seconds: 30 * 60,
                    ..shared(prefix, &consumer, vec![subject::activity(prefix, partition)])
                }
            })
            .collect();
        consumers.extend(detector_groups.iter().map(|group| {
            let filters = group.families.iter().map(|family| subject::family(prefix, family)).collect();
            shared(prefix, &Consumer::detector(&group.name), filters)
        }));
        let all = |stream: Stream| vec![stream.subjects(prefix)];
        consumers.push(shared(prefix, &Consumer::correlator(), all(Stream::Finding)));
        consumers.push(shared(prefix, &Consumer::notifier(), all(Stream::Incident)));
        Self {
            streams: Stream::ALL.iter().map(|stream| stream.spec(settings)).collect(),
            consumers,
            bucket: bucket(prefix),
            replicas: settings.replicas,
        }
    }
}

impl Stream {
    /// Every stream.
    pub const ALL: [Self; 5] = [Self::Activity, Self::Observation, Self::Finding, Self::Incident, Self::Dead];

    /// Returns the name at the server, such as `ORGWATCH_ACTIVITY`.
    pub fn name(self, prefix: &str) -> String {
        format!("{prefix}_{}", self.word()).to_uppercase()
    }

    /// Returns what it carries, as subjects and metrics name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Observation => "observation",
            Self::Finding => "finding",
            Self::Incident => "incident",
            Self::Dead => "dead",
        }
    }

    /// Returns the subjects that it stores.
    pub fn subjects(self, prefix: &str) -> String {
        format!("{prefix}.v1.{}.>", self.word())
    }

    fn spec(self, settings: &Settings) -> StreamSpec {
        let (hours, bytes) = (&settings.retention, &settings.max_bytes);
        let (max_age_hours, max_bytes) = match self {
            Self::Activity => (hours.activity, bytes.activity),
            Self::Observation => (hours.observation, bytes.observation),
            Self::Finding => (hours.finding, bytes.finding),
            Self::Incident => (hours.incident, bytes.incident),
            Self::Dead => (hours.dead, bytes.dead),
        };
        StreamSpec {
            name: self.name(&settings.prefix),
            subjects: vec![self.subjects(&settings.prefix)],
            max_age_hours,
            max_bytes,
            replicas: settings.replicas,
            duplicate_window_seconds: 120,
        }
    }
}

impl Consumer {
    /// Returns the cursor of a partition.
    pub fn baseline(partition: u16) -> Self {
        Self::new(Stream::Activity, format!("baseline-{partition}"), "baseline")
    }

    /// Returns the consumer of a detector group.
    pub fn detector(group: &str) -> Self {
        let consumer = format!("detector-{}", subject::token(group));
        Self::new(Stream::Observation, consumer.clone(), &consumer)
    }

    /// Returns the consumer of a detector group by its durable name; `None` if that is not one of a detector group.
    pub(crate) fn detector_named(name: &str) -> Option<Self> {
        let is_detector = name.strip_prefix("detector-").is_some_and(|group| !group.is_empty());
        is_detector.then(|| Self::new(Stream::Observation, name.to_owned(), name))
    }

    /// Returns the consumer of the correlator.
    pub fn correlator() -> Self {
        Self::new(Stream::Finding, "correlator".to_owned(), "correlator")
    }

    /// Returns the consumer of the notifier.
    pub fn notifier() -> Self {
        Self::new(Stream::Incident, "notifier".to_owned(), "notifier")
    }

    fn new(stream: Stream, consumer: String, stage: &str) -> Self {
        Self { stream, consumer, stage: stage.to_owned() }
    }
}

impl ConsumerSpec {
    pub(crate) fn ack_wait(&self) -> Duration {
        Duration::from_secs(self.ack_wait_seconds.into())
    }
}

/// Returns the name of the settings bucket.
pub(crate) fn bucket(prefix: &str) -> String {
    format!("{prefix}-settings")
}

/// Declares a consumer that replicas share.
fn shared(prefix: &str, consumer: &Consumer, filters: Vec<String>) -> ConsumerSpec {
    ConsumerSpec {
        stream: consumer.stream.name(prefix),
        name: consumer.consumer.clone(),
        filters,
        ack: Ack::Explicit,
        max_ack_pending: Some(256),
        // How long messages are delayed that were delivered to a replica that died.
        ack_wait_seconds: 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_topology() {
        let settings = Settings { partitions: 2, ..Settings::default() };
        let groups = [DetectorGroup { name: "rows".to_owned(), families: vec!["report".to_owned(), "api".to_owned()] }];
        insta::assert_json_snapshot!(Topology::new(&settings, &groups));
    }
}
