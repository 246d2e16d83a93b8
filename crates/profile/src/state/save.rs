//! Turns the changes of an org into records.

use super::bytes::{EIGHTH, FIRST, Fixed, NINTH, SECOND, SEVENTH, TENTH, THIRD, encode};
use super::changes::{Changes, Shards};
use super::identity_log::{Content, IdentityLog};
use super::record::{
    Head, HeadMore, KnownShard, NamesShard, PAGE, ProfileMore, ProgressMore, RecordKind, ShownNames, Sizes, StoredView,
};
use super::{Record, StateError};
use crate::org::decisions::{Decisions, StoredDecisions};
use crate::org::names::Names;
use crate::org::population::Populations;
use crate::org::{Member, Org, user_at};
use crate::user::{DayNews, Profile, StoredReserve, Unjudged};
use model::id;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

pub(super) fn changes(org: &mut Org) -> Result<Vec<Record>, StateError> {
    if !org.changes.is_taken {
        mark_all(org);
    }
    let mut records = Vec::new();
    let singles = [
        (RecordKind::Head, encode_head("head", &head(org), &head_more(org))?),
        (RecordKind::Populations, encode("populations", FIRST, &org.shared.populations)?),
        (RecordKind::Progress, encode("progress", SEVENTH, &(&org.shared.progress, progress_more(org)))?),
        (RecordKind::Signals, encode("signals", FIRST, &org.shared.signals)?),
    ];
    for (kind, bytes) in singles {
        single(&mut org.changes, kind, bytes, &mut records);
    }
    decisions(&mut org.shared.decisions, &mut records)?;
    slots(org, &mut records)?;
    known(&mut org.shared.populations, &mut records)?;
    names(&mut org.shared.names, &mut records)?;
    identities(org, &mut records)?;
    users(org, &mut records)?;
    Ok(records)
}

/// Marks everything as changed, before changes are taken for the first time.
fn mark_all(org: &mut Org) {
    org.changes = Changes { is_taken: true, away: org.changes.away, ..Changes::default() };
    for slot in 0..org.users.len() as u32 {
        if let Some(user) = user_at(&mut org.users, slot) {
            user.is_changed = false;
            org.changes.note(slot, user);
        }
    }
    let populations = &mut org.shared.populations;
    populations.changed = Shards::default();
    populations.known.keys().chain(populations.new_today.keys()).for_each(|key| populations.changed.mark(*key));
    let names = &mut org.shared.names;
    names.changed = Shards::default();
    names.views.keys().chain(names.values.keys()).chain(names.shown.keys()).for_each(|key| names.changed.mark(*key));
    org.identities.start_log();
    org.shared.decisions.is_changed = !org.shared.decisions.is_empty();
}

fn head(org: &Org) -> Head {
    let populations = &org.shared.populations;
    let names = &org.shared.names;
    Head {
        open: org.open,
        calendar: org.calendar.last,
        clock_calendar: org.clock_calendar.last,
        active_hour: org.active_hour.clone(),
        active_day: org.active_day.clone(),
        user_days: org.user_days.iter().map(|(day, users)| (day.0, *users)).collect(),
        counts_today: populations.counts_today,
        sizes: Sizes {
            users: org.users.len() as u32,
            known: populations.known.len() as u32,
            new_today: populations.new_today.len() as u32,
            views: names.views.len() as u32,
            values: names.values.len() as u32,
        },
        identities: org.identities.log.iter().flat_map(IdentityLog::entries).collect(),
    }
}

fn head_more(org: &Org) -> HeadMore {
    let shown = org.shared.names.shown.len() as u32;
    HeadMore { blind: org.shared.blind.clone(), backfill_days: org.backfill_days.clone(), shown }
}

/// Encodes a head.
pub(super) fn encode_head(key: &str, head: &Head, more: &HeadMore) -> Result<Vec<u8>, StateError> {
    match more.shown {
        0 => encode(key, SECOND, &(head, more)),
        shown => encode(key, THIRD, &(head, more, shown)),
    }
}

fn progress_more(org: &Org) -> ProgressMore {
    let forgotten = Some(org.forgotten.0).filter(|time| *time > i64::MIN);
    ProgressMore { past: org.shared.progress.past.clone(), judged: org.judged.map(|start| start.0), forgotten }
}

/// Appends a record that is small or changes rarely, if its bytes differ from those written last.
fn single(changes: &mut Changes, kind: RecordKind, bytes: Vec<u8>, records: &mut Vec<Record>) {
    let key = kind.to_string();
    let hash = id::hash(&bytes);
    if changes.singles.insert(key.clone(), hash) != Some(hash) {
        records.push(Record { key, bytes: Some(bytes) });
    }
}

fn decisions(decisions: &mut Decisions, records: &mut Vec<Record>) -> Result<(), StateError> {
    if std::mem::take(&mut decisions.is_changed) {
        let stored = (!decisions.is_empty()).then(|| StoredDecisions::from(&*decisions));
        push(RecordKind::Decisions, stored, records)?;
    }
    Ok(())
}

fn slots(org: &mut Org, records: &mut Vec<Record>) -> Result<(), StateError> {
    if org.users.len() == org.changes.slots {
        return Ok(());
    }
    for (page, members) in org.users.chunks(PAGE).enumerate().skip(org.changes.slots / PAGE) {
        let ids: Vec<_> = members.iter().map(Member::id).collect();
        push(RecordKind::Slots(page as u32), Some(ids), records)?;
    }
    org.changes.slots = org.users.len();
    Ok(())
}

fn known(populations: &mut Populations, records: &mut Vec<Record>) -> Result<(), StateError> {
    let mut shards = changed::<KnownShard>(&mut populations.changed);
    fill(&mut shards, &populations.known, |shard, key, known| shard.known.push((key, known.users)));
    fill(&mut shards, &populations.new_today, |shard, key, users| shard.new_today.push((key, *users)));
    for (number, mut shard) in shards {
        shard.known.sort_unstable();
        shard.new_today.sort_unstable();
        let is_empty = shard.known.is_empty() && shard.new_today.is_empty();
        let week = |(key, _): &(Fixed, u32)| populations.known.get(&key.0).map_or(0, |known| known.week);
        let weeks: Vec<i32> = shard.known.iter().map(week).collect();
        let key = RecordKind::Known(number).to_string();
        let bytes = (!is_empty).then(|| encode(&key, SECOND, &(shard, weeks))).transpose()?;
        records.push(Record { key, bytes });
    }
    Ok(())
}

fn names(names: &mut Names, records: &mut Vec<Record>) -> Result<(), StateError> {
    let mut shards = changed::<(NamesShard, ShownNames)>(&mut names.changed);
    fill(&mut shards, &names.views, |(shard, _), key, view| {
        let (object, name, scope) = (Fixed(view.object), view.name.clone(), view.scope);
        shard.views.push(StoredView { key, object, name, scope });
    });
    fill(&mut shards, &names.values, |(shard, _), key, name| shard.values.push((key, name.clone())));
    fill(&mut shards, &names.shown, |(_, shown), key, name| shown.push((key, name.clone())));
    for (number, (mut shard, mut shown)) in shards {
        shard.views.sort_unstable_by_key(|view| view.key);
        shard.values.sort_unstable_by_key(|value| value.0);
        shown.sort_unstable_by_key(|value| value.0);
        let key = RecordKind::Names(number).to_string();
        let bytes = match shown.is_empty() {
            true => encode(&key, FIRST, &shard)?,
            false => encode(&key, SECOND, &(shard, shown))?,
        };
        records.push(Record { key, bytes: Some(bytes) });
    }
    Ok(())
}

/// Takes the set of changed shards. Returns an empty shard for each.
fn changed<T: Default>(shards: &mut Shards) -> BTreeMap<u8, T> {
    std::mem::take(shards).iter().map(|shard| (shard, T::default())).collect()
}

/// Puts each entry of the map into its shard, if that is among `shards`.
fn fill<T, V>(shards: &mut BTreeMap<u8, T>, map: &FxHashMap<u64, V>, mut put: impl FnMut(&mut T, Fixed, &V)) {
    if shards.is_empty() {
        return;
    }
    for (key, value) in map {
        if let Some(shard) = shards.get_mut(&Shards::of(*key)) {
            put(shard, Fixed(*key), value);
        }
    }
}

fn identities(org: &mut Org, records: &mut Vec<Record>) -> Result<(), StateError> {
    let Some(mut log) = org.identities.log.take() else { return Ok(()) };
    let chunks = log.take(|hour| org.identities.sealed(hour).collect());
    org.identities.log = Some(log);
    for chunk in chunks {
        let key = RecordKind::Identities { hour: chunk.hour, number: chunk.number }.to_string();
        let bytes = match chunk.content {
            Content::Removed => None,
            Content::Sealed(bytes) => Some(bytes),
            Content::Entries(entries) => {
                let entries: Vec<Fixed> = entries.into_iter().map(|entry| Fixed(entry.0)).collect();
                Some(encode(&key, SECOND, &entries)?)
            }
        };
        records.push(Record { key, bytes });
    }
    Ok(())
}

fn users(org: &mut Org, records: &mut Vec<Record>) -> Result<(), StateError> {
    let mut slots = std::mem::take(&mut org.changes.users);
    slots.sort_unstable();
    for slot in slots {
        let Some(user) = user_at(&mut org.users, slot) else { continue };
        user.is_changed = false;
        let key = Org::user_key(&user.id);
        let bytes = profile(&key, &mut user.profile)?;
        records.push(Record { key, bytes: Some(bytes) });
    }
    Ok(())
}

/// Encodes a profile.
fn profile(key: &str, profile: &mut Profile) -> Result<Vec<u8>, StateError> {
    let reserve = reserve(key, profile)?;
    // The parts that are stored behind the profile are lent to the record, not copied.
    let more = ProfileMore {
        administers: profile.administers,
        closed: std::mem::take(&mut profile.closed),
        earlier: profile.day.as_mut().map(|day| std::mem::take(&mut day.earlier)).unwrap_or_default(),
    };
    let open = profile.day.as_ref().map(|day| day.writes.as_slice()).unwrap_or_default();
    let writes = (&profile.writes, open, more.closed.writes());
    let days = (profile.day.as_ref().map(|day| &day.more), more.closed.more());
    let open = profile.day.as_ref().map(|day| &day.signals);
    let signals = (&profile.signals, open, more.closed.signals(), profile.values.dropped());
    let parts = (&*profile, &more, writes, days, signals);
    let of_held = profile.reserve.as_ref().map(|reserve| reserve.news()).unwrap_or_default();
    let (of_open, of_closed) = (profile.day.as_ref().map(|day| &day.news), more.closed.news());
    let has_news = of_open.is_some_and(|news| !news.is_empty()) || !of_closed.is_empty() || !of_held.is_empty();
    let none = DayNews::default();
    let news = (of_open.unwrap_or(&none), of_closed, of_held);
    let of_held = profile.reserve.as_ref().map(|reserve| reserve.unjudged()).unwrap_or_default();
    let (of_open, of_closed) = (profile.day.as_ref().map(|day| &day.unjudged), more.closed.unjudged());
    let has_unjudged = of_open.is_some_and(|all| !all.is_empty()) || !of_closed.is_empty() || !of_held.is_empty();
    let none = Unjudged::default();
    let bytes = match &reserve {
        _ if has_unjudged => {
            encode(key, TENTH, &(parts, &reserve, news, (of_open.unwrap_or(&none), of_closed, of_held)))
        }
        _ if has_news => encode(key, NINTH, &(parts, &reserve, news)),
        Some(reserve) => encode(key, EIGHTH, &(parts, reserve)),
        None => encode(key, SEVENTH, &parts),
    };
    profile.closed = more.closed;
    if let Some(day) = &mut profile.day {
        day.earlier = more.earlier;
    }
    bytes
}

/// Returns the held days of a profile as they are stored; `None` if it has none.
fn reserve(key: &str, of: &mut Profile) -> Result<Option<StoredReserve>, StateError> {
    let Some(reserve) = &mut of.reserve else { return Ok(None) };
    let combined = reserve.combined.as_deref_mut().map(|combined| profile(key, combined)).transpose()?;
    let learned = reserve.learned.iter().map(|day| day.0).collect();
    Ok(Some((reserve.stored_days(), learned, reserve.of_open_day, combined)))
}

/// Appends a record with the value, or its removal.
fn push<T: serde::Serialize>(kind: RecordKind, value: Option<T>, records: &mut Vec<Record>) -> Result<(), StateError> {
    let key = kind.to_string();
    let bytes = value.map(|value| encode(&key, FIRST, &value)).transpose()?;
    records.push(Record { key, bytes });
    Ok(())
}
