mod backfill;
mod copies;
mod damage;
mod erasures;
mod golden;
mod news;
mod protocols;
mod reserve;
mod rights;
mod silence;
mod size;
mod stops;
mod unjudged;
mod zones;

use super::{Record, Restore, StateError};
use crate::org::Member;
use crate::{ActivityOutcome, Org, Settings};
use model::{Activity, Channel, Kind, Observation, OrgId, Scope, SourceIp, Timestamp, UserId, Uuid, time};
use std::collections::BTreeMap;

/// The content of a checkpoint table.
type Table = BTreeMap<String, Vec<u8>>;

fn apply(table: &mut Table, records: Vec<Record>) {
    for record in records {
        match record.bytes {
            Some(bytes) => table.insert(record.key, bytes),
            None => table.remove(&record.key),
        };
    }
}

fn settings() -> Settings {
    // Daylight saving of half an hour ends there on 2026-04-05, so that hours overlap.
    Settings { time_zone: "Australia/Lord_Howe".to_owned(), ..Settings::default() }
}

/// Restores an org as a service does when it starts.
fn restore(id: &OrgId, table: &Table) -> Org {
    let of_org = table.iter().filter(|(key, _)| !key.starts_with("user/"));
    let records = of_org.map(|(key, bytes)| (key.clone(), bytes.clone()));
    let mut org = restored(id.clone(), &settings(), records).unwrap();
    for user in org.wanted() {
        load(&mut org, &user, table);
    }
    assert!(org.wanted().is_empty());
    org
}

/// Restores an org without its profiles.
fn restored(
    id: OrgId,
    settings: &Settings,
    records: impl IntoIterator<Item = (String, Vec<u8>)>,
) -> Result<Org, StateError> {
    let mut restore = Restore::new(id, settings)?;
    for (key, bytes) in records {
        restore.add(key, bytes)?;
    }
    restore.finish()
}

/// Loads a profile that is away.
fn load(org: &mut Org, user: &UserId, table: &Table) {
    assert!(org.is_away(user));
    org.load(user, &table[&Org::user_key(user)]).unwrap();
    assert!(!org.is_away(user));
}

/// [`Org::observe`] or [`Org::backfill`].
type Learn = fn(&mut Org, &Activity, &mut Vec<Observation>) -> ActivityOutcome;

/// Learns an activity as a service does: loads the profile if it is away.
fn learn(how: Learn, org: &mut Org, activity: &Activity, table: &Table) -> (ActivityOutcome, Vec<Observation>) {
    let mut out = Vec::new();
    let mut outcome = how(org, activity, &mut out);
    if outcome == ActivityOutcome::Away {
        assert!(out.is_empty());
        load(org, &activity.user_id, table);
        outcome = how(org, activity, &mut out);
    }
    assert_ne!(outcome, ActivityOutcome::Away);
    (outcome, out)
}

/// Returns all records of an org, with the profiles that are away loaded from the table.
fn dump(mut org: Org, table: &Table) -> Table {
    let users: Vec<UserId> = org.slots.keys().filter(|user| org.is_away(user)).cloned().collect();
    users.iter().for_each(|user| load(&mut org, user, table));
    whole(org)
}

/// Returns all records of an org with all profiles in memory.
fn whole(mut org: Org) -> Table {
    org.changes.is_taken = false;
    let mut all = Table::new();
    apply(&mut all, org.take_changes().unwrap());
    all
}

fn org_id() -> OrgId {
    OrgId::new("00Dhn0000018hrcEAA")
}

/// Returns an activity; `n` makes its id.
fn activity(n: u128, user: &str, at: Timestamp, kind: Kind) -> Activity {
    Activity {
        username: Some(format!("{user}@example.com").into()),
        source_ip: Some(SourceIp::Address([198, 51, 100, n as u8].into())),
        client: Some("Chrome on macOS".into()),
        session_key: Some(format!("session of {user}").into()),
        ..Activity::new(Uuid::from_u128(n), org_id(), UserId::new(user), at, Channel::Stream, kind)
    }
}

/// Returns an org after nine days of three users with many kinds of activities.
fn small_org() -> Org {
    let mut org = Org::new(org_id(), &settings()).unwrap();
    for activity in small_activities() {
        assert_eq!(org.observe(&activity, &mut Vec::new()), ActivityOutcome::Learned);
    }
    org
}

fn small_activities() -> Vec<Activity> {
    let mut activities = Vec::new();
    let mut n = 0;
    for day in 0..9 {
        for (user, hour) in [("emma", 8), ("bob", 9), ("sync", 13)] {
            let kinds = [Kind::Login, Kind::ListView, Kind::ReportExport, Kind::Api, Kind::File, Kind::ListView];
            for (minute, kind) in (0..).zip(kinds) {
                n += 1;
                let at = Timestamp::parse("2026-03-30").unwrap().plus(day * time::DAY + hour * time::HOUR);
                let mut activity = activity(n, user, at.plus(minute * 7 * time::MINUTE), kind);
                activity.objects = [["Account", "Contact", "Lead"][(n % 3) as usize].into()].into_iter().collect();
                activity.rows = (kind != Kind::Login).then_some(100 + 40 * (n as u64 % 7) + 500 * (day as u64 / 8));
                activity.resource_name = Some(format!("View {}", n % 11).into());
                activity.resource_id = (kind == Kind::ReportExport).then(|| format!("00O{}", n % 5).into());
                activity.scope = (kind == Kind::ListView).then_some(Scope::ALL[(n % 3) as usize]);
                activity.run = (kind == Kind::Api).then_some(n as u64);
                activity.operation = (kind == Kind::File).then(|| "Download".into());
                activity.effect = model::Effect::of(kind, activity.operation.as_deref());
                if kind == Kind::Login && day % 4 == 3 {
                    activity.outcome = model::Outcome::Failure;
                }
                activities.push(activity);
            }
        }
    }
    activities
}
