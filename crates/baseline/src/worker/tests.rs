//! Stored profiles that cannot be read, with a real Postgres and nats-server.

use super::*;
use bus::{PublisherSettings, Topology, dead};
use model::{Activity, Channel, Kind, Timestamp, Uuid};
use servers::{Nats, Postgres};
use store::Store;
use tokio_util::sync::CancellationToken;

const PARTITION: u16 = 0;

fn org() -> OrgId {
    OrgId::new("00Dhn0000018hrcEAA")
}

fn activity(n: u128, user: &str) -> Entry {
    let at = Timestamp::parse("2026-03-30T09:00:00Z").unwrap().plus(n as i64);
    let activity = Activity::new(Uuid::from_u128(n), org(), UserId::new(user), at, Channel::Stream, Kind::ListView);
    Entry::Activity(Box::new(activity))
}

struct World {
    _servers: (Nats, Postgres),
    bus: Bus,
    owner: Arc<Owner>,
}

impl World {
    async fn start() -> Self {
        let servers = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
        let settings = bus::Settings { servers: vec![servers.0.url()], partitions: 2, ..bus::Settings::default() };
        let bus = Bus::connect("test", &settings).await.unwrap();
        Topology::new(&settings, &[]).apply(&bus).await.unwrap();
        let settings = store::Settings { url: servers.1.url().into(), ..store::Settings::default() };
        Store::connect(&settings, "test").await.unwrap().migrate().await.unwrap();
        let owner = Owner::connect(&settings, "test", "test", 1).await.unwrap();
        assert!(owner.try_acquire(PARTITION.into()).await.unwrap());
        Self { _servers: servers, bus, owner: Arc::new(owner) }
    }

    async fn load(&self) -> Result<Worker, BaselineError> {
        let publisher = Publisher::start(&self.bus, PublisherSettings::default(), CancellationToken::new());
        let findings = Publisher::start(&self.bus, PublisherSettings::default(), CancellationToken::new());
        let (partitions, owner) = (Partitions::new(2, BTreeMap::new()), Arc::clone(&self.owner));
        let settings = Settings::default();
        let rules = watch::channel(Arc::new(::settings::Settings::default().into())).1;
        Worker::load(PARTITION, &self.bus, owner, (publisher, findings), &partitions, rules, &settings).await
    }

    /// Stores a day of two users, with other bytes in place of Emma's profile. Returns these bytes.
    async fn store(&self, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut partition = Partition::new(&::settings::Settings::default());
        for (n, user) in [(1, "emma"), (2, "omar")] {
            partition.apply(&activity(n, user), &mut Vec::new()).unwrap();
        }
        let (mut entries, mut changed) = (Vec::new(), Vec::new());
        for (org_id, key, bytes) in partition.take_changes().unwrap() {
            let mut bytes = bytes.unwrap();
            if key == "user/emma" {
                change(&mut bytes);
                changed.clone_from(&bytes);
            }
            entries.push(StateEntry { org_id, key, bytes });
        }
        self.owner.checkpoint(PARTITION.into(), 1, &entries, &[], &[], &[]).await.unwrap();
        changed
    }

    async fn letters(&self) -> Vec<dead::DeadLetter> {
        dead::list(&self.bus, &dead::Filter::default()).await.unwrap()
    }
}

#[tokio::test]
async fn an_unreadable_profile_starts_over_and_stops_no_other() {
    let world = World::start().await;
    let damaged = world.store(|bytes| bytes.truncate(20)).await;
    let mut worker = world.load().await.unwrap();
    let letters = world.letters().await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.stage.as_str(), &letter.payload[..]), ("baseline", &damaged[..]));
    let origin = format!("partition 0, org {}, user/emma", org());
    assert_eq!(letter.origin.as_deref(), Some(origin.as_str()));
    assert!(letter.reason.ends_with("; the account starts over"), "{}", letter.reason);

    for (n, user) in [(3, "emma"), (4, "omar")] {
        let outcome = worker.state.apply(&activity(n, user), &mut Vec::new()).unwrap();
        assert_eq!(outcome, Some(ActivityOutcome::Learned), "{user}");
    }
    worker.applied = 2;
    worker.checkpoint().await.unwrap();
    world.load().await.unwrap();
    assert_eq!(world.letters().await, letters, "the next checkpoint replaced it");
}

#[tokio::test]
async fn a_profile_of_a_later_version_is_kept() {
    let world = World::start().await;
    world.store(|bytes| bytes[0] = 200).await;
    let error = world.load().await.err().unwrap();
    assert!(chain(&error).contains("unknown version 200"), "{}", chain(&error));
    assert_eq!(world.letters().await, []);
}

#[tokio::test]
async fn a_missing_profile_starts_over() {
    let world = World::start().await;
    world.store(|_| ()).await;
    let gone = [StateKey { org_id: org(), key: "user/emma".to_owned() }];
    world.owner.checkpoint(PARTITION.into(), 1, &[], &gone, &[], &[]).await.unwrap();
    world.load().await.unwrap();
    let letters = world.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "the profile is missing; the account starts over");
}
