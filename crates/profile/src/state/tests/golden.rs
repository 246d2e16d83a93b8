//! The bytes of all versions: every later version must read them.

use super::*;
use crate::org::identities::Segment;
use crate::org::signals::SharedSignals;
use crate::state::bytes::{FIRST, SECOND, encode};
use crate::state::restore::{read_head, read_names};
use crate::user::{ClosedDays, DaySignals, HourRows, OddHour, Signals};
use std::fmt::Write as _;

/// Written before the head listed missing kinds of events, and identities their facets.
const VERSION_1: &str = include_str!("snapshots/profile__state__tests__golden__version_1.snap");
/// Written before profiles had the right to administer.
const VERSION_2: &str = include_str!("snapshots/profile__state__tests__golden__version_2.snap");
/// Written before profiles kept closed days, before identities were sealed, and before it was known when values recurred.
const VERSION_3: &str = include_str!("snapshots/profile__state__tests__golden__version_3.snap");
/// Written before profiles kept what they write.
const VERSION_4: &str = include_str!("snapshots/profile__state__tests__golden__version_4.snap");
/// Written before profiles kept cases of changes in Setup alone, unusual hours, and calls in the log of all calls.
const VERSION_5: &str = include_str!("snapshots/profile__state__tests__golden__version_5.snap");

/// Written before the day factor kept medians.
const VERSION_6: &str = include_str!("snapshots/profile__state__tests__golden__version_6.snap");

/// Returns the small org with all that version 2 added, and its records.
fn org_of_version_2() -> (Org, Table) {
    let (mut org, mut table) = (small_org(), Table::new());
    let late = Timestamp::parse("2026-04-07T20:00:00Z").unwrap();
    assert_eq!(org.backfill(&activity(900, "new", late, Kind::Login), &mut Vec::new()), ActivityOutcome::Learned);
    org.blind(Kind::ListView);
    org.blind(Kind::TenantSecurityApiAnomaly);
    apply(&mut table, org.take_changes().unwrap());
    assert_eq!(org.observe(&richer(), &mut Vec::new()), ActivityOutcome::Enriched);
    apply(&mut table, org.take_changes().unwrap());
    (org, table)
}

/// Returns a copy of the small org's last activity with one facet more.
fn richer() -> Activity {
    Activity { country: Some("FR".into()), ..small_activities().pop().unwrap() }
}

/// Returns the same org with all that version 3 added, and its records.
fn org_of_version_3() -> (Org, Table) {
    let (mut org, mut table) = org_of_version_2();
    assert_eq!(org.observe(&richest(), &mut Vec::new()), ActivityOutcome::Enriched);
    apply(&mut table, org.take_changes().unwrap());
    (org, table)
}

/// Returns a copy with the right to administer, too.
fn richest() -> Activity {
    Activity { administers: Some(true), ..richer() }
}

/// Returns the same org with all that version 4 added, and its records.
fn org_of_version_4() -> (Org, Table) {
    let (mut org, mut table) = org_of_version_3();
    let mut late = activity(901, "emma", Timestamp::parse("2026-04-06T20:00:00Z").unwrap(), Kind::ListView);
    late.rows = Some(700);
    assert_eq!(org.observe(&late, &mut Vec::new()), ActivityOutcome::Late);
    org.judge(Timestamp::parse("2026-04-09").unwrap(), &mut Vec::new());
    org.identities.start_log();
    table.retain(|key, _| !key.starts_with("seen/"));
    apply(&mut table, org.take_changes().unwrap());
    (org, table)
}

/// Returns the same org with all that version 5 added, and its records: writes on a closed day, late ones, and on the
/// open day.
fn org_of_version_5() -> (Org, Table) {
    let (mut org, mut table) = org_of_version_4();
    let write = |n, at, operation: &str| {
        let mut write = activity(n, "sync", Timestamp::parse(at).unwrap(), Kind::BulkApi);
        (write.rows, write.operation) = (Some(4_000), Some(operation.into()));
        (write.effect, write.objects) = (model::Effect::Write, [model::Text::from("Lead")].into_iter().collect());
        write
    };
    let mut learn = |activity, expect| assert_eq!(learn(Org::observe, &mut org, &activity, &table).0, expect);
    learn(write(910, "2026-04-08T02:00:00Z", "upsert"), ActivityOutcome::Learned);
    learn(write(911, "2026-04-09T02:00:00Z", "hardDelete"), ActivityOutcome::Learned);
    learn(write(912, "2026-04-08T03:00:00Z", "upsert"), ActivityOutcome::Late);
    apply(&mut table, org.take_changes().unwrap());
    (org, table)
}

/// Returns the same org with all that version 6 added, and its records: a change in Setup, calls in the log of all calls on
/// the open day and on a closed one, and an unusual hour.
fn org_of_version_6() -> (Org, Table) {
    let (mut org, mut table) = org_of_version_5();
    let of_kind = |n, at, kind| activity(n, "bob", Timestamp::parse(at).unwrap(), kind);
    let mut change = of_kind(920, "2026-04-09T02:10:00Z", Kind::SetupChange);
    change.resource_name = Some("Installed Connected App Loader to Acme".into());
    let mut learn = |activity, expect| assert_eq!(learn(Org::observe, &mut org, &activity, &table).0, expect);
    learn(change, ActivityOutcome::Learned);
    learn(of_kind(921, "2026-04-09T02:20:00Z", Kind::ApiUsage), ActivityOutcome::Learned);
    learn(of_kind(922, "2026-04-07T12:00:00Z", Kind::ApiUsage), ActivityOutcome::Late);
    let slot = org.slots[&UserId::new("bob")];
    let user = crate::org::user_at(&mut org.users, slot).unwrap();
    let odd = OddHour { share: 0.01, of_week: 73, rows: 20.0, requests: 2 };
    user.profile.day.as_mut().unwrap().more.odd_hours.push(odd);
    apply(&mut table, org.take_changes().unwrap());
    (org, table)
}

/// Sets the weeks to 0 in which values recurred, as if an earlier version had written them.
fn without_weeks(mut org: Org) -> Org {
    org.shared.populations.known.values_mut().for_each(|known| known.week = 0);
    org
}

/// Returns the records of an org as if it kept no closed days, as no version before 4 did.
fn without_closed_days(mut org: Org, table: &Table) -> Table {
    for user in ["emma", "bob", "sync", "new"].map(UserId::new) {
        if org.is_away(&user) {
            load(&mut org, &user, table);
        }
    }
    for member in &mut org.users {
        let Member::InMemory(user) = member else { panic!("all are loaded") };
        user.profile.closed = ClosedDays::default();
        user.profile.day.iter_mut().for_each(|day| day.earlier = HourRows::default());
    }
    org.shared.progress.past.clear();
    without_signals(without_weeks(org), &Table::new())
}

/// Returns the records of an org as if it had none of what version 7 added.
fn without_signals(mut org: Org, table: &Table) -> Table {
    for user in org.slots.keys().filter(|user| org.is_away(user)).cloned().collect::<Vec<_>>() {
        load(&mut org, &user, table);
    }
    org.shared.signals = SharedSignals::default();
    org.shared.names.shown.clear();
    for member in &mut org.users {
        let Member::InMemory(user) = member else { panic!("all are loaded") };
        user.profile.signals = Signals::default();
        // They add observations.
        user.profile.revision = 0;
        user.profile.day.iter_mut().for_each(|day| day.signals = DaySignals::default());
        let days: Vec<u32> = user.profile.closed.signals().iter().map(|(day, _)| *day).collect();
        days.into_iter().for_each(|day| user.profile.closed.set_signals(day, DaySignals::default()));
    }
    whole(org)
}

fn keys(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.key.as_str()).collect()
}

/// Returns the records without the names that only people read: version 1 of names has none.
fn without_shown_names(mut table: Table) -> Table {
    let encoded = |key: &str, bytes: &[u8]| {
        let (shard, _) = read_names(key, bytes).unwrap();
        (!shard.views.is_empty() || !shard.values.is_empty()).then(|| encode(key, FIRST, &shard).unwrap())
    };
    table.retain(|key, bytes| match key.starts_with("names/").then(|| encoded(key, bytes)) {
        Some(without) => without.map(|without| *bytes = without).is_some(),
        None => true,
    });
    let head = table.get_mut("head").unwrap();
    let (of_all, more) = read_head("head", head).unwrap();
    *head = encode("head", SECOND, &(of_all, more)).unwrap();
    table
}

#[test]
fn version_7() {
    insta::assert_snapshot!("version_7", text(&without_shown_names(org_of_version_6().1)));
}

/// Version 2 of names, and version 3 of the head, which came after version 9 of profiles.
#[test]
fn names() {
    let (org, mut table) = org_of_version_6();
    let old = without_shown_names(table.clone());
    assert!(dump(org, &table) == dump(restore(&org_id(), &table), &table));
    assert!(restore(&org_id(), &old).shared.names.shown.is_empty());
    table.retain(|key, _| key.starts_with("names/") || key == "head");
    insta::assert_snapshot!("names", text(&table));
}

/// A class by hand that waits and a disposition that took effect.
#[test]
fn decisions() {
    let decision = |id: u128, ruling: &str| -> model::Decision {
        let (id, at) = (Uuid::from_u128(id), "2026-04-08T00:00:00Z");
        let json = format!(
            r#"{{"decision_id":"{id}","org_id":"{}","user_id":"emma","ruling":{ruling},"from":"{at}",
                "decided_by":"a","reason":"b","decided_at":"{at}"}}"#,
            org_id()
        );
        serde_json::from_str(&json).unwrap()
    };
    let disposed = r#"{"kind":"disposition","incident_id":"00000000-0000-0000-0000-000000000009","disposition":"benign",
        "teaches":true,"credits":{"row_spike":0.75},"user_class":"normal","severity":"high"}"#;
    let mut org = small_org();
    org.decide(&decision(1, disposed), None);
    org.advance(Timestamp::parse("2026-04-08").unwrap(), &mut Vec::new());
    org.decide(&decision(2, r#"{"kind":"class","class":"power"}"#), None);
    let mut table = Table::new();
    apply(&mut table, org.take_changes().unwrap());
    let of_decisions = Table::from([("decisions".to_owned(), table["decisions"].clone())]);
    insta::assert_snapshot!("decisions", text(&of_decisions));
    let restored = restore(&org_id(), &table);
    assert_eq!(restored.shared.decisions.precisions(model::UserClass::Normal)[0].factor, 0.842105);
    assert_eq!(dump(restored, &table)["decisions"], table["decisions"]);
    org.decide(&decision(2, "{\"kind\":\"joined\"}"), None);
    org.decide(&decision(3, "{\"kind\":\"joined\"}"), None);
    assert_eq!(org.take_changes().unwrap(), [], "taken before, and of no use to the stage");
}

#[test]
fn version_6_is_read() {
    let stored = read(VERSION_6);
    let mut org = restore(&org_id(), &stored);
    assert_eq!(keys(&org.take_changes().unwrap()), ["progress", "signals"], "in their new encoding");
    let (written, table) = org_of_version_6();
    assert!(without_signals(org, &stored) == without_signals(written, &table));
}

#[test]
fn version_5_is_read() {
    let stored = read(VERSION_5);
    let mut org = restore(&org_id(), &stored);
    assert_eq!(keys(&org.take_changes().unwrap()), ["progress", "signals"], "in their new encoding");
    let (written, table) = org_of_version_5();
    assert!(without_signals(org, &stored) == without_signals(written, &table));
}

#[test]
fn version_4_is_read() {
    let stored = read(VERSION_4);
    let mut org = restore(&org_id(), &stored);
    assert_eq!(keys(&org.take_changes().unwrap()), ["progress", "signals"], "in their new encoding");
    let (written, table) = org_of_version_4();
    assert!(without_signals(org, &stored) == without_signals(written, &table));
}

#[test]
fn the_first_records_of_version_2_know_nothing_forgotten() {
    let mut stored = read(VERSION_4);
    // The last field: a one, and the time in six bytes.
    let progress = stored.get_mut("progress").unwrap();
    assert_eq!((progress[0], progress[progress.len() - 7]), (2, 1));
    progress.truncate(progress.len() - 7);
    let org = restore(&org_id(), &stored);
    assert_eq!(org.forgotten, org.horizon(org.open.unwrap()));
    assert!(org.judged.is_some());
}

#[test]
fn version_3_is_read() {
    let stored = read(VERSION_3);
    let mut org = restore(&org_id(), &stored);
    assert_eq!(keys(&org.take_changes().unwrap()), ["progress", "signals"], "in their new encoding");
    assert_eq!(org.observe(&richest(), &mut Vec::new()), ActivityOutcome::Duplicate);
    let (written, table) = org_of_version_3();
    assert!(without_signals(org, &stored) == without_closed_days(written, &table));
}

#[test]
fn version_2_is_read() {
    let stored = read(VERSION_2);
    let mut org = restore(&org_id(), &stored);
    assert_eq!(keys(&org.take_changes().unwrap()), ["progress", "signals"], "in their new encoding");
    assert_eq!(org.observe(&richer(), &mut Vec::new()), ActivityOutcome::Duplicate);
    let (written, table) = org_of_version_2();
    assert!(without_signals(org, &stored) == without_closed_days(written, &table));
}

#[test]
fn version_1_is_read() {
    let stored = read(VERSION_1);
    let mut org = restore(&org_id(), &stored);
    assert_eq!(keys(&org.take_changes().unwrap()), ["head", "progress", "signals"], "in their new encoding");
    assert_eq!(
        org.observe(&richer(), &mut Vec::new()),
        ActivityOutcome::Duplicate,
        "facets of version 1 are unknown, so no copy adds any"
    );
    let now = without_closed_days(small_org(), &Table::new());
    let read = without_signals(org, &stored);
    assert!(read.keys().eq(now.keys()));
    let identities = |key: &str, bytes: &[u8]| -> Vec<u64> {
        Segment::read(key, bytes.to_vec()).unwrap().iter().map(|identity| identity.0 | 0xff).collect()
    };
    for (key, bytes) in &read {
        let is_equal = match key.starts_with("seen/") {
            true => identities(key, bytes) == identities(key, &now[key]),
            false => *bytes == now[key],
        };
        assert!(is_equal, "{key}");
    }
}

/// Writes a record a line in hexadecimal; `(n)` stands for n zeros.
pub(super) fn text(table: &Table) -> String {
    let mut text = String::new();
    for (key, bytes) in table {
        write!(text, "{key} ").unwrap();
        for run in bytes.chunk_by(|a, b| *a == 0 && *b == 0) {
            match run {
                [byte] => write!(text, "{byte:02x}").unwrap(),
                zeros => write!(text, "({})", zeros.len()).unwrap(),
            }
        }
        text.push('\n');
    }
    text
}

/// Reads what [`text`] wrote.
fn read(snapshot: &str) -> Table {
    let text = snapshot.rsplit_once("---\n").unwrap().1;
    let bytes = |mut hex: &str| {
        let mut bytes = Vec::new();
        while !hex.is_empty() {
            if let Some(zeros) = hex.strip_prefix('(') {
                let (zeros, rest) = zeros.split_once(')').unwrap();
                bytes.resize(bytes.len() + zeros.parse::<usize>().unwrap(), 0);
                hex = rest;
            } else {
                bytes.push(u8::from_str_radix(&hex[..2], 16).unwrap());
                hex = &hex[2..];
            }
        }
        bytes
    };
    text.lines().filter_map(|line| line.split_once(' ')).map(|(key, hex)| (key.to_owned(), bytes(hex))).collect()
}
