//! What asks for somebody now, from what the page knows. The alert rules are Prometheus', and are not evaluated here.

use super::system::System;
use crate::body::{Source, SourceGap};
use model::Timestamp;
use model::time::MINUTE;
use std::collections::{BTreeMap, BTreeSet};

/// Something that asks for somebody.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// Kinds of events of an org that their leading source does not see.
    Blind { org: String, kinds: usize },
    /// Periods of an org of which events are still missing.
    Gaps { org: String, periods: usize },
    /// There are dead letters, the oldest of this time.
    Letters { since: String },
    /// Services without a replica.
    Absent { services: String },
    /// A replica that has not reported itself.
    Silent { service: String, instance: String, seen_at: String },
    /// Replicas run several versions.
    Versions { versions: String },
    /// Replicas have several settings.
    Settings { hashes: usize },
    /// Messages wait, and no checkpoint was written for long.
    Stuck { partition: i32, messages: u64, checkpoint_at: String },
    /// NATS has not answered.
    Nats,
}

/// How old a checkpoint may be while messages wait, in milliseconds: a choice, well above `checkpoint_ms` and the time in
/// which another replica takes a partition over.
const OLD_CHECKPOINT: i64 = 10 * MINUTE;

/// Lists what asks for somebody.
pub(super) fn list(sources: &[Source], gaps: &[SourceGap], system: &System, now: Timestamp) -> Vec<Note> {
    let mut notes = Vec::new();
    if system.lacks_nats() {
        notes.push(Note::Nats);
    }
    notes.extend(of_services(system));
    notes.extend(system.partitions.iter().filter_map(|partition| {
        let messages = partition.waiting?.saturating_add(partition.unacknowledged?);
        let checkpoint_at = partition.checkpoint_at.clone()?;
        let is_old = Timestamp::parse(&checkpoint_at).is_some_and(|at| now.since(at) > OLD_CHECKPOINT);
        let partition = partition.partition;
        (is_old && messages > 0).then_some(Note::Stuck { partition, messages, checkpoint_at })
    }));
    let blind = sources.iter().filter(|source| source.state == "blind").map(|source| &source.org_id);
    notes.extend(by_org(blind).into_iter().map(|(org, kinds)| Note::Blind { org, kinds }));
    let missing = gaps.iter().map(|gap| &gap.org_id);
    notes.extend(by_org(missing).into_iter().map(|(org, periods)| Note::Gaps { org, periods }));
    notes.extend(system.letter.as_ref().map(|letter| Note::Letters { since: letter.at.clone() }));
    notes
}

fn of_services(system: &System) -> Vec<Note> {
    let mut notes = Vec::new();
    let (mut absent, mut versions, mut hashes) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for service in &system.services {
        if service.replicas.iter().all(|replica| replica.silent) {
            absent.push(service.service.as_str());
        }
        for replica in &service.replicas {
            if replica.silent {
                notes.push(Note::Silent {
                    service: service.service.clone(),
                    instance: replica.instance.clone(),
                    seen_at: replica.seen_at.clone(),
                });
                continue;
            }
            versions.insert(replica.version.as_str());
            hashes.extend(replica.settings_hash.as_deref());
        }
    }
    if !absent.is_empty() {
        notes.insert(0, Note::Absent { services: absent.join(", ") });
    }
    if versions.len() > 1 {
        notes.push(Note::Versions { versions: versions.into_iter().collect::<Vec<_>>().join(", ") });
    }
    if hashes.len() > 1 {
        notes.push(Note::Settings { hashes: hashes.len() });
    }
    notes
}

/// Counts by org.
fn by_org<'a>(orgs: impl Iterator<Item = &'a String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for org in orgs {
        *counts.entry(org.clone()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::system::Consumers;
    use super::*;
    use crate::body::{Latency, PartitionBody, ReplicaBody, ServiceBody};

    const NOW: Timestamp = Timestamp(1_772_461_912_000);

    fn service(service: &str, replicas: &[(&str, &str, bool)]) -> ServiceBody {
        let replicas = replicas.iter().map(|(version, hash, silent)| ReplicaBody {
            instance: "pod/1".to_owned(),
            version: (*version).to_owned(),
            settings_hash: (!hash.is_empty()).then(|| (*hash).to_owned()),
            started_at: String::new(),
            seen_at: "then".to_owned(),
            silent: *silent,
        });
        ServiceBody { service: service.to_owned(), replicas: replicas.collect() }
    }

    fn system(services: Vec<ServiceBody>, partitions: Vec<PartitionBody>) -> System {
        let consumers = Consumers::Known(Vec::new());
        System { services, partitions, consumers, latency: Latency::of(&[]), letter: None }
    }

    fn check(system: &System, expect: &[Note]) {
        assert_eq!(list(&[], &[], system, NOW), expect);
    }

    #[test]
    fn services_that_are_well_ask_for_nobody() {
        let well = [
            service("baseline", &[("1.0.0", "a", false), ("1.0.0", "a", false)]),
            service("ingest", &[("1.0.0", "", false)]),
        ];
        check(&system(well.to_vec(), Vec::new()), &[]);
    }

    #[test]
    fn silent_absent_and_differing_replicas_are_named() {
        let silent =
            |name: &str| Note::Silent { service: name.into(), instance: "pod/1".into(), seen_at: "then".into() };
        let services = vec![service("ingest", &[]), service("baseline", &[("1.0.0", "a", true)])];
        let absent = Note::Absent { services: "ingest, baseline".to_owned() };
        check(&system(services, Vec::new()), &[absent, silent("baseline")]);
        // What a silent replica ran does not count.
        let services = vec![service("baseline", &[("1.0.0", "a", true), ("1.1.0", "b", false), ("1.1.0", "b", false)])];
        check(&system(services, Vec::new()), &[silent("baseline")]);
        let services =
            vec![service("baseline", &[("1.0.0", "a", false)]), service("console", &[("1.1.0", "b", false)])];
        let differing = [Note::Versions { versions: "1.0.0, 1.1.0".to_owned() }, Note::Settings { hashes: 2 }];
        check(&system(services, Vec::new()), &differing);
    }

    #[test]
    fn a_partition_is_stuck_if_messages_wait_and_its_checkpoint_is_old() {
        let partition = |age: i64, waiting: u64, unacknowledged: u64| PartitionBody {
            checkpoint_at: Some(NOW.plus(-age).to_string()),
            waiting: Some(waiting),
            unacknowledged: Some(unacknowledged),
            ..PartitionBody::new(3)
        };
        let stuck =
            |age: i64, messages| [Note::Stuck { partition: 3, messages, checkpoint_at: NOW.plus(-age).to_string() }];
        check(&system(Vec::new(), vec![partition(OLD_CHECKPOINT, 5, 5)]), &[]);
        check(&system(Vec::new(), vec![partition(OLD_CHECKPOINT + 1, 0, 0)]), &[]);
        check(&system(Vec::new(), vec![partition(OLD_CHECKPOINT + 1, 5, 0)]), &stuck(OLD_CHECKPOINT + 1, 5));
        check(&system(Vec::new(), vec![partition(OLD_CHECKPOINT + 1, 0, 2)]), &stuck(OLD_CHECKPOINT + 1, 2));
    }

    #[test]
    fn nats_that_does_not_answer_is_one_note() {
        let mut silent = system(Vec::new(), vec![PartitionBody::new(3)]);
        check(&silent, &[]);
        for consumers in [Consumers::Unknown, Consumers::NotShown] {
            silent.consumers = consumers;
            check(&silent, &[Note::Nats]);
        }
        silent.partitions.clear();
        check(&silent, &[]);
    }

    #[test]
    fn what_is_blind_and_missing_is_counted_by_org() {
        let source = |org: &str, state: &str| Source {
            org_id: org.to_owned(),
            source: "stream".to_owned(),
            kind: "login".to_owned(),
            state: state.to_owned(),
            last_event_at: None,
            last_heard_at: None,
            detail: None,
            updated_at: String::new(),
        };
        let gap = |org: &str| SourceGap {
            org_id: org.to_owned(),
            source: String::new(),
            kind: String::new(),
            from: String::new(),
            to: String::new(),
            reason: String::new(),
        };
        let sources = [source("b", "blind"), source("a", "missing"), source("b", "blind"), source("c", "leading")];
        let notes = list(&sources, &[gap("a")], &system(Vec::new(), Vec::new()), NOW);
        let (blind, gaps) = (Note::Blind { org: "b".into(), kinds: 2 }, Note::Gaps { org: "a".into(), periods: 1 });
        assert_eq!(notes, [blind, gaps]);
    }
}
