//! Restores an org from its records.

use super::bytes::{
    EIGHTH, FIFTH, FIRST, FOURTH, Fixed, NINTH, SECOND, SEVENTH, SIXTH, TENTH, THIRD, decode, decode_body,
    decode_start, split,
};
use super::record::{
    Head, HeadMore, KnownShard, NamesShard, ProfileDays, ProfileMore, ProfileNews, ProfileSignals, ProfileUnjudged,
    ProfileWrites, ProgressMore, RecordKind, ShownNames, StoredView,
};
use super::{Changes, IdentityLog, StateError};
use crate::estimate::KnownValues;
use crate::org::decisions::{Decisions, StoredDecisions};
use crate::org::facets::Facets;
use crate::org::identities::Identity;
use crate::org::names::{Names, ViewName};
use crate::org::population::{KnownBy, Populations};
use crate::org::progress::{EarlierProgress, Progress};
use crate::org::signals::SharedSignals;
use crate::org::{Member, Org};
use crate::settings::Settings;
use crate::user::{Profile, Reserve, SETUP_CASES, StoredReserve};
use model::{OrgId, Timestamp, UserId, id};
use std::collections::BTreeMap;

/// An org that is being restored from its records, one after the other.
pub struct Restore {
    org: Org,
    log: IdentityLog,
    pages: BTreeMap<u32, Vec<UserId>>,
    head: Option<(Head, HeadMore)>,
    populations: Option<Populations>,
    progress: Option<(Progress, ProgressMore)>,
    signals: Option<SharedSignals>,
    /// Whether the checkpoint has signals: it does if its day factor is of version 7.
    has_signals: bool,
}

impl Restore {
    /// Begins to restore an org. `settings` are as in [`Org::new`].
    ///
    /// # Errors
    /// If the time zone is unknown.
    pub fn new(id: OrgId, settings: &Settings) -> Result<Self, StateError> {
        let mut org = Org::new(id, settings)?;
        org.changes = Changes { is_taken: true, ..Changes::default() };
        let (log, pages) = (IdentityLog::default(), BTreeMap::new());
        Ok(Self { org, log, pages, head: None, populations: None, progress: None, signals: None, has_signals: false })
    }

    /// Adds a record that is not a user's. Records may come in any order.
    ///
    /// # Errors
    /// If it is damaged, of an unknown version, or of an unknown key.
    pub fn add(&mut self, key: String, bytes: Vec<u8>) -> Result<(), StateError> {
        let kind = RecordKind::parse(&key)?;
        if matches!(kind, RecordKind::Head | RecordKind::Populations | RecordKind::Progress | RecordKind::Signals) {
            self.org.changes.singles.insert(key.clone(), id::hash(&bytes));
        }
        match kind {
            RecordKind::Head => self.head = Some(read_head(&key, &bytes)?),
            RecordKind::Populations => self.populations = Some(decode(&key, &bytes)?),
            RecordKind::Progress => {
                self.has_signals = split(&key, &bytes)?.0 >= SEVENTH;
                self.progress = Some(read_progress(&key, &bytes)?);
            }
            RecordKind::Signals => self.signals = Some(decode(&key, &bytes)?),
            RecordKind::Decisions => self.org.shared.decisions = read_decisions(&key, &bytes)?,
            RecordKind::Slots(page) => {
                self.pages.insert(page, decode(&key, &bytes)?);
            }
            RecordKind::Known(_) => known(&mut self.org, read_known(&key, &bytes)?),
            RecordKind::Names(_) => names(&mut self.org.shared.names, read_names(&key, &bytes)?),
            RecordKind::Identities { hour, number } => self.identities(hour, number, &key, bytes)?,
        }
        Ok(())
    }

    /// Restores the org when all records are added. No profile is in memory afterwards; those of [`Org::wanted`] must be
    /// loaded first.
    ///
    /// # Errors
    /// If a record is missing, or belongs to another checkpoint.
    pub fn finish(self) -> Result<Org, StateError> {
        let Self { mut org, log, pages, head, populations, progress, signals, has_signals } = self;
        let missing = |kind: RecordKind| move || StateError::Missing { key: kind.to_string() };
        let (head, more) = head.ok_or_else(missing(RecordKind::Head))?;
        let mut populations = populations.ok_or_else(missing(RecordKind::Populations))?;
        populations.known = std::mem::take(&mut org.shared.populations.known);
        populations.new_today = std::mem::take(&mut org.shared.populations.new_today);
        populations.counts_today = head.counts_today;
        org.shared.populations = populations;
        let (progress, of_silence) = progress.ok_or_else(missing(RecordKind::Progress))?;
        org.shared.progress = progress;
        org.shared.progress.past = of_silence.past;
        if signals.is_none() && has_signals {
            return Err(missing(RecordKind::Signals)());
        }
        org.shared.signals = signals.unwrap_or_default();
        org.judged = of_silence.judged.map(Timestamp);
        for user in pages.into_values().flatten() {
            org.slots.insert(user.clone(), org.users.len() as u32);
            org.users.push(Member::Stored(user));
        }
        check(&org, &log, (&head, &more))?;
        org.identities.log = Some(log);
        org.changes.slots = org.users.len();
        org.changes.away = org.users.len();
        org.changes.wanted = head.active_day.iter().chain(&head.active_hour).copied().collect();
        org.changes.wanted.sort_unstable();
        org.changes.wanted.dedup();
        org.open = head.open;
        if let Some(open) = head.open {
            org.identities.set_open(open.start);
            // Version 1 says nothing, and its settings did not change while it ran.
            org.forgotten = of_silence.forgotten.map_or(org.horizon(open), Timestamp);
        }
        org.calendar.last = head.calendar;
        org.clock_calendar.last = head.clock_calendar;
        org.active_hour = head.active_hour;
        org.active_day = head.active_day;
        org.shared.blind = more.blind;
        org.backfill_days = more.backfill_days;
        org.user_days = head.user_days.into_iter().map(|(day, users)| (Timestamp(day), users)).collect();
        Ok(org)
    }

    /// Adds identities of version 1, 2 or 3. Version 1 lacks facets: all are set, so that nothing more is learned of
    /// copies. Version 3 is sealed.
    fn identities(&mut self, hour: i64, number: u32, key: &str, bytes: Vec<u8>) -> Result<(), StateError> {
        let missing = match split(key, &bytes)?.0 {
            FIRST => u64::from(Facets::ALL.0),
            SECOND => 0,
            _ => {
                let entries = self.org.identities.restore_sealed(hour, key, bytes)?;
                self.log.restore_sealed(hour, number, entries);
                return Ok(());
            }
        };
        let entries: Vec<Fixed> = decode_body(key, split(key, &bytes)?.1)?;
        let entries: Vec<Identity> = entries.into_iter().map(|entry| Identity::stored(entry.0 | missing)).collect();
        self.log.restore(hour, number, &entries);
        entries.into_iter().for_each(|entry| self.org.identities.restore(hour, entry));
        Ok(())
    }
}

/// Reads a head of version 1 to 3. In version 1 no kind of events is missing and no day is backfill; before version 3 no name
/// is there that only people read.
pub(super) fn read_head(key: &str, bytes: &[u8]) -> Result<(Head, HeadMore), StateError> {
    match split(key, bytes)? {
        (FIRST, body) => Ok((decode_body(key, body)?, HeadMore::default())),
        (SECOND, body) => decode_body(key, body),
        (THIRD, body) => {
            let (head, more, shown): (Head, HeadMore, u32) = decode_body(key, body)?;
            Ok((head, HeadMore { shown, ..more }))
        }
        (found, _) => Err(StateError::Version { key: key.to_owned(), found }),
    }
}

/// Reads decisions.
pub(super) fn read_decisions(key: &str, bytes: &[u8]) -> Result<Decisions, StateError> {
    let stored: StoredDecisions = decode(key, bytes)?;
    let damaged = |_| StateError::Undecodable { key: key.to_owned(), source: postcard::Error::SerdeDeCustom };
    stored.try_into().map_err(damaged)
}

/// Reads the day factor of version 1, 2, 6 or 7. In version 1 those of closed days are unknown. Of version 2 the first
/// records end before `forgotten`.
fn read_progress(key: &str, bytes: &[u8]) -> Result<(Progress, ProgressMore), StateError> {
    let (progress, more): (EarlierProgress, _) = match split(key, bytes)? {
        (FIRST, body) => (decode_body(key, body)?, ProgressMore::default()),
        (SECOND, body) => {
            let ((progress, past, judged), rest) = decode_start(key, body)?;
            let forgotten = if rest.is_empty() { None } else { decode_body(key, rest)? };
            (progress, ProgressMore { past, judged, forgotten })
        }
        (SIXTH, body) => decode_body(key, body)?,
        (SEVENTH, body) => return decode_body(key, body),
        (found, _) => return Err(StateError::Version { key: key.to_owned(), found }),
    };
    Ok((progress.into(), more))
}

/// Reads a profile of version 1 or 3 to 10; there is no version 2. In version 1 the right to administer is unknown, before
/// version 4 no closed day is kept, before version 5 no writes are, and before version 6 operations are kept in place of
/// cases of Setup.
pub(super) fn read_profile(key: &str, bytes: &[u8]) -> Result<Profile, StateError> {
    let (version, body) = split(key, bytes)?;
    let mut profile = match version {
        FIRST => decode_body(key, body)?,
        THIRD => {
            let (mut profile, administers): (Profile, _) = decode_body(key, body)?;
            profile.administers = administers;
            profile
        }
        FOURTH => {
            let (profile, more): (Profile, ProfileMore) = decode_body(key, body)?;
            with_more(profile, more)
        }
        FIFTH => {
            let (profile, more, writes): (Profile, ProfileMore, ProfileWrites) = decode_body(key, body)?;
            with_writes(with_more(profile, more), writes)
        }
        SIXTH => {
            let (profile, more, writes, days): (_, _, _, ProfileDays) = decode_body(key, body)?;
            with_days(with_writes(with_more(profile, more), writes), days)
        }
        SEVENTH => {
            let (profile, more, writes, days, signals): (_, _, _, _, ProfileSignals) = decode_body(key, body)?;
            with_signals(with_days(with_writes(with_more(profile, more), writes), days), signals)
        }
        EIGHTH => {
            let (parts, reserve): (Parts, StoredReserve) = decode_body(key, body)?;
            with_reserve(key, with_parts(parts), reserve)?
        }
        NINTH => {
            let (parts, reserve, news): (Parts, Option<StoredReserve>, ProfileNews) = decode_body(key, body)?;
            with_news(with_any_reserve(key, with_parts(parts), reserve)?, news)
        }
        TENTH => {
            let (parts, reserve, news, unjudged): (Parts, Option<StoredReserve>, ProfileNews, ProfileUnjudged) =
                decode_body(key, body)?;
            with_unjudged(with_news(with_any_reserve(key, with_parts(parts), reserve)?, news), unjudged)
        }
        found => return Err(StateError::Version { key: key.to_owned(), found }),
    };
    if version < SIXTH {
        profile.values.setup = KnownValues::new(SETUP_CASES);
    }
    Ok(profile)
}

/// The parts of a profile as of version 7.
type Parts = (Profile, ProfileMore, ProfileWrites, ProfileDays, ProfileSignals);

fn with_parts((profile, more, writes, days, signals): Parts) -> Profile {
    with_signals(with_days(with_writes(with_more(profile, more), writes), days), signals)
}

fn with_news(mut profile: Profile, (open, closed, held): ProfileNews) -> Profile {
    if let Some(day) = &mut profile.day {
        day.news = open;
    }
    closed.into_iter().for_each(|(index, news)| profile.closed.set_news(index, news));
    if let Some(reserve) = &mut profile.reserve {
        held.into_iter().for_each(|(index, news)| reserve.set_news(index, news));
    }
    profile
}

fn with_unjudged(mut profile: Profile, (open, closed, held): ProfileUnjudged) -> Profile {
    if let Some(day) = &mut profile.day {
        day.unjudged = open;
    }
    closed.into_iter().for_each(|(index, of_day)| profile.closed.set_unjudged(index, of_day));
    if let Some(reserve) = &mut profile.reserve {
        held.into_iter().for_each(|(index, of_day)| reserve.set_unjudged(index, of_day));
    }
    profile
}

fn with_writes(mut profile: Profile, (models, open, closed): ProfileWrites) -> Profile {
    profile.writes = models;
    if let Some(day) = &mut profile.day {
        day.writes = open;
    }
    closed.into_iter().for_each(|(number, of_day)| profile.closed.set_writes(number, of_day));
    profile
}

fn with_days(mut profile: Profile, (open, closed): ProfileDays) -> Profile {
    if let (Some(day), Some(more)) = (&mut profile.day, open) {
        day.more = more;
    }
    closed.into_iter().for_each(|(number, more)| profile.closed.set_more(number, more));
    profile
}

fn with_signals(mut profile: Profile, (signals, open, closed, dropped): ProfileSignals) -> Profile {
    profile.signals = signals;
    if let (Some(day), Some(signals)) = (&mut profile.day, open) {
        day.signals = signals;
    }
    closed.into_iter().for_each(|(index, signals)| profile.closed.set_signals(index, signals));
    dropped.into_iter().for_each(|(kind, dropped)| profile.values.set_dropped(kind, dropped));
    profile
}

fn with_reserve(key: &str, mut profile: Profile, reserve: StoredReserve) -> Result<Profile, StateError> {
    let combined = reserve.3.as_deref().map(|bytes| read_profile(key, bytes)).transpose()?;
    profile.reserve = Some(Box::new(Reserve::restored(reserve, combined)));
    Ok(profile)
}

fn with_any_reserve(key: &str, profile: Profile, reserve: Option<StoredReserve>) -> Result<Profile, StateError> {
    match reserve {
        Some(reserve) => with_reserve(key, profile, reserve),
        None => Ok(profile),
    }
}

fn with_more(mut profile: Profile, more: ProfileMore) -> Profile {
    profile.administers = more.administers;
    profile.closed = more.closed;
    if let Some(day) = &mut profile.day {
        day.earlier = more.earlier;
    }
    profile
}

/// Reads known values of version 1 or 2. In version 1 it is unknown when they recurred.
fn read_known(key: &str, bytes: &[u8]) -> Result<(KnownShard, Vec<i32>), StateError> {
    match split(key, bytes)? {
        (FIRST, body) => Ok((decode_body(key, body)?, Vec::new())),
        (SECOND, body) => decode_body(key, body),
        (found, _) => Err(StateError::Version { key: key.to_owned(), found }),
    }
}

fn known(org: &mut Org, (shard, weeks): (KnownShard, Vec<i32>)) {
    let populations = &mut org.shared.populations;
    let weeks = weeks.into_iter().chain(std::iter::repeat(0));
    let known = shard.known.into_iter().zip(weeks).map(|((key, users), week)| (key.0, KnownBy { users, week }));
    populations.known.extend(known);
    populations.new_today.extend(shard.new_today.into_iter().map(|(key, users)| (key.0, users)));
}

/// Reads names of version 1 or 2. Version 1 has none that only people read.
pub(super) fn read_names(key: &str, bytes: &[u8]) -> Result<(NamesShard, ShownNames), StateError> {
    match split(key, bytes)? {
        (FIRST, body) => Ok((decode_body(key, body)?, ShownNames::new())),
        (SECOND, body) => decode_body(key, body),
        (found, _) => Err(StateError::Version { key: key.to_owned(), found }),
    }
}

/// Adds the names of a shard to others.
pub(super) fn names(names: &mut Names, (shard, shown): (NamesShard, ShownNames)) {
    let view = |view: StoredView| (view.key.0, ViewName { object: view.object.0, name: view.name, scope: view.scope });
    names.views.extend(shard.views.into_iter().map(view));
    names.values.extend(shard.values.into_iter().map(|(key, name)| (key.0, name)));
    names.shown.extend(shown.into_iter().map(|(key, name)| (key.0, name)));
}

/// Checks that the records are all those of the checkpoint that wrote the head.
fn check(org: &Org, log: &IdentityLog, (head, more): (&Head, &HeadMore)) -> Result<(), StateError> {
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
        ("names that only people read", more.shown as usize, names.shown.len()),
        ("hours of identities", head.identities.len(), org.identities.hours()),
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
