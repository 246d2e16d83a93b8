//! Restores an org from its records.

use super::bytes::{FIRST, FOURTH, Fixed, SECOND, THIRD, decode, decode_body, split};
use super::record::{Head, HeadMore, KnownShard, NamesShard, ProfileMore, ProgressMore, RecordKind, StoredView};
use super::{Changes, IdentityLog, StateError};
use crate::org::facets::Facets;
use crate::org::identities::Identity;
use crate::org::names::ViewName;
use crate::org::population::Populations;
use crate::org::progress::Progress;
use crate::org::{Member, Org};
use crate::settings::Settings;
use crate::user::Profile;
use model::{OrgId, Timestamp, UserId, id};
use std::collections::BTreeMap;

pub(super) fn org(
    org_id: OrgId,
    settings: &Settings,
    records: impl IntoIterator<Item = (String, Vec<u8>)>,
) -> Result<Org, StateError> {
    let mut org = Org::new(org_id, settings)?;
    org.changes = Changes { is_taken: true, ..Changes::default() };
    let mut log = IdentityLog::default();
    let mut pages: BTreeMap<u32, Vec<UserId>> = BTreeMap::new();
    let (mut head, mut populations, mut progress) = (None::<(Head, HeadMore)>, None::<Populations>, None);
    for (key, bytes) in records {
        let kind = RecordKind::parse(&key)?;
        match kind {
            RecordKind::Head => head = Some(read_head(&key, &bytes)?),
            RecordKind::Populations => populations = Some(decode(&key, &bytes)?),
            RecordKind::Progress => progress = Some(read_progress(&key, &bytes)?),
            RecordKind::Slots(page) => {
                pages.insert(page, decode(&key, &bytes)?);
            }
            RecordKind::Known(_) => known(&mut org, decode(&key, &bytes)?),
            RecordKind::Names(_) => names(&mut org, decode(&key, &bytes)?),
            RecordKind::Identities { hour, .. } => {
                let entries = read_identities(&key, &bytes)?;
                log.restore(hour, &entries);
                entries.into_iter().for_each(|entry| org.identities.restore(hour, entry));
            }
        }
        if matches!(kind, RecordKind::Head | RecordKind::Populations | RecordKind::Progress) {
            org.changes.singles.insert(key, id::hash(&bytes));
        }
    }
    let missing = |kind: RecordKind| move || StateError::Missing { key: kind.to_string() };
    let (head, more) = head.ok_or_else(missing(RecordKind::Head))?;
    let mut populations = populations.ok_or_else(missing(RecordKind::Populations))?;
    populations.known = std::mem::take(&mut org.shared.populations.known);
    populations.new_today = std::mem::take(&mut org.shared.populations.new_today);
    populations.counts_today = head.counts_today;
    org.shared.populations = populations;
    let (progress, of_silence): (Progress, ProgressMore) = progress.ok_or_else(missing(RecordKind::Progress))?;
    org.shared.progress = progress;
    org.shared.progress.past = of_silence.past;
    org.judged = of_silence.judged.map(Timestamp);
    for user in pages.into_values().flatten() {
        org.slots.insert(user.clone(), org.users.len() as u32);
        org.users.push(Member::Stored(user));
    }
    check(&org, &log, &head)?;
    org.identities.log = Some(log);
    org.changes.slots = org.users.len();
    org.changes.away = org.users.len();
    org.changes.wanted = head.active_day.iter().chain(&head.active_hour).copied().collect();
    org.changes.wanted.sort_unstable();
    org.changes.wanted.dedup();
    org.open = head.open;
    org.calendar.last = head.calendar;
    org.clock_calendar.last = head.clock_calendar;
    org.active_hour = head.active_hour;
    org.active_day = head.active_day;
    org.shared.blind = more.blind;
    org.backfill_days = more.backfill_days;
    org.user_days = head.user_days.into_iter().map(|(day, users)| (Timestamp(day), users)).collect();
    Ok(org)
}

/// Reads a head of version 1 or 2. In version 1 no kind of events is missing and no day is backfill.
pub(super) fn read_head(key: &str, bytes: &[u8]) -> Result<(Head, HeadMore), StateError> {
    match split(key, bytes)? {
        (FIRST, body) => Ok((decode_body(key, body)?, HeadMore::default())),
        (SECOND, body) => decode_body(key, body),
        (found, _) => Err(StateError::Version { key: key.to_owned(), found }),
    }
}

/// Reads the day factor of version 1 or 2. In version 1 those of closed days are unknown.
fn read_progress(key: &str, bytes: &[u8]) -> Result<(Progress, ProgressMore), StateError> {
    match split(key, bytes)? {
        (FIRST, body) => Ok((decode_body(key, body)?, ProgressMore::default())),
        (SECOND, body) => decode_body(key, body),
        (found, _) => Err(StateError::Version { key: key.to_owned(), found }),
    }
}

/// Reads a profile of version 1, 3 or 4; there is no version 2. In version 1 the right to administer is unknown, and
/// before version 4 no closed day is kept.
pub(super) fn read_profile(key: &str, bytes: &[u8]) -> Result<Profile, StateError> {
    match split(key, bytes)? {
        (FIRST, body) => decode_body(key, body),
        (THIRD, body) => {
            let (mut profile, administers): (Profile, _) = decode_body(key, body)?;
            profile.administers = administers;
            Ok(profile)
        }
        (FOURTH, body) => {
            let (mut profile, more): (Profile, ProfileMore) = decode_body(key, body)?;
            profile.administers = more.administers;
            profile.closed = more.closed;
            if let Some(day) = &mut profile.day {
                day.earlier = more.earlier;
            }
            Ok(profile)
        }
        (found, _) => Err(StateError::Version { key: key.to_owned(), found }),
    }
}

/// Reads identities of version 1 or 2. Version 1 lacks facets: all are set, so that nothing more is learned of copies.
fn read_identities(key: &str, bytes: &[u8]) -> Result<Vec<Identity>, StateError> {
    let (missing, body) = match split(key, bytes)? {
        (FIRST, body) => (u64::from(Facets::ALL.0), body),
        (SECOND, body) => (0, body),
        (found, _) => return Err(StateError::Version { key: key.to_owned(), found }),
    };
    let entries: Vec<Fixed> = decode_body(key, body)?;
    Ok(entries.into_iter().map(|entry| Identity(entry.0 | missing)).collect())
}

fn known(org: &mut Org, shard: KnownShard) {
    let populations = &mut org.shared.populations;
    populations.known.extend(shard.known.into_iter().map(|(key, users)| (key.0, users)));
    populations.new_today.extend(shard.new_today.into_iter().map(|(key, users)| (key.0, users)));
}

fn names(org: &mut Org, shard: NamesShard) {
    let view = |view: StoredView| (view.key.0, ViewName { object: view.object.0, name: view.name, scope: view.scope });
    org.shared.names.views.extend(shard.views.into_iter().map(view));
    org.shared.names.values.extend(shard.values.into_iter().map(|(key, name)| (key.0, name)));
}

/// Checks that the records are all those of the checkpoint that wrote the head.
fn check(org: &Org, log: &IdentityLog, head: &Head) -> Result<(), StateError> {
    let (populations, names, sizes) = (&org.shared.populations, &org.shared.names, head.sizes);
    let is_whole = |(hour, entries): &&(i64, u32)| log.is_whole(*hour, *entries);
    let slot_count = head.active_day.iter().chain(&head.active_hour).map(|slot| *slot as usize + 1).max();
    let counts = [
        ("users", sizes.users as usize, org.users.len()),
        ("different users", sizes.users as usize, org.slots.len()),
        ("known values", sizes.known as usize, populations.known.len()),
        ("new values", sizes.new_today as usize, populations.new_today.len()),
        ("names of views", sizes.views as usize, names.views.len()),
        ("names", sizes.values as usize, names.values.len()),
        ("hours of identities", head.identities.len(), org.identities.hours.len()),
        ("whole hours of identities", head.identities.len(), head.identities.iter().filter(is_whole).count()),
        ("users up to the last active one", slot_count.unwrap_or(0).max(org.users.len()), org.users.len()),
    ];
    for (what, expected, found) in counts {
        if expected != found {
            return Err(StateError::Incomplete { what, expected, found });
        }
    }
    Ok(())
}
