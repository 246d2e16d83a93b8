//! Streams and consumers, declared as data and brought about by [`Topology::apply`].

mod apply;

use crate::{Settings, subject};
pub(crate) use apply::stream;
use serde::Serialize;
use std::time::Duration;

/// All streams and consumers of a deployment; serializes as what `topology show` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Topology {
    pub streams: Vec<StreamSpec>,
    pub consumers: Vec<ConsumerSpec>,
    /// The key-value bucket that settings are distributed by.
    pub bucket: String,
    /// Copies of the bucket.
    pub replicas: u8,
}

/// A stream: kept in files, with limits retention, so that any number of consumers can read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamSpec {
    pub name: String,
    pub subjects: Vec<String>,
    pub max_age_hours: u32,
    /// Beyond it the oldest messages are dropped; `None`: unlimited.
    pub max_bytes: Option<u64>,
    pub replicas: u8,
    /// An optimization: everything that reads copes with a message that comes twice.
    pub duplicate_window_seconds: u32,
}

/// A durable pull consumer. It delivers without end: the loops here decide when a message is dead.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsumerSpec {
    pub stream: String,
    pub name: String,
    /// The subjects it reads.
    pub filters: Vec<String>,
    pub ack: Ack,
    /// Messages that may be delivered and not yet acknowledged; `None`: any number.
    pub max_ack_pending: Option<u32>,
    pub ack_wait_seconds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ack {
    /// Acknowledging a message acknowledges all before it.
    All,
    Explicit,
}

/// Detectors that read through one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectorGroup {
    pub name: String,
    /// Observations that they want.
    pub families: Vec<String>,
}

/// What the server has otherwise than declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `stream ORGWATCH_ACTIVITY`, `consumer ORGWATCH_FINDING/correlator`.
    pub object: String,
    pub field: &'static str,
    pub expected: String,
    pub actual: String,
}

/// The streams, by what they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    Activity,
    Observation,
    Finding,
    Incident,
    Dead,
}

/// A consumer by name, and the stream it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    pub stream: Stream,
    pub consumer: String,
    /// Who works on it, as the dead letters say.
    pub(crate) stage: String,
}

impl Topology {
    /// `families` are all there are of observations; a detector group may name only these.
    pub fn new(settings: &Settings, detector_groups: &[DetectorGroup]) -> Self {
        let prefix = &settings.prefix;
        let mut consumers: Vec<ConsumerSpec> = (0..settings.partitions)
            .map(|partition| {
                // A cursor is put back by a reset, never by redelivery, so nothing must come again by itself.
                let source = Consumer::baseline(partition);
                ConsumerSpec {
                    ack: Ack::All,
                    max_ack_pending: None,
                    ack_wait_seconds: 30 * 60,
                    ..shared(prefix, &source, vec![subject::activity(prefix, partition)])
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
    pub const ALL: [Self; 5] = [Self::Activity, Self::Observation, Self::Finding, Self::Incident, Self::Dead];

    /// `ORGWATCH_ACTIVITY`.
    pub fn name(self, prefix: &str) -> String {
        format!("{prefix}_{}", self.word()).to_uppercase()
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Observation => "observation",
            Self::Finding => "finding",
            Self::Incident => "incident",
            Self::Dead => "dead",
        }
    }

    /// All that it keeps.
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
    /// The cursor of a partition.
    pub fn baseline(partition: u16) -> Self {
        Self::new(Stream::Activity, format!("baseline-{partition}"), "baseline")
    }

    pub fn detector(group: &str) -> Self {
        let consumer = format!("detector-{}", subject::token(group));
        Self::new(Stream::Observation, consumer.clone(), &consumer)
    }

    pub fn correlator() -> Self {
        Self::new(Stream::Finding, "correlator".to_owned(), "correlator")
    }

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

pub(crate) fn bucket(prefix: &str) -> String {
    format!("{prefix}-settings")
}

fn shared(prefix: &str, source: &Consumer, filters: Vec<String>) -> ConsumerSpec {
    ConsumerSpec {
        stream: source.stream.name(prefix),
        name: source.consumer.clone(),
        filters,
        ack: Ack::Explicit,
        max_ack_pending: Some(256),
        // What a server that dies has delivered and nobody got comes again after this.
        ack_wait_seconds: 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_topology() {
        let settings = Settings { partitions: 2, ..Settings::default() };
        let groups = [DetectorGroup { name: "rows".to_owned(), families: vec!["report".to_owned(), "api".to_owned()] }];
        insta::assert_json_snapshot!(Topology::new(&settings, &groups));
    }
}
