//! How orgwatch itself stands: its services, partitions and consumers, and how long incidents take.

use super::time;
use bus::Backlog;
use model::time::{DAY, SECOND};
use serde::Serialize;
use store::{IncidentTimes, StoredReplica};
use utoipa::ToSchema;

/// The services, in the order in which events pass through them.
const SERVICES: [&str; 6] = ["ingest", "baseline", "detector", "correlator", "notifier", "console"];

/// A service with its replicas.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Service)]
pub(crate) struct ServiceBody {
    /// ingest, baseline, detector, correlator, notifier or console.
    pub(crate) service: String,
    /// Those that have reported themselves, and have not stopped in order since. A silent one is listed for a day.
    pub(crate) replicas: Vec<ReplicaBody>,
}

/// A replica of a service.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Replica)]
pub(crate) struct ReplicaBody {
    /// The host or pod, and the process.
    pub(crate) instance: String,
    /// The release that it runs.
    pub(crate) version: String,
    /// The hash of the rules in force; null in a service that follows none.
    pub(crate) settings_hash: Option<String>,
    /// When it started, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) started_at: String,
    /// When it last reported itself, which it does every minute.
    #[schema(format = DateTime)]
    pub(crate) seen_at: String,
    /// Whether it has not reported itself for three minutes: it has crashed, or does not reach the database.
    pub(crate) silent: bool,
}

impl ServiceBody {
    /// Returns all services, those without a replica included.
    pub(crate) fn all(stored: Vec<StoredReplica>) -> Vec<Self> {
        let mut services = SERVICES.map(|service| Self { service: service.to_owned(), replicas: Vec::new() }).to_vec();
        for StoredReplica { replica, started_at, seen_at, is_silent } in stored {
            let body = ReplicaBody {
                instance: replica.instance,
                version: replica.version,
                settings_hash: replica.settings_hash,
                started_at: time(started_at),
                seen_at: time(seen_at),
                silent: is_silent,
            };
            match services.iter_mut().find(|service| service.service == replica.service) {
                Some(service) => service.replicas.push(body),
                // Of a later version.
                None => services.push(Self { service: replica.service, replicas: vec![body] }),
            }
        }
        services
    }
}

/// A partition: its orgs, its checkpoint, and what waits.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Partition)]
pub(crate) struct PartitionBody {
    /// Its number, from 0 on.
    #[schema(minimum = 0)]
    pub(crate) partition: i32,
    /// Salesforce ids of the orgs of the session that have state in it.
    pub(crate) orgs: Vec<String>,
    /// Everything up to this sequence of the activity stream is stored; null before the first checkpoint.
    #[schema(minimum = 0)]
    pub(crate) applied: Option<u64>,
    /// When the checkpoint was last written, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) checkpoint_at: Option<String>,
    /// Messages of the partition that baseline has not read, of all its orgs; null if NATS has not answered.
    #[schema(minimum = 0)]
    pub(crate) waiting: Option<u64>,
    /// Messages that it has read, and that are not in a checkpoint yet; null if NATS has not answered.
    #[schema(minimum = 0)]
    pub(crate) unacknowledged: Option<u64>,
}

impl PartitionBody {
    /// Makes a partition without orgs and checkpoint.
    pub(crate) fn new(partition: i32) -> Self {
        Self { partition, orgs: Vec::new(), applied: None, checkpoint_at: None, waiting: None, unacknowledged: None }
    }

    /// Adds what NATS says of it, if it has answered.
    pub(crate) fn with(self, backlog: Option<Backlog>) -> Self {
        let (waiting, unacknowledged) = split(backlog);
        Self { waiting, unacknowledged, ..self }
    }
}

/// What waits for the consumer of a stage.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Consumer)]
pub(crate) struct ConsumerBody {
    /// Its name at NATS: detector- with a group, correlator or notifier.
    pub(crate) consumer: String,
    /// The stream that it reads: observation, finding or incident.
    pub(crate) stream: String,
    /// Messages that no replica has read; null if NATS has not answered, or has no such consumer.
    #[schema(minimum = 0)]
    pub(crate) waiting: Option<u64>,
    /// Messages that a replica has read, and not acknowledged; null likewise.
    #[schema(minimum = 0)]
    pub(crate) unacknowledged: Option<u64>,
}

impl ConsumerBody {
    /// Makes it of a consumer and what NATS says of it.
    pub(crate) fn new(consumer: &bus::Consumer, backlog: Option<Backlog>) -> Self {
        let (waiting, unacknowledged) = split(backlog);
        let (consumer, stream) = (consumer.consumer.clone(), consumer.stream.word().to_owned());
        Self { consumer, stream, waiting, unacknowledged }
    }
}

fn split(backlog: Option<Backlog>) -> (Option<u64>, Option<u64>) {
    backlog.map(|backlog| (backlog.pending, backlog.unacknowledged)).unzip()
}

/// How long incidents of an org took.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Latency {
    /// How many incidents were looked at: the 100 with the latest events, without merged ones.
    #[schema(minimum = 0)]
    pub(crate) incidents: u64,
    /// How many of them are left out, as their first event was more than a day old when they were opened: it was replayed,
    /// simulated, or read late.
    #[schema(minimum = 0)]
    pub(crate) older: u64,
    /// From the event time of its first finding, by Salesforce's clock, until an incident was stored; null if none is left.
    pub(crate) opened: Option<Spread>,
    /// From then until the first destination confirmed the notification of its opening; null if none did.
    pub(crate) delivered: Option<Spread>,
}

/// How durations are spread.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Spread {
    /// How many incidents they are of.
    #[schema(minimum = 1)]
    pub(crate) incidents: u64,
    /// Half of them took at most so many seconds.
    #[schema(minimum = 0)]
    pub(crate) median_seconds: f64,
    /// 95 % of them took at most so many seconds.
    #[schema(minimum = 0)]
    pub(crate) high_seconds: f64,
}

impl Latency {
    /// Works out the latency of incidents by their times.
    pub(crate) fn of(times: &[IncidentTimes]) -> Self {
        let recent: Vec<&IncidentTimes> =
            times.iter().filter(|times| times.opened_at.since(times.first_event_at) <= DAY).collect();
        let opened = recent.iter().map(|times| times.opened_at.since(times.first_event_at));
        let delivered =
            recent.iter().filter_map(|times| times.delivered_at.map(|delivered| delivered.since(times.opened_at)));
        Self {
            incidents: times.len() as u64,
            older: (times.len() - recent.len()) as u64,
            opened: Spread::of(opened),
            delivered: Spread::of(delivered),
        }
    }
}

impl Spread {
    /// Returns the nearest ranks of durations in milliseconds. Below 0, where clocks differ, they count as 0.
    fn of(durations: impl Iterator<Item = i64>) -> Option<Self> {
        let mut sorted: Vec<i64> = durations.map(|duration| duration.max(0)).collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(place).map(|milliseconds| *milliseconds as f64 / SECOND as f64)
        };
        Some(Self { incidents: sorted.len() as u64, median_seconds: rank(50)?, high_seconds: rank(95)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use store::Replica;

    #[test]
    fn latencies_are_ranks_of_recent_incidents() {
        let times = |opened: i64, delivered: Option<i64>| IncidentTimes {
            first_event_at: Timestamp(0),
            opened_at: Timestamp(opened),
            delivered_at: delivered.map(|after| Timestamp(opened + after)),
        };
        let mut all: Vec<IncidentTimes> = (1..=20).map(|second| times(second * 1_000, None)).collect();
        all.extend([times(DAY, Some(500)), times(DAY + 1, Some(9_000)), times(-5_000, Some(2_000))]);
        let latency = Latency::of(&all);
        assert_eq!((latency.incidents, latency.older), (23, 1));
        let spread = |spread: Option<Spread>| {
            spread.map(|spread| (spread.incidents, spread.median_seconds, spread.high_seconds))
        };
        // 0, 1 to 20 and 86,400 s.
        assert_eq!(spread(latency.opened), Some((22, 10.0, 20.0)));
        assert_eq!(spread(latency.delivered), Some((2, 0.5, 2.0)));
        let none = Latency::of(&[times(DAY + 1, None)]);
        assert_eq!((none.older, spread(none.opened), spread(none.delivered)), (1, None, None));
    }

    #[test]
    fn every_service_is_listed_and_unknown_ones_follow() {
        let stored = |service: &str| StoredReplica {
            replica: Replica {
                service: service.into(),
                instance: "pod/1".into(),
                version: "1.0.0".into(),
                settings_hash: None,
            },
            started_at: Timestamp(0),
            seen_at: Timestamp(0),
            is_silent: false,
        };
        let all = ServiceBody::all(vec![stored("baseline"), stored("baseline"), stored("responder")]);
        let found: Vec<(&str, usize)> =
            all.iter().map(|service| (service.service.as_str(), service.replicas.len())).collect();
        let expect = [
            ("ingest", 0),
            ("baseline", 2),
            ("detector", 0),
            ("correlator", 0),
            ("notifier", 0),
            ("console", 0),
            ("responder", 1),
        ];
        assert_eq!(found, expect);
    }
}
