//! Whatever happens to the replicas of a partition, its observations and its stored state equal those of a plain fold.

mod decisions;
mod reserve;
mod user_days;

use super::*;
use decisions::{decided, decision};
use model::Ruling;
use model::time::{DAY, HOUR, MINUTE};
use model::{Activity, Channel, Kind, Scope, SourceIp, Timestamp, Uuid};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use user_days::{UserDays, assert_same, assert_varied, put};

/// The records of the partition in Postgres.
type Table = BTreeMap<(OrgId, String), Vec<u8>>;

/// The latest observations of each position in the stream: after a restore a position is observed again.
type Observed = Vec<Vec<Observation>>;

/// An event of a replica's life. Numbers count messages.
#[derive(Clone, Copy, Debug)]
enum Event {
    Deliver(usize),
    /// The latest messages are delivered again.
    Redeliver(usize),
    /// A checkpoint, after which so many profiles stay in memory beyond those that are needed.
    Checkpoint(usize),
    /// Everything since the last checkpoint is lost.
    Crash,
    /// The changes were taken, and their commit failed.
    CheckpointFails,
    /// Another replica takes over, after a last checkpoint.
    HandOver,
    /// Another replica takes over while this one goes on for so many messages.
    TakeOver(usize),
}

struct Expected {
    stream: Vec<Entry>,
    observed: Observed,
    state: Table,
    user_days: UserDays,
}

static EXPECTED: LazyLock<Expected> = LazyLock::new(|| {
    let stream = stream();
    let mut orgs: BTreeMap<OrgId, Org> = BTreeMap::new();
    let mut closed = Vec::new();
    let observed = stream.iter().map(|entry| fold(&mut orgs, entry, &mut closed)).collect();
    let mut user_days = UserDays::new();
    put(&mut user_days, closed);
    let mut state = Table::new();
    for (id, org) in &mut orgs {
        let records = org.take_changes().unwrap();
        commit(&mut state, records.into_iter().map(|record| (id.clone(), record.key, record.bytes)));
    }
    Expected { stream, observed, state, user_days }
});

fn fold(orgs: &mut BTreeMap<OrgId, Org>, entry: &Entry, closed: &mut Vec<UserDay>) -> Vec<Observation> {
    let mut out = Vec::new();
    let is_of_known = matches!(entry, Entry::Control(Control { command, .. }) if !matches!(command, Command::Blind { .. } | Command::Decide(_)));
    if is_of_known && !orgs.contains_key(entry.org_id()) {
        return out;
    }
    let id = entry.org_id();
    let org = orgs.entry(id.clone()).or_insert_with(|| {
        let mut org = Org::new(id.clone(), &settings()).unwrap();
        test_by(&mut org, &whole(), Some(&decided()));
        org
    });
    match entry {
        Entry::Activity(activity) => assert_ne!(org.observe(activity, &mut out), ActivityOutcome::Away),
        Entry::Backfill(activity) => assert_ne!(org.backfill(activity, &mut out), ActivityOutcome::Away),
        Entry::Control(Control { command, .. }) => match command {
            Command::Watermark(time) => org.judge(*time, &mut out),
            Command::End => org.finish(&mut out),
            Command::Blind { kind } => org.blind(*kind),
            Command::Sighted { kind } => org.sighted(*kind),
            Command::Decide(decision) => {
                if let Ruling::Settings { hash, .. } = &decision.ruling {
                    let settings = &decided()[hash];
                    org.prepare(hash, &settings.profile_of(id), settings.detect.surprise_key()).unwrap();
                }
                assert!(org.decide(decision, None).is_empty());
            }
        },
    }
    calibrate(org, entry, &mut out, (&whole(), Some(&decided())), closed);
    out
}

fn settings() -> profile::Settings {
    profile::Settings { time_zone: "America/New_York".to_owned(), ..profile::Settings::default() }
}

fn whole() -> Settings {
    Settings { profile: settings(), ..Settings::default() }
}

/// Two orgs of six accounts each, most of which are idle for days, with backfill, copies, late and future activities
/// among them, and control records, also for orgs without activities.
fn stream() -> Vec<Entry> {
    let orgs = ["00Dhn0000018hrcEAA", "00Dhn0000018hrdEAA"];
    let start = Timestamp::parse("2026-03-02").unwrap();
    let mut positions: Vec<(i64, Entry)> = Vec::new();
    for n in 0..900_u32 {
        let dice = dice(n);
        let (org, user) = (orgs[dice as usize % 2], dice / 2 % 6);
        let minute = i64::from(n) * 16;
        // User 0 is active every day, user 5 seldom.
        if user > 0 && minute / (24 * 60) % i64::from(user + 1) != 0 {
            continue;
        }
        let at = start.plus(minute * MINUTE);
        let mut activity = activity(n, org, &format!("user{user}"), at, dice / 16);
        if dice.is_multiple_of(41) {
            activity.received_at = Some(at.plus(-HOUR));
        }
        if dice.is_multiple_of(11) {
            positions.push((minute + i64::from(dice % 7_000), activity.clone().into()));
        }
        let is_late = dice.is_multiple_of(23);
        let is_backfill = dice.is_multiple_of(5);
        let entry = if is_backfill { Entry::Backfill(Box::new(activity)) } else { activity.into() };
        positions.push((minute + if is_late { i64::from(dice % 8_000) } else { 0 }, entry));
        if dice.is_multiple_of(29) {
            let kind = Kind::ALL[dice as usize % 3];
            let is_blind = dice.is_multiple_of(2);
            positions.push((
                minute,
                control(org, if is_blind { Command::Blind { kind } } else { Command::Sighted { kind } }),
            ));
        }
        if dice.is_multiple_of(13) {
            positions.push((minute, control(org, Command::Decide(Box::new(decision(n, org, user, dice))))));
        }
        if dice.is_multiple_of(17) {
            // Some are ahead, and judge an hour before activities close it.
            let watermark = Command::Watermark(at.plus((i64::from(dice % 5) - 1) * 2 * HOUR));
            positions.push((minute, control(org, watermark)));
        }
    }
    positions.push((7 * 24 * 60, control("00Dhn0000018hreEAA", Command::Watermark(start.plus(3 * DAY)))));
    for command in [Command::Sighted { kind: Kind::Login }, Command::Blind { kind: Kind::Login }] {
        positions.push((7 * 24 * 60, control("00Dhn0000018hrfEAA", command)));
    }
    positions.push((8 * 24 * 60, control(orgs[0], Command::End)));
    positions.sort_by_key(|(position, _)| *position);
    let mut stream: Vec<Entry> = positions.into_iter().map(|(_, entry)| entry).collect();
    stream.extend(orgs.map(|org| control(org, Command::End)));
    stream
}

/// Returns a number that looks random and is the same each time.
fn dice(n: u32) -> u32 {
    (u64::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32
}

fn control(org: &str, command: Command) -> Entry {
    Entry::Control(Control { org_id: OrgId::new(org), command })
}

fn activity(n: u32, org: &str, user: &str, at: Timestamp, dice: u32) -> Activity {
    let kinds = [Kind::Login, Kind::ListView, Kind::ReportExport, Kind::Api, Kind::ListView, Kind::ListView];
    let kind = kinds[dice as usize % kinds.len()];
    Activity {
        username: Some(format!("{user}@example.com").into()),
        source_ip: Some(SourceIp::Address([198, 51, 100, (dice % 7) as u8].into())),
        client: Some(["Chrome on macOS", "Safari on iOS"][dice as usize % 19 / 18].into()),
        session_key: Some(format!("session of {user}").into()),
        objects: [["Account", "Contact", "Lead"][dice as usize % 3].into()].into_iter().collect(),
        rows: (kind != Kind::Login).then_some(100 + u64::from(dice % 700)),
        resource_name: Some(format!("View {}", dice % 11).into()),
        scope: (kind == Kind::ListView).then_some(Scope::ALL[dice as usize % 3]),
        ..Activity::new(Uuid::from_u128(n.into()), OrgId::new(org), UserId::new(user), at, Channel::Stream, kind)
    }
}

fn commit(table: &mut Table, changes: impl IntoIterator<Item = Change>) {
    for (org, key, bytes) in changes {
        match bytes {
            Some(bytes) => table.insert((org, key), bytes),
            None => table.remove(&(org, key)),
        };
    }
}

/// A replica that owns the partition.
struct Replica {
    partition: Partition,
    /// Messages applied.
    applied: usize,
}

impl Replica {
    /// Restores as the service does when it takes a partition.
    fn restore(table: &Table, applied: usize) -> Self {
        let stored = table.iter().filter(|((_, key), _)| !key.starts_with("user/"));
        let mut restore = Restore::new(&whole());
        stored.for_each(|((org, key), bytes)| restore.add(org.clone(), key.clone(), bytes.clone()).unwrap());
        let mut partition = restore.finish().unwrap();
        for (org, user) in partition.wanted() {
            load(&mut partition, table, &org, &user);
        }
        assert_eq!(partition.wanted(), []);
        Self { partition, applied }
    }

    fn deliver(&mut self, messages: usize, table: &Table, observed: &mut Observed) {
        let from = self.applied;
        for (entry, observed) in EXPECTED.stream[from..].iter().zip(&mut observed[from..]).take(messages) {
            let mut out = Vec::new();
            while self.partition.apply(entry, &mut out).unwrap() == Some(ActivityOutcome::Away) {
                assert_eq!(out, [], "nothing is observed before the profile is loaded");
                let Some(activity) = entry.activity() else { panic!("{entry:?}") };
                load(&mut self.partition, table, &activity.org_id, &activity.user_id);
            }
            *observed = out;
            self.applied += 1;
        }
    }

    /// Activities are recognized by identity, control records only by position: the service skips those.
    fn redeliver(&mut self, messages: usize) {
        for entry in &EXPECTED.stream[self.applied.saturating_sub(messages)..self.applied] {
            let Some(_) = entry.activity() else { continue };
            let mut out = Vec::new();
            let outcome = self.partition.apply(entry, &mut out).unwrap().unwrap();
            assert!(
                matches!(outcome, ActivityOutcome::Duplicate | ActivityOutcome::Future | ActivityOutcome::Forgotten),
                "{outcome:?}: {entry:?}"
            );
            assert_eq!(out, []);
        }
    }
}

fn load(partition: &mut Partition, table: &Table, org: &OrgId, user: &UserId) {
    let bytes = &table[&(org.clone(), Org::user_key(user))];
    partition.load(org, user, bytes).unwrap();
}

fn check(script: &[Event]) {
    let expected = &*EXPECTED;
    let mut observed: Observed = vec![Vec::new(); expected.stream.len()];
    let (mut table, mut user_days, mut stored) = (Table::new(), UserDays::new(), 0);
    let mut owner = Replica::restore(&table, 0);
    for event in script.iter().copied().chain([Event::Deliver(usize::MAX), Event::Checkpoint(usize::MAX)]) {
        if let Event::Checkpoint(_) | Event::HandOver = event {
            commit(&mut table, owner.partition.take_changes().unwrap());
            put(&mut user_days, owner.partition.take_user_days());
            stored = owner.applied;
        }
        match event {
            Event::Deliver(messages) => owner.deliver(messages, &table, &mut observed),
            Event::Redeliver(messages) => owner.redeliver(messages),
            Event::Checkpoint(limit) => {
                owner.partition.evict(limit);
            }
            Event::CheckpointFails => {
                owner.partition.take_changes().unwrap();
                owner.partition.take_user_days();
                owner = Replica::restore(&table, stored);
            }
            Event::Crash | Event::HandOver => owner = Replica::restore(&table, stored),
            Event::TakeOver(messages) => {
                let mut former = std::mem::replace(&mut owner, Replica::restore(&table, stored));
                // Profiles that it still loads are unchanged: nothing has been committed since.
                former.deliver(messages, &table, &mut observed);
            }
        }
    }
    for (position, (expected, found)) in expected.observed.iter().zip(&observed).enumerate() {
        assert_eq!(found, expected, "message {position}");
    }
    assert_same(&user_days, &expected.user_days);
    // Identities within an hour are ordered by when they were stored.
    let is_ordered = |(_, key): &(OrgId, String)| !key.starts_with("seen/");
    for (key, bytes) in expected.state.iter().filter(|(key, _)| is_ordered(key)) {
        assert!(table.get(key) == Some(bytes), "{key:?} differs");
    }
    let hours_and_keys = |table: &Table| -> BTreeSet<(OrgId, String)> {
        let key = |(org, key): &(OrgId, String)| match key.rsplit_once('/') {
            Some((hour, _)) if key.starts_with("seen/") => (org.clone(), hour.to_owned()),
            _ => (org.clone(), key.clone()),
        };
        table.keys().map(key).collect()
    };
    assert!(hours_and_keys(&table) == hours_and_keys(&expected.state));
    // Known identities show in the activities that are refused.
    owner = Replica::restore(&table, stored);
    for (org, user) in users(&table) {
        load_if_away(&mut owner.partition, &table, &org, &user);
    }
    owner.redeliver(usize::MAX);
    assert!(owner.partition.take_changes().unwrap().is_empty(), "a refused activity changes nothing");
}

fn users(table: &Table) -> Vec<(OrgId, UserId)> {
    let user = |(org, key): &(OrgId, String)| Some((org.clone(), UserId::new(key.strip_prefix("user/")?)));
    table.keys().filter_map(user).collect()
}

fn load_if_away(partition: &mut Partition, table: &Table, org: &OrgId, user: &UserId) {
    if partition.orgs[org].is_away(user) {
        load(partition, table, org, user);
    }
}

#[test]
fn the_stream_contains_every_outcome() {
    let expected = &*EXPECTED;
    let mut partition = Replica::restore(&Table::new(), 0).partition;
    let mut outcomes = Vec::new();
    for entry in &expected.stream {
        outcomes.extend(partition.apply(entry, &mut Vec::new()).unwrap());
    }
    for outcome in [
        ActivityOutcome::Learned,
        ActivityOutcome::Late,
        ActivityOutcome::Duplicate,
        ActivityOutcome::Future,
        ActivityOutcome::Forgotten,
    ] {
        assert!(outcomes.contains(&outcome), "{outcome:?}");
    }
    assert!(expected.observed.iter().map(Vec::len).sum::<usize>() > 100);
    let observed = || expected.observed.iter().flatten();
    assert!(
        observed().any(|observed| observed.blind.len() > 1) && observed().any(|observed| observed.blind.is_empty())
    );
    let orgs: Vec<&str> = partition.orgs.keys().map(OrgId::as_str).collect();
    assert_eq!(
        orgs,
        ["00Dhn0000018hrcEAA", "00Dhn0000018hrdEAA", "00Dhn0000018hrfEAA"],
        "the last org has only a Blind command"
    );
    let by_backfill =
        expected.stream.iter().zip(&expected.observed).filter(|(entry, _)| matches!(entry, Entry::Backfill(_)));
    let by_backfill: Vec<_> = by_backfill.flat_map(|(_, observed)| observed).collect();
    assert!(!by_backfill.is_empty(), "backfill closes hours and days of others");
    assert!(by_backfill.iter().all(|observed| observed.activity.is_none()));
    let by_control =
        expected.stream.iter().zip(&expected.observed).filter(|(entry, _)| matches!(entry, Entry::Control(_)));
    let by_control: usize = by_control.map(|(_, observed)| observed.len()).sum();
    assert!(by_control > 0, "control records close hours and days: {by_control}");
    assert_eq!(users(&expected.state).len(), 12);
    assert_varied(&expected.user_days, &partition.take_user_days());
    let effects = partition.take_effects();
    assert!(effects.len() > 10 && partition.take_effects().is_empty(), "{effects:?}");
    assert_eq!(partition.take_refused(), []);
    assert!(observed().any(|observed| !observed.precisions.is_empty()));
    let hashes: BTreeSet<&str> = observed().map(|observed| observed.settings.as_str()).collect();
    let known = decided();
    assert_eq!(hashes, known.keys().map(Text::as_str).chain([""]).collect());
    let decided = |(_, _, profile): (_, _, &Profile)| profile.belief().basis == profile::Basis::Decided;
    assert!(partition.profiles().any(decided));
}

#[test]
fn evicted_profiles_are_loaded_again() {
    let mut owner = Replica::restore(&Table::new(), 0);
    let (mut table, mut observed) = (Table::new(), vec![Vec::new(); EXPECTED.stream.len()]);
    let mut evicted = 0;
    while owner.applied < EXPECTED.stream.len() {
        owner.deliver(40, &table, &mut observed);
        commit(&mut table, owner.partition.take_changes().unwrap());
        evicted += owner.partition.evict(0);
    }
    assert!(evicted > 20, "{evicted}");
    assert_eq!(observed, EXPECTED.observed);
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..200_usize).prop_map(Event::Deliver),
        2 => (0..300_usize).prop_map(Event::Redeliver),
        3 => (0..14_usize).prop_map(Event::Checkpoint),
        1 => Just(Event::Crash),
        1 => Just(Event::CheckpointFails),
        1 => Just(Event::HandOver),
        1 => (0..200_usize).prop_map(Event::TakeOver),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn stops_and_moves_leave_no_trace(script in prop::collection::vec(any_event(), 0..40)) {
        check(&script);
    }
}
